"""`dsimport init` as users run it: sources of every category, and running it again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cli_support import quick
from hub_server import HubServer
from init_support import DETR_FILES, LAYOUTS, TESTS, YOLO, Run, build, json_bytes, refusal
from ruamel.yaml import YAML

from dsimport.compiler.escape import markdown_text


def plans(root: Path, hub: HubServer, recipe: str) -> None:
    """The recipe passes `plan` as it is."""
    code, out, err = quick(root, hub.url, "plan", recipe, "--toolchain", "reference")
    assert code == 0, err + out


@pytest.mark.parametrize(
    ("source", "revision"),
    [
        ("acme/detr", "main"),
        ("acme/detr@dev", "dev"),
        ("{url}/acme/detr/tree/dev", "dev"),
        ("https://huggingface.co/acme/detr", "main"),
        ("https://huggingface.co/acme/detr/blob/main/onnx/model.onnx", "main"),
        ("https://huggingface.co/acme/detr/resolve/dev/config.json?download=true", "dev"),
    ],
)
def test_a_hub_repository_with_onnx(init: Run, hub: HubServer, tmp_path: Path, source: str, revision: str) -> None:
    repository = hub.repository("acme/detr", DETR_FILES)
    repository.push(DETR_FILES, "dev")
    found = init(source.format(url=hub.url))
    assert (found["family"], found["confidence"]) == ("detr", "certain")
    assert found["values"]["source.huggingface.revision"] == revision
    assert found["values"]["model.labels"] == "config"
    lock = found["lock"]["content"]
    assert (lock["commit"], lock["onnx"]) == (repository.branches[revision], "onnx/model.onnx")
    assert lock["labels"] == ["thing 0", "thing 1", "thing 2"]
    assert (found["recipe"]["status"], found["lock"]["status"]) == ("created", "created")
    plans(tmp_path, hub, "recipes/detr.yaml")


def yaml_of(path: Path) -> Any:
    return YAML(typ="safe", pure=True).load(path)


CHECKPOINT = {
    "config.json": json_bytes(
        {
            "model_type": "yolos",
            "architectures": ["YolosForObjectDetection"],
            "num_detection_tokens": 60,
            "image_size": [512, 864],
            "id2label": {"0": "cat", "1": "dog"},
        }
    ),
    "preprocessor_config.json": json_bytes(
        {"size": {"shortest_edge": 800, "longest_edge": 1333}, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    ),
    "model.safetensors": b"w" * 3000,
}


def test_a_checkpoint_in_a_repository_and_in_a_folder(init: Run, hub: HubServer, tmp_path: Path) -> None:
    hub.repository("acme/yolos", CHECKPOINT)
    values = init("acme/yolos")["values"]
    assert values["model.family"] == "detr"
    # what YOLOS' own processor makes of a 16:9 camera, 750 x 1333, in multiples of its patches
    assert (values["model.input.height"], values["model.input.width"]) == (736, 1328)
    assert values["model.outputs"] == {"logits": [60, 3], "pred_boxes": [60, 4]}
    assert (values["model.classes"], values["source.export.task"]) == (2, "object-detection")
    assert values["preprocess.std"] == [0.5] * 3
    lock = yaml_of(tmp_path / "recipes/yolos.lock.yaml")
    assert {item["path"] for item in lock["files"]} == set(CHECKPOINT)
    assert lock["labels"] == ["cat", "dog"]
    plans(tmp_path, hub, "recipes/yolos.yaml")
    folder = tmp_path / "local"
    folder.mkdir()
    for name, data in CHECKPOINT.items():
        (folder / name).write_bytes(data)
    local = init("local", "-o", "recipes/here.yaml")["values"]
    assert local.pop("source.file.path") == "../local"
    elsewhere = ("name", "source.huggingface.repo", "source.huggingface.revision")
    assert {**local, "name": ""} == {**{key: values[key] for key in values if key not in elsewhere}, "name": ""}


def test_a_catalog_model(init: Run, hub: HubServer, tmp_path: Path) -> None:
    onnx = build(LAYOUTS["TAO DINO"])
    hub.ngc("nvidia/tao/cars", "deployable_v1.0", {"cars.onnx": onnx, "labels.txt": b"car\ncycle\nsign\n"})
    page = "https://catalog.ngc.nvidia.com/orgs/nvidia/teams/tao/models/cars"
    found = init(f"{page}/files?version=deployable_v1.0")
    assert found["family"] == "tao-detr"
    assert found["lock"]["content"]["labels"] == ["car", "cycle", "sign"]
    assert len(hub.gets("/zip")) == 1, "the archive is fetched once, for recipe and lock"
    plans(tmp_path, hub, "recipes/cars.yaml")
    assert refusal(init(page, code=1))[0] == "N0510"


def test_an_address(init: Run, hub: HubServer, tmp_path: Path) -> None:
    hub.files["net.onnx"] = build(YOLO)
    address = hub.url.replace("127.0.0.1", "localhost") + "/files/net.onnx"
    found = init(address, "-o", "net.yaml")
    assert found["values"]["source.url.url"] == address
    assert found["values"]["source.url.sha256"] == found["lock"]["content"]["files"][0]["sha256"]
    assert len(hub.gets("net.onnx")) == 1
    plans(tmp_path, hub, "net.yaml")


def test_a_folder_with_an_exported_model(init: Run, hub: HubServer, tmp_path: Path) -> None:
    """config.json lies above onnx/: apply would not find it there, so the labels are written out."""
    for name, data in DETR_FILES.items():
        (tmp_path / "detr" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "detr" / name).write_bytes(data)
    found = init("detr", "-o", "recipes/d.yaml")
    assert found["values"]["source.file.path"] == "../detr/onnx/model.onnx"
    assert found["values"]["model.labels"] == ["thing 0", "thing 1", "thing 2"]
    plans(tmp_path, hub, "recipes/d.yaml")


def test_a_prompt_is_frozen_into_a_checkpoint(init: Run, hub: HubServer) -> None:
    config = {"model_type": "owlvit", "vision_config": {"patch_size": 32, "image_size": 768}}
    hub.repository("acme/owl", {"config.json": json_bytes(config), "model.safetensors": b"w"})
    code, message, fix = refusal(init("acme/owl", code=1))
    assert (code, "asked by text" in message, "--prompt" in fix) == ("N0505", True, True)
    values = init("acme/owl", "--prompt", "person, red car")["values"]
    assert values["source.export.frozen_prompt"] == values["model.labels"] == ["person", "red car"]
    assert values["model.outputs"] == {"logits": [576, 2], "pred_boxes": [576, 4]}


OWL = {
    "config.json": json_bytes({"model_type": "owlvit", "vision_config": {"patch_size": 32, "image_size": 768}}),
    "model.safetensors": b"w",
}
CATALOG = "https://catalog.ngc.nvidia.com/orgs/nvidia/teams/tao/models/{}/files?version=1.0"
TAO = {"cars.onnx": build(LAYOUTS["TAO DINO"]), "labels.txt": b"car\ncycle\nsign\n"}
CLASSIFIER = {"config.json": json_bytes({"architectures": ["ViTForImageClassification"]}), "model.safetensors": b"x"}
PLAIN = {name: DETR_FILES[name] for name in ("config.json", "preprocessor_config.json")}

# By category: A has ONNX, B only weights, C nothing usable, D is NGC.
SOURCES: dict[tuple[str, str], tuple[dict[str, bytes], tuple[str, ...]]] = {
    ("A", "onnx/, with a quantized variant"): (DETR_FILES, ()),
    ("A", "at the top"): ({**PLAIN, "model.onnx": DETR_FILES["onnx/model.onnx"], "model.safetensors": b"w"}, ()),
    ("B", "safetensors"): (CHECKPOINT, ()),
    ("B", "safetensors of a model asked by text, with --prompt"): (OWL, ("--prompt", "person,red car")),
    ("B", "safetensors of a model asked by text, without"): (OWL, ()),
    ("C", "no model"): ({"README.md": b"x"}, ()),
    ("C", "an engine alone"): ({"m.engine": b"x"}, ()),
    ("C", "a classifier"): (CLASSIFIER, ()),
    ("D", "ONNX and a labels file"): (TAO, ()),
    ("D", "an encrypted model"): ({"m.etlt": b"x", "labels.txt": b"car\n"}, ()),
}


def test_the_table_of_sources(init: Run, hub: HubServer, tmp_path: Path, golden: Callable[[str, str], None]) -> None:
    """Part of docs/recognition.md."""
    lines = []
    for number, ((category, what), (files, words)) in enumerate(SOURCES.items()):
        name, recipe = f"m{number}", f"recipes/m{number}.yaml"
        hub.repository(f"acme/{name}", files)
        hub.ngc(f"nvidia/tao/{name}", "1.0", files)
        source = CATALOG.format(name) if category == "D" else f"acme/{name}"
        code, _, _ = quick(tmp_path, hub.url, "init", source, *words, "--dry-run")
        document = init(source, *words, code=code)
        if code:
            error, message, fix = refusal(document)
            cells = [f"refused, {error}: {message}", fix.partition("\n")[0]]
        else:
            lock, values = document["lock"]["content"], document["values"]
            taken = lock["onnx"] or "the weights, to be exported"
            size = f"{values['model.input.height']} x {values['model.input.width']}"
            labels = values["model.labels"]
            origin = "the prompts" if "--prompt" in words else "the source" if labels == "config" else "the recipe"
            cells = [f"{document['family']}, {document['confidence']}, {size}, labels of {origin}", f"takes {taken}"]
            plans(tmp_path, hub, recipe)
        lines.append(f"| {category} | {' | '.join(markdown_text(cell) for cell in (what, *cells))} |")
    golden("recognition/sources.md", "\n".join(lines) + "\n")


def test_running_init_again_keeps_what_its_owner_changed(init: Run, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(build(YOLO))
    path = tmp_path / "recipes/m.yaml"
    first = init("m.onnx")
    assert init("m.onnx")["recipe"]["status"] == "same"
    text = path.read_text("utf-8").replace("resize: letterbox-center", "resize: stretch")
    text = text.replace("name: m\n", "name: m\n\n# ours, keep\nparser: {threshold: 0.4}  # tuned on site\n")
    path.write_text(text, "utf-8")
    (tmp_path / "m.onnx").write_bytes(build(replace(YOLO, input_name="frames", size=(160, 160))))
    again = init("m.onnx")
    assert again["kept"] == [{"key": "preprocess.resize", "yours": "stretch", "found": "letterbox-center"}]
    assert again["moved"] == ["model.input.name"]
    new = path.read_text("utf-8")
    assert new == again["recipe"]["text"]
    for line in ("# ours, keep", "parser: {threshold: 0.4}  # tuned on site", "resize: stretch", "name: frames"):
        assert line in new
    assert first["recipe"]["text"].count("#:") == new.count("#:")
    assert init("m.onnx")["recipe"]["status"] == "same"
    assert init("m.onnx", "--family", "yolov8")["moved"] == []


def test_a_dry_run_and_the_words_for_people(hub: HubServer, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(build(LAYOUTS["EfficientNMS by other exporters"]))
    (tmp_path / "labels.txt").write_text("a\nb\nc\n", "utf-8")
    words = ("init", "m.onnx", "--labels", "labels.txt")
    code, out, _ = quick(tmp_path, hub.url, *words, "--dry-run")
    assert (code, out.startswith("# yaml-language-server"), (tmp_path / "recipes").exists()) == (0, True, False)
    code, out, _ = quick(tmp_path, hub.url, *words)
    assert code == 0
    for line in (
        "efficient-nms, open",
        "could also be efficientdet",
        "dsimport verify recipes/m.yaml",
        "dsimport init m.onnx --family efficientdet -o recipes/m.yaml",
    ):
        assert line in out
    assert out.endswith("next: dsimport plan recipes/m.yaml\n")
    code, out, _ = quick(tmp_path, hub.url, *words, "--family", "efficientdet", "-o", "recipes/m.yaml")
    assert (code, "efficientdet, as told" in out) == (0, True)


def test_a_preset_of_ones_own(init: Run, hub: HubServer, tmp_path: Path) -> None:
    own = (TESTS.parent / "recipes/families/yolov8.yaml").read_text("utf-8").replace("family: yolov8", "family: mine")
    (tmp_path / "mine.yaml").write_text(own, "utf-8")
    (tmp_path / "m.onnx").write_bytes(build(YOLO))
    assert init("m.onnx", "--family", "./mine.yaml")["values"]["model.family"] == "../mine.yaml"
    plans(tmp_path, hub, "recipes/m.yaml")
    code, message, _ = refusal(init("m.onnx", "--family", "rt-detr", code=1))
    assert (code, "no family explains" in message) == ("N0501", True)


@pytest.mark.parametrize("old", ["- a\n", "a: [\n", "\x00", "schema: 1\nmodel: 7\n"])
def test_a_file_that_is_no_recipe_is_left_alone(init: Run, tmp_path: Path, old: str) -> None:
    (tmp_path / "m.onnx").write_bytes(build(YOLO))
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes/m.yaml").write_text(old, "utf-8")
    document = init("m.onnx", code=1)
    assert any(item["severity"] == "error" and item["help"] for item in document["diagnostics"])
    assert [path.name for path in (tmp_path / "recipes").iterdir()] == ["m.yaml"]
    assert (tmp_path / "recipes/m.yaml").read_text("utf-8") == old


def test_json_is_one_document(hub: HubServer, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(build(YOLO))
    code, out, err = quick(tmp_path, hub.url, "init", "m.onnx", "--json")
    assert (code, json.loads(out)["exit_code"], err) == (0, 0, "")

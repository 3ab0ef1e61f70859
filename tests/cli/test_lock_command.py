"""`dsimport lock` as users run it, against a hub on loopback, and what `apply` then builds from it elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "runtime" / "acquire"))

from cli_support import quick  # noqa: E402
from hub_server import Fault, HubServer, sha256  # noqa: E402

ASSETS = TESTS / "assets"
BIN = Path(sys.executable).parent
FRAMES = 12
RECIPE = f"""schema: 1
name: tiny
source: {{huggingface: {{repo: acme/tiny}}}}
model:
  family: yolov8
  input: {{name: images, height: 96, width: 128}}
  classes: 3
  outputs: {{output0: [7, 768]}}
parser: {{threshold: 0.35, per_class: {{circle: {{threshold: 0.4}}}}}}
engine: {{precision: fp32, max_batch: 1, batch_limit: 1}}
pipeline: {{video: clip.mp4, frames: {FRAMES}, min_detection_rate: 0.5, muxer: {{width: 256, height: 192}}}}
benchmark: {{warmup_ms: 10, duration_s: 0.1, run_s: 5}}
"""
CONFIG = {
    "architectures": ["TinyForObjectDetection"],
    "id2label": {"0": "square", "1": "circle", "2": "triangle"},
}


class Place:
    """A root folder with a recipe, a cache of its own, and a hub."""

    def __init__(self, root: Path, hub: HubServer, clip: bytes = b"") -> None:
        self.root, self.hub = root, hub
        (root / "recipes").mkdir(parents=True)
        (root / "recipes/tiny.yaml").write_text(RECIPE, "utf-8")
        (root / "recipes/clip.mp4").write_bytes(clip)

    def run(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        home = {"DSIMPORT_CACHE": str(self.root / "cache"), "HF_HOME": str(self.root / "hf"), "NO_COLOR": "1"}
        outer = {key: value for key, value in os.environ.items() if key not in ("HF_TOKEN", "DSIMPORT_TOOLCHAIN")}
        path = os.pathsep.join((str(BIN), os.environ["PATH"]))
        return subprocess.run(
            [str(BIN / "dsimport"), *words],
            cwd=self.root,
            env={**outer, **home, "PATH": path, "HF_ENDPOINT": self.hub.url, **env},
            capture_output=True,
            text=True,
            timeout=120,
        )

    def quick(self, *words: str) -> tuple[int, str, str]:
        """Like `run`, in this process: exit code, output, error output."""
        return quick(self.root, self.hub.url, *words)

    def lock(self, *options: str, code: int = 0) -> Any:
        """The JSON document of `dsimport lock`, which must end with this exit code."""
        found, out, err = self.quick("lock", "recipes/tiny.yaml", "--json", *options)
        assert found == code, err + out
        return json.loads(out)

    @property
    def lock_file(self) -> Path:
        return self.root / "recipes/tiny.lock.yaml"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """The tiny detector and its clip."""
    folder = tmp_path_factory.mktemp("made")
    model, clip = folder / "m.onnx", folder / "c.mp4"
    subprocess.run([sys.executable, str(ASSETS / "tinydet.py"), "yolov8", str(model)], check=True)
    subprocess.run([sys.executable, str(ASSETS / "make_clip.py"), str(clip), "--frames", str(FRAMES)], check=True)
    return model.read_bytes(), clip.read_bytes()


@pytest.fixture
def hub(made: tuple[bytes, bytes]) -> Iterator[HubServer]:
    with HubServer() as server:
        server.repository("acme/tiny", {"config.json": json.dumps(CONFIG).encode(), "onnx/model.onnx": made[0]})
        yield server


@pytest.fixture
def place(tmp_path: Path, hub: HubServer) -> Place:
    return Place(tmp_path / "one", hub)


def test_a_locked_recipe_gives_the_same_onnx_in_another_folder_with_an_empty_cache(
    tmp_path: Path, hub: HubServer, made: tuple[bytes, bytes]
) -> None:
    model, clip = made
    first = Place(tmp_path / "one", hub, clip)
    locked = first.run("lock", "recipes/tiny.yaml")
    assert (locked.returncode, locked.stdout.split()[:2]) == (0, ["recipes/tiny.lock.yaml", "created"]), locked.stderr
    hub.repositories["acme/tiny"].push({"onnx/model.onnx": b"another model" * 1000, "config.json": b"{}"})
    second = Place(tmp_path / "two/deeper", hub, clip)
    second.lock_file.write_bytes(first.lock_file.read_bytes())
    hub.requests.clear()
    done = second.run("apply", "recipes/tiny.yaml", "--toolchain", "reference")
    assert done.returncode == 0, done.stderr
    home = second.root / "models/tiny"
    assert (home / "model/source/tiny.onnx").read_bytes() == model
    assert (home / "config/labels.txt").read_text("utf-8") == "square\ncircle\ntriangle\n"
    assert not any("/api/models/" in path for _, path, _ in hub.requests)
    names = {path.rpartition("/")[2] for _, path, _ in hub.requests if "/resolve/" in path}
    assert names == {"config.json", "model.onnx"}


def test_the_lock_says_everything_that_planning_needs(place: Place, made: tuple[bytes, bytes]) -> None:
    document = place.lock()["locks"][0]
    content = document["content"]
    assert document["status"] == "created"
    assert content["commit"] == place.hub.repositories["acme/tiny"].branches["main"]
    assert content["files"][0] == {"path": "onnx/model.onnx", "size": len(made[0]), "sha256": sha256(made[0])}
    assert content["labels"] == ["square", "circle", "triangle"]
    assert content["licence"] == "apache-2.0"
    assert content["architectures"] == ["TinyForObjectDetection"]
    assert content["inputs"] == [{"name": "images", "dtype": "float32", "shape": [None, 3, 96, 128]}]
    assert content["outputs"] == [{"name": "output0", "dtype": "float32", "shape": [None, 7, 768]}]
    place.hub.requests.clear()
    plan = place.run("plan", "recipes/tiny.yaml", "--toolchain", "reference", HF_HUB_OFFLINE="1")
    assert (plan.returncode, place.hub.requests) == (0, []), plan.stderr


def test_a_lock_stays_until_update_is_asked_for(place: Place, made: tuple[bytes, bytes]) -> None:
    place.lock()
    before = place.lock_file.read_bytes()
    assert place.lock()["locks"][0]["status"] == "same"
    assert place.lock("--check")["locks"][0]["status"] == "same"
    changed = {**CONFIG, "id2label": {"0": "square", "1": "circle", "2": "star"}}
    commit = place.hub.repositories["acme/tiny"].push(
        {"config.json": json.dumps(changed).encode(), "onnx/model.onnx": made[0]}
    )
    refused = place.lock(code=1)
    assert [item["code"] for item in refused["diagnostics"]] == ["A0223"]
    checked = place.lock("--check", code=1)
    assert [item["code"] for item in checked["diagnostics"]] == ["A0224"]
    moved = checked["locks"][0]["moved"]
    assert (moved[0].startswith("main: commit "), "onnx/model.onnx: same content" in moved) == (True, True)
    assert any(line.startswith("config.json: changed") for line in moved)
    assert place.lock_file.read_bytes() == before
    updated = place.lock("--update")["locks"][0]
    assert (updated["status"], updated["content"]["commit"]) == ("updated", commit)
    assert updated["content"]["labels"] == ["square", "circle", "star"]


def test_check_without_a_lock_and_with_one_for_another_source(place: Place) -> None:
    assert [item["code"] for item in place.lock("--check", code=1)["diagnostics"]] == ["A0225"]
    place.lock()
    recipe = place.root / "recipes/tiny.yaml"
    recipe.write_text(RECIPE.replace("acme/tiny", "acme/other"), "utf-8")
    for option in ("--check", ""):
        document = place.lock(*filter(None, [option]), code=1)
        assert [item["code"] for item in document["diagnostics"]] == ["A0221"]
        assert document["locks"][0]["moved"] == ["source.where: acme/tiny -> acme/other"]


def test_a_damaged_lock_is_replaced_only_when_asked(place: Place) -> None:
    place.lock_file.write_text("format: 1\n<<<<<<< ours\n", "utf-8")
    assert place.quick("lock", "recipes/tiny.yaml")[0] == 1
    assert place.quick("plan", "recipes/tiny.yaml", "--toolchain", "reference")[0] == 1
    assert place.lock("--update")["locks"][0]["status"] in ("created", "updated")
    assert place.lock()["locks"][0]["status"] == "same"


def test_a_failed_lock_writes_nothing_and_leaves_the_others(place: Place) -> None:
    bad = place.root / "recipes/bad.yaml"
    bad.write_text(RECIPE.replace("name: tiny", "name: bad").replace("acme/tiny", "acme/none"), "utf-8")
    code, _, errors = place.quick("lock", "recipes")
    assert (code, "1 error in 1 of 2 recipes" in errors) == (1, True)
    assert sorted(path.name for path in (place.root / "recipes").glob("*.lock.yaml")) == ["tiny.lock.yaml"]


def test_a_matrix_over_the_source_is_refused(place: Place) -> None:
    recipe = place.root / "recipes/tiny.yaml"
    recipe.write_text(f"{RECIPE}matrix: {{source.huggingface.revision: [main, v2]}}\n", "utf-8")
    assert [item["code"] for item in place.lock(code=1)["diagnostics"]] == ["A0226"]


def test_local_files_and_addresses_are_locked_too(place: Place, made: tuple[bytes, bytes]) -> None:
    recipe = place.root / "recipes/tiny.yaml"
    place.hub.files["m.onnx"] = made[0]
    (place.root / "recipes/m.onnx").write_bytes(made[0])
    (place.root / "recipes/config.json").write_text(json.dumps(CONFIG), "utf-8")
    sources = (f"url: {{url: '{place.hub.url}/files/m.onnx'}}", "file: {path: m.onnx}")
    for source in sources:
        text = RECIPE.replace("huggingface: {repo: acme/tiny}", source)
        if "url" in source:
            text = text.replace("classes: 3", "classes: 3\n  labels: [square, circle, triangle]")
        recipe.write_text(text, "utf-8")
        content = place.lock("--update")["locks"][0]["content"]
        assert content["files"][0]["sha256"] == sha256(made[0])
        assert place.lock("--check")["locks"][0]["status"] == "same"
    (place.root / "recipes/m.onnx").write_bytes(made[0] + b"\0")
    assert place.quick("lock", "--check", "recipes/tiny.yaml")[0] == 1


def test_a_dropped_connection_is_continued_by_the_next_command(place: Place) -> None:
    place.hub.faults = [Fault("/cdn/", drop_at=100_000), Fault("/cdn/", status=403)]
    assert place.quick("lock", "recipes/tiny.yaml")[0] == 1
    assert not place.lock_file.exists()
    assert place.lock()["locks"][0]["status"] == "created"
    assert place.hub.gets("/cdn/")[-1]["Range"] == "bytes=100000-"


def test_a_repository_of_weights_is_locked_as_a_checkpoint(place: Place, made: tuple[bytes, bytes]) -> None:
    recipe, weights = place.root / "recipes/tiny.yaml", bytes(5000)
    text = RECIPE.replace("yolov8", "rt-detr").replace("[7, 768]", "[9, 3]").replace("output0", "logits")
    recipe.write_text(text.replace("[9, 3]}", "[9, 3], pred_boxes: [9, 4]}"), "utf-8")
    config = json.dumps({**CONFIG, "model_type": "rt_detr"}).encode()
    files = {"config.json": config, "model.safetensors": weights, "preprocessor_config.json": b"{}"}
    repo = place.hub.repository("acme/tiny", files)
    content = place.lock()["locks"][0]["content"]
    assert (content["onnx"], content["opset"], content["inputs"]) == (None, None, [])
    assert {item["path"]: item["sha256"] for item in content["files"]} == {n: sha256(d) for n, d in files.items()}
    assert content["labels"] == ["square", "circle", "triangle"]
    assert content["commit"] == repo.branches["main"]
    assert any(item.startswith("torch==") for item in content["exporter"]["packages"])
    plan = place.run("plan", "recipes/tiny.yaml", "--toolchain", "reference", "--json", HF_HUB_OFFLINE="1")
    steps = [step["id"] for step in json.loads(plan.stdout)["plans"][0]["steps"]]
    assert steps[1:4] == ["acquire", "export", "graph"]
    assert place.lock()["locks"][0]["status"] == "same"
    assert place.lock("--check")["locks"][0]["status"] == "same"
    repo.push({**files, "model.safetensors": bytes(6000)})
    assert "model.safetensors: changed, 5,000 -> 6,000 bytes" in place.lock("--check", code=1)["locks"][0]["moved"]
    repo.push({**files, "onnx/model.onnx": made[0]})
    assert place.lock("--update")["locks"][0]["content"]["onnx"] == "onnx/model.onnx"


def test_a_checkpoint_folder_is_locked_file_by_file(place: Place) -> None:
    folder = place.root / "recipes/weights"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG), "utf-8")
    (folder / "model.safetensors").write_bytes(bytes(100))
    source = "{file: {path: weights}}"
    text = RECIPE.replace("{huggingface: {repo: acme/tiny}}", source).replace("yolov8", "rt-detr")
    (place.root / "recipes/tiny.yaml").write_text(text, "utf-8")
    content = place.lock()["locks"][0]["content"]
    assert [item["path"] for item in content["files"]] == ["config.json", "model.safetensors"]
    (folder / "model.safetensors").write_bytes(bytes(101))
    assert [item["code"] for item in place.lock("--check", code=1)["diagnostics"]] == ["A0224"]

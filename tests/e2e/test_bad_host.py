"""Bad models, videos, tools and disks: what `apply` says, how it ends, and that earlier results are intact."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from e2e_quick import Quick
from e2e_support import ASSETS, BIN, SETTINGS, Project, copy_project, recipe_text, tree

NAME = "tiny-yolov8"
RECIPE = f"recipes/{NAME}.yaml"
WORDS = ("apply", RECIPE, "--toolchain", "reference")
TIMED = ("*.log", ".dsimport")


@pytest.fixture
def made(undisturbed: Project, tmp_path: Path) -> Project:
    """A copy of a project that was applied."""
    return copy_project(undisturbed, tmp_path / "project")


def edit(made: Project, old: str, new: str) -> None:
    recipe = made.root / RECIPE
    text = recipe.read_text("utf-8")
    assert text.count(old) == 1, (old, text)
    recipe.write_text(text.replace(old, new), "utf-8")


def fails(made: Project, code: int, path: str | None = None, **env: str) -> tuple[dict[str, Any], str]:
    """Apply must end with this exit code, change nothing that other steps had made, and leave nothing half done.

    Returns the model's document and the text for people.
    """
    before = tree(made.models, TIMED)
    planned = {step["id"]: step for step in made.json("plan", *WORDS[1:])["plans"][0]["steps"]}
    done = made.run(*WORDS, "--json", path=path, **env)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    model: dict[str, Any] = json.loads(done.stdout)["models"][0]
    assert model["exit_code"] == code
    assert all(item["help"] for item in model["diagnostics"])
    moved = set(before.keys() ^ tree(made.models, TIMED).keys())
    moved |= {path for path, digest in tree(made.models, TIMED).items() if before.get(path, digest) != digest}
    theirs: list[str] = []
    for step in (planned[name] for name in [*model["done"], *([model["failed"]] if model["failed"] else [])]):
        theirs += [file["path"] for file in step["files"]]
        theirs += step["outputs"] if step["id"] in model["done"] else []
    strangers = [path for path in moved if not any(f"models/{path}".startswith(own.rstrip("/")) for own in theirs)]
    assert strangers == []
    assert [path.name for path in made.models.rglob("*") if ".dsimport-" in path.name or path.suffix == ".part"] == []
    return model, done.stderr


def mended(made: Project) -> None:
    """With the fault gone, the same command goes on to the end."""
    done = made.run(*WORDS)
    assert done.returncode == 0, done.stderr


def test_a_model_whose_tensors_differ(made: Project) -> None:
    edit(made, "output0: [7, 768]", "output1: [7, 768]")
    edit(made, "  family: yolov8\n", "  family: yolov8\n  tensors: {output: output1}\n")
    model, text = fails(made, 1)
    assert model["failed"] in ("graph", "inspect")  # whoever needs the tensor first
    assert re.search(r"error\[A030[12]\]: .*the model has no output 'output1'; it has 'output0'", text)
    assert f"{RECIPE}:" in text
    assert "help: " in text


@pytest.mark.parametrize("bytes_kept", [0, 10, 1000, 300_000])
def test_a_truncated_model(bytes_kept: int, made: Project) -> None:
    path = made.root / "recipes/model.onnx"
    path.write_bytes(path.read_bytes()[:bytes_kept])
    model, text = fails(made, 1)
    assert model["failed"] in ("acquire", "graph")
    assert "error[A0301]: the model cannot be used: " in text
    assert f"{RECIPE}:3:" in text
    assert "help: correct the model or export it again" in text


def test_a_model_that_is_not_there(made: Project) -> None:
    (made.root / "recipes/model.onnx").unlink()
    model, text = fails(made, 1)
    assert model["failed"] == "acquire"
    assert "error[A0204]: " in text
    assert "recipes/model.onnx" in text
    assert "help: correct source.file.path; paths are relative to the recipe" in text


@pytest.mark.parametrize(
    "architecture", ["ResNetForImageClassification", "SegformerForSemanticSegmentation", "LlamaForCausalLM"]
)
def test_a_model_that_is_no_detector(architecture: str, made: Project) -> None:
    (made.root / "recipes/config.json").write_text(json.dumps({"architectures": [architecture]}), "utf-8")
    model, text = fails(made, 1)
    assert model["failed"] == "acquire"
    assert f"error[A0210]: architecture '{architecture}' is not an object detector" in text
    assert "help: dsimport imports object-detection models only" in text


def test_labels_that_change_in_the_models_own_config(tmp_path: Path) -> None:
    quick = Quick(tmp_path, real=("acquire",))
    config = tmp_path / "recipes/config.json"
    config.write_text(json.dumps({"id2label": {"0": "square", "1": "circle", "2": "triangle"}}), "utf-8")
    quick.edit("labels: [square, circle, triangle]", "labels: config")
    first = quick.apply()
    assert first.exit_code == 0, first.diagnostics
    assert quick.apply().done == []
    config.write_text(json.dumps({"id2label": {"0": "box", "1": "disc", "2": "wedge"}}), "utf-8")
    assert {"acquire", "kitti", "report"} <= set(quick.apply().done)
    assert (tmp_path / "models" / NAME / "config/labels.txt").read_text("utf-8") == "box\ndisc\nwedge\n"


def test_a_video_that_is_not_there(made: Project) -> None:
    edit(made, "video: clip.mp4", "video: none.mp4")
    model, text = fails(made, 1)
    assert model["failed"] == "preflight"
    assert "error[H0503]: video 'recipes/none.mp4' does not exist" in text
    assert "help: correct pipeline.video; paths are relative to the recipe" in text


@pytest.mark.parametrize(
    "content", [b"", b"this is no video\n", b"\0\0\0\x20ftypisom"], ids=["empty", "text", "only a head"]
)
def test_a_video_that_cannot_be_decoded(content: bytes, made: Project) -> None:
    (made.root / "recipes/clip.mp4").write_bytes(content)
    model, text = fails(made, 4)
    assert model["failed"] == "visual"
    assert "error[T0602]: ref-deepstream-app ended with exit code " in text
    assert f"models/{NAME}/samples/single_stream.log" in text
    assert "clip.mp4" in text


def test_a_video_that_ends_in_the_middle_of_its_data(made: Project) -> None:
    """Frames that are there count; the tool may also refuse the file, but never silently count missing frames."""
    path = made.root / "recipes/clip.mp4"
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 3 // 4])
    done = made.run(*WORDS, "--json")
    assert done.returncode in (0, 3, 4), done.stderr
    assert "Traceback" not in done.stderr
    if done.returncode == 0:
        frames = json.loads(done.stdout)["models"][0]["values"]["kitti.frames"]
        assert frames == len(list((made.models / NAME / "samples/kitti_output").glob("*.txt")))


def test_a_clip_with_fewer_frames_than_asked_for(made: Project, assets: Callable[[str, Path], None]) -> None:
    clip = made.root / "recipes/clip.mp4"
    clip.unlink()
    subprocess.run([sys.executable, str(ASSETS / "make_clip.py"), str(clip), "--frames", "10"], check=True)
    model = made.json(*WORDS)["models"][0]
    assert model["values"]["kitti.frames"] == 10
    assert made.json("plan", *WORDS[1:])["changes"] is False


def test_a_parser_that_does_not_compile(made: Project, tmp_path: Path) -> None:
    compiler = tmp_path / "tools/g++"
    compiler.parent.mkdir()
    compiler.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && { echo "g++ 99.1.0"; exit 0; }\n'
        "echo 'parser.cpp:7:1: error: no such luck' >&2\nexit 1\n",
        "utf-8",
    )
    compiler.chmod(0o755)
    library = made.models / NAME / "parser" / f"libnvdsinfer_{NAME.replace('-', '_')}_parser.so"
    before = library.read_bytes()
    edit(made, "parser: {", "parser: {march: x86-64, ")
    model, text = fails(made, 4, path=str(compiler.parent))
    assert model["failed"] == "build-parser"
    assert "error[T0602]: make ended with exit code 2" in text
    assert "parser.cpp:7:1: error: no such luck" in text
    assert f"help: read models/{NAME}/parser/build.log" in text
    assert library.read_bytes() == before
    assert model["not_started"][0] == "engine-b2"


@pytest.mark.parametrize(
    ("tool", "fix"), [("make", "apt-get install make"), ("g++", "apt-get install g++"), ("timeout", "coreutils")]
)
def test_a_tool_that_is_missing_from_path(tool: str, fix: str, made: Project, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in {"make", "g++", "timeout", "sh", "nm", "grep", "mv"} - {tool}:
        (tools / name).symlink_to(shutil.which(name) or name)
    env = made.environment() | {"PATH": str(tools)}
    dsimport = str(BIN / "dsimport")
    done = subprocess.run([dsimport, *WORDS], cwd=made.root, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert f"error[T0601]: {tool} was not found on PATH" in done.stderr
    assert fix in done.stderr
    assert "Traceback" not in done.stderr


def test_a_failed_gate_keeps_the_evidence_and_names_causes(made: Project) -> None:
    edit(made, "threshold: 0.35", "threshold: 1.0")
    model, text = fails_gate(made)
    assert model["failed"] == "kitti"
    assert "error[G0401]: 0 of 40 frames have a detection (gate: 90%)" in text
    assert f"evidence: models/{NAME}/samples/kitti_output" in text
    assert "threshold" in text
    assert len(list((made.models / NAME / "samples/kitti_output").glob("*.txt"))) == 40
    assert {"ds-run1", "report"} <= set(model["not_started"])
    edit(made, "threshold: 1.0", "threshold: 0.35")
    mended(made)


def fails_gate(made: Project) -> tuple[dict[str, Any], str]:
    done = made.run(*WORDS, "--json")
    assert done.returncode == 3, done.stderr
    return json.loads(done.stdout)["models"][0], done.stderr


@pytest.fixture(scope="session")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that makes a disk full or read-only."""
    library = tmp_path_factory.mktemp("faults") / "faults.so"
    source = Path(__file__).with_name("faults.cpp")
    subprocess.run(["g++", "-std=c++17", "-O1", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


def kept_plan(made: Project) -> int:
    """Bytes of the plan that every apply keeps before its first step."""
    return (made.models / NAME / ".dsimport/plan.json").stat().st_size


def full(faults: Path, made: Project, tmp_path: Path, room: int) -> dict[str, str]:
    """Environment of a disk below the project's models with so many bytes of room."""
    budget = tmp_path / "budget"
    budget.write_bytes(struct.pack("=q", room))
    return {
        "LD_PRELOAD": str(faults),
        "DSIMPORT_FAULT_UNDER": str(made.models.resolve()),
        "DSIMPORT_FAULT_BUDGET": str(budget),
    }


@pytest.mark.parametrize(
    ("room", "failed", "code"),
    [(0, None, "H0601"), (60_000, "graph", "H0601"), (300_000, "graph", "H0601"), (700_000, "engine-b2", "T0415")],
)
def test_a_full_disk(room: int, failed: str | None, code: str, faults: Path, made: Project, tmp_path: Path) -> None:
    """A model is never blamed for a disk; where a tool could not write, its own words are shown."""
    edit(made, "parser: {", "preprocess: {mean: [0.1, 0.2, 0.3], std: [0.9, 1.0, 1.1]}\nparser: {")
    room += kept_plan(made) if room else 0
    model, text = fails_on_disk(made, full(faults, made, tmp_path, room))
    assert (model["failed"], model["diagnostics"][0]["code"]) == (failed, code)
    assert "disk is full" in text or "No space left on device" in text
    assert "free some space" in text or "help: read models/" in text
    if failed == "graph":
        mended(made)


def test_a_disk_that_fills_while_detections_are_written(faults: Path, made: Project, tmp_path: Path) -> None:
    """deepstream-app leaves out what it cannot write, without a word: that must not look like a bad model."""
    assert made.run(*WORDS, "--again", "kitti", "-q").returncode == 0
    edit(made, "min_detection_rate: 0.9", "min_detection_rate: 0.8")
    used = sum(path.stat().st_size for path in (made.models / NAME / "samples/kitti_output").iterdir())
    record = (made.models / NAME / ".dsimport/state.json").stat().st_size
    model, text = fails_on_disk(made, full(faults, made, tmp_path, kept_plan(made) + record + used // 2 + 2000))
    assert model["failed"] == "kitti"
    assert model["diagnostics"][0]["code"] == "H0601"
    assert "the disk is full" in text


def fails_on_disk(made: Project, env: dict[str, str]) -> tuple[dict[str, Any], str]:
    before = tree(made.models, TIMED)
    done = made.run(*WORDS, "--json", **env)
    assert done.returncode in (1, 4), done.stderr
    assert "Traceback" not in done.stderr
    model: dict[str, Any] = json.loads(done.stdout)["models"][0]
    after = tree(made.models, TIMED)
    record = made.json("status")["models"][0]
    assert record["problem"] is None
    lost = {path for path in before if path not in after}
    assert lost == set()
    assert [path for path in after if ".dsimport-" in path] == []
    return model, done.stderr


def test_a_read_only_disk(faults: Path, made: Project) -> None:
    env = {
        "LD_PRELOAD": str(faults),
        "DSIMPORT_FAULT_UNDER": str(made.models.resolve()),
        "DSIMPORT_FAULT_READONLY": "1",
    }
    before = tree(made.models)
    done = made.run(*WORDS, "--json", **env)
    assert done.returncode == 1
    assert "error[H0602]: " in done.stderr
    assert "the file system is read-only" in done.stderr
    assert "help: choose a writable place with --root" in done.stderr
    assert json.loads(done.stdout)["models"][0]["diagnostics"][0]["code"] == "H0602"
    assert tree(made.models) == before
    assert made.run("plan", RECIPE, "--toolchain", "reference", "--detailed-exitcode", **env).returncode == 0
    assert made.run("status", **env).returncode == 0


def test_places_that_are_something_else(made: Project) -> None:
    home = made.models / NAME
    for path, code in ((home, "H0604"), (made.models, "H0604")):
        shutil.rmtree(path)
        path.write_text("a file\n", "utf-8")
        done = made.run(*WORDS)
        assert done.returncode == 1
        assert f"error[{code}]: " in done.stderr
        assert "help: " in done.stderr
        assert path.read_text("utf-8") == "a file\n"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 99}', "\0" * 100])
def test_a_damaged_record_is_said_and_kept(content: str, made: Project) -> None:
    state = made.models / NAME / ".dsimport/state.json"
    state.write_text(content, "utf-8")
    for command in ("plan", "apply"):
        done = made.run(command, *WORDS[1:])
        assert done.returncode == 1, done.stdout
        assert "error[S0601]" in done.stderr or "error[S0602]" in done.stderr
        assert "help: " in done.stderr
        assert state.read_text("utf-8") == content


def test_hostile_names_from_recipe_to_report(tmp_path: Path, assets: Callable[[str, Path], None]) -> None:
    """Folders, files, labels and tensors with everything a reader on the way could take for its own."""
    made = Project(tmp_path / 'it\'s a "root" $(touch pwned) ;&')
    assets("yolov8", made.root / "recipes")
    recipes = made.root / "recipes"
    model = 'mo\'del "1" $(touch pwned) %n;#.onnx'
    tensors = ('in$(touch${IFS}pwned)%s"x', 'o\'ut "0" $(touch pwned) %n\\s')
    _rename_tensors(recipes / "model.onnx", recipes / model, *tensors)
    labels = ["a 'square' %s", '$(touch pwned) "circle"', "../tri|angle <b>"]
    text = recipe_text("yolov8", **SETTINGS)
    text = text.replace("model.onnx", json.dumps(model)).replace("name: images", f"name: {json.dumps(tensors[0])}")
    text = text.replace("{output0: [7, 768]}", f"{{{json.dumps(tensors[1])}: [7, 768]}}")
    text = text.replace("[square, circle, triangle]", json.dumps(labels))
    (made.root / RECIPE).write_text(text, "utf-8")
    done = made.run(*WORDS, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["models"][0]["values"]
    assert (found["kitti.frames"], found["kitti.rate"]) == (40, 1.0)
    data = json.loads((made.models / NAME / "reports/benchmark_data.json").read_text("utf-8"))
    assert {item["label"] for item in data["kitti"]["top_classes"]} == set(labels)
    for name in ("kitti", "bench-b1", "build-parser"):
        script = made.models / NAME / f"scripts/{name}.sh"
        again = subprocess.run(
            ["sh", str(script)], cwd=tmp_path, env=made.environment(), capture_output=True, text=True
        )
        assert again.returncode == 0, again.stdout + again.stderr
    assert list(tmp_path.rglob("pwned")) == []
    assert made.json(*WORDS)["models"][0]["done"] == []


@pytest.mark.parametrize("name", ["50% done", "version #2"])
def test_a_root_folder_that_no_uri_can_carry(name: str, undisturbed: Project, tmp_path: Path) -> None:
    made = Project(tmp_path / name)
    shutil.copytree(undisturbed.root / "recipes", made.root / "recipes")
    done = made.run(*WORDS, "--json")
    assert done.returncode == 1
    model, text = json.loads(done.stdout)["models"][0], done.stderr
    assert (model["failed"], model["done"]) == ("preflight", [])
    assert "error[N0309]: the path " in text
    assert "help: choose a folder without that character with --root, or move the project" in text


def _rename_tensors(source: Path, target: Path, input_name: str, output_name: str) -> None:
    import onnx

    model = onnx.load(source)
    names = {model.graph.input[0].name: input_name, model.graph.output[0].name: output_name}
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    model.graph.input[0].name, model.graph.output[0].name = input_name, output_name
    onnx.save(model, target)
    source.unlink()

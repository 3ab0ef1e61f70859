"""Whole plans, with every file they write, against what was reviewed: `pytest --update-golden` writes them anew."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dsimport.compiler.diagnostics import Report
from dsimport.compiler.load import load_recipe
from dsimport.compiler.lower import lower
from dsimport.compiler.model import Toolchain
from dsimport.compiler.parsers.emit import abi_files
from dsimport.compiler.plan import Plan, show_text
from dsimport.compiler.resolve import resolve

REPO = Path(__file__).resolve().parents[2]

# The demonstration; a GPU host's recipe with most settings written out; one that leaves nearly everything open.
RECIPES = {
    "centerface": (REPO / "recipes/centerface.yaml").read_text("utf-8"),
    "full": """\
schema: 1
name: full
source: {file: {path: ../weights/full v2.onnx}}
model:
  family: yolov8
  input: {name: images, height: 384, width: 640}
  classes: 2
  labels: [person, traffic light]
preprocess: {color: bgr, scale: 1/255, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], resize: letterbox}
parser: {threshold: 0.3, top_k: 100, nms_iou: 0.6, per_class: {person: {threshold: 0.4, top_k: 20}}, march: x86-64-v3}
engine: {precision: fp16, max_batch: 16, batch_limit: 64, workspace: 4G, optimization_level: 5}
pipeline: {deepstream: 8.0, video: clips/street.mp4, frames: 50, min_detection_rate: 0.5, interval: 2}
benchmark: {target_fps: 25, warmup_ms: 200, duration_s: 2.5, run_s: 40, video: clips/crowd.mp4}
""",
    "short": """\
schema: 1
name: short
source: {file: {path: model.onnx}}
model:
  family: detr
  input: {name: pixel_values, height: 480, width: 640}
  outputs: {logits: [100, 4], pred_boxes: [100, 4]}
  classes: 3
""",
}

TOOLCHAINS: tuple[Toolchain, ...] = ("reference", "deepstream")


def plan_of(name: str, toolchain: Toolchain) -> Plan:
    """The plan of one of the recipes, as if it lay in `recipes/`."""
    report, path = Report(), f"recipes/{name}.yaml"

    def read(file: str) -> bytes:
        if file == path:
            return RECIPES[name].encode()
        raise FileNotFoundError(2, "No such file or directory", file)

    [loaded] = load_recipe(path, read, report)
    compiled = resolve(loaded, read, report)
    assert compiled is not None, list(report)
    plan = lower(compiled, toolchain, "dsimport test", report)
    assert plan is not None
    assert list(report) == []
    return plan


@pytest.mark.parametrize("toolchain", TOOLCHAINS)
@pytest.mark.parametrize("name", RECIPES)
def test_whole_plans(name: str, toolchain: Toolchain, golden: Callable[[str | Path, str], None]) -> None:
    plan = plan_of(name, toolchain)
    folder = f"plans/{name}-{toolchain}"
    document = plan.model_dump(mode="json")
    for step in document["steps"]:
        for file in step["files"]:
            del file["content"]  # stands in a file of its own
    golden(f"{folder}/plan.json", json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    headers = abi_files()
    for file in plan.files():
        path = show_text(file.path).removeprefix(f"{plan.home}/")
        content = show_text(file.content)
        if path.startswith("parser/") and path.removeprefix("parser/") in headers:
            assert content == headers[path.removeprefix("parser/")]
        else:
            golden(f"{folder}/{path}", content)


@pytest.mark.parametrize("toolchain", TOOLCHAINS)
@pytest.mark.parametrize("name", RECIPES)
def test_reviewed_folders_hold_nothing_else(name: str, toolchain: Toolchain) -> None:
    plan = plan_of(name, toolchain)
    folder = REPO / "tests/golden/plans" / f"{name}-{toolchain}"
    written = {show_text(file.path).removeprefix(f"{plan.home}/") for file in plan.files()}
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found - {"plan.json"} == {path for path in written if "/abi/" not in path}

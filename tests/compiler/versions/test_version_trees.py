"""What is written for each DeepStream release and platform: whole trees, `pytest --update-golden` writes them anew.

The tree for 9.1 is stored whole, of the others what differs from it; everything else is byte for byte the same.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dsimport.compiler.diagnostics import Report
from dsimport.compiler.load import load_recipe
from dsimport.compiler.lower import lower
from dsimport.compiler.parsers.emit import abi_files
from dsimport.compiler.plan import Plan, show_text
from dsimport.compiler.resolve import Compiled, resolve

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
BASE, OTHERS = "9.1", ("6.4", "7.1", "8.0")

# A dense head with everything written out; a transformer; rows after NMS; a Jetson.
RECIPES = {
    "yolo": """\
schema: 1
name: yolo
source: {file: {path: yolo.onnx}}
model:
  family: yolov8
  input: {name: images, height: 384, width: 640}
  classes: 2
  labels: [person, traffic light]
preprocess: {resize: letterbox-center}
parser: {threshold: 0.3, top_k: 100, per_class: {person: {threshold: 0.4}}, march: x86-64-v3}
engine: {precision: fp16, max_batch: 16, batch_limit: 32, workspace: 4G, optimization_level: 4}
pipeline: {deepstream: VERSION, video: clips/street.mp4, frames: 50}
""",
    "detr": """\
schema: 1
name: detr
source: {file: {path: detr.onnx}}
model:
  family: detr
  input: {name: pixel_values, height: 480, width: 640}
  outputs: {logits: [100, 4], pred_boxes: [100, 4]}
  classes: 3
engine: {precision: fp32, max_batch: 8, batch_limit: 8}
pipeline: {deepstream: VERSION}
""",
    "rows": """\
schema: 1
name: rows
source: {file: {path: rows.onnx}}
model:
  family: nms-rows
  input: {height: 640, width: 640}
  classes: 1
  labels: [face]
engine: {max_batch: 1, batch_limit: 2}
pipeline: {deepstream: VERSION, interval: 1}
""",
    "orin": """\
schema: 1
name: orin
source: {file: {path: orin.onnx}}
model:
  family: yolov8
  input: {name: images, height: 640, width: 640}
  classes: 1
  labels: [person]
engine: {precision: fp16, max_batch: 4, batch_limit: 8}
pipeline: {platform: jetson, deepstream: VERSION}
""",
}

# What not every release can do: a change to a recipe, and the release.
VARIANTS = {
    "strongly-typed": ("yolo", "9.1", "engine: {precision: fp16,", "engine: {strongly_typed: true, precision: fp16,"),
    "dla": ("orin", "7.1", "max_batch: 4, batch_limit: 8", "max_batch: 1, batch_limit: 1, dla: 1"),
    "trt-8.5": ("rows", "6.3", "", ""),
}


def resolved(text: str) -> tuple[Compiled | None, Report]:
    """A recipe with everything filled in, and what was found in it."""
    report, path = Report(), "recipes/m.yaml"

    def read(file: str) -> bytes:
        if file == path:
            return text.encode()
        raise FileNotFoundError(2, "No such file or directory", file)

    [loaded] = load_recipe(path, read, report)
    return resolve(loaded, read, report), report


def compiled(text: str) -> tuple[Plan | None, Report]:
    """The plan of a recipe for a GPU host, and what was found in it."""
    found, report = resolved(text)
    return (lower(found, "deepstream", "dsimport test", report) if found else None), report


def tree(text: str) -> dict[str, str]:
    """The files of a recipe's plan by path below the model's folder; the headers beside the parser are left out."""
    plan, report = compiled(text)
    assert plan is not None, list(report)
    assert list(report) == []
    headers = {f"parser/{path}" for path in abi_files()}
    files = {show_text(file.path).removeprefix(f"{plan.home}/"): show_text(file.content) for file in plan.files()}
    return {path: content for path, content in files.items() if path not in headers}


def check(folder: str, files: dict[str, str], base: dict[str, str], golden: Callable[[str | Path, str], None]) -> None:
    """What differs from `base` must be what is stored, and nothing else may be."""
    differing = {path: content for path, content in files.items() if base.get(path) != content}
    for path, content in differing.items():
        golden(f"{folder}/{path}", content)
    stored = {path.relative_to(GOLDEN / folder).as_posix() for path in (GOLDEN / folder).rglob("*") if path.is_file()}
    assert stored == set(differing)


def small(files: dict[str, str]) -> dict[str, str]:
    """Without the parser's source, which is kept per family elsewhere."""
    return {path: content for path, content in files.items() if not path.endswith(".cpp")}


@pytest.mark.parametrize("name", RECIPES)
def test_the_tree_for_the_newest_release(name: str, golden: Callable[[str | Path, str], None]) -> None:
    check(f"versions/{name}/{BASE}", small(tree(RECIPES[name].replace("VERSION", BASE))), {}, golden)


@pytest.mark.parametrize("version", OTHERS)
@pytest.mark.parametrize("name", RECIPES)
def test_what_differs_for_other_releases(name: str, version: str, golden: Callable[[str | Path, str], None]) -> None:
    base, files = (tree(RECIPES[name].replace("VERSION", item)) for item in (BASE, version))
    assert base.keys() == files.keys()
    check(f"versions/{name}/{version}", files, base, golden)


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_only_some_releases_can_do(variant: str, golden: Callable[[str | Path, str], None]) -> None:
    name, version, old, new = VARIANTS[variant]
    text = RECIPES[name].replace("VERSION", version)
    assert old in text
    base = tree(RECIPES[name].replace("VERSION", BASE))
    check(f"versions/{name}/{variant}", tree(text.replace(old, new, 1)), base, golden)

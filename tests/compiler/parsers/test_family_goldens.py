"""What every family's recipe compiles to, parser and nvinfer configuration, against what was reviewed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dsimport.compiler.diagnostics import Report
from dsimport.compiler.families import family_names
from dsimport.compiler.load import load_recipe
from dsimport.compiler.lower import lower
from dsimport.compiler.plan import show_text
from dsimport.compiler.resolve import resolve

GOLDEN = Path(__file__).parents[2] / "golden" / "parsers"
# Height, width and classes that the family's published models have, where they are not 640 x 640 and COCO's 80.
SHAPES = {
    "blazeface": (128, 128, 1),
    "centerface": (480, 640, 1),
    "centernet": (512, 512, 80),
    "deformable-detr": (800, 1333, 91),
    "deta": (800, 1333, 91),
    "detectnet": (544, 960, 3),
    "detr": (800, 1333, 91),
    "efficientdet": (512, 512, 90),
    "fcos": (768, 1280, 91),
    "grounding-dino": (800, 1333, 256),
    "nanodet": (416, 416, 80),
    "nms-trt": (544, 960, 4),
    "owlv2": (960, 960, 6),
    "owlvit": (768, 768, 6),
    "picodet": (608, 800, 10),
    "pp-doclayout": (800, 800, 25),
    "retinanet": (768, 1280, 91),
    "rf-detr": (560, 560, 91),
    "rf-detr-roboflow": (384, 384, 91),
    "ssd-rows": (300, 300, 20),
    "ssd-tf": (300, 300, 90),
    "ssd-torchvision": (300, 300, 90),
    "ssdlite-torchvision": (320, 320, 90),
    "tao-detr": (544, 960, 4),
    "tf-detections": (300, 300, 90),
    "yolov3-raw": (416, 416, 80),
    "yolov4-raw": (608, 608, 80),
    "yolov7-one-class": (640, 640, 1),
}


def files_of(family: str) -> dict[str, str]:
    """The plan's files by name, for a recipe that says no more than it has to."""
    height, width, classes = SHAPES.get(family, (640, 640, 80))
    text = f"""\
schema: 1
name: {family}
source: {{file: {{path: model.onnx}}}}
model:
  family: {family}
  input: {{name: images, height: {height}, width: {width}}}
  classes: {classes}
"""
    report = Report()
    path = f"{family}.yaml"

    def read(file: str) -> bytes:
        if file == path:
            return text.encode()
        raise FileNotFoundError(2, "No such file or directory", file)

    [loaded] = load_recipe(path, read, report)
    compiled = resolve(loaded, read, report)
    assert compiled is not None, list(report)
    plan = lower(compiled, "deepstream", "dsimport test", report)
    assert plan is not None
    assert report.errors == []
    return {show_text(file.path).rpartition("/")[2]: show_text(file.content) for file in plan.files()}


@pytest.mark.parametrize("family", family_names())
def test_parser_and_configuration_are_the_reviewed_ones(family: str, golden: Callable[[str, str], None]) -> None:
    files = files_of(family)
    [parser] = [text for name, text in files.items() if name.endswith(".cpp")]
    golden(f"parsers/{family}.cpp", parser)
    golden(f"parsers/{family}.txt", files[f"config_infer_primary_{family}.txt"])


def test_every_reviewed_file_is_a_familys() -> None:
    reviewed = {path.stem for path in GOLDEN.iterdir()} - {"Makefile"}
    assert sorted(reviewed) == family_names()

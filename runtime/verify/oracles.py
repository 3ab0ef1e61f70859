"""What a family's own post-processing makes of its output tensors, in plain numpy and double precision.

This is written from the families' descriptions, for being compared with: it shares neither code nor addressing with
the parser templates. It works on whole arrays whose axes the preset names, where a parser walks over addresses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dsimport.compiler.expr import Number, evaluate
from dsimport.compiler.preset import CandidatesDecode, DetectionsDecode, Family, GridDecode, Part

__all__ = ["Array", "Detections", "Names", "Tensors", "arranged", "detections"]

Array: TypeAlias = NDArray[Any]
Names: TypeAlias = Mapping[str, Number]
Tensors: TypeAlias = Mapping[str, Sequence[Array]]


@dataclass(frozen=True)
class Detections:
    """Objects of one image. classes [n]; scores [n] float32; boxes [n, 4]: left, top, right, bottom in pixels."""

    classes: Array
    scores: Array
    boxes: Array

    def __getitem__(self, rows: Array) -> Detections:
        """The objects at these indices, or where this mask is true."""
        return Detections(self.classes[rows], self.scores[rows], self.boxes[rows])

    def __len__(self) -> int:
        return len(self.scores)


def detections(
    family: Family, names: Names, tensors: Tensors, select: Literal["argmax", "pairs"] | None = None
) -> Detections:
    """Everything the family would report before thresholds: its selection and its own top-k are done.

    names: height, width (network input, pixels), classes, and the preset's dims as numbers. tensors: by role, one
    array per level, without the batch dimension. select: overrides the family's. Boxes are in network pixels and not
    clipped; objects whose score or class is no usable number are left out.
    """
    decode = family.decode
    with np.errstate(all="ignore"):
        if isinstance(decode, CandidatesDecode):
            found = _Candidates(family, decode, names, tensors).detections(select or decode.select)
        elif isinstance(decode, DetectionsDecode):
            found = _rows(family, decode, names, tensors)
        else:
            found = _grid(family, decode, names, tensors)
        return found[np.isfinite(found.scores) & np.isfinite(found.boxes).all(axis=1)]


def arranged(array: Array, axes: Sequence[str], anchors: int, inner: bool) -> Array:
    """A tensor as rows [candidates, channels], by the names of its axes.

    anchors: how many an `anchor_channel` axis holds. inner: whether a cell's anchors follow each other.
    """
    kept = [axis for axis in axes if axis != "one"]
    array = array.reshape([size for size, axis in zip(array.shape, axes, strict=True) if axis != "one"])
    if "anchor_channel" in kept:
        at = kept.index("anchor_channel")
        array = array.reshape(*array.shape[:at], anchors, -1, *array.shape[at + 1 :])
        kept[at : at + 1] = ["anchor", "channel"]
    if "channel" not in kept:
        array, kept = array[..., None], [*kept, "channel"]
    order = ("candidate", "y", "x", "anchor", "channel") if inner else ("anchor", "candidate", "y", "x", "channel")
    array = array.transpose([kept.index(axis) for axis in order if axis in kept])
    return array.reshape(-1, array.shape[-1])


def _table(family: Family, part: Part, count: int, names: Names, tensors: Tensors, grids: Sequence[_Grid]) -> Array:
    """`count` channels of a quantity as rows, the levels one after the other."""
    spec = family.tensors[part.tensor]
    decode = family.decode
    inner = isinstance(decode, CandidatesDecode) and decode.levels is not None and decode.levels.anchor_order == "inner"
    arrays = tensors[part.tensor]
    anchors = [grid.per_cell for grid in grids] if len(grids) == len(arrays) else [1] * len(arrays)
    rows = np.concatenate(
        [arranged(array, spec.axes, n, inner) for array, n in zip(arrays, anchors, strict=True)], dtype=np.float64
    )
    first = int(evaluate(part.at, names))
    return rows[:, first : first + count]


@dataclass(frozen=True)
class _Grid:
    """One level's cells. anchors [per_cell, 2]: width, height in pixels."""

    stride: float
    rows: int
    columns: int
    per_cell: int
    anchors: Array
    scale_xy: float

    def cells(self, inner: bool) -> tuple[Array, Array]:
        """Per candidate: (column, row) [n, 2] and the anchor's index [n]."""
        shape = (self.rows, self.columns, self.per_cell) if inner else (self.per_cell, self.rows, self.columns)
        index = np.indices(shape).reshape(3, -1)
        row, column, anchor = index if inner else index[[1, 2, 0]]
        return np.stack([column, row], axis=1).astype(np.float64), anchor


class _Candidates:
    """Families in which every candidate has a box and a vector of class scores."""

    def __init__(self, family: Family, decode: CandidatesDecode, names: Names, tensors: Tensors) -> None:
        self._family, self._decode, self._names, self._tensors = family, decode, names, tensors
        self._grids = self._levels()

    def detections(self, select: str) -> Detections:
        scores, boxes = self._scores(), self._boxes()
        known = np.where(np.isnan(scores), -np.inf, scores)
        if select == "argmax":
            classes = known.argmax(axis=1)
            found = Detections(classes, known[np.arange(len(known)), classes], boxes)
        else:
            candidate, classes = np.indices(known.shape).reshape(2, -1)
            found = Detections(classes, known.reshape(-1), boxes[candidate])
        return _best(found, self._decode.topk, self._names)

    def _levels(self) -> list[_Grid]:
        levels = self._decode.levels
        if levels is None:
            return []
        grids = []
        for index, expression in enumerate(levels.strides):
            stride = float(evaluate(expression, self._names))
            # Sizes that a stride divides must not gain a row by rounding: 300 / (300 / 19) is a hair above 19.
            rows, columns = (int(np.ceil(self._names[side] / stride - 1e-6)) for side in ("height", "width"))
            own = {**self._names, "stride": stride, "rows": rows, "columns": columns}
            sizes = levels.anchors[index] if levels.anchors else ()
            anchors = np.array([[evaluate(side, own) for side in size] for size in sizes], float).reshape(-1, 2)
            per_cell = len(anchors) or (levels.per_cell[index] if levels.per_cell else 1)
            scale = levels.scale_xy[index] if levels.scale_xy else 1.0
            grids.append(_Grid(stride, rows, columns, per_cell, anchors, scale))
        return grids

    def _part(self, part: Part, count: int) -> Array:
        return _table(self._family, part, count, self._names, self._tensors, self._grids)

    def _scores(self) -> Array:
        """Probabilities [candidates, classes] as the family's float32 arithmetic has them."""
        scores, objectness = self._decode.scores, self._decode.objectness
        classes = int(self._names["classes"])
        values = self._part(scores, classes + scores.columns)
        if scores.activation == "softmax":
            values = _softmax(values)
        elif scores.activation == "sigmoid":
            values = _sigmoid(values)
        if scores.background == "first":
            values = values[:, 1:]
        values = values[:, :classes]
        if objectness is not None:
            factor = self._part(objectness, 1)
            if objectness.activation == "none" and scores.activation == "none":
                # Already probabilities: the product is taken in float32, as the trainers' code does.
                values, factor = values.astype(np.float32), factor.astype(np.float32)
            else:
                factor = _sigmoid(factor) if objectness.activation == "sigmoid" else factor
            values = values * factor
            if objectness.combine == "sqrt_mul":
                values = np.sqrt(values)
        return values.astype(np.float32)

    def _boxes(self) -> Array:
        boxes = self._decode.boxes
        values = self._part(boxes, boxes.channels)
        if boxes.transform == "plain":
            return _edges(values * self._unit(None), boxes.format)
        levels = self._decode.levels
        assert levels is not None  # the preset's schema asks for them
        inner = levels.anchor_order == "inner"
        offset = float(evaluate(levels.cell_offset, self._names))
        out, start = [], 0
        for grid in self._grids:
            cell, anchor = grid.cells(inner)
            rows = values[start : start + len(cell)]
            start += len(cell)
            size = grid.anchors[anchor] if len(grid.anchors) else np.ones((len(cell), 2))
            out.append(self._decoded(rows, grid, cell + offset, size))
        return np.concatenate(out)

    def _unit(self, grid: _Grid | None) -> Array:
        """Pixels in one unit, for (x, y, x, y) in the order of the format."""
        units, form = self._decode.boxes.units, self._decode.boxes.format
        across, down = float(self._names["width"]), float(self._names["height"])
        if units != "normalized":
            across = down = grid.stride if units == "stride" and grid is not None else 1.0
        return np.array([down, across] * 2 if form in ("yxyx", "cycxhw") else [across, down] * 2)

    def _decoded(self, rows: Array, grid: _Grid, cell: Array, anchor: Array) -> Array:
        boxes = self._decode.boxes
        point = cell * grid.stride
        if boxes.transform in ("distance", "dfl"):
            if boxes.transform == "dfl":
                bins = boxes.reg_max + 1
                rows = (_softmax(rows.reshape(-1, 4, bins)) * np.arange(bins)).sum(axis=2)
            distance = rows * self._unit(grid)
            return np.concatenate([point - distance[:, :2], point + distance[:, 2:]], axis=1)
        if boxes.format == "cycxhw":
            rows = rows[:, [1, 0, 3, 2]]
        place, extent = rows[:, :2], rows[:, 2:]
        if boxes.transform == "grid_exp":
            centre, size = (place + cell) * grid.stride, np.exp(extent) * grid.stride
        elif boxes.transform == "anchor_v5":
            centre = (2 * _sigmoid(place) - 0.5 + cell) * grid.stride
            size = (2 * _sigmoid(extent)) ** 2 * anchor
        elif boxes.transform == "anchor_v3":
            shift = (grid.scale_xy - 1) / 2
            centre = (grid.scale_xy * _sigmoid(place) - shift + cell) * grid.stride
            size = np.exp(extent) * anchor
        elif boxes.transform == "delta":
            limit = np.inf if boxes.exp_clip is None else float(evaluate(boxes.exp_clip, self._names))
            centre = place * boxes.variances[0] * anchor + point
            size = np.exp(np.minimum(extent * boxes.variances[1], limit)) * anchor
        else:
            centre, size = place + point, extent
        return np.concatenate([centre - size / 2, centre + size / 2], axis=1)


def _rows(family: Family, decode: DetectionsDecode, names: Names, tensors: Tensors) -> Detections:
    """Rows that are results already."""
    boxes, scores, classes = (
        _table(family, part, count, names, tensors, ())
        for part, count in ((decode.boxes, 4), (decode.scores, 1), (decode.classes, 1))
    )
    if decode.boxes.units == "normalized":
        across, down = float(names["width"]), float(names["height"])
        boxes = boxes * np.array([down, across] * 2 if decode.boxes.format == "yxyx" else [across, down] * 2)
    number = classes[:, 0] - decode.classes.base
    valid = (number >= 0) & (number < names["classes"])
    if decode.count is not None:
        valid &= np.arange(len(valid)) < np.asarray(tensors[decode.count.tensor][0]).reshape(-1)[0]
    found = Detections(
        np.where(valid, number, 0).astype(np.int64), scores[:, 0].astype(np.float32), _edges(boxes, decode.boxes.format)
    )
    return found[valid]


def _grid(family: Family, decode: GridDecode, names: Names, tensors: Tensors) -> Detections:
    """Dense maps: every cell may be the place of an object of each class."""
    classes = int(names["classes"])
    maps = _maps(family, decode.scores, classes, names, tensors)
    if decode.scores.activation == "sigmoid":
        maps = _sigmoid(maps)
    kind, row, column = np.indices(maps.shape).reshape(3, -1)
    stride, scale = float(evaluate(decode.stride, names)), float(evaluate(decode.boxes.scale, names))
    place = np.stack([column, row], axis=1) + float(evaluate(decode.cell_offset, names))
    if decode.offset is not None:
        offset = _maps(family, decode.offset, 2, names, tensors)
        order = [0, 1] if decode.offset.order == "xy" else [1, 0]
        place = place + offset[order][:, row, column].T
    point = place * stride
    channels = decode.boxes.channels
    boxes = _maps(family, decode.boxes, channels * (classes if decode.boxes.per_class else 1), names, tensors)
    first = kind * channels if decode.boxes.per_class else np.zeros_like(kind)
    values = np.stack([boxes[first + i, row, column] for i in range(channels)], axis=1)
    if decode.boxes.format == "ltrb":
        edges = np.concatenate([point - values[:, :2] * scale, point + values[:, 2:] * scale], axis=1)
    else:
        size = (np.exp(values) if decode.boxes.exp else values)[:, [0, 1] if decode.boxes.order == "wh" else [1, 0]]
        edges = np.concatenate([point - size * scale / 2, point + size * scale / 2], axis=1)
    found = Detections(kind, maps.reshape(-1).astype(np.float32), edges)
    return _best(found[_peaks(maps).reshape(-1)] if decode.peak else found, decode.topk, names)


def _maps(family: Family, part: Part, count: int, names: Names, tensors: Tensors) -> Array:
    """`count` channels as maps [channels, rows, columns]."""
    spec, array = family.tensors[part.tensor], tensors[part.tensor][0].astype(np.float64)
    order = [spec.axes.index(axis) for axis in ("channel", "y", "x")]
    first = int(evaluate(part.at, names))
    maps: Array = array.transpose(order)[first : first + count]
    return maps


def _peaks(maps: Array) -> Array:
    """Where no neighbour in the 3 x 3 around is larger."""
    rows, columns = maps.shape[1:]
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    around = [padded[:, y : y + rows, x : x + columns] for y in range(3) for x in range(3)]
    result: Array = maps >= np.max(around, axis=0)
    return result


def _best(found: Detections, topk: int | float | str | None, names: Names) -> Detections:
    """The best `topk`; of equal scores the first."""
    if topk is None:
        return found
    usable = found[np.isfinite(found.scores)]
    return usable[np.argsort(-usable.scores, kind="stable")[: int(evaluate(topk, names))]]


def _edges(values: Array, form: str) -> Array:
    """Boxes of any plain format as left, top, right, bottom."""
    if form in ("yxyx", "cycxhw"):
        values = values[:, [1, 0, 3, 2]]
    if form in ("xyxy", "yxyx"):
        return values
    return np.concatenate([values[:, :2] - values[:, 2:] / 2, values[:, :2] + values[:, 2:] / 2], axis=1)


def _sigmoid(x: Array) -> Array:
    result: Array = 1 / (1 + np.exp(-x))
    return result


def _softmax(x: Array) -> Array:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    result: Array = powers / powers.sum(axis=-1, keepdims=True)
    return result

"""Pass fuse-head: decoding, class maximum and TopK move into the graph, so that a frame's output is a few rows.

Every node is a standard operator that TensorRT supports; the batch stays dynamic. Only the boxes of the rows that
TopK chose are decoded, from constants that hold each candidate's place in its grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsimport.compiler.expr import evaluate
from dsimport.compiler.preset import CandidatesDecode, Family, Part
from dsimport.runtime.onnx_file import GraphError
from dsimport.runtime.passes.edit import Namer, opset, outputs_of
from dsimport.runtime.passes.grids import cell_table
from dsimport.runtime.passes.tensors import strip_outputs

__all__ = ["fuse_head"]

OLDEST_OPSET = 13  # Softmax over one axis
REDUCE_BY_INPUT = 18  # from here on ReduceMax takes its axes as an input


@dataclass(frozen=True)
class _Tensor:
    """A role's values as one tensor. candidates_last: [N, channels, A] instead of [N, A, channels]."""

    name: str
    candidates_last: bool
    count: int
    channels: int

    @property
    def axis(self) -> int:
        """The channels' axis."""
        return 1 if self.candidates_last else 2


def fuse_head(model: Any, head: dict[str, Any], select: str | None, rows: int, output: str) -> list[str]:
    """Replace the family's outputs by `output` [N, rows, 6]: left, top, right, bottom (network pixels), score, class,
    best first.

    head: as `head_data` gives it. select: overrides the family's. Raises GraphError where the graph cannot be fused.
    """
    family = Family.model_validate(head["family"])
    decode = family.decode
    if not isinstance(decode, CandidatesDecode):
        raise GraphError(f"the head of family {family.family} cannot be fused: it has no candidates to select from")
    if opset(model) < OLDEST_OPSET:
        raise GraphError(f"fuse-head needs operator set {OLDEST_OPSET}, the model has {opset(model)}; export it again")
    writer = _Writer(model)
    if writer.namer.has(output):
        raise GraphError(f"the model has a tensor {output!r} already")
    present = outputs_of(model)
    for tensor in head["tensors"]:
        if tensor["name"] not in present:
            raise GraphError(f"the model has no output {tensor['name']!r}; it has {', '.join(map(repr, present))}")
    _Fusion(writer, family, decode, head, select or decode.select).write(rows, output)
    strip_outputs(model, [output])
    return [f"outputs {', '.join(tensor['name'] for tensor in head['tensors'])} became {output} [{rows}, 6]"]


class _Writer:
    """Appends nodes and constants to a graph."""

    def __init__(self, model: Any) -> None:
        self.namer = Namer(model)
        self.graph = model.graph
        self.opset = opset(model)

    def constant(self, values: Any, dtype: type[np.generic] = np.float32) -> str:
        from onnx import numpy_helper

        name = self.namer("constant")
        self.graph.initializer.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def integers(self, *values: int) -> str:
        return self.constant(values, np.int64)

    def add(self, op: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """A node with one output; its name."""
        from onnx import helper

        name = output or self.namer(op.lower())
        self.graph.node.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def reshape(self, tensor: str, *dims: int) -> str:
        """The tensor as [N, *dims]."""
        return self.add("Reshape", tensor, self.integers(0, *dims))

    def slice(self, tensor: str, axis: int, start: int, stop: int) -> str:
        return self.add("Slice", tensor, self.integers(start), self.integers(stop), self.integers(axis))

    def maximum(self, tensor: str, axis: int) -> str:
        """The maximum over an axis, which is gone afterwards."""
        if self.opset >= REDUCE_BY_INPUT:
            return self.add("ReduceMax", tensor, self.integers(axis), keepdims=0)
        return self.add("ReduceMax", tensor, axes=[axis], keepdims=0)

    def best(self, tensor: str, count: int) -> tuple[str, str]:
        """Values and indices [N, count] of the largest of [N, M], largest first, the first of equal ones first."""
        from onnx import helper

        values, indices = self.namer("best"), self.namer("best_index")
        node = helper.make_node(
            "TopK", [tensor, self.integers(count)], [values, indices], name=values, axis=1, largest=1, sorted=1
        )
        self.graph.node.append(node)
        return values, indices


class _Fusion:
    """The head of one family."""

    def __init__(
        self, writer: _Writer, family: Family, decode: CandidatesDecode, head: dict[str, Any], select: str
    ) -> None:
        self._writer, self._family, self._decode, self._head = writer, family, decode, head
        self._names = head["names"]
        self._classes = int(self._names["classes"])
        self._select = select
        self._cells = cell_table(decode, self._names)
        self._tensors = {role: self._role(role) for role in {part.tensor for _, part in decode.parts}}

    def write(self, rows: int, output: str) -> None:
        from onnx import TensorProto, helper

        writer = self._writer
        score, candidate, label = self._selected(rows)
        boxes = self._boxes(candidate, rows)
        columns = [writer.reshape(part, rows, 1) for part in (score, writer.add("Cast", label, to=TensorProto.FLOAT))]
        writer.add("Concat", boxes, *columns, output=output, axis=2)
        declared = helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", rows, 6])
        writer.graph.output.append(declared)

    def _selected(self, rows: int) -> tuple[str, str, str]:
        """Scores, candidates and classes [N, rows] of the best results."""
        writer, decode = self._writer, self._decode
        raw = self._part(decode.scores, self._classes + decode.scores.columns)
        real = self._without_background(raw)
        probabilities = real
        if decode.scores.activation == "softmax":
            probabilities = self._without_background(self._like(raw, writer.add("Softmax", raw.name, axis=raw.axis)))
        if self._select == "argmax":
            rank, pending = self._combined(writer.maximum(probabilities.name, probabilities.axis), (real.count,))
            score, candidate = writer.best(rank, rows)
            label = writer.add("ArgMax", self._taken(real, candidate, rows), axis=2, keepdims=0)
        else:
            table = self._candidates_first(probabilities)
            rank, pending = self._combined(table.name, (table.count, 1))
            score, index = writer.best(writer.reshape(rank, table.count * self._classes), rows)
            classes = writer.integers(self._classes)
            candidate = writer.add("Div", index, classes)
            label = writer.add("Sub", index, writer.add("Mul", candidate, classes))
        # A sigmoid does not change the order: where nothing else goes into the score, only the chosen ones need it.
        return writer.add("Sigmoid", score) if pending else score, candidate, label

    def _combined(self, score: str, shape: tuple[int, ...]) -> tuple[str, bool]:
        """What results are ranked by, and whether a sigmoid is still to be applied to it."""
        writer, scores, objectness = self._writer, self._decode.scores, self._decode.objectness
        if objectness is None:
            return score, scores.activation == "sigmoid"
        if scores.activation == "sigmoid":
            score = writer.add("Sigmoid", score)
        factor = writer.reshape(self._part(objectness, 1).name, *shape)
        if objectness.activation == "sigmoid":
            factor = writer.add("Sigmoid", factor)
        product = writer.add("Mul", factor, score)
        return writer.add("Sqrt", product) if objectness.combine == "sqrt_mul" else product, False

    def _boxes(self, candidate: str, rows: int) -> str:
        """[N, rows, 4]: left, top, right, bottom in network pixels."""
        writer, boxes = self._writer, self._decode.boxes
        values = self._taken(self._part(boxes, boxes.channels), candidate, rows)
        if boxes.transform == "dfl":
            bins = boxes.reg_max + 1
            weights = writer.add("Softmax", writer.reshape(values, rows * 4, bins), axis=2)
            mean = writer.add("MatMul", weights, writer.constant(np.arange(bins).reshape(bins, 1)))
            values = writer.reshape(mean, rows, 4)
        if boxes.format in ("yxyx", "cycxhw"):
            values = writer.add("Gather", values, writer.integers(1, 0, 3, 2), axis=2)
        if boxes.transform == "plain":
            if boxes.units == "normalized":
                size = [self._names["width"], self._names["height"]] * 2
                values = writer.add("Mul", values, writer.constant(size))
            if boxes.format in ("xyxy", "yxyx"):
                return values
            return self._corners(writer.slice(values, 2, 0, 2), writer.slice(values, 2, 2, 4))
        return self._decoded(values, candidate)

    def _decoded(self, values: str, candidate: str) -> str:
        """Boxes from values relative to the cell or anchor: place * gain + base, size * extent gain."""
        writer, boxes, table = self._writer, self._decode.boxes, self._cells
        assert table is not None  # the preset's schema asks for levels with such a transform
        own = writer.add("Gather", writer.constant(table.columns()), candidate, axis=0)
        gain, base, reach = (writer.slice(own, 2, at, at + 2) for at in (0, 2, 4))
        place, extent = writer.slice(values, 2, 0, 2), writer.slice(values, 2, 2, 4)
        if boxes.transform in ("distance", "dfl"):
            low = writer.add("Sub", base, writer.add("Mul", place, gain))
            high = writer.add("Add", base, writer.add("Mul", extent, reach))
            return writer.add("Concat", low, high, axis=2)
        if boxes.transform in ("anchor_v5", "anchor_v3"):
            place = writer.add("Sigmoid", place)
        centre = writer.add("Add", writer.add("Mul", place, gain), base)
        if boxes.transform == "anchor_v5":
            root = writer.add("Sigmoid", extent)
            extent = writer.add("Mul", root, root)
        elif boxes.transform != "shift":
            if boxes.transform == "delta":
                extent = writer.add("Mul", extent, writer.constant(boxes.variances[1]))
                if boxes.exp_clip is not None:
                    extent = writer.add("Min", extent, writer.constant(evaluate(boxes.exp_clip, self._names)))
            extent = writer.add("Exp", extent)
        return self._corners(centre, writer.add("Mul", extent, reach))

    def _corners(self, centre: str, size: str) -> str:
        writer = self._writer
        half = writer.add("Mul", size, writer.constant(0.5))
        return writer.add("Concat", writer.add("Sub", centre, half), writer.add("Add", centre, half), axis=2)

    def _part(self, part: Part, channels: int) -> _Tensor:
        """Some channels of a role's tensor."""
        tensor = self._tensors[part.tensor]
        first = int(evaluate(part.at, self._names))
        return self._cut(tensor, first, channels)

    def _cut(self, tensor: _Tensor, first: int, channels: int) -> _Tensor:
        if first == 0 and channels == tensor.channels:
            return tensor
        name = self._writer.slice(tensor.name, tensor.axis, first, first + channels)
        return _Tensor(name, tensor.candidates_last, tensor.count, channels)

    def _without_background(self, tensor: _Tensor) -> _Tensor:
        return self._cut(tensor, 1 if self._decode.scores.background == "first" else 0, self._classes)

    @staticmethod
    def _like(tensor: _Tensor, name: str) -> _Tensor:
        return _Tensor(name, tensor.candidates_last, tensor.count, tensor.channels)

    def _candidates_first(self, tensor: _Tensor) -> _Tensor:
        if not tensor.candidates_last:
            return tensor
        turned = self._writer.add("Transpose", tensor.name, perm=[0, 2, 1])
        return _Tensor(turned, False, tensor.count, tensor.channels)

    def _taken(self, tensor: _Tensor, candidate: str, rows: int) -> str:
        """The chosen candidates' channels [N, rows, channels]."""
        writer = self._writer
        if tensor.candidates_last:
            index = writer.add("Tile", writer.reshape(candidate, 1, rows), writer.integers(1, tensor.channels, 1))
            taken = writer.add("GatherElements", tensor.name, index, axis=2)
            return writer.add("Transpose", taken, perm=[0, 2, 1])
        index = writer.add("Tile", writer.reshape(candidate, rows, 1), writer.integers(1, 1, tensor.channels))
        return writer.add("GatherElements", tensor.name, index, axis=1)

    def _role(self, role: str) -> _Tensor:
        """All levels of a role in one tensor."""
        spec = self._family.tensors[role]
        own = sorted((item for item in self._head["tensors"] if item["role"] == role), key=lambda item: item["level"])
        anchors = self._cells.anchors if self._cells and len(own) > 1 else [1] * len(own)
        if self._cells and len(own) == 1 and "anchor_channel" in spec.axes:
            anchors = self._cells.anchors
        last = next(axis for axis in spec.axes if axis != "one") == "channel"
        parts = [self._arranged(item, spec.axes, per_cell, last) for item, per_cell in zip(own, anchors, strict=True)]
        if len(parts) == 1:
            return parts[0]
        name = self._writer.add("Concat", *(part.name for part in parts), axis=2 if last else 1)
        return _Tensor(name, last, sum(part.count for part in parts), parts[0].channels)

    def _arranged(self, item: dict[str, Any], axes: Sequence[str], per_cell: int, last: bool) -> _Tensor:
        """One output as [N, A, channels], or [N, channels, A] where the channels come first."""
        writer, name = self._writer, item["name"]
        kept = [axis for axis in axes if axis != "one"]
        sizes = [size for size, axis in zip(item["shape"], axes, strict=True) if axis != "one"]
        if "anchor_channel" in kept:
            at = kept.index("anchor_channel")
            kept[at : at + 1] = ["anchor", "channel"]
            sizes[at : at + 1] = [per_cell, sizes[at] // per_cell]
        channels = sizes[kept.index("channel")] if "channel" in kept else 1
        count = int(np.prod(sizes)) // channels
        order = self._order(kept, last)
        if order != kept:
            name = writer.add(
                "Transpose", writer.reshape(name, *sizes), perm=[0, *(kept.index(axis) + 1 for axis in order)]
            )
        shape = [channels, count] if last else [count, channels]
        if order != kept or list(item["shape"]) != shape:
            name = writer.reshape(name, *shape)
        return _Tensor(name, last, count, channels)

    def _order(self, kept: list[str], last: bool) -> list[str]:
        """Axes in the order of the candidates: each anchor's grid in turn, or each cell's anchors."""
        levels = self._decode.levels
        inner = levels is not None and levels.anchor_order == "inner"
        places = ("candidate", "y", "x", "anchor") if inner else ("anchor", "candidate", "y", "x")
        order = ("channel", *places) if last else (*places, "channel")
        return [axis for axis in order if axis in kept]

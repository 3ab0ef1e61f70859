"""Binding a family to a model: every dimension of every output tensor becomes a number."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from dsimport.compiler.diagnostics import Report, Span
from dsimport.compiler.escape import single_line
from dsimport.compiler.expr import ExprError, Number, evaluate
from dsimport.compiler.parsers.binding import Binding, BoundTensor, Level
from dsimport.compiler.parsers.blocks import LayoutError, blocks_of
from dsimport.compiler.preset import CandidatesDecode, DetectionsDecode, Family, Levels, TensorSpec

__all__ = ["MAX_DIM", "Binding", "BoundTensor", "Level", "bind", "levels_of"]

MAX_ELEMENTS = 1 << 28
MAX_DIM = 1 << 24


class Places(Protocol):
    """Where recipe values stand."""

    def value(self, key: str) -> Span:
        """The place of the value with this dotted key, or of its nearest parent."""


@dataclass
class _Finder:
    """Works the shapes out and collects what does not fit."""

    family: Family
    names: dict[str, Number]
    outputs: Mapping[str, tuple[int, ...]]
    tensor_names: Mapping[str, str]
    report: Report
    places: Places | None
    problems: int = 0

    def problem(self, code: str, message: str, key: str, *advice: str) -> None:
        self.problems += 1
        self.report.error(code, message, self.places.value(key) if self.places else None, help=advice)

    def tensor_name(self, role: str, level: int, spec: TensorSpec) -> str:
        name = spec.names[level]
        key = role if len(spec.names) == 1 else f"{role}_{level}"
        if key in self.tensor_names:
            return self.tensor_names[key]
        # One tensor wanted and one declared: they can only mean each other, whatever the exporter called it.
        if self.outputs and name not in self.outputs and self.only_one():
            return next(iter(self.outputs))
        return name

    def only_one(self) -> bool:
        specs = list(self.family.tensors.values())
        return len(self.outputs) == 1 and len(specs) == 1 and len(specs[0].names) == 1

    def declared(self, role: str, level: int, spec: TensorSpec) -> tuple[str, tuple[int, ...] | None]:
        """A tensor's name and the shape the recipe declares for it."""
        name = self.tensor_name(role, level, spec)
        if not self.outputs:
            return name, None
        if name not in self.outputs:
            key = role if len(spec.names) == 1 else f"{role}_{level}"
            self.problem(
                "N0411",
                f"family {self.family.family} reads '{key}' from output '{name}', which model.outputs does not have",
                "model.outputs",
                f"outputs declared: {', '.join(single_line(item) for item in self.outputs)}",
                f"if it has another name, say so: model.tensors: {{{key}: NAME}}",
            )
            return name, None
        return name, tuple(self.outputs[name]) or (1,)  # nvinfer shows a rank-1 output as one value per frame

    def learn(self, name: str, spec: TensorSpec, shape: tuple[int, ...]) -> None:
        """Take free dimensions from a declared shape."""
        if len(shape) != len(spec.shape):
            return  # reported when the shapes are compared
        for wanted, found in zip(spec.shape, shape, strict=True):
            if not isinstance(wanted, str) or not wanted.strip().isidentifier() or wanted.strip() in LEVEL_NAMES:
                continue
            known = self.names.setdefault(wanted.strip(), found)
            if known != found and wanted.strip() not in FIXED_NAMES:
                self.problem(
                    "N0410",
                    f"output '{name}': '{wanted.strip()}' is {found} here and {known} in another output",
                    f"model.outputs.{name}",
                    "correct model.outputs, or export the model again",
                )

    def default_dims(self) -> None:
        """Give free dimensions that no output declares the preset's value."""
        for name, expression in self.family.dims.items():
            if name in self.names:
                continue
            try:
                self.names[name] = evaluate(expression, self.names)
            except ExprError as error:
                self.problem(
                    "N0412", f"family {self.family.family}: dims.{name}: {error}", "model.family", "correct it"
                )

    def shape(self, name: str, spec: TensorSpec, level: Level | None) -> tuple[int, ...] | None:
        """The shape the family wants; None where it cannot be worked out."""
        names: dict[str, Number] = dict(self.names)
        if level is not None:
            names.update(stride=level.stride, rows=level.rows, columns=level.columns, per_cell=level.per_cell)
        dims = []
        for expression in spec.shape:
            try:
                value = evaluate(expression, names)
            except ExprError as error:
                self.problem(
                    "N0412",
                    f"output '{name}': dimension '{expression}': {error}",
                    "model.outputs",
                    f"declare its shape without batch: model.outputs: {{{name}: [...]}}",
                )
                return None
            if value != int(value) or not 1 <= value <= MAX_DIM:
                self.problem(
                    "N0412",
                    f"output '{name}': dimension '{expression}' would be {value:g}",
                    "model.input",
                    "a dimension is a whole number of at least 1: check classes, height and width",
                )
                return None
            dims.append(int(value))
        if math.prod(dims) > MAX_ELEMENTS:
            self.problem(
                "N0412", f"output '{name}' would have {math.prod(dims)} values", "model.input", "check the sizes"
            )
            return None
        return tuple(dims)

    def compare(self, name: str, spec: TensorSpec, wanted: tuple[int, ...], found: tuple[int, ...]) -> None:
        """Hold a declared shape against the family's."""
        if wanted == found:
            return
        family, index = self.family.family, 0
        if len(wanted) != len(found):
            message = f"output '{name}' has {len(found)} dimensions {list(found)}, family {family} wants {list(wanted)}"
        else:
            index = next(i for i in range(len(wanted)) if wanted[i] != found[i])
            said = (
                f"{spec.shape[index]} = {wanted[index]}" if isinstance(spec.shape[index], str) else f"{wanted[index]}"
            )
            message = f"output '{name}': dimension {index} is {found[index]}, family {family} wants {said}"
        advice = [f"family {family} wants {list(wanted)}, model.outputs says {list(found)}"]
        if len(wanted) == len(found) and wanted[index] in found:
            advice.append("the dimensions look to be in another order: choose the family that has this layout")
        else:
            advice.append("check model.classes, model.input and model.family")
        self.problem("N0410", message, f"model.outputs.{name}", *advice)


FIXED_NAMES = frozenset({"height", "width", "classes"})
LEVEL_NAMES = frozenset({"stride", "rows", "columns", "per_cell"})


def bind(
    family: Family,
    *,
    height: int,
    width: int,
    classes: int,
    outputs: Mapping[str, tuple[int, ...]] | None = None,
    tensor_names: Mapping[str, str] | None = None,
    report: Report,
    spans: Places | None = None,
) -> Binding | None:
    """Work out every shape of a family for one model. None after errors, which go to `report`.

    height, width: of the network input, pixels. outputs: shapes the recipe declares, by tensor name, without batch.
    tensor_names: the model's names for the family's roles (`boxes`, or `boxes_0` for the first of several levels).
    """
    names: dict[str, Number] = {"height": height, "width": width, "classes": classes}
    finder = _Finder(family, names, outputs or {}, tensor_names or {}, report, spans)
    _check_roles(finder)
    found: list[tuple[str, int, TensorSpec, str, tuple[int, ...] | None]] = []
    for role, level, spec in _all_tensors(family):
        name, shape = finder.declared(role, level, spec)
        found.append((role, level, spec, name, shape))
        if shape is not None:
            finder.learn(name, spec, shape)
    finder.default_dims()
    levels = _levels(finder)
    if finder.problems:
        return None
    tensors = []
    for role, level, spec, name, declared in found:
        own = levels[level] if len(spec.names) > 1 else None
        wanted = finder.shape(name, spec, own)
        if wanted is None:
            continue
        if declared is not None:
            finder.compare(name, spec, wanted, declared)
        tensors.append(BoundTensor(role, level, name, wanted, spec))
    if len({tensor.name for tensor in tensors}) != len(tensors):
        finder.problem("N0411", "two roles are read from one output", "model.tensors", "give each role its own output")
    if finder.problems:
        return None
    binding = Binding(family, height, width, classes, tuple(tensors), levels, names)
    try:
        blocks_of(binding)
        _check_numbers(binding)
    except (LayoutError, ExprError) as error:
        finder.problem("N0413", f"family {family.family}: {error}", "model.family", "correct the preset, or the sizes")
        return None
    return binding


def _all_tensors(family: Family) -> Iterator[tuple[str, int, TensorSpec]]:
    for role, spec in family.tensors.items():
        for level in range(len(spec.names)):
            yield role, level, spec


def _check_roles(finder: _Finder) -> None:
    known = [role if len(spec.names) == 1 else f"{role}_{level}" for role, level, spec in _all_tensors(finder.family)]
    for role in finder.tensor_names:
        if role not in known:
            finder.problem(
                "N0411",
                f"family {finder.family.family} has no tensor '{single_line(role)}'",
                f"model.tensors.{role}",
                f"its tensors: {', '.join(known)}",
            )


def _check_numbers(binding: Binding) -> None:
    """Work out every other number of the preset once, so that emitting cannot fail. Raises LayoutError, ExprError."""
    decode = binding.family.decode
    if isinstance(decode, DetectionsDecode):
        return
    least_one = {"topk": decode.topk}
    others: dict[str, Number | str | None] = {}
    if isinstance(decode, CandidatesDecode):
        others["exp_clip"] = decode.boxes.exp_clip
        others["cell_offset"] = decode.levels.cell_offset if decode.levels else None
    else:
        least_one["stride"] = decode.stride
        others |= {"cell_offset": decode.cell_offset, "scale": decode.boxes.scale}
    for name, expression in {**others, **least_one}.items():
        value = None if expression is None else evaluate(expression, binding.dims)
        if value is not None and name in least_one and not 1 <= value <= MAX_DIM:
            raise LayoutError(f"{name} is {value:g}")


def _levels(finder: _Finder) -> tuple[Level, ...]:
    decode = finder.family.decode
    if not isinstance(decode, CandidatesDecode) or decode.levels is None:
        return ()
    try:
        return levels_of(decode.levels, finder.names)
    except ExprError as error:
        finder.problem("N0412", f"family {finder.family.family}: levels: {error}", "model.family", "correct the preset")
        return ()


def levels_of(levels: Levels, names: Mapping[str, Number]) -> tuple[Level, ...]:
    """The grids for a network of `names['height']` x `names['width']` pixels. Raises ExprError."""
    out = []
    for index, expression in enumerate(levels.strides):
        stride = float(evaluate(expression, names))
        if not 1 <= stride <= MAX_DIM:
            raise ExprError(f"stride {stride:g} is not a usable number of pixels")
        # 300 / (300 / 19) is a hair above 19
        rows, columns = (math.ceil(names[side] / stride - 1e-6) for side in ("height", "width"))
        own: dict[str, Number] = {**names, "stride": stride, "rows": rows, "columns": columns}
        sizes = levels.anchors[index] if levels.anchors else ()
        anchors = tuple((float(evaluate(w, own)), float(evaluate(h, own))) for w, h in sizes)
        per_cell = len(anchors) or (levels.per_cell[index] if levels.per_cell else 1)
        scale_xy = levels.scale_xy[index] if levels.scale_xy else 1.0
        out.append(Level(stride, rows, columns, per_cell, anchors, scale_xy))
    return tuple(out)

"""Which output of a model could play which role of a family, and what the shapes then say: classes, free dimensions.

A preset's shapes are arithmetic over unknowns; here the unknowns are found from real shapes. `parsers/bind` then holds
the result against the whole preset.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dsimport.compiler.diagnostics import Report
from dsimport.compiler.expr import ExprError, Number, evaluate, names_in
from dsimport.compiler.parsers.bind import Binding, bind, levels_of
from dsimport.compiler.preset import CandidatesDecode, Family, TensorSpec
from dsimport.compiler.recognise.facts import OnnxFacts, OutputFacts

__all__ = ["Reading", "readings"]

MOST_READINGS = 8  # of one family
MOST_TRIES = 4000  # outputs tried for roles, all in all: a model with many outputs of one shape must end somewhere
INTEGERS = ("int32", "int64", "uint8")


@dataclass(frozen=True)
class Reading:
    """One way to read a model as a family. tensors: the output for each role (`maps_0` for the first of several
    levels). named: whether all of them have the exporters' names. classes: None where no shape says it.
    """

    family: Family
    tensors: Mapping[str, OutputFacts]
    named: bool
    classes: int | None
    binding: Binding

    @property
    def renamed(self) -> dict[str, str]:
        """What a recipe has to say in `model.tensors`: roles whose output has another name than in the preset."""
        return {
            key: output.name
            for key, _, spec, level in roles(self.family)
            if (output := self.tensors[key]).name != spec.names[level]
        }


def roles(family: Family) -> list[tuple[str, str, TensorSpec, int]]:
    """(key in model.tensors, role, spec, level) of every tensor the family reads."""
    return [
        (role if len(spec.names) == 1 else f"{role}_{level}", role, spec, level)
        for role, spec in family.tensors.items()
        for level in range(len(spec.names))
    ]


def readings(family: Family, onnx: OnnxFacts, labels: int | None) -> list[Reading]:
    """Every way to read the outputs as this family: by their names, else by their shapes alone.

    labels: number of classes where no shape says it.
    """
    wanted = roles(family)
    if len(wanted) > len(onnx.outputs):
        return []
    solver = _Solver(family, onnx)
    by_name = [[item for item in onnx.outputs if item.name in _names(family, *role)] for role in wanted]
    found = _bound(family, onnx, solver.assignments(by_name), labels, named=True)
    return found or _bound(family, onnx, solver.assignments([list(onnx.outputs)] * len(wanted)), labels, named=False)


def _names(family: Family, key: str, role: str, spec: TensorSpec, level: int) -> tuple[str, ...]:
    known = family.recognise.names
    return (spec.names[level], *known.get(key, ()), *(known.get(role, ()) if key != role else ()))


def _bound(
    family: Family,
    onnx: OnnxFacts,
    assignments: Iterator[tuple[dict[str, OutputFacts], dict[str, Number]]],
    labels: int | None,
    *,
    named: bool,
) -> list[Reading]:
    found = []
    for tensors, names in assignments:
        classes = int(names["classes"]) if "classes" in names else family.recognise.classes
        binding = bind(
            family,
            height=onnx.height,
            width=onnx.width,
            classes=classes or labels or 1,
            outputs={item.name: item.shape for item in tensors.values()},
            tensor_names={key: item.name for key, item in tensors.items()},
            report=Report(),
        )
        if binding is not None:
            found.append(Reading(family, tensors, named, classes, binding))
    return found[:MOST_READINGS]


class _Solver:
    """Tries outputs for roles, one role after the other, and keeps what the shapes say consistent."""

    def __init__(self, family: Family, onnx: OnnxFacts) -> None:
        self._roles = roles(family)
        self._base: dict[str, Number] = {"height": onnx.height, "width": onnx.width}
        self._levels = _level_names(family, self._base)
        self._tries = 0

    def assignments(
        self, choices: Sequence[Sequence[OutputFacts]]
    ) -> Iterator[tuple[dict[str, OutputFacts], dict[str, Number]]]:
        """Complete assignments, with the values of all unknowns."""
        if self._levels is None or not all(choices):
            return
        self._tries = 0
        yield from self._extend(0, {}, dict(self._base), choices)

    def _extend(
        self,
        at: int,
        chosen: dict[str, OutputFacts],
        names: dict[str, Number],
        choices: Sequence[Sequence[OutputFacts]],
    ) -> Iterator[tuple[dict[str, OutputFacts], dict[str, Number]]]:
        if at == len(self._roles):
            yield chosen, names
            return
        key, _, spec, level = self._roles[at]
        taken = {item.name for item in chosen.values()}
        for output in choices[at]:
            self._tries += 1
            if self._tries > MOST_TRIES:
                return
            if output.name in taken or (output.dtype in INTEGERS and not spec.integers):
                continue
            own = self._levels[level] if self._levels and len(spec.names) > 1 else {}
            learnt = _unify(spec, output.shape or (1,), {**names, **own})
            if learnt is not None:
                kept = {name: value for name, value in learnt.items() if name not in own}
                yield from self._extend(at + 1, {**chosen, key: output}, kept, choices)


def _level_names(family: Family, base: Mapping[str, Number]) -> list[dict[str, Number]] | None:
    """What `stride`, `rows`, `columns` and `per_cell` are in each level; None where that cannot be worked out."""
    decode = family.decode
    if not isinstance(decode, CandidatesDecode) or decode.levels is None:
        return []
    try:
        levels = levels_of(decode.levels, base)
    except ExprError:
        return None
    return [
        {"stride": item.stride, "rows": item.rows, "columns": item.columns, "per_cell": item.per_cell}
        for item in levels
    ]


def _unify(spec: TensorSpec, shape: tuple[int, ...], names: dict[str, Number]) -> dict[str, Number] | None:
    """`names` with what this shape adds to them; None where it contradicts."""
    if len(spec.shape) != len(shape):
        return None
    open_dims = list(zip(spec.shape, shape, strict=True))
    while open_dims:
        later = []
        for expression, found in open_dims:
            unknown = sorted(names_in(expression) - names.keys())
            if len(unknown) > 1:
                later.append((expression, found))
                continue
            if unknown and (value := _solved(expression, found, unknown[0], names)) is not None:
                names = {**names, unknown[0]: value}
            if not _equals(expression, found, names):
                return None
        if len(later) == len(open_dims):
            break
        open_dims = later
    return names


def _solved(expression: int | float | str, found: int, name: str, names: Mapping[str, Number]) -> int | None:
    """The whole number that makes a linear expression equal to `found`."""
    try:
        at_one, at_two = (evaluate(expression, {**names, name: value}) for value in (1, 2))
    except ExprError:
        return None
    slope = at_two - at_one
    value = (found - at_one) / slope + 1 if slope else 0.0
    return int(value) if value >= 1 and value == int(value) else None


def _equals(expression: int | float | str, found: int, names: Mapping[str, Number]) -> bool:
    try:
        return evaluate(expression, names) == found
    except ExprError:
        return False

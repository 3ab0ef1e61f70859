"""Families ranked by how well they explain a model, each with its evidence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from dsimport.compiler.expr import ExprError, evaluate, names_in
from dsimport.compiler.preset import CandidatesDecode, Family
from dsimport.compiler.recognise.facts import OnnxFacts, SourceFacts
from dsimport.compiler.recognise.solve import Reading, readings
from dsimport.compiler.recognise.values import Evidence, value_evidence

__all__ = ["Candidate", "Ranking", "claimed_by", "rank"]

DECISIVE = -4.0  # evidence this far below 0 rules a reading out
CLOSE = 2.0  # readings whose totals differ by less cannot be told apart
ENOUGH = 2.0
_NAMED = 12.0  # config.json says what the model is
_MOST_CLASSES = 10_000


@dataclass(frozen=True)
class Candidate:
    """A reading with everything that speaks for and against it."""

    reading: Reading
    evidence: tuple[Evidence, ...]

    @property
    def total(self) -> float:
        """Sum of the weights."""
        return sum(item.weight for item in self.evidence)

    @property
    def ruled_out(self) -> bool:
        """Whether one observation alone contradicts the reading."""
        return any(item.weight <= DECISIVE for item in self.evidence)

    @property
    def family(self) -> Family:
        """The family it is read as."""
        return self.reading.family

    def pro(self) -> list[str]:
        """What speaks for it, strongest first."""
        return [item.text for item in sorted(self.evidence, key=lambda item: -item.weight) if item.weight > 0]

    def contra(self) -> list[str]:
        """What speaks against it, strongest first."""
        return [item.text for item in sorted(self.evidence, key=lambda item: item.weight) if item.weight < 0]


@dataclass(frozen=True)
class Ranking:
    """best: the reading to take, None where no family explains the model. rest: the others, best first.
    remaining: those of the rest that cannot be told apart from it; reason: why it is the safer one of them."""

    best: Candidate | None
    rest: tuple[Candidate, ...]
    remaining: tuple[Candidate, ...] = ()
    reason: str = ""

    @property
    def confidence(self) -> str:
        """certain: the source itself says what it is; likely: one family explains it; open: another one might."""
        if self.remaining:
            return "open"
        named = self.best is not None and any(item.weight >= _NAMED for item in self.best.evidence)
        return "certain" if named else "likely"


def claimed_by(families: Iterable[Family], model_type: object) -> list[Family]:
    """Families that know this `model_type` of config.json."""
    return [family for family in families if isinstance(model_type, str) and model_type in family.models]


def rank(facts: SourceFacts, onnx: OnnxFacts, families: Sequence[Family], labels: int | None) -> Ranking:
    """All readings of a model, ranked. labels: how many classes the source names.

    A single family is taken whatever speaks against it, as long as its shapes fit: somebody chose it.
    """
    model_type = (facts.config or {}).get("model_type")
    claimed = {family.family for family in claimed_by(families, model_type)}
    found = [
        Candidate(reading, tuple(_evidence(reading, facts, onnx, labels, claimed)))
        for family in families
        for reading in readings(family, onnx, labels)
    ]
    found.sort(key=lambda item: -item.total)
    if len(families) == 1 and found:
        return Ranking(found[0], tuple(found[1:]))
    usable = [item for item in found if not item.ruled_out and item.total >= ENOUGH]
    if not usable:
        return Ranking(None, tuple(found))
    return _safest(usable, found)


def _safest(usable: list[Candidate], found: list[Candidate]) -> Ranking:
    close = [item for item in usable if item.total > usable[0].total - CLOSE]
    best, reason = close[0], ""
    for item in close[1:]:
        why = item.family.recognise.safer_than.get(best.family.family)
        if why is not None:
            best, reason = item, why
    remaining = tuple(item for item in close if item.family.family != best.family.family)
    if remaining and not reason:
        reason = best.family.recognise.safer_than.get(remaining[0].family.family, "")
    return Ranking(best, tuple(item for item in found if item is not best), remaining, reason)


def _evidence(
    reading: Reading, facts: SourceFacts, onnx: OnnxFacts, labels: int | None, claimed: set[str]
) -> Iterator[Evidence]:
    family, known = reading.family, reading.family.recognise
    if claimed:
        said = f"config.json says model_type {(facts.config or {}).get('model_type')}"
        yield Evidence(_NAMED if family.family in claimed else -_NAMED, said)
    yield from _metadata(family, onnx)
    if reading.named:
        names = ", ".join(item.name for item in reading.tensors.values())
        yield Evidence(3, f"outputs named as its exporters name them: {names}")
    else:
        yield Evidence(-0.5, "outputs taken by their shapes: the names are not its exporters'")
    if any(re.search(pattern, facts.name, re.IGNORECASE) for pattern in known.repositories):
        yield Evidence(1.5, f"the name {facts.name}")
    if onnx.others:
        own = set(onnx.others) <= family.inputs.keys()
        text = f"inputs besides the image: {', '.join(onnx.others)}"
        yield Evidence(2 if own else -8, text if own else f"{text}, which it does not know")
    yield from _dims(reading)
    yield from _classes(reading, labels)
    yield from value_evidence(reading)


def _metadata(family: Family, onnx: OnnxFacts) -> Iterator[Evidence]:
    for key, pattern in family.recognise.metadata.items():
        value = onnx.metadata.get(key)
        if value is None:
            continue
        fits = re.fullmatch(pattern, value[:1000], re.IGNORECASE | re.DOTALL) is not None
        shown = value if len(value) <= 60 else f"{value[:59]}…"
        yield Evidence(3 if fits else DECISIVE, f"metadata: {key} is {shown}")


def _dims(reading: Reading) -> Iterator[Evidence]:
    """Free dimensions against the preset's formula for the input size, or its usual number."""
    binding = reading.binding
    size = f"{binding.height} x {binding.width}"
    for name, expression in reading.family.dims.items():
        found = binding.dims[name]
        try:
            usual = evaluate(expression, {key: value for key, value in binding.dims.items() if key != name})
            formula = bool(names_in(expression))
        except ExprError:
            continue
        if found == usual:
            text = f"{found} {name}" + (f", as its grids have at {size}" if formula else ", its usual number")
            yield Evidence(3 if formula else 1, text)
        else:
            text = f"{found} {name}, not {usual:g}" + (f" as its grids have at {size}" if formula else " as usual")
            yield Evidence(-3 if formula else -0.5, text)


def _classes(reading: Reading, labels: int | None) -> Iterator[Evidence]:
    classes = reading.classes
    if classes is None:
        return
    if labels is not None:
        fits = classes == labels
        text = f"its shapes give {classes} classes" + ("" if fits else f", the source names {labels}")
        yield Evidence(2 if fits else -3.5 if classes < labels else -2.5, text)
    if classes > _MOST_CLASSES:
        yield Evidence(DECISIVE, f"{classes} classes are no detector's")
    if isinstance(reading.family.decode, CandidatesDecode):
        counts = [
            size
            for tensor in reading.binding.tensors
            for size, axis in zip(tensor.shape, tensor.spec.axes, strict=True)
            if axis == "candidate"
        ]
        if counts and classes > sum(counts):
            yield Evidence(-3, f"{classes} classes for {sum(counts)} candidates: its dimensions are in another order")

"""What a model's values say about a reading of its outputs. What to expect follows from the preset's `decode`: scores
that are activated lie in 0..1, corners are in order, fractions are small, class numbers are whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dsimport.compiler.expr import ExprError, evaluate
from dsimport.compiler.preset import Boxes as CandidateBoxes
from dsimport.compiler.preset import CandidatesDecode, DetectionsDecode, GridDecode, Part, RowBoxes, Scores
from dsimport.compiler.recognise.facts import AxisFacts, OutputFacts
from dsimport.compiler.recognise.solve import Reading

__all__ = ["Evidence", "value_evidence"]

_SLACK = 0.01  # sigmoids and normalised values come a little outside of 0..1
_FRACTION = 4.0  # boxes of an untrained or surprised model leave the picture, but not by this much
_DECODED = 10.0  # pixels; widths that never get above are logarithms, as YOLOX writes them
_MOST_LOGITS = 0.5  # share of rows in which no-object is the largest, for a model that sees little


@dataclass(frozen=True)
class Evidence:
    """One observation. weight: above 0 speaks for the reading, below against it; a few points are decisive."""

    weight: float
    text: str


@dataclass(frozen=True)
class _Columns:
    """Statistics of the channels a part reads, over all its tensors."""

    low: float
    high: float
    integral: bool
    constant: bool


def value_evidence(reading: Reading) -> Iterator[Evidence]:
    """Everything the values say, in the order of the preset's parts."""
    decode = reading.family.decode
    boxes = decode.boxes
    if isinstance(boxes, (CandidateBoxes, RowBoxes)):
        yield from _boxes(reading, boxes)
    if isinstance(decode, CandidatesDecode):
        yield from _scores(reading, decode.scores, reading.classes)
        if decode.objectness is not None:
            yield from _activation(reading, decode.objectness, 1, decode.objectness.activation, "objectness")
    elif isinstance(decode, DetectionsDecode):
        yield from _activation(reading, decode.scores, 1, "none", "scores")
        yield from _classes(reading, decode)
    elif isinstance(decode, GridDecode):
        yield from _activation(reading, decode.scores, reading.classes or 1, decode.scores.activation, "scores")
    for hint in reading.family.recognise.columns:
        found = _columns(reading, Part(tensor=hint.tensor, at=hint.at), 1)
        if found is None:
            continue
        if hint.varies:
            text = f"{hint.tensor}[{hint.at}] " + ("is always the same" if found.constant else "varies")
            yield Evidence(-0.5 if found.constant else 1.5, text)
        elif hint.constant is not None:
            fits = found.constant and abs(found.low - hint.constant) <= _SLACK
            text = f"{hint.tensor}[{hint.at}] is " + (f"always {hint.constant:g}" if fits else "not constant")
            yield Evidence(2 if fits else -4, text)


def _boxes(reading: Reading, boxes: CandidateBoxes | RowBoxes) -> Iterator[Evidence]:
    transform = boxes.transform if isinstance(boxes, CandidateBoxes) else "plain"
    if transform == "grid_exp":
        sizes = _columns(reading, boxes, 2, skip=2)
        if sizes is not None:
            raw = sizes.high < _DECODED
            what = "logarithms, not decoded" if raw else "too large for logarithms"
            yield Evidence(2 if raw else -5, f"box sizes reach {sizes.high:.3g}: {what}")
        return
    found = _columns(reading, boxes, 4)
    if transform != "plain" or found is None or found.low == found.high == 0:
        return
    shown = f"box values from {found.low:.3g} to {found.high:.3g}"
    if boxes.units == "normalized":
        small = found.high <= _FRACTION and found.low >= -_FRACTION
        yield Evidence(1.5 if small else -6, f"{shown}: " + ("fractions of the input" if small else "no fractions"))
    elif boxes.units == "pixels":
        large = found.high > _DECODED
        yield Evidence(1.5 if large else -5, f"{shown}: " + ("pixels" if large else "too small for pixels"))
        if boxes.format == "cxcywh" and large:
            sizes = _columns(reading, boxes, 2, skip=2)
            if sizes is not None and sizes.high < _DECODED:
                yield Evidence(-5, f"box sizes reach only {sizes.high:.3g}: not decoded")
    yield from _corners(reading, boxes)


def _corners(reading: Reading, boxes: CandidateBoxes | RowBoxes) -> Iterator[Evidence]:
    found = (axis.ordered[at] for axis, at in _axes(reading, boxes) if at < len(axis.ordered))
    shares = [share for share in found if share is not None]
    if not shares:
        return
    share = min(shares)
    if boxes.format in ("xyxy", "yxyx"):
        fits = share > 0.99
        text = "corners are in order" if fits else f"only {share:.0%} of the boxes have their corners in order"
        yield Evidence(1.5 if fits else -4, text)
    elif boxes.format == "cxcywh":
        fits = share < 0.9
        text = "values 3 and 4 are sizes, not corners" if fits else "values 3 and 4 are always above 1 and 2"
        yield Evidence(1 if fits else -2.5, text)


def _scores(reading: Reading, scores: Scores, classes: int | None) -> Iterator[Evidence]:
    count = (classes or 1) + scores.columns
    yield from _activation(reading, scores, count, scores.activation, "scores")
    if count < 3 or scores.activation == "none":
        return
    axes = list(_axes(reading, scores))
    if len(axes) != 1 or len(axes[0][0].low) != count:
        return
    first, last = axes[0][0].first, axes[0][0].last
    for place, share in (("first", first), ("last", last)):
        often = share >= _MOST_LOGITS
        if scores.background == place:
            text = f"the {place} column is the largest in {share:.0%} of the rows"
            yield Evidence(2 if often else -1, f"{text}: " + ("no-object" if often else "rarely, for no-object"))
        elif often and scores.background == "none" and share > 0.8:
            yield Evidence(-1.5, f"the {place} column is the largest in {share:.0%} of the rows, as no-object would be")


def _activation(reading: Reading, part: Part, count: int, activation: str, what: str) -> Iterator[Evidence]:
    found = _columns(reading, part, count)
    if found is None:
        return
    inside = found.low >= -_SLACK and found.high <= 1 + _SLACK
    shown = f"{what} from {found.low:.3g} to {found.high:.3g}"
    if activation == "none":
        yield Evidence(1.5 if inside else -6, f"{shown}: " + ("probabilities" if inside else "no probabilities"))
    else:
        yield Evidence(-3 if inside else 1.5, f"{shown}: " + ("activated already" if inside else "logits"))


def _classes(reading: Reading, decode: DetectionsDecode) -> Iterator[Evidence]:
    found = _columns(reading, decode.classes, 1)
    if found is None:
        return
    whole = found.integral and found.low >= -1
    text = f"class numbers from {found.low:g} to {found.high:g}"
    yield Evidence(1.5 if whole else -6, text if whole else f"{text}: not whole numbers")


def _columns(reading: Reading, part: Part, count: int, skip: int = 0) -> _Columns | None:
    """Statistics of `count` channels from `part.at` + skip; None where there are none for such a dimension."""
    lows: list[float] = []
    highs: list[float] = []
    whole = True
    for output, axis, at in _places(reading, part):
        if axis is None:  # one value per candidate
            lows, highs, whole = [*lows, output.low], [*highs, output.high], whole and output.integral
            continue
        facts = output.axes[axis]
        if facts is None:
            return None
        for start in at:
            stop = start + skip + count
            lows += facts.low[start + skip : stop]
            highs += facts.high[start + skip : stop]
            whole = whole and all(facts.integral[start + skip : stop])
    if not lows:
        return None
    return _Columns(min(lows), max(highs), whole, max(highs) - min(lows) <= 1e-6)


def _axes(reading: Reading, part: Part) -> Iterator[tuple[AxisFacts, int]]:
    for output, axis, at in _places(reading, part):
        facts = output.axes[axis] if axis is not None else None
        if facts is not None:
            yield facts, at[0]


def _places(reading: Reading, part: Part) -> Iterator[tuple[OutputFacts, int | None, list[int]]]:
    """Per tensor of a part: its output, the dimension of its channels (None: it has none), where the part begins."""
    try:
        at = int(evaluate(part.at, reading.binding.dims))
    except ExprError:
        return
    for tensor in reading.binding.tensors:
        if tensor.role != part.tensor:
            continue
        output = next(item for item in reading.tensors.values() if item.name == tensor.name)
        axes = tensor.spec.axes
        if "channel" in axes:
            yield output, axes.index("channel"), [at]
        elif "anchor_channel" in axes:
            axis = axes.index("anchor_channel")
            level = reading.binding.levels[tensor.level]
            per = tensor.shape[axis] // level.per_cell
            yield output, axis, [anchor * per + at for anchor in range(level.per_cell)]
        else:
            yield output, None, [at]

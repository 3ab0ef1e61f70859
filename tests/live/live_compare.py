"""Holds what a parser returned for one frame against what the model's own post-processing returned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from live_processors import Objects

__all__ = [
    "PIXELS",
    "ROUNDING",
    "SCORE",
    "Case",
    "Tally",
    "apart",
    "compare",
    "is_same",
    "is_sliver",
    "match",
    "precision",
    "rows",
]

Array = npt.NDArray[Any]
SCORE = 1e-6
PIXELS = 1e-3
ROUNDING = 2.0**-23  # of float32 just below 1, twice
MANY = 256  # columns of a softmax, from which on float32 is not enough for the models' own code
SLIVER = 2 * PIXELS  # a box this thin after the cut to the frame may be there or not


@dataclass(frozen=True)
class Case:
    """One frame's tensors and how they are to be read.

    logits: [Q, C]. boxes: [Q, 4], cx, cy, w, h as fractions of the input. height, width: of the input, pixels.
    shown: (height, width) of the part of the input that shows the frame, pixels. softmax: over all columns, the last
    being no object. limit: results kept before the threshold, None for one class per query and no limit.
    """

    logits: Array
    boxes: Array
    threshold: float
    height: int
    width: int
    shown: tuple[int, int]
    softmax: bool
    limit: int | None
    inclusive: bool

    def keeps(self, score: float) -> bool:
        """Whether something of this score is a result."""
        return score >= self.threshold if self.inclusive else score > self.threshold


@dataclass
class Tally:
    """What comparisons found.

    undecided: objects whose score is on the threshold or ties with one just cut off. own: the worst difference of
    scores between the other code in float32 and itself in float64, where it had to be run in float64.
    """

    tensors: int = 0
    objects: int = 0
    worst_score: float = 0.0
    worst_box: float = 0.0
    missing: int = 0
    extra: int = 0
    undecided: int = 0
    own: float = 0.0

    def add(self, other: Tally) -> None:
        """Count another tally's comparisons, too."""
        for name in ("tensors", "objects", "missing", "extra", "undecided"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("worst_score", "worst_box", "own"):
            setattr(self, name, max(getattr(self, name), getattr(other, name)))


def precision(columns: int, *, softmax: bool) -> type[np.floating[Any]]:
    """What the models' own code is run in: the float32 sum of very many columns is off by more than SCORE."""
    return np.float64 if softmax and columns > MANY else np.float32


def apart(one: Sequence[Objects], other: Sequence[Objects]) -> float:
    """The worst difference of scores between the same frames' results, where there are as many."""
    pairs = [(np.sort(a.scores), np.sort(b.scores)) for a, b in zip(one, other, strict=True)]
    return max((float(np.abs(a - b).max(initial=0.0)) for a, b in pairs if len(a) == len(b)), default=0.0)


def compare(found: Array, wanted: Objects, case: Case) -> Tally:
    """found: the parser's objects, a structured array. wanted: the processor's, before the cut to the frame."""
    got = np.stack([found[key].astype(float) for key in ("class_id", "score", "left", "top", "width", "height")], 1)
    got[:, 4:] += got[:, 2:4]
    want = rows(wanted, case.shown)
    pairs = match(got, want)
    left, right = [i for i, _ in pairs], [j for _, j in pairs]
    difference = np.abs(got[left] - want[right])
    extra = np.delete(got, left, axis=0)
    missing = np.delete(want, right, axis=0)
    tally = Tally(
        tensors=1,
        objects=len(pairs),
        worst_score=float(difference[:, 1].max(initial=0.0)),
        worst_box=float(difference[:, 2:].max(initial=0.0)),
    )
    extra, missing = extra[~is_sliver(extra)], missing[~is_sliver(missing)]
    if len(extra) or len(missing):
        extra, missing, tally.undecided = settle(extra, missing, wanted, case)
    tally.extra, tally.missing = len(extra), len(missing)
    return tally


def rows(objects: Objects, shown: tuple[int, int]) -> Array:
    """[n, 6]: class, score, edges cut to the frame; without boxes that are no boxes or show nothing of the frame.

    shown: height and width of what shows the frame, pixels.
    """
    height, width = shown
    boxes = objects.boxes.astype(float)
    out = np.concatenate([objects.classes[:, None], objects.scores[:, None], boxes], axis=1, dtype=float)
    out = out[np.isfinite(boxes).all(axis=1)]
    out[:, 2:] = np.clip(out[:, 2:], 0.0, [width, height, width, height])
    return out[(out[:, 4] > out[:, 2]) & (out[:, 5] > out[:, 3])]


def is_sliver(table: Array) -> Array:
    sides: Array = np.minimum(table[:, 4] - table[:, 2], table[:, 5] - table[:, 3])
    return sides <= SLIVER


def is_same(one: Array, many: Array) -> Array:
    """Which of the rows of `many` are the row `one`, or the one in the same place, within the tolerances."""
    difference = np.abs(many - one)
    return (difference[:, 0] == 0) & (difference[:, 1] <= SCORE) & (difference[:, 2:] <= PIXELS).all(axis=1)


def match(got: Array, want: Array) -> list[tuple[int, int]]:
    """Pairs of indices of equal rows; each row is in one pair at most."""
    one, other = np.lexsort(got.T[::-1]), np.lexsort(want.T[::-1])
    pairs: list[tuple[int, int]] = []
    if len(one) == len(other):  # nearly always in the same order: at once
        same = is_same(got[one], want[other])
        pairs = list(zip(one[same].tolist(), other[same].tolist(), strict=True))
        one, other = one[~same], other[~same]
    free: dict[float, list[int]] = {}
    for j in other:
        free.setdefault(want[j, 0], []).append(int(j))
    for i in one:
        candidates = free.get(got[i, 0], [])
        hits = np.flatnonzero(is_same(got[i], want[candidates]))
        if len(hits):
            nearest = hits[np.abs(want[candidates][hits] - got[i]).sum(axis=1).argmin()]
            pairs.append((int(i), candidates.pop(nearest)))
    return pairs


def settle(extra: Array, missing: Array, wanted: Objects, case: Case) -> tuple[Array, Array, int]:
    """The rows that are faults, and how many are none since the processor's own rounding or sorting made them.

    Two kinds are none. Where the true score is within rounding of the threshold, either side of it is right, but not to
    take > for >=. And of several scores that tie with the last result kept, the parser may return others, but as many.
    """
    scores = probabilities(case)
    full = case.limit is not None and len(wanted.scores) == min(case.limit, scores.size)
    last = float(wanted.scores.min()) if full else -np.inf
    on_threshold, tied = excuse_extra(extra, scores, last, case)
    below, replaced = excuse_missing(missing, scores, last, case)
    others = np.abs(scores - last) <= SCORE
    unseen = int(others[~is_visible(case)].sum())
    if abs(int(tied.sum()) - int(replaced.sum())) > unseen + int(on_threshold.sum() + below.sum()):
        tied[:] = replaced[:] = False
    fine, gone = on_threshold | tied, below | replaced
    return extra[~fine], missing[~gone], int(fine.sum() + gone.sum())


def excuse_extra(extra: Array, scores: Array, last: float, case: Case) -> tuple[Array, Array]:
    """Which extra rows have a score just over the threshold, and which one like the last result kept.

    Each must be a result that the tensors hold, and no two the same one.
    """
    on_threshold, tied = np.zeros(len(extra), bool), np.zeros(len(extra), bool)
    taken: set[tuple[int, int]] = set()
    for i, row in enumerate(extra):
        place = next((place for place in origins(row, scores, case) if place not in taken), None)
        if place is None:
            continue
        taken.add(place)
        on_threshold[i] = is_near(row, case) and case.keeps(row[1]) and scores[place] > case.threshold - ROUNDING
        tied[i] = not on_threshold[i] and abs(row[1] - last) <= SCORE
    return on_threshold, tied


def excuse_missing(missing: Array, scores: Array, last: float, case: Case) -> tuple[Array, Array]:
    """Which missing rows have a score just below the threshold, and which one like the last result kept."""
    below = np.zeros(len(missing), bool)
    for i, row in enumerate(missing):
        true = [scores[place] for place in origins(row, scores, case)]
        is_result = [s > case.threshold + ROUNDING or (case.inclusive and s == case.threshold) for s in true]
        below[i] = is_near(row, case) and not all(is_result)
    return below, ~below & (np.abs(missing[:, 1] - last) <= SCORE)


def is_near(row: Array, case: Case) -> bool:
    return bool(abs(row[1] - case.threshold) <= SCORE)


def probabilities(case: Case) -> Array:
    """[Q, classes] in float64, from the logits."""
    logits = case.logits.astype(float)
    with np.errstate(all="ignore"):
        if not case.softmax:
            return np.asarray(1 / (1 + np.exp(-logits)))
        e = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray((e / e.sum(axis=1, keepdims=True))[:, :-1])


def edges(case: Case) -> Array:
    """[Q, 4] in pixels, cut to the frame."""
    unit = np.array([case.width, case.height] * 2, float)
    boxes = case.boxes.astype(float) * unit
    half = boxes[:, 2:] / 2
    height, width = case.shown
    with np.errstate(invalid="ignore"):  # infinity less infinity: such a box equals none
        found = np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)
    return np.clip(found, 0.0, [width, height, width, height])


def is_visible(case: Case) -> Array:
    box = edges(case)
    return np.asarray((box[:, 2] - box[:, 0] > SLIVER) & (box[:, 3] - box[:, 1] > SLIVER))


def origins(row: Array, scores: Array, case: Case) -> list[tuple[int, int]]:
    """The (query, class) that a result can have come from."""
    in_place = (np.abs(edges(case) - row[2:]) <= PIXELS).all(axis=1)
    column = int(row[0])
    queries = np.flatnonzero(in_place & (np.abs(scores[:, column] - row[1]) <= SCORE))
    return [(int(query), column) for query in queries]

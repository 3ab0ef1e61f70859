"""Two sets of boxes held against each other."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from dsimport.runtime.verify.finish import iou_matrix
from dsimport.runtime.verify.oracles import Detections

__all__ = ["Tally", "Tolerance", "compare"]

PAIR_IOU = 0.5  # below it two boxes are not of the same object
EXAMPLES = 5


@dataclass(frozen=True)
class Tolerance:
    """When a pair counts as the same box: IoU, or every edge this near (pixels), and score; how near to the threshold
    a box may be on one side only."""

    iou: float
    edge: float
    score: float
    borderline: float


@dataclass(frozen=True)
class Tally:
    """What was compared so far.

    images: frames or random tensor sets. boxes: expected. missing: expected, not found. extra: found, not expected.
    differing: pairs of the same object beyond the tolerance. borderline: on one side only, but so near to the threshold
    that rounding decides. worst_iou, worst_edge (pixels of the frame), worst_score: over all pairs, also those within
    the tolerance; 1, 0 and 0 where there is none. examples: in words.
    """

    images: int = 0
    boxes: int = 0
    matched: int = 0
    missing: int = 0
    extra: int = 0
    differing: int = 0
    borderline: int = 0
    worst_iou: float = 1.0
    worst_edge: float = 0.0
    worst_score: float = 0.0
    examples: tuple[str, ...] = ()

    @property
    def rate(self) -> float:
        """Share of boxes, expected or found, that match; 1 where there are none."""
        everything = self.matched + self.missing + self.extra + self.differing
        return self.matched / everything if everything else 1.0

    def __add__(self, other: Tally) -> Tally:
        counts = {
            name: getattr(self, name) + getattr(other, name)
            for name in ("images", "boxes", "matched", "missing", "extra", "differing", "borderline")
        }
        return replace(
            self,
            **counts,
            worst_iou=min(self.worst_iou, other.worst_iou),
            worst_edge=max(self.worst_edge, other.worst_edge),
            worst_score=max(self.worst_score, other.worst_score),
            examples=(self.examples + other.examples)[:EXAMPLES],
        )


def compare(
    expected: Detections, found: Detections, thresholds: tuple[float, ...], tolerance: Tolerance, what: str
) -> Tally:
    """Pair boxes of one class, best overlap first. thresholds: by class. what: names the image in examples."""
    pairs = _pairs(expected, found)
    tally = Tally(images=1, boxes=len(expected))
    for one, other, iou in pairs:
        score = abs(float(expected.scores[one]) - float(found.scores[other]))
        edge = float(np.abs(expected.boxes[one] - found.boxes[other]).max())
        same = (iou >= tolerance.iou or edge <= tolerance.edge) and score <= tolerance.score
        example = () if same else (f"{what}: {_text(expected, one)} expected, {_text(found, other)} found",)
        tally = replace(
            tally,
            matched=tally.matched + same,
            differing=tally.differing + (not same),
            worst_iou=min(tally.worst_iou, iou),
            worst_edge=max(tally.worst_edge, edge),
            worst_score=max(tally.worst_score, score),
            examples=(tally.examples + example)[:EXAMPLES],
        )
    for side, taken, name in ((expected, {p[0] for p in pairs}, "missing"), (found, {p[1] for p in pairs}, "extra")):
        for index in range(len(side)):
            if index not in taken:
                tally = _alone(tally, side, index, name, thresholds, tolerance, what)
    return tally


def _pairs(expected: Detections, found: Detections) -> list[tuple[int, int, float]]:
    iou = iou_matrix(expected.boxes, found.boxes)
    iou = np.where(expected.classes[:, None] == found.classes[None, :], iou, 0.0)
    ones, others = np.nonzero(iou >= PAIR_IOU)
    # Among equal overlaps (an object reported twice in one place) the nearest score.
    distance = np.abs(expected.scores[ones] - found.scores[others])
    order = np.lexsort((distance, -np.round(iou[ones, others], 4)))
    pairs: list[tuple[int, int, float]] = []
    left, right = set(range(len(expected))), set(range(len(found)))
    for index in order:
        one, other = int(ones[index]), int(others[index])
        if one in left and other in right:
            left.remove(one)
            right.remove(other)
            pairs.append((one, other, float(iou[one, other])))
    return pairs


def _alone(
    tally: Tally,
    side: Detections,
    index: int,
    name: str,
    thresholds: tuple[float, ...],
    tolerance: Tolerance,
    what: str,
) -> Tally:
    """Count a box that only one side has."""
    score, kind = float(side.scores[index]), int(side.classes[index])
    if kind < len(thresholds) and math.isclose(score, thresholds[kind], rel_tol=0, abs_tol=tolerance.borderline):
        boxes = tally.boxes - (name == "missing")
        return replace(tally, borderline=tally.borderline + 1, boxes=boxes)
    examples = (*tally.examples, f"{what}: {name} {_text(side, index)}")[:EXAMPLES]
    counts = {name: getattr(tally, name) + 1}
    return replace(tally, **counts, examples=examples)


def _text(side: Detections, index: int) -> str:
    edges = ", ".join(f"{edge:.1f}" for edge in side.boxes[index])
    return f"class {int(side.classes[index])} at {edges} ({float(side.scores[index]):.3f})"

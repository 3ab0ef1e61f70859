"""Holds what a parser returned for one frame against the results of any other post-processing of the same tensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from live_compare import PIXELS, ROUNDING, SCORE, Tally, is_same, is_sliver, match, rows
from live_processors import Objects

__all__ = ["Frame", "compare_sets"]

Array = npt.NDArray[Any]
MANY_SWAPS = 100  # in one frame: more are no coincidence


@dataclass(frozen=True)
class Frame:
    """How one frame's results are to be read.

    shown: (height, width) of the input, pixels. rounds: the scores are computed from the tensors, so that one on the
    threshold may fall on either side.
    """

    shown: tuple[int, int]
    threshold: float
    rounds: bool


def compare_sets(
    found: Array, wanted: Objects, everything: Callable[[], Objects], frame: Frame, limit: int | None = None
) -> Tally:
    """found: the parser's objects. wanted: the results. everything: gives the same without a threshold.

    limit: results kept before the threshold; of several that tie with the last one, others may be kept, but as many.
    """
    got = np.stack([found[key].astype(float) for key in ("class_id", "score", "left", "top", "width", "height")], 1)
    got[:, 4:] += got[:, 2:4]
    want = rows(wanted, frame.shown)
    pairs = match(got, want)
    left, right = [i for i, _ in pairs], [j for _, j in pairs]
    difference = np.abs(got[left] - want[right])
    tally = Tally(
        tensors=1,
        objects=len(pairs),
        worst_score=float(difference[:, 1].max(initial=0.0)),
        worst_box=float(difference[:, 2:].max(initial=0.0)),
    )
    extra, missing = np.delete(got, left, axis=0), np.delete(want, right, axis=0)
    extra, missing = extra[~is_sliver(extra)], missing[~is_sliver(missing)]
    if frame.rounds and len(extra) == len(missing) < MANY_SWAPS:
        extra, missing, tally.undecided = _without_swaps(extra, missing)
    last = float(wanted.scores.min()) if limit is not None and len(wanted.scores) == limit else -np.inf
    held = rows(everything(), frame.shown) if len(extra) else want
    fine = sum(_is_undecided(row, frame, last) and bool(is_same(row, held).any()) for row in extra)
    gone = sum(_is_undecided(row, frame, last) for row in missing)
    tally.extra, tally.missing = len(extra) - fine, len(missing) - gone
    tally.undecided += fine + gone
    return tally


def _without_swaps(extra: Array, missing: Array) -> tuple[Array, Array, int]:
    """Without boxes of which two classes have the same score but for rounding, and how many rows those were."""
    rest = list(missing)
    kept = []
    for row in extra:
        same = (i for i, other in enumerate(rest) if (np.abs(other - row)[1:] <= [ROUNDING, *[PIXELS] * 4]).all())
        found = next(same, None)
        if found is None:
            kept.append(row)
        else:
            rest.pop(found)
    swapped = len(extra) - len(kept) + len(missing) - len(rest)
    return np.array(kept).reshape(-1, 6), np.array(rest).reshape(-1, 6), swapped


def _is_undecided(row: Array, frame: Frame, last: float) -> bool:
    on_threshold = frame.rounds and abs(row[1] - frame.threshold) <= ROUNDING
    return bool(on_threshold or abs(row[1] - last) <= SCORE)

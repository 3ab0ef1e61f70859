"""The search itself: which batches are probed, which are tried in the pipeline, and which one is recommended.

It knows no tool: measuring comes in as two functions, so that simulated curves test it as real engines do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from dsimport.runtime.sweep.curve import Curve, Point, fit

__all__ = ["PROBES", "PipelineRun", "Sweep", "search"]

PROBES = (1, 4, 8)
NEIGHBOUR = 8  # transformer engines have bad batches between powers of two: what lies this far away may not be one
MAX_ENGINES = 12
TRIED = 2
SHRINKS = 3
BAD = 0.9  # of what the smooth curve promises
BOUND_BY_PIPELINE = 0.85  # of what the engine alone gives at that batch


@dataclass(frozen=True)
class PipelineRun:
    """A real run: `streams` cameras on the engine of `batch`, total frames per second over all streams."""

    batch: int
    streams: int
    total_fps: float

    @property
    def fps_per_stream(self) -> float:
        return self.total_fps / self.streams


@dataclass(frozen=True)
class Sweep:
    """What a search found.

    points: engines measured, by batch. failed: batches whose engine could not be built or measured. bad: batches well
    below the curve of the others. predicted: batch of the fitted curve (0: not even one stream). runs: in the order
    they were made. best: the run to recommend, None where no run reached the target. bound: what limits the best run.
    """

    points: tuple[Point, ...]
    failed: tuple[int, ...]
    bad: tuple[int, ...]
    curve: Curve
    predicted: int
    runs: tuple[PipelineRun, ...]
    best: PipelineRun | None
    bound: Literal["engine", "pipeline", "unknown"]


def search(
    measure: Callable[[int], Point | None],
    run: Callable[[int, int], PipelineRun | None],
    *,
    limit: int,
    target_fps: float,
    probes: Iterable[int] = PROBES,
) -> Sweep:
    """Find the batch that carries the most streams at `target_fps`.

    measure(batch): an engine tuned for it; None where it cannot be built or measured. run(batch, streams): the
    pipeline; None where it fails. limit: the largest batch that may be tried. ValueError where nothing can be measured.
    """
    engines = _Engines(measure, limit, target_fps)
    for batch in probes:
        engines.probe(batch)
    if not engines.points:
        raise ValueError("no engine could be measured")
    predicted = engines.close_in()
    runs = _runs(engines, run, target_fps)
    best = _best(runs, target_fps)
    return Sweep(
        points=tuple(sorted(engines.points.values(), key=lambda point: point.batch)),
        failed=tuple(sorted(engines.failed)),
        bad=tuple(sorted(engines.bad())),
        curve=engines.curve(),
        predicted=predicted,
        runs=tuple(runs),
        best=best,
        bound=_bound(engines, runs, best),
    )


class _Engines:
    """Measured engines, and which batch is worth the next one."""

    def __init__(self, measure: Callable[[int], Point | None], limit: int, target_fps: float) -> None:
        self.points: dict[int, Point] = {}
        self.failed: set[int] = set()
        self._measure = measure
        self._limit = limit
        self._target = target_fps

    def probe(self, batch: int) -> None:
        """Measure a batch unless that was done, it is too large, or a smaller one failed already."""
        if not 1 <= batch <= self._limit or batch in self.points or batch >= min(self.failed, default=math.inf):
            return
        point = self._measure(batch)
        if point is None or not point.images_per_s > 0:
            self.failed.add(batch)
        else:
            self.points[batch] = point

    def carries(self, batch: int) -> bool:
        """Whether the engine, full, feeds every place of its batch at the target rate. One that does not would run
        partly filled, and how fast it then is nobody has measured."""
        return self.points[batch].images_per_s >= batch * self._target

    def curve(self) -> Curve:
        """Fitted to powers of two, the batches that engines are tuned well for; the others are judged by it. A batch
        that is slower than it promises is an exception to the curve, not part of it."""
        even = [point for point in self.points.values() if point.batch & (point.batch - 1) == 0]
        return fit(even or list(self.points.values()))

    def bad(self) -> list[int]:
        curve = self.curve()
        return [batch for batch, point in self.points.items() if point.images_per_s < BAD * curve.images_per_s(batch)]

    def close_in(self) -> int:
        """Probe where the curve says the answer is, and around it, until it says nothing new; the last answer."""
        predicted = 0
        while len(self.points) + len(self.failed) < MAX_ENGINES:
            predicted = self.curve().largest_batch(self._target, self._usable())
            worth = [*self._around(predicted), *self._between()]
            fresh = [n for n in worth if n not in self.points and 1 <= n <= self._usable()]
            if not fresh:
                break
            self.probe(fresh[0])
        return predicted

    def _usable(self) -> int:
        """The largest batch worth trying: after a failure, half way from what worked to what did not."""
        if not self.failed:
            return self._limit
        return (min(self.failed) + max(self.points)) // 2

    def _around(self, predicted: int) -> list[int]:
        """Batches worth an engine, best first: the powers of two on both sides, which settle the curve, and the
        predicted one; where some batches turned out bad, multiples of 8 around it, and the batch that would do if it
        were as bad as they are."""
        if predicted < 1:
            return []
        below: int = 1 << (predicted.bit_length() - 1)
        near = [below, min(2 * below, self._usable()), predicted]
        curve = self.curve()
        shares = [self.points[batch].images_per_s / curve.images_per_s(batch) for batch in self.bad()]
        if shares:
            slower = replace(curve, share=min(shares))
            near += [predicted // NEIGHBOUR * NEIGHBOUR, slower.largest_batch(self._target, self._usable())]
            near += [predicted - NEIGHBOUR, math.ceil(predicted / NEIGHBOUR) * NEIGHBOUR]
        return near

    def _between(self) -> list[int]:
        """The middle of what carries and what does not, as long as they lie a tenth and more apart."""
        low = max((n for n in self.points if self.carries(n)), default=0)
        high = min((n for n in self.points if n > low), default=0)
        middle = (low + high) // 2
        if high - low >= 2 * NEIGHBOUR:
            middle = middle // NEIGHBOUR * NEIGHBOUR
        return [middle] if high - low > max(1, low // 10) else []

    def ranked(self) -> list[int]:
        """Batches that carry themselves, largest first; if there is none, all, smallest first."""
        carried = sorted((batch for batch in self.points if self.carries(batch)), reverse=True)
        return carried or sorted(self.points)


def _runs(engines: _Engines, run: Callable[[int, int], PipelineRun | None], target_fps: float) -> list[PipelineRun]:
    """The best two engines in the pipeline, each with as many streams as its batch. One that falls short is run again
    with what its total would carry: fewer streams make smaller batches, so that may take more than one step."""
    runs: list[PipelineRun] = []
    for batch in engines.ranked()[:TRIED]:
        streams = batch if engines.carries(batch) else 1
        for _ in range(SHRINKS):
            found = run(batch, streams)
            if found is None:
                break
            runs.append(found)
            fewer = min(streams - 1, math.floor(found.total_fps / target_fps))
            if found.fps_per_stream >= target_fps or fewer < 1:
                break
            streams = fewer
    return runs


def _best(runs: list[PipelineRun], target_fps: float) -> PipelineRun | None:
    carried = [found for found in runs if found.fps_per_stream >= target_fps]
    return min(carried, key=lambda found: (-found.streams, found.batch), default=None)


def _bound(
    engines: _Engines, runs: list[PipelineRun], best: PipelineRun | None
) -> Literal["engine", "pipeline", "unknown"]:
    """Whether the pipeline falls well short of what its engine gives alone: then decoding or the host is the limit."""
    if not runs:
        return "unknown"
    shown = best or runs[0]
    first = next(found for found in runs if found.batch == shown.batch)
    alone = engines.points[first.batch].images_per_s
    return (
        "pipeline" if first.total_fps < BOUND_BY_PIPELINE * alone * min(1.0, first.streams / first.batch) else "engine"
    )

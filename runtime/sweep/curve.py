"""Throughput against batch: two models fitted to a few measurements, and what they predict.

saturating: a batch of N takes t0 + t1 * N seconds, so images/s approaches 1 / t1. power: images/s = a * N ** alpha, the
model of the runbook that dsimport replaces. The better fit wins; where both fit, the one that promises less.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["Curve", "Point", "fit"]


@dataclass(frozen=True)
class Point:
    """A measured engine: images per second at a batch, on an engine tuned for that batch."""

    batch: int
    images_per_s: float


@dataclass(frozen=True)
class Curve:
    """A fitted model. first, second: t0 and t1 in seconds (saturating), or a and alpha (power).

    error: relative root mean square of what it says against what was measured. share: of its images/s that are had.
    """

    kind: Literal["saturating", "power"]
    first: float
    second: float
    error: float
    share: float = 1.0

    def images_per_s(self, batch: float) -> float:
        """What the model says for this batch; infinite where it sees no cost at all."""
        if self.kind == "power":
            return self.share * self.first * math.pow(batch, self.second)
        seconds = self.first + self.second * batch
        return self.share * batch / seconds if seconds > 0 else math.inf

    def largest_batch(self, target_fps: float, limit: int) -> int:
        """The largest batch up to `limit` that feeds as many streams at `target_fps` as it has places; 0 if none."""
        # Both models give ever fewer images per place, so the answer is where the condition turns.
        if self.images_per_s(1) < target_fps:
            return 0
        low, high = 1, limit
        while low < high:
            middle = (low + high + 1) // 2
            if self.images_per_s(middle) >= target_fps * middle:
                low = middle
            else:
                high = middle - 1
        return low


def fit(points: Sequence[Point]) -> Curve:
    """The model that fits the measurements best (ValueError without any). One measurement: no gain from batching."""
    if not points:
        raise ValueError("no measurements")
    curves = [_saturating(points), _power(points)]
    first, second = curves
    if math.isclose(first.error, second.error, abs_tol=0.005):
        far = 4 * max(point.batch for point in points)
        return min(curves, key=lambda curve: curve.images_per_s(far))
    return min(curves, key=lambda curve: curve.error)


def _saturating(points: Sequence[Point]) -> Curve:
    """Least squares on relative errors of the time per batch; neither part of it can be negative."""
    times = [(point.batch, point.batch / point.images_per_s) for point in points]
    weights = [1 / seconds**2 for _, seconds in times]
    total = math.fsum(weights)
    mean_n = math.fsum(w * n for w, (n, _) in zip(weights, times, strict=True)) / total
    mean_t = math.fsum(w * t for w, (_, t) in zip(weights, times, strict=True)) / total
    spread = math.fsum(w * (n - mean_n) ** 2 for w, (n, _) in zip(weights, times, strict=True))
    together = math.fsum(w * (n - mean_n) * (t - mean_t) for w, (n, t) in zip(weights, times, strict=True))
    slope = together / spread if spread > 0 else mean_t / mean_n
    start = mean_t - slope * mean_n
    if slope < 0:
        start, slope = mean_t, 0.0
    elif start < 0:
        start, slope = 0.0, mean_t / mean_n
    return _with_error("saturating", start, slope, points)


def _power(points: Sequence[Point]) -> Curve:
    """A straight line through the logarithms. More than proportional gain is an artefact of noise: alpha stays <= 1."""
    logs = [(math.log(point.batch), math.log(point.images_per_s)) for point in points]
    mean_x = math.fsum(x for x, _ in logs) / len(logs)
    mean_y = math.fsum(y for _, y in logs) / len(logs)
    spread = math.fsum((x - mean_x) ** 2 for x, _ in logs)
    alpha = math.fsum((x - mean_x) * (y - mean_y) for x, y in logs) / spread if spread > 0 else 0.0
    alpha = min(1.0, max(0.0, alpha))
    return _with_error("power", math.exp(mean_y - alpha * mean_x), alpha, points)


def _with_error(kind: Literal["saturating", "power"], first: float, second: float, points: Sequence[Point]) -> Curve:
    curve = Curve(kind, first, second, 0.0)
    ratios = (curve.images_per_s(point.batch) / point.images_per_s - 1 for point in points)
    return Curve(kind, first, second, math.sqrt(math.fsum(ratio**2 for ratio in ratios) / len(points)))

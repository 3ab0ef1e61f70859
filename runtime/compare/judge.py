"""The comparison itself, without any input or output: two sides, a noise band, and a verdict per metric.

The band is 4.5 standard errors of the difference: some ten metrics are looked at in every run of a CI.
The spread it rests on starts as the one that gives the assumed band for two single runs. Repeated runs of either side
move it: all metrics of a kind (averages, the fastest of many, relative costs) together say how noisy the machine is,
and a metric that varied more than that gets a band of its own. With no repetition at all the band is the assumed one.

A shared host stalls now and then for as long as a whole run. Such a run is no regression, and says nothing about the
others: of several figures the middle of the means of all pairs counts (Hodges and Lehmann), which a stalled run of
seven hardly moves and which is nearly as sure as their mean; and one repeat does not make the spread.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement, pairwise
from typing import Any, Literal, TypeAlias

from dsimport.runtime.compare.metrics import METRICS, Metric

__all__ = ["Band", "Comparison", "Side", "Verdict", "compare_sides", "moved_settings", "noise_band", "regressions"]

ERRORS = 4.5  # standard errors in the band
PRIOR = 4  # what a spread that was not seen counts, in repeats
OUTLIER = 4  # a repeat further off than so many medians of all repeats counts as one that is just so far
MIDDLE_ERROR = math.sqrt(math.pi / 3)  # standard error of the middle in those of a mean, for many normal figures
_ROUNDING = 1e-9
_WIDEST = 700.0  # the exponential of more is no number

Verdict: TypeAlias = Literal["better", "worse", "same", "not comparable"]


@dataclass(frozen=True)
class Side:
    """One side of a comparison.

    samples: figures by metric, one per run that is compared. repeats: figures by metric of runs of the same plan, in
    the order of time, which say how much it varies. settings: the recipe's, where known. toolchain and hardware are
    empty where unknown.
    """

    label: str
    toolchain: str = ""
    hardware: str = ""
    samples: Mapping[str, Sequence[float]] = field(default_factory=dict)
    repeats: Mapping[str, Sequence[float]] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Band:
    """Differences within `width` say nothing: a share of A's figure for quotients, a difference for shares. repeats:
    how many figures it rests on that could be held against an earlier one of the same plan; 0: it is assumed."""

    width: float
    repeats: int


@dataclass(frozen=True)
class Comparison:
    """One metric. difference: B - A. change: the same as a share of A (None where there is no such number).
    why: the reason of a verdict `not comparable`."""

    metric: Metric
    a: float | None
    b: float | None
    verdict: Verdict
    difference: float | None = None
    change: float | None = None
    band: Band | None = None
    why: str = ""


def compare_sides(a: Side, b: Side) -> list[Comparison]:
    """Every metric that at least one side has, in the order of the table."""
    machines = {kind: _machine(kind, a, b) for kind in {_kind(item) for item in METRICS}}
    wanted = (item for item in METRICS if a.samples.get(item.key) or b.samples.get(item.key))
    return [_judge(item, a, b, machines[_kind(item)]) for item in wanted]


def noise_band(item: Metric, a: Side, b: Side) -> Band:
    """How far apart two figures may be without saying anything. On the scale of quotients the width is a share."""
    return _band(item, a, b, _machine(_kind(item), a, b))


def moved_settings(a: Side, b: Side) -> dict[str, tuple[Any, Any]]:
    """Settings that differ, by name; none while those of a side are not known."""
    if not a.settings or not b.settings:
        return {}
    names = sorted({*a.settings, *b.settings})
    return {name: (a.settings.get(name), b.settings.get(name)) for name in names if _differs(name, a, b)}


def regressions(compared: Sequence[Comparison], limits: Mapping[str, float]) -> list[Comparison]:
    """Metrics that are worse, beyond noise, by at least the limit: a share, by metric or for all under `regression`."""
    found = []
    for item in compared:
        limit = limits.get(item.metric.key, limits.get("regression"))
        lost = abs(_loss(item))
        if limit is not None and item.verdict == "worse" and lost >= limit * (1 - _ROUNDING):
            found.append(item)
    return found


def _loss(item: Comparison) -> float:
    """Worsening as a share of A; for shares themselves in points."""
    value = item.difference if item.metric.scale == "points" or item.change is None else item.change
    return 0.0 if value is None else value


def _judge(item: Metric, a: Side, b: Side, machine: tuple[float, int]) -> Comparison:
    left, right = _figure(item, a), _figure(item, b)
    why = _obstacle(item, a, b)
    if left is None or right is None:
        return Comparison(item, left, right, "not comparable", why=f"not measured in {'A' if left is None else 'B'}")
    difference = right - left
    share = difference / left if left else math.inf
    change = share if math.isfinite(share) else None
    if why:
        return Comparison(item, left, right, "not comparable", difference, change, why=why)
    band = _band(item, a, b, machine)
    apart = abs(math.log(right) - math.log(left)) if item.scale == "ratio" else abs(difference)
    width = math.log1p(band.width) if item.scale == "ratio" else band.width
    within = apart <= width * (1 + _ROUNDING) or abs(difference) <= item.step * (1 + _ROUNDING)
    improved = (difference > 0) == (item.better == "higher")
    verdict: Verdict = "same" if within else "better" if improved else "worse"
    return Comparison(item, left, right, verdict, difference, change, band)


def _obstacle(item: Metric, a: Side, b: Side) -> str:
    """Why figures of both sides are different things; empty where they are not."""
    if item.speed and (a.toolchain != b.toolchain or not a.toolchain):
        return f"measured with {a.toolchain or 'an unknown toolchain'} and {b.toolchain or 'an unknown toolchain'}"
    for name in item.same:
        if name == "max_batch":
            batches = [side.samples.get(name, (0,))[-1] for side in (a, b)]
            if batches[0] != batches[1]:
                return f"batch {batches[0]:g} and {batches[1]:g}"
        elif a.settings and b.settings and _differs(name, a, b):
            return f"{name} differs"
    return ""


def _differs(name: str, a: Side, b: Side) -> bool:
    return bool(a.settings.get(name) != b.settings.get(name))


def _figure(item: Metric, side: Side) -> float | None:
    """The middle of the samples: the median of the means of all pairs, each sample with itself too, on the metric's
    scale."""
    samples = side.samples.get(item.key, ())
    if not samples:
        return None
    if min(samples) == max(samples):
        return samples[0]  # exactly what was measured, not what a logarithm leaves of it
    pairs = combinations_with_replacement(_scaled(item, samples), 2)
    middle = statistics.median(math.fsum(pair) / 2 for pair in pairs)
    return math.exp(middle) if item.scale == "ratio" else middle


def _scaled(item: Metric, figures: Sequence[float]) -> list[float]:
    return [math.log(figure) for figure in figures] if item.scale == "ratio" else list(figures)


def _kind(item: Metric) -> tuple[bool, str]:
    """Metrics of one kind vary alike; what is no time at all is a kind of its own."""
    return item.speed, item.noise


def _machine(kind: tuple[bool, str], a: Side, b: Side) -> tuple[float, int]:
    """The variance of all metrics of a kind, in units of the assumed one, and the number of repeats behind it."""
    alike = [_spread(item, a, b) for item in METRICS if _kind(item) == kind and not item.step]
    count = sum(count for _, count in alike)
    return _mixed(1.0, math.fsum(square for square, _ in alike), count), count


def _band(item: Metric, a: Side, b: Side, machine: tuple[float, int]) -> Band:
    square, count = _spread(item, a, b)
    errors = [_squared_error(len(side.samples.get(item.key, ()))) for side in (a, b)]
    variance = max(machine[0], _mixed(machine[0], square, count))  # a few figures that agree by chance prove no quiet
    width = min(ERRORS * _prior(item) * math.sqrt(variance * math.fsum(errors)), _WIDEST)
    return Band(math.expm1(width) if item.scale == "ratio" else width, max(count, machine[1]))


def _squared_error(count: int) -> float:
    """Of the figure of `count` samples, in units of the variance of one."""
    return 1 / max(count, 1) if count < 3 else MIDDLE_ERROR**2 / count


def _prior(item: Metric) -> float:
    """The spread that gives the assumed band for two single figures."""
    assumed = math.log1p(item.assumed) if item.scale == "ratio" else item.assumed
    return assumed / (ERRORS * math.sqrt(2))


def _mixed(prior: float, square: float, count: int) -> float:
    """A variance that was seen in `count` repeats, mixed with one that was not seen."""
    return (PRIOR * prior + square) / (PRIOR + count)


def _spread(item: Metric, a: Side, b: Side) -> tuple[float, int]:
    """Sum of squares of the repeats, in units of the assumed variance, and their number."""
    apart = []
    for side in (a, b):
        figures = _scaled(item, side.repeats.get(item.key, ()))
        # Differences of neighbours, not deviations from the mean: a lasting step in the history is not noise.
        apart += [abs(after - before) for before, after in pairwise(figures)]
    most = OUTLIER * max(statistics.median(apart), _prior(item)) if apart else 0.0
    return math.fsum(min(one, most) ** 2 for one in apart) / 2 / _prior(item) ** 2, len(apart)

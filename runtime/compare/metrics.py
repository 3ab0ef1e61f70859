"""What is compared: the figures of a run by the names that steps give them, and what each needs to be comparable."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dsimport.compiler.plan import Value

__all__ = ["METRICS", "Metric", "figures_of_data", "figures_of_values", "metric"]


@dataclass(frozen=True)
class Metric:
    """One figure.

    better: which way is better. scale: `ratio` compares quotients of positive figures, `points` differences of shares
    (0 to 1). assumed: the noise band taken where no run was repeated: a share of the figure for `ratio`, a difference
    for `points`. step: the figure is a count and moves by this much at least. speed: what another toolchain measures
    is another thing. noise: metrics of one kind vary alike: averages of times; the fastest of many queries, which other
    work on the machine moves less; a cost relative to that of a fixed network. same: settings that must be equal on
    both sides.
    """

    key: str
    title: str
    unit: str
    better: Literal["higher", "lower"] = "higher"
    scale: Literal["ratio", "points"] = "ratio"
    assumed: float = 0.05
    step: float = 0.0
    speed: bool = True
    noise: Literal["average", "fastest", "relative"] = "average"
    same: tuple[str, ...] = ()


def _relative(key: str, title: str, same: tuple[str, ...] = ()) -> Metric:
    return Metric(key, title, "yardsticks", "lower", noise="relative", same=same)


METRICS = (
    Metric("images_per_s", "throughput, largest batch", "img/s"),
    Metric("bsmax.gpu_mean_ms", "compute mean, largest batch", "ms", "lower", same=("max_batch",)),
    Metric("bsmax.gpu_min_ms", "compute, fastest, largest batch", "ms", "lower", noise="fastest", same=("max_batch",)),
    _relative("bsmax.yardsticks", "cost of a query, largest batch", same=("max_batch",)),
    Metric("bsmax.gpu_p99_ms", "compute p99, largest batch", "ms", "lower", assumed=0.1, same=("max_batch",)),
    Metric("b1.qps", "throughput, batch 1", "qps"),
    Metric("b1.gpu_mean_ms", "compute mean, batch 1", "ms", "lower"),
    Metric("b1.gpu_min_ms", "compute, fastest, batch 1", "ms", "lower", noise="fastest"),
    _relative("b1.yardsticks", "cost of a query, batch 1"),
    Metric("b1.gpu_p99_ms", "compute p99, batch 1", "ms", "lower", assumed=0.1),
    Metric("peak_gpu_streams", "streams the engine could feed", "streams", step=1, same=("benchmark.target_fps",)),
    Metric("run1.total_fps", "pipeline run 1, all streams", "img/s", same=("benchmark.video",)),
    Metric("run2.total_fps", "pipeline run 2, all streams", "img/s", same=("benchmark.video", "benchmark.target_fps")),
    Metric(
        "kitti.rate",
        "frames with a detection",
        "%",
        scale="points",
        assumed=0.005,
        speed=False,
        same=("pipeline.video", "pipeline.frames"),
    ),
    Metric("verify.rate", "boxes that verify", "%", scale="points", assumed=0.005, speed=False),
)


def metric(key: str) -> Metric | None:
    """The metric of this name."""
    return next((item for item in METRICS if item.key == key), None)


def figures_of_values(values: Mapping[str, Value]) -> dict[str, float]:
    """Figures by metric, and `max_batch`, from the values that steps gave. What was not measured is left out."""
    batch = values.get("max_batch")
    retried = values.get("run2_retry.total_fps") is not None
    names = {item.key: item.key.replace("bsmax.", f"peak.b{batch}.") for item in METRICS}
    names["run2.total_fps"] = "run2_retry.total_fps" if retried else "run2.total_fps"
    names["max_batch"] = "max_batch"
    return _usable({key: values.get(name) for key, name in names.items()})


def figures_of_data(data: Mapping[str, Any]) -> dict[str, float]:
    """The same from a `benchmark_data.json`, whatever is in it."""
    places = {
        "images_per_s": ("trtexec", "bsmax", "imgs_per_sec"),
        "bsmax.gpu_mean_ms": ("trtexec", "bsmax", "gpu_mean_ms"),
        "bsmax.gpu_min_ms": ("trtexec", "bsmax", "spread", "min_ms"),
        "bsmax.gpu_p99_ms": ("trtexec", "bsmax", "p99_ms"),
        "bsmax.yardsticks": ("trtexec", "bsmax", "yardsticks"),
        "b1.qps": ("trtexec", "bs1", "qps"),
        "b1.gpu_mean_ms": ("trtexec", "bs1", "gpu_mean_ms"),
        "b1.gpu_min_ms": ("trtexec", "bs1", "spread", "min_ms"),
        "b1.gpu_p99_ms": ("trtexec", "bs1", "p99_ms"),
        "b1.yardsticks": ("trtexec", "bs1", "yardsticks"),
        "peak_gpu_streams": ("peak_gpu_streams",),
        "run1.total_fps": ("deepstream", "run1", "total_fps"),
        "run2.total_fps": ("deepstream", "run2", "total_fps"),
        "kitti.rate": ("kitti", "rate"),
        "verify.rate": ("verify", "rate"),
        "max_batch": ("max_bs",),
    }
    return _usable({key: _at(data, place) for key, place in places.items()})


def _at(data: Any, place: tuple[str, ...]) -> Any:
    for name in place:
        data = data.get(name) if isinstance(data, dict) else None
    return data


def _usable(found: Mapping[str, Any]) -> dict[str, float]:
    """Numbers that can be compared: finite, and above zero where quotients are taken."""
    usable = {}
    for key, value in found.items():
        known = metric(key)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            continue
        try:
            number = float(value)
        except OverflowError:
            continue
        if math.isfinite(number) and (number > 0 or (number == 0 and known is not None and known.scale == "points")):
            usable[key] = number
    return usable

"""The chart of a sweep: engines measured, the curve through them, and where the target rate is."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from dsimport.runtime.report.charts import LABEL_SIZE, NAVY, RED, TEAL, chart_png
from dsimport.runtime.sweep.search import Sweep

__all__ = ["draw_sweep"]

STEPS = 200


def draw_sweep(data: Mapping[str, Any], found: Sweep) -> bytes:
    """The chart as PNG, in the style of the report's. ImportError without matplotlib."""
    cpu = data["toolchain"] == "reference"
    where = "CPU figures, not TensorRT" if cpu else "TensorRT and DeepStream"
    return chart_png(data["model_name"], where, partial(_draw, found, float(data["target_fps"])))


def _draw(found: Sweep, target: float, axes: Any) -> str:
    batches = [point.batch for point in found.points]
    rates = [point.images_per_s for point in found.points]
    largest = max(batches)
    along = [1 + (largest - 1) * step / STEPS for step in range(STEPS + 1)]
    curve = [found.curve.images_per_s(batch) for batch in along]
    axes.plot(along, curve, color=NAVY, linewidth=1.5, label=f"{found.curve.kind} curve")
    axes.plot(batches, rates, color=NAVY, marker="o", markersize=9, linestyle="", label="engine alone")
    ends = [1, largest]
    axes.plot(ends, [target * batch for batch in ends], color=RED, linestyle="--", label=f"{target:g} fps per stream")
    for run in found.runs:
        axes.plot([run.streams], [run.total_fps], color=TEAL, marker="s", markersize=10, linestyle="")
        text = f"{run.streams} x {run.fps_per_stream:,.1f} fps"
        axes.annotate(text, (run.streams, run.total_fps), xytext=(10, -14), textcoords="offset points", fontsize=11)
    axes.set_xlabel("batch, and streams of the pipeline runs (squares)", fontsize=LABEL_SIZE)
    axes.set_ylabel("images per second", fontsize=LABEL_SIZE)
    axes.set_ylim(0, 1.25 * max(*rates, *(run.total_fps for run in found.runs), 1.0))
    axes.legend(loc="upper left", fontsize=12)
    best = found.best
    return "sweep: no run reached the target" if best is None else f"sweep: best is batch {best.batch}"

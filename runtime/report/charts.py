"""The five charts: fixed names, 10 x 6 inches at 150 dpi, the same bytes for the same data.

A chart with nothing to show is drawn all the same and says so: a missing file would look like a fault.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from dsimport.compiler.escape import single_line
from dsimport.compiler.layout import CHARTS
from dsimport.runtime.report.schema import BenchmarkData

__all__ = ["LABEL_SIZE", "NAVY", "RED", "TEAL", "chart_png", "draw_charts"]

SIZE_INCHES = (10, 6)
DPI = 150
NAVY, BLUE, TEAL, AMBER, RED, GREY = "#283593", "#5c6bc0", "#00897b", "#ef6c00", "#c62828", "#546e7a"
LABEL_SIZE = 13
MAX_TEXT = 80  # characters that fit the width


def draw_charts(data: BenchmarkData) -> dict[str, bytes]:
    """PNG files by name. ImportError without matplotlib."""
    drawers = (_latency, _throughput, _streams, _comparison, _efficiency)
    charts = zip(CHARTS, drawers, strict=True)
    return {name: chart_png(data.model_name, _where(data), partial(draw, data)) for name, draw in charts}


def chart_png(model_name: str, where: str, draw: Callable[[Any], str]) -> bytes:
    """One chart as PNG. where: what was measured on; draw: fills the axes and gives the second line of the title."""
    import matplotlib

    # Whatever a user's own matplotlibrc says, charts look the same.
    with matplotlib.rc_context(matplotlib.rcParamsDefault):
        return _png(model_name, where, draw)


def _png(model_name: str, where: str, draw: Callable[[Any], str]) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE_INCHES, dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    subtitle = draw(axes)
    title = f"{_short(model_name)}\n{subtitle}"
    axes.set_title(title, fontsize=15, fontweight="bold", color=NAVY, pad=14, parse_math=False)
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.tight_layout(rect=(0, 0.04, 1, 1))
    figure.text(0.99, 0.015, _short(where), ha="right", fontsize=10, color=GREY, parse_math=False)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=DPI, metadata={"Software": None})
    return out.getvalue()


def _where(data: BenchmarkData) -> str:
    """What the figures were measured on: a chart may be seen without its report."""
    if data.toolchain == "reference":
        return f"CPU figures, not TensorRT: {data.system.processor or 'reference toolchain'}"
    return f"TensorRT and DeepStream on {data.system.gpu or 'a GPU that is not on record'}"


def _short(text: str) -> str:
    """Text for a chart: one line, of the letters that its font has."""
    text = single_line(text).encode("latin-1", "replace").decode("latin-1")
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def _latency(data: BenchmarkData, axes: Any) -> str:
    rows = [bench for bench in (data.trtexec.bs1, data.trtexec.bsmax) if bench.qps is not None]
    bars = [(f"batch {bench.batch}", bench.qps or 0.0) for bench in rows]
    _bars(axes, bars, (BLUE, NAVY), "queries per second (one query is one batch)", "trtexec was not run")
    return "trtexec: batch 1 and the largest batch"


def _throughput(data: BenchmarkData, axes: Any) -> str:
    rows = [bench for bench in (data.trtexec.bs1, data.trtexec.bsmax) if bench.imgs_per_sec is not None]
    bars = [(f"batch {bench.batch}", bench.imgs_per_sec or 0.0) for bench in rows]
    _bars(axes, bars, (BLUE, NAVY), "images per second", "trtexec was not run")
    fps = float(data.settings["benchmark.target_fps"])
    if bars and data.peak_gpu_streams is not None:
        text = f"{data.peak_gpu_streams} streams x {fps:g} fps"
        _line(axes, data.peak_gpu_streams * fps, TEAL, text)
    return "trtexec: throughput, and the streams it could feed"


def _streams(data: BenchmarkData, axes: Any) -> str:
    runs = [(run.streams or 0, run.fps_per_stream or 0.0, name) for name, run in data.deepstream.named()]
    fps = float(data.settings["benchmark.target_fps"])
    if not runs:
        _nothing(axes, "deepstream-app was not run")
        return "pipeline: frame rate per stream"
    runs.sort()
    counts, rates = [count for count, _, _ in runs], [rate for _, rate, _ in runs]
    axes.plot(counts, rates, color=NAVY, marker="o", markersize=9, linewidth=2)
    for count, rate, name in runs:
        # Beside the point: runs with the same number of streams stand one above the other.
        place = {"xytext": (12, 0), "textcoords": "offset points", "va": "center"}
        axes.annotate(f"{rate:,.1f} ({name})", (count, rate), fontsize=12, fontweight="bold", **place)
    axes.set_xticks(sorted(set(counts)))
    spread = max(counts) - min(counts) or 2
    axes.set_xlim(min(counts) - 0.1 * spread, max(counts) + 0.3 * spread)
    axes.set_ylim(0, max(*rates, fps) * 1.25)
    axes.set_xlabel("streams (= batch size)", fontsize=LABEL_SIZE)
    axes.set_ylabel("frames per second and stream", fontsize=LABEL_SIZE)
    _line(axes, fps, RED, f"target {fps:g} fps")
    return "pipeline: frame rate per stream"


def _comparison(data: BenchmarkData, axes: Any) -> str:
    bars, colors = [], []
    bench = data.trtexec.bsmax
    if bench.imgs_per_sec is not None:
        bars.append((f"trtexec\nbatch {bench.batch}", bench.imgs_per_sec))
        colors.append(NAVY)
    for name, run in data.deepstream.named():
        bars.append((f"{name}\n{run.streams} stream{'s' if run.streams != 1 else ''}", run.total_fps or 0.0))
        colors.append(TEAL)
    _bars(axes, bars, colors, "images per second, all streams", "neither trtexec nor deepstream-app was run")
    return "trtexec and pipeline"


def _efficiency(data: BenchmarkData, axes: Any) -> str:
    peak = data.trtexec.bsmax.imgs_per_sec
    runs = data.deepstream.named() if peak else []
    bars = [(name, 100 * (run.total_fps or 0.0) / (peak or 1.0)) for name, run in runs]
    empty = "needs a trtexec and a deepstream-app run"
    _bars(axes, bars, (TEAL, AMBER, GREY), "pipeline total / trtexec total, %", empty, "{:.1f} %")
    if bars:
        axes.set_ylim(0, max(120.0, 1.15 * max(height for _, height in bars)))
        _line(axes, 100.0, RED, "100 %")
    return "efficiency of the pipeline"


def _bars(
    axes: Any,
    bars: Sequence[tuple[str, float]],
    colors: Sequence[str],
    label: str,
    empty: str,
    value: str = "{:,.1f}",
) -> None:
    if not bars:
        _nothing(axes, empty)
        return
    places = list(range(len(bars)))
    drawn = axes.bar(places, [height for _, height in bars], width=0.5, color=list(colors)[: len(bars)])
    axes.bar_label(drawn, [value.format(height) for _, height in bars], padding=4, fontsize=13, fontweight="bold")
    axes.set_xticks(places, [name for name, _ in bars], fontsize=LABEL_SIZE)
    axes.set_xlim(-0.75, len(bars) - 0.25)
    axes.set_ylim(0, 1.15 * max(height for _, height in bars) or 1.0)
    axes.set_ylabel(label, fontsize=LABEL_SIZE)


def _line(axes: Any, height: float, color: str, text: str) -> None:
    axes.axhline(height, color=color, linestyle="--", linewidth=1.8, label=text)
    axes.set_ylim(0, max(axes.get_ylim()[1], height * 1.15))
    axes.legend(loc="upper right", fontsize=12, frameon=True, framealpha=0.95)


def _nothing(axes: Any, why: str) -> None:
    axes.text(0.5, 0.5, f"Nothing to show: {why}", ha="center", va="center", fontsize=16, color=GREY)
    axes.set_xticks([])
    axes.set_yticks([])

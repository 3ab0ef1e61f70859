"""Figures drawn as SVG text: no script, no style sheet needed, the same for the same data.

Colours stand in attributes, since not every reader of SVG applies a page's style sheet; the classes `ink`, `faint` and
`rule` let a page in dark colours turn text and lines around.
"""

from __future__ import annotations

from collections.abc import Sequence

from dsimport.compiler.escape import html_text
from dsimport.runtime.report.schema import Bench, BenchmarkData

__all__ = ["latency_svg", "timeline_svg"]

WIDTH = 640
INK, FAINT, RULE = "#212121", "#455a64", "#c5cae9"
KINDS = {
    "engine": "#283593",
    "bench": "#5c6bc0",
    "ds-run": "#00897b",
    "verify": "#6d4c41",
    "kitti": "#ad6800",
    "visual": "#ad6800",
}
OTHER = "#607d8b"
ROW, LEFT, RIGHT = 26, 128, 72


def timeline_svg(data: BenchmarkData) -> str | None:
    """The steps one below the other, each where it began after those before it; None without one."""
    rows = [(step.id, step.kind, step.seconds or 0.0) for step in data.steps if step.state == "ok"]
    total = sum(seconds for _, _, seconds in rows)
    if not rows or total <= 0:
        return None
    room = WIDTH - LEFT - RIGHT
    parts = []
    before = 0.0
    for index, (name, kind, seconds) in enumerate(rows):
        y = index * ROW
        start = LEFT + room * before / total
        width = max(1.5, room * seconds / total)
        parts.append(_rect(start, y + 5, width, ROW - 10, KINDS.get(kind, OTHER)))
        parts.append(_text(LEFT - 10, y + 18, name, anchor="end"))
        parts.append(_text(start + width + 6, y + 18, f"{seconds:,.1f} s", faint=True))
        before += seconds
    label = f"Seconds of each step, one after the other; {total:,.1f} s in all"
    return _svg(len(rows) * ROW + 6, label, parts)


def latency_svg(data: BenchmarkData) -> str | None:
    """Compute time of a query at batch 1 and at the largest batch, each on a scale of its own from 0 to its maximum:
    the range, the median and mean, the 99th percentile. None where no log tells it."""
    benches = [bench for bench in (data.trtexec.bs1, data.trtexec.bsmax) if bench.spread is not None]
    if not benches:
        return None
    parts: list[str] = []
    for index, bench in enumerate(benches):
        parts += _spread_rows(bench, index * 84)
    label = "Compute time of one query: minimum to maximum, median, mean and 99th percentile"
    return _svg(len(benches) * 84 + 4, label, parts)


def _spread_rows(bench: Bench, top: int) -> list[str]:
    spread = bench.spread
    if spread is None:
        return []
    room = WIDTH - LEFT - RIGHT
    scale = room / (spread.max_ms or 1.0)
    low, high = LEFT + spread.min_ms * scale, LEFT + spread.max_ms * scale
    y = top + 40
    marks = [("median", spread.median_ms, "#283593"), ("mean", spread.mean_ms, "#00897b")]
    if spread.p99_ms is not None:
        marks.append(("p99", spread.p99_ms, "#c62828"))
    rows = [
        _text(LEFT - 10, y + 5, f"batch {bench.batch}", anchor="end"),
        _line(LEFT, y + 16, LEFT + room, y + 16),
        _rect(low, y - 9, max(2.0, high - low), 18, "#9fa8da"),
    ]
    rows += [_rect(LEFT + value * scale - 1.5, y - 14, 3, 28, color) for _, value, color in marks]
    words = [f"min {spread.min_ms:.3g}", *(f"{name} {value:.3g}" for name, value, _ in marks)]
    rows.append(_text(LEFT, top + 18, f"{', '.join(words)}, max {spread.max_ms:.3g} ms", faint=True))
    rows.append(_text(LEFT, y + 32, "0", faint=True))
    rows.append(_text(LEFT + room, y + 32, f"{spread.max_ms:.3g} ms", anchor="end", faint=True))
    return rows


def _svg(height: int, label: str, parts: Sequence[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        f'role="img" aria-label="{html_text(label)}">'
    )
    return f"{head}{''.join(parts)}</svg>"


def _rect(x: float, y: float, width: float, height: float, color: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{color}"/>'


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="rule" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{RULE}"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start", faint: bool = False) -> str:
    style, color = ("faint", FAINT) if faint else ("ink", INK)
    return (
        f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" fill="{color}" font-size="15" text-anchor="{anchor}" '
        f'font-family="DejaVu Sans, Arial, sans-serif">{html_text(text)}</text>'
    )

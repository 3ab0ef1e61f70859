"""A comparison for people, for pull requests and for programs: the same rows in three forms."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dsimport.compiler.escape import markdown_text, single_line
from dsimport.runtime.compare.judge import Comparison, Side, moved_settings

__all__ = ["COMPARISON_FORMAT", "Shown", "comparison_document", "comparison_markdown", "comparison_text"]

COMPARISON_FORMAT = 1
_HEADINGS = ("metric", "A", "B", "difference", "noise", "verdict")
_MAX_SETTINGS = 12
_MAX_VALUE = 60  # characters of a setting's value


@dataclass(frozen=True)
class Shown:
    """What is shown: both sides, the rows, and those of them that `--fail-on` does not allow."""

    a: Side
    b: Side
    compared: Sequence[Comparison]
    failed: Sequence[Comparison] = ()


def comparison_text(shown: Shown) -> str:
    """A table for a terminal, and what has to be known about it."""
    rows = [_HEADINGS, *(_cells(item) for item in shown.compared)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = [f"{name}: {_origin(side)}" for name, side in (("A", shown.a), ("B", shown.b))] + [""]
    for row in rows:
        first, *numbers, verdict = (cell.ljust(widths[0]) if i == 0 else cell for i, cell in enumerate(row))
        aligned = [cell.rjust(width) for cell, width in zip(numbers, widths[1:-1], strict=True)]
        lines.append("  ".join((first, *aligned, verdict)).rstrip())
    notes = _notes(shown)
    return "\n".join([*lines, "", *notes, _summary(shown)]) + "\n"


def comparison_markdown(shown: Shown) -> str:
    """A section for a pull request. Names and settings come from untrusted files and are escaped."""
    lines = [f"### {_summary(shown)}", ""]
    lines += [f"- {name}: {markdown_text(_origin(side))}" for name, side in (("A", shown.a), ("B", shown.b))]
    lines += ["", f"| {' | '.join(_HEADINGS)} |", "|---|---:|---:|---:|---:|---|"]
    for item in shown.compared:
        *cells, verdict = (markdown_text(cell) for cell in _cells(item))
        strong = f"**{verdict}**" if item.verdict in ("worse", "better") else verdict
        lines.append(f"| {' | '.join((*cells, strong))} |")
    return "\n".join([*lines, "", *(f"- {markdown_text(note)}" for note in _notes(shown))]) + "\n"


def comparison_document(shown: Shown) -> dict[str, Any]:
    """Plain data. `change` and, for quotients, `noise` are shares of A's figure; `repeats` 0: the noise is assumed."""
    return {
        "format": COMPARISON_FORMAT,
        "a": _side(shown.a),
        "b": _side(shown.b),
        "metrics": [_entry(item, shown) for item in shown.compared],
        "settings": {name: list(pair) for name, pair in moved_settings(shown.a, shown.b).items()},
        "counts": dict(sorted(Counter(item.verdict for item in shown.compared).items())),
        "failed": [item.metric.key for item in shown.failed],
    }


def _side(side: Side) -> dict[str, Any]:
    runs = {key: len(figures) for key, figures in side.samples.items()}
    return {"name": side.label, "toolchain": side.toolchain, "hardware": side.hardware, "runs": runs}


def _entry(item: Comparison, shown: Shown) -> dict[str, Any]:
    return {
        "key": item.metric.key,
        "title": item.metric.title,
        "unit": item.metric.unit,
        "better": item.metric.better,
        "a": item.a,
        "b": item.b,
        "difference": item.difference,
        "change": item.change,
        "noise": None if item.band is None else item.band.width,
        "repeats": None if item.band is None else item.band.repeats,
        "verdict": item.verdict,
        "why": item.why,
        "failed": item in shown.failed,
    }


def _cells(item: Comparison) -> tuple[str, ...]:
    metric = item.metric
    verdict = {"same": "same within noise"}.get(item.verdict, item.verdict)
    if item.why:
        verdict += f": {single_line(item.why)}"
    return (
        f"{metric.title}, {metric.unit}",
        _figure(item, item.a),
        _figure(item, item.b),
        _difference(item),
        _noise(item),
        verdict,
    )


def _figure(item: Comparison, value: float | None) -> str:
    if value is None:
        return "–"
    if item.metric.scale == "points":
        return f"{value * 100:.1f}"
    if item.metric.step and value == int(value):
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:.3g}"


def _difference(item: Comparison) -> str:
    if item.difference is None:
        return "–"
    if item.metric.scale == "points":
        return f"{item.difference * 100:+.1f} points"
    share = "" if item.change is None else f" ({item.change:+.1%})"
    text = _figure(item, abs(item.difference))
    return f"{'-' if item.difference < 0 else '+'}{text}{share}"


def _noise(item: Comparison) -> str:
    if item.band is None:
        return "–"
    width = f"±{item.band.width * 100:.1f}"
    return f"{width}{' points' if item.metric.scale == 'points' else '%'}{'' if item.band.repeats else ' *'}"


def _origin(side: Side) -> str:
    parts = [single_line(side.label), f"toolchain {single_line(side.toolchain) or 'unknown'}"]
    runs = max((len(figures) for figures in side.samples.values()), default=0)
    if runs > 1:
        parts.append(f"the middle of up to {runs} runs")
    return ", ".join([*parts, single_line(side.hardware) or "hardware not recorded"])


def _notes(shown: Shown) -> list[str]:
    """What must not be overlooked: unlike machines, assumed noise, settings that moved."""
    notes = []
    a, b = shown.a, shown.b
    if a.toolchain != b.toolchain:
        notes.append("Figures of different toolchains are different things: only what is no speed is compared.")
    elif "reference" in (a.toolchain, b.toolchain):
        notes.append("Speeds are those of a CPU, not of TensorRT.")
        if any(item.metric.noise == "relative" for item in shown.compared):
            notes.append("Yardsticks: the CPU time of a query over that of a fixed network that took turns with it.")
    if a.hardware and b.hardware and a.hardware != b.hardware:
        notes.append("The hardware differs.")
    if any(item.band is not None and not item.band.repeats for item in shown.compared):
        notes.append("* No run was repeated, so the noise is unknown: this band is assumed.")
        notes.append("dsimport apply RECIPE --again STEP repeats a measurement.")
    moved = list(moved_settings(a, b).items())
    for name, (old, new) in moved[:_MAX_SETTINGS]:
        notes.append(f"setting {single_line(name)}: {_value(old)} → {_value(new)}")
    if len(moved) > _MAX_SETTINGS:
        notes.append(f"and {len(moved) - _MAX_SETTINGS} more settings")
    return notes


def _value(value: Any) -> str:
    text = single_line(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= _MAX_VALUE else text[: _MAX_VALUE - 1] + "…"


def _summary(shown: Shown) -> str:
    counts: Counter[str] = Counter(item.verdict for item in shown.compared)
    words = {"worse": "worse", "better": "better", "same": "same within noise", "not comparable": "not comparable"}
    told = ", ".join(f"{counts[key]} {word}" for key, word in words.items() if counts[key]) or "nothing to compare"
    return f"Comparison: {told}" + (f"; not allowed: {len(shown.failed)}" if shown.failed else "")

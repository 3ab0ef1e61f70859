"""`benchmark_report.md`: twelve sections, every value escaped, no placeholder possible."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from dsimport.compiler.escape import shell_word, single_line
from dsimport.compiler.plan import Plan, Value, fill
from dsimport.compiler.templating import Raw, render
from dsimport.runtime.steps.visual import MODES

__all__ = ["report_markdown"]

UNKNOWN = "not measured"


def report_markdown(plan: Plan, data: Mapping[str, Any], values: Mapping[str, Value]) -> str:
    """The report's Markdown source."""
    settings = data["settings"]
    shapes = [(name, " x ".join(map(str, shape))) for name, shape in settings["model.outputs"].items()]
    visual = data["visual"]
    return render(
        "markdown",
        "report/benchmark_report.md.j2",
        d=data,
        s=settings,
        outputs=shapes,
        mean=", ".join(f"{value:g}" for value in settings["preprocess.mean"]),
        std=", ".join(f"{value:g}" for value in settings["preprocess.std"]),
        visual=MODES[visual["mode"]] if visual else "not run",
        total_seconds=math.fsum(data["seconds"].values()),
        commands=_commands(plan, values, data["seconds"]),
        number=_number,
        known=_known,
        percent=lambda value: f"{value:.1%}",
        megabytes=lambda value: UNKNOWN if value is None else f"{value / 1e6:.1f} MB",
        efficiency=lambda total: _efficiency(total, data["trtexec"]["bsmax"]["imgs_per_sec"]),
    )


def _commands(plan: Plan, values: Mapping[str, Value], ran: Mapping[str, float]) -> list[Raw]:
    """The commands of the steps that ran, as shell text in an indented code block, which Markdown takes literally."""
    lines = []
    for step in plan.steps:
        words = [fill(word, values) for word in step.argv or ()]
        if step.id in ran and words and None not in words:
            lines.append(Raw(single_line(" ".join(shell_word(str(word)) for word in words))))
    return lines


def _number(value: float | None) -> str:
    if value is None:
        return UNKNOWN
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:.3g}"


def _known(value: Any, otherwise: str = UNKNOWN) -> str:
    return otherwise if value is None else str(value)


def _efficiency(total: float | None, peak: float | None) -> str:
    return UNKNOWN if total is None or not peak else f"{total / peak:.1%}"

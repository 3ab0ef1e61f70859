"""The last lines of an apply: what a person wanted to know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dsimport.compiler.escape import shell_word, single_line
from dsimport.runtime.streams import RUNS, carried_streams

if TYPE_CHECKING:
    from dsimport.compiler.plan import Plan, Value
    from dsimport.runtime.apply import ApplyResult

__all__ = ["closing_lines", "streams_text"]


def closing_lines(plan: Plan, result: ApplyResult) -> str:
    """How far it got; after a whole run also the figures and the report's path, after a part of one what goes on."""
    lines = [f"{plan.name}: {result.summary()}"]
    values = result.values
    for step in plan.steps:
        if step.id in result.ended:
            lines.append(f"the doubling ended early: {step.id} failed ({values.get(str(step.may_fail))})")
    if result.exit_code == 0 and result.not_started:
        rest = f"{len(result.not_started)} of {len(plan.steps)} steps are left"
        lines.append(f"{rest}: dsimport apply {shell_word(single_line(plan.recipe))} goes on")
    elif result.exit_code == 0 and values.get("images_per_s") is not None:
        figures = [
            streams_text(values, float(plan.settings["benchmark.target_fps"].value)),
            f"{_number(values, 'images_per_s'):,.1f} img/s (batch {values.get('max_batch')})",
            f"{_number(values, 'b1.gpu_mean_ms'):.1f} ms at batch 1",
        ]
        if values.get("kitti.frames") is not None:
            figures.append(f"detections in {values['kitti.frames_with_detections']}/{values['kitti.frames']} frames")
        if values.get("verify.boxes") is not None:
            figures.append(f"verify {values['verify.matched']}/{values['verify.boxes']} boxes")
        where = "on this CPU, not TensorRT" if plan.toolchain == "reference" else "TensorRT"
        lines.append(f"{'   '.join(figures)}   ({where})")
        lines.append(f"report: {plan.home}/reports/benchmark_report.md")
    return "\n".join(lines) + "\n"


def streams_text(values: Mapping[str, Value], target_fps: float) -> str:
    """The most streams that a run carried at the target rate; where none did, the rate that was seen instead."""
    carried = carried_streams(values, target_fps)
    if carried:
        return f"{carried} stream{'s' if carried > 1 else ''} at {target_fps:g} fps"
    if carried is not None:
        rates = {run: _number(values, f"{run}.fps_per_stream") for run in RUNS if f"{run}.fps_per_stream" in values}
        run, rate = max(rates.items(), key=lambda item: item[1])
        count = int(_number(values, f"{run}.streams"))
        return f"no stream at {target_fps:g} fps ({count} at {rate:.1f})"
    return "streams not measured"


def _number(values: Mapping[str, Value], name: str) -> float:
    value = values.get(name)
    return float(value) if isinstance(value, (int, float)) else 0.0

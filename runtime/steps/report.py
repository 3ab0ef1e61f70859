"""Step `report`: `benchmark_data.json` and `benchmark_report.md`."""

from __future__ import annotations

import json

from dsimport.runtime.atomic import write_text
from dsimport.runtime.records import load_state
from dsimport.runtime.report.data import collect
from dsimport.runtime.report.markdown import report_markdown
from dsimport.runtime.steps.base import Context, Outcome

__all__ = ["run"]


def run(context: Context) -> Outcome:
    """Write both from what the steps gave."""
    folder = context.root / context.step.params["folder"]
    data = collect(context.plan, context.root, context.values, _seconds(context))
    write_text(folder / "benchmark_data.json", json.dumps(data, indent=1, ensure_ascii=False) + "\n")
    write_text(folder / "benchmark_report.md", report_markdown(context.plan, data, context.values))
    return Outcome({}, f"{context.step.params['folder']}/benchmark_report.md")


def _seconds(context: Context) -> dict[str, float]:
    """How long each step took when it last ran, in the order of the plan."""
    state = load_state(context.root / context.plan.home)
    records = {} if state is None else state.steps
    ran = (records[step.id] for step in context.plan.steps if step.id in records)
    return {record.id: record.seconds for record in ran if record.status == "ok"}

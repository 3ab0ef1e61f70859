"""Step `report`: data, charts and documents of what the steps gave."""

from __future__ import annotations

from collections.abc import Sequence

from dsimport.compiler.record import ModelState
from dsimport.runtime.records import load_state
from dsimport.runtime.report.pdf import PDF_TIMEOUT_S
from dsimport.runtime.report.write import write_report
from dsimport.runtime.steps.base import Context, Finished, Outcome

__all__ = ["run"]


def run(context: Context) -> Outcome:
    """Write the report; what cannot be made here is a warning."""
    params = context.step.params
    state = load_state(context.root / context.plan.home) or ModelState()
    folder = context.root / params["folder"]

    def convert(argv: Sequence[str]) -> Finished:
        return context.run(argv, append=True, timeout_s=PDF_TIMEOUT_S, ok=range(-64, 256))

    written = write_report(context.plan, context.root, folder, state, params["formats"], convert, fresh=True)
    for warning in written.warnings:
        context.warn(warning)
    shown = [name for name in written.files if not name.startswith("charts/")]
    return Outcome({}, f"{params['folder']}/: {', '.join(shown)}, {len(written.files) - len(shown)} charts")

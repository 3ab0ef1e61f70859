"""The step that writes down what was measured."""

from __future__ import annotations

from dsimport.compiler.layout import Layout
from dsimport.compiler.model import Model
from dsimport.compiler.plan import Step

__all__ = [
    "report",
]


def report(model: Model) -> Step:
    """What was measured, for programs and for people."""
    layout = Layout(model.name)
    folder = f"{layout.home}/reports"
    return Step(
        id="report",
        kind="report",
        title=", ".join(model.report.formats),
        outputs=(f"{folder}/benchmark_data.json", f"{folder}/benchmark_report.md"),
        params={"folder": folder, "formats": list(model.report.formats)},
    )

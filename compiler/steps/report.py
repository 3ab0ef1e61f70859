"""The step that writes down what was measured."""

from __future__ import annotations

from dsimport.compiler.layout import CHARTS, Layout
from dsimport.compiler.model import Model
from dsimport.compiler.plan import Step

__all__ = [
    "report",
]

REPORT_TIMEOUT_S = 300


def report(model: Model) -> Step:
    """What was measured, for programs and for people. Data and Markdown are always written; what takes a library or a
    program that may not be there (charts, HTML, PDF) is left out with a warning."""
    layout = Layout(model.name)
    folder, formats = layout.report_folder, model.report.formats
    optional = [f"charts/{name}" for name in CHARTS]
    optional += ["benchmark_report.html"] if "html" in formats else []
    optional += [layout.report_pdf] if "pdf" in formats else []
    return Step(
        id="report",
        kind="report",
        title=", ".join(formats),
        outputs=(f"{folder}/benchmark_data.json", f"{folder}/benchmark_report.md"),
        leaves=tuple(f"{folder}/{name}" for name in optional),
        params={"folder": folder, "formats": list(formats)},
        # A converter that comes or changes is a reason to write the report again; that there is none is no error.
        tools=("wkhtmltopdf",) if "pdf" in formats else (),
        log=f"{folder}/report.log",
        timeout_s=REPORT_TIMEOUT_S,
    )

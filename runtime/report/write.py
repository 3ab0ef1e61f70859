"""Writing a report: data, charts, Markdown, HTML and PDF, in an order in which nothing is lost.

Data and Markdown need nothing but dsimport. What needs a library or program that is not here is left out with a
warning that says how to get it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dsimport.compiler.diagnostics import Diagnostic, Severity
from dsimport.compiler.escape import html_text, single_line
from dsimport.compiler.layout import CHARTS, Layout
from dsimport.compiler.plan import Plan
from dsimport.compiler.record import ModelState
from dsimport.compiler.templating import Raw
from dsimport.runtime.atomic import write_bytes, write_text
from dsimport.runtime.report.charts import draw_charts
from dsimport.runtime.report.data import collect
from dsimport.runtime.report.frames import contact_sheet
from dsimport.runtime.report.history import history_of
from dsimport.runtime.report.html import data_uri, figure, html_page, markdown_body, plate
from dsimport.runtime.report.markdown import report_markdown
from dsimport.runtime.report.pdf import RunProgram, makers, pdf_from
from dsimport.runtime.report.plangraph import plan_svg
from dsimport.runtime.report.schema import BenchmarkData, Pdf, data_text
from dsimport.runtime.report.svg import latency_svg, timeline_svg

__all__ = ["Written", "without", "write_report"]


@dataclass
class Written:
    """What a report consists of. files: names in its folder."""

    files: list[str] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)


def without(what: str, why: str) -> Diagnostic:
    """H0521: a part of the report that this installation cannot make."""
    return Diagnostic(
        "H0521",
        f"the report is written without {what}: {single_line(why)}",
        Severity.WARNING,
        help=(
            "pip install 'dsimport[report]', for PDF also apt-get install wkhtmltopdf",
            "then `dsimport report NAME` writes it whole, and measures nothing again",
        ),
    )


def write_report(
    plan: Plan, root: Path, folder: Path, state: ModelState, formats: Sequence[str], run: RunProgram, *, fresh: bool
) -> Written:
    """Write the report of `plan` into `folder`. DsimportError (H codes) when the disk does not allow it.

    state: the model's record. formats: html and pdf on top of what is always written. fresh: the time since now is
    that of the report's own step; otherwise the record's.
    """
    began = time.monotonic()
    written = Written()
    data = collect(plan, root, state)
    charts = _charts(data, folder, written)
    figures = _figures(plan, root, state, data) if {"html", "pdf"} & set(formats) else {}
    if fresh or "report" not in data.seconds:
        data = _timed(data, time.monotonic() - began)
    pages = _Pages(plan, root, folder, data, charts, figures)
    page = _pdf(pages, formats, run, written) if "pdf" in formats else None
    page = page or pages.of(None, "html" in formats, written)
    write_text(folder / "benchmark_data.json", data_text(page.data))
    write_text(folder / "benchmark_report.md", page.markdown)
    written.files[:0] = ["benchmark_data.json", "benchmark_report.md"]
    if "html" in formats and page.html is not None:
        write_text(folder / "benchmark_report.html", page.html)
        written.files.insert(2, "benchmark_report.html")
    return written


@dataclass(frozen=True)
class _Page:
    """One version of the documents: they say what made the PDF."""

    data: BenchmarkData
    markdown: str
    html: str | None = None
    paper: str | None = None


@dataclass(frozen=True)
class _Pages:
    """What the documents are made from."""

    plan: Plan
    root: Path
    folder: Path
    data: BenchmarkData
    charts: Mapping[str, bytes]
    figures: Mapping[str, Sequence[Raw]]

    def of(self, made_by: str | None, html: bool, written: Written) -> _Page:
        data = self.data.model_copy(update={"pdf": Pdf(made_by=made_by)})
        text = report_markdown(self.plan, data, self.root, self.folder, bool(self.charts))
        if not html:
            return _Page(data, text)
        try:
            body = markdown_body(text, self._picture, self.figures)
        except ImportError as error:
            written.warnings.append(without("HTML and PDF", str(error)))
            return _Page(data, text)
        title = f"Benchmark report: {data.model_name}"
        return _Page(data, text, html_page(title, body, "report"), html_page(title, body, "report", paper=True))

    def _picture(self, address: str) -> str | None:
        png = self.charts.get(address.removeprefix("charts/"))
        return None if png is None else data_uri("image/png", png)


def _timed(data: BenchmarkData, own: float) -> BenchmarkData:
    others = {step: seconds for step, seconds in data.seconds.items() if step != "report"}
    seconds = {**others, "report": round(own, 3)}
    return data.model_copy(update={"seconds": seconds, "total_seconds": round(sum(seconds.values()), 3)})


def _charts(data: BenchmarkData, folder: Path, written: Written) -> dict[str, bytes]:
    try:
        charts = draw_charts(data)
    except ImportError as error:
        written.warnings.append(without("charts", str(error)))
        return {}
    for name in CHARTS:
        write_bytes(folder / "charts" / name, charts[name])
        written.files.append(f"charts/{name}")
    return charts


def _figures(plan: Plan, root: Path, state: ModelState, data: BenchmarkData) -> dict[str, list[Raw]]:
    """Figures of the HTML and PDF only, by the section they end. SVG and JPEG: the charts stay the only PNG."""
    found: dict[str, list[Raw]] = {"5.": [], "7.": [], "11.": []}
    latency, timeline = latency_svg(data), timeline_svg(data)
    if latency is not None:
        caption = "Compute time of a query, each batch on a scale of its own, from trtexec's summary."
        found["5."].append(figure(latency, caption))
    sheet = contact_sheet(plan, root, Layout(plan.name).kitti_folder) if data.kitti is not None else None
    if sheet is not None:
        alt = "Frames of the clip with the detected boxes drawn"
        picture = f'<img src="{data_uri("image/jpeg", sheet)}" alt="{html_text(alt)}">'
        found["7."].append(figure(picture, f"{alt}, from the KITTI files."))
    if timeline is not None:
        found["11."].append(figure(timeline, "The steps in their order; the width is their share of the time."))
    picture = plan_svg(plan, history_of(plan, state).decisions)
    found["11."].append(
        figure(plate(picture), "The plan: steps, conditions and artifacts, coloured by what holds of them.")
    )
    return found


def _pdf(pages: _Pages, formats: Sequence[str], run: RunProgram, written: Written) -> _Page | None:
    """The documents after a PDF was made, by the first converter that can; None without one."""
    name = Layout(pages.plan.name).report_pdf
    why = "neither wkhtmltopdf with pdfkit nor WeasyPrint is here"
    for maker in makers():
        page = pages.of(maker.version, True, written)
        if page.paper is None:
            return None  # said already
        failed = pdf_from(page.paper, pages.folder / name, maker, run)
        if failed is None:
            written.files.append(name)
            return page
        why = failed
    written.warnings.append(without("PDF", why))
    return None

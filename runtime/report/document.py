"""Any Markdown file as a page and a PDF in the style of the reports: for design notes."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.compiler.escape import single_line
from dsimport.runtime.atomic import host_error, write_text
from dsimport.runtime.report.html import Drawer, data_uri, html_page, markdown_body
from dsimport.runtime.report.mermaid import mermaid_svg
from dsimport.runtime.report.pdf import RunProgram, makers, pdf_from
from dsimport.runtime.report.write import Written, without

__all__ = ["write_document"]

MAX_BYTES = 8 * 1024 * 1024
PICTURES = {
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}
# Code blocks that are drawn, by their language.
DRAWERS: Mapping[str, Drawer] = {"mermaid": mermaid_svg}


def write_document(source: Path, folder: Path, formats: Sequence[str], run: RunProgram) -> Written:
    """Write `<name>.html` and `<name>.pdf` of a Markdown file into `folder`.

    Pictures must lie in the file's folder or below it and are put into the page; HTML in the Markdown is shown as text.
    DsimportError: P0621 no Markdown file, H0522 without the library `markdown`, H codes from the disk.
    """
    text = _read(source)
    title = next((line.lstrip("# ").strip() for line in text.splitlines() if line.startswith("# ")), source.stem)
    written = Written()
    try:
        body = markdown_body(text, _pictures(source.parent), drawers=DRAWERS)
    except ImportError as error:
        raise DsimportError(
            Diagnostic(
                "H0522",
                f"the Python module '{single_line(error.name or 'markdown')}' is missing",
                help=("pip install 'dsimport[report]'",),
            )
        ) from None
    if "html" in formats:
        write_text(folder / f"{source.stem}.html", html_page(title, body, "notes"))
        written.files.append(f"{source.stem}.html")
    if "pdf" in formats:
        _pdf(html_page(title, body, "notes", paper=True), folder / f"{source.stem}.pdf", run, written)
    return written


def _pdf(page: str, target: Path, run: RunProgram, written: Written) -> None:
    why: str | None = "neither wkhtmltopdf with pdfkit nor WeasyPrint is here"
    for maker in makers():
        why = pdf_from(page, target, maker, run)
        if why is None:
            written.files.append(target.name)
            return
    written.warnings.append(without("PDF", why or ""))


def _read(source: Path) -> str:
    try:
        if not source.is_file():
            raise _refused(source, "there is no such file")
        with source.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise host_error(error, source) from error
    if len(data) > MAX_BYTES:
        raise _refused(source, f"it is larger than {MAX_BYTES >> 20} MiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _refused(source, "it is not UTF-8 text") from None


def _refused(source: Path, why: str) -> DsimportError:
    return DsimportError(
        Diagnostic(
            "P0621",
            f"{single_line(str(source))} cannot be made a document: {why}",
            help=("name a Markdown file in UTF-8",),
        )
    )


def _pictures(folder: Path) -> Callable[[str], str | None]:
    """Pictures by their address in the text: files of a known kind, below `folder` when links are followed."""
    base = os.path.realpath(folder)

    def picture(address: str) -> str | None:
        kind = PICTURES.get(Path(address).suffix.lower())
        try:
            place = Path(os.path.realpath(folder / address))
            if kind is None or not place.is_relative_to(base) or place.stat().st_size > MAX_BYTES:
                return None
            return data_uri(kind, place.read_bytes())
        except (OSError, ValueError):
            return None

    return picture

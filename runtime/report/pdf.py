"""HTML to PDF: wkhtmltopdf through pdfkit, else WeasyPrint; each in a process of its own, without files or network."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from dsimport.runtime.atomic import TEMPORARY, make_folder, write_bytes, write_text
from dsimport.runtime.process import Finished
from dsimport.runtime.toolversions import ToolVersions, find_program

__all__ = ["Maker", "RunProgram", "makers", "pdf_from"]

# Runs a command to its end, whatever its exit code, and keeps what it says in a log.
RunProgram: TypeAlias = Callable[[Sequence[str]], Finished]

PDF_TIMEOUT_S = 120.0
_START = b"%PDF-"


@dataclass(frozen=True)
class Maker:
    """A program that makes PDFs. `version` is for people: `wkhtmltopdf 0.12.6 (pdfkit)`."""

    name: str
    version: str


def makers() -> list[Maker]:
    """Those that are here, the first choice first."""
    found = []
    if find_program("wkhtmltopdf") is not None and _importable("pdfkit"):
        found.append(Maker("wkhtmltopdf", f"wkhtmltopdf {ToolVersions().of('wkhtmltopdf')} (pdfkit)"))
    if _importable("weasyprint"):
        found.append(Maker("weasyprint", f"WeasyPrint {metadata.version('weasyprint')}"))
    return found


def pdf_from(html: str, target: Path, maker: Maker, run: RunProgram) -> str | None:
    """Write the page as PDF; None when it is there, else why it is not. DsimportError (H codes) from the disk."""
    make_folder(target.parent)
    # Beside the PDF under a name that the next apply clears away, should this one be killed.
    with TemporaryDirectory(prefix=TEMPORARY, dir=target.parent) as folder:
        source, made = Path(folder, "page.html"), Path(folder, "page.pdf")
        write_text(source, html)
        done = run([sys.executable, "-m", "dsimport.runtime.report.pdf_tool", maker.name, str(source), str(made)])
        data = made.read_bytes() if made.is_file() else b""
        if done.timed_out:
            return f"{maker.version} did not end in time"
        if done.exit_code != 0 or not data.startswith(_START):
            return f"{maker.version} ended with exit code {done.exit_code}: {' '.join(done.tail[-1:])[:200]}"
        write_bytes(target, data)
    return None


def _importable(module: str) -> bool:
    return importlib.util.find_spec(module) is not None

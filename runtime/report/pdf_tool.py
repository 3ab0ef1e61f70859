"""`python -m dsimport.runtime.report.pdf_tool MAKER PAGE.html PAGE.pdf`: one conversion, then the process ends.

The converters are native code that reads what strangers wrote; here a crash or a hang of theirs is an exit code.
"""

from __future__ import annotations

import sys
from pathlib import Path

__all__ = ["main"]

MARGIN = "15mm"


def main(argv: list[str]) -> int:
    """Convert; what goes wrong is said on stderr in one line."""
    maker, source, target = argv
    convert = {"wkhtmltopdf": _wkhtmltopdf, "weasyprint": _weasyprint}[maker]
    try:
        convert(Path(source), Path(target))
    except Exception as error:  # the caller tries the next converter, whatever this one did
        print(f"{type(error).__name__}: {' '.join(str(error).split())[-300:]}", file=sys.stderr)
        return 1
    return 0


def _wkhtmltopdf(source: Path, target: Path) -> None:
    import pdfkit

    options = {
        "encoding": "UTF-8",
        "page-size": "A4",
        **{f"margin-{side}": MARGIN for side in ("top", "right", "bottom", "left")},
        "disable-local-file-access": None,
        "disable-javascript": None,
        "disable-plugins": None,
        "load-error-handling": "ignore",
        "quiet": None,
    }
    # A converter that looks for a screen finds none on a server.
    configuration = pdfkit.configuration(environ={**_environment(), "QT_QPA_PLATFORM": "offscreen"})
    pdfkit.from_string(source.read_text("utf-8"), str(target), options=options, configuration=configuration)


def _environment() -> dict[str, str]:
    import os

    return dict(os.environ)


def _weasyprint(source: Path, target: Path) -> None:
    import weasyprint
    from weasyprint.urls import URLFetcher

    nothing_but_data = URLFetcher(allowed_protocols=("data",))
    page = weasyprint.HTML(string=source.read_text("utf-8"), base_url=None, url_fetcher=nothing_but_data)
    page.write_pdf(str(target))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

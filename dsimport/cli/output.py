"""How commands say things: diagnostics in the form asked for, colours only where they are seen."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TextIO

from dsimport.compiler.diagnostics import Diagnostic

__all__ = ["FORMATS", "emit_diagnostics", "source_reader", "use_color", "write", "write_json"]

FORMATS = ("terminal", "json", "github", "sarif")
_DOCUMENTS = ("json", "sarif")
_MAX_SOURCE = 1 << 21  # bytes of a file that are read to show one line of it
_WIDEST = 120  # columns; longer source lines are cropped around the caret even on wider terminals


def use_color(stream: TextIO) -> bool:
    """Colours for a terminal, unless NO_COLOR is set to anything or the terminal is a dumb one."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and stream.isatty()


def write(text: str, stream: TextIO) -> None:
    """Write text whatever the stream's encoding is; what that cannot express becomes an escape."""
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


def write_json(document: object) -> None:
    """One JSON document on stdout."""
    write(json.dumps(document, indent=1, ensure_ascii=False) + "\n", sys.stdout)


def source_reader(root: Path) -> Callable[[str], str | None]:
    """A function that gives the text of a file named in a diagnostic, or None; paths are relative to `root`."""

    def source(file: str) -> str | None:
        try:
            path = root / file
            if not path.is_file():
                return None
            with path.open("rb") as stream:
                return stream.read(_MAX_SOURCE).decode("utf-8", "replace")
        except (OSError, ValueError):  # ValueError: a NUL in the path
            return None

    return source


def emit_diagnostics(
    diagnostics: Iterable[Diagnostic], args: argparse.Namespace, stream: TextIO | None = None, *, footer: str = ""
) -> None:
    """Show diagnostics as `args.format` asks (terminal where a command has no such option).

    json and sarif are one document on stdout, also when there is nothing to say; github goes to stdout too, where
    GitHub looks for it; text goes to `stream` (stderr). footer: a last line for people.
    """
    chosen = getattr(args, "format", "terminal")
    found = list(diagnostics)
    if chosen in _DOCUMENTS:
        write(json.dumps(_document(chosen, found), indent=2, ensure_ascii=False) + "\n", sys.stdout)
        return
    out = stream or sys.stderr
    if chosen == "github":
        from dsimport.compiler.render.github import render_github

        write(render_github(found), sys.stdout)
        text = ""
    else:
        from dsimport.compiler.render.terminal import render_terminal

        columns = min(shutil.get_terminal_size((100, 24)).columns, _WIDEST)
        source = source_reader(Path(getattr(args, "root", None) or "."))
        text = render_terminal(found, source, use_color(out), columns)
    if footer:
        text += f"\n{footer}\n" if text else f"{footer}\n"
    write(text, out)


def _document(chosen: str, found: list[Diagnostic]) -> object:
    if chosen == "json":
        from dsimport.compiler.render.json import render_json

        return render_json(found)
    from dsimport._version import VERSION
    from dsimport.compiler.render.sarif import render_sarif

    return render_sarif(found, VERSION)

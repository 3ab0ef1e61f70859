"""Diagnostics as workflow commands of GitHub Actions, which show them beside the changed lines."""

from __future__ import annotations

from collections.abc import Iterable

from dsimport.compiler.diagnostics import Diagnostic, Severity
from dsimport.compiler.render.text import presentable

__all__ = ["render_github"]

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def render_github(diagnostics: Iterable[Diagnostic]) -> str:
    """One `::error …::message` line per diagnostic. Files are named as they are in the span."""
    return "".join(f"{_line(item)}\n" for item in diagnostics)


def _line(item: Diagnostic) -> str:
    properties: list[str] = []
    if item.span is not None:
        span = item.span
        places = {"file": span.file, "line": span.line, "col": span.column, "endColumn": span.column + span.length}
        properties += [f"{name}={_property(str(value))}" for name, value in places.items()]
    properties.append(f"title={_property(item.code)}")
    message = item.message + (f" ({item.label})" if item.label else "")
    lines = [message, *(f"help: {text}" for text in item.help), *item.notes]
    text = "%0A".join(_data(presentable(line)) for line in lines)
    return f"::{_COMMANDS[item.severity]} {','.join(properties)}::{text}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(presentable(text)).replace(":", "%3A").replace(",", "%2C")

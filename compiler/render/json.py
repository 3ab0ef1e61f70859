"""Diagnostics for programs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dsimport.compiler.diagnostics import Diagnostic
from dsimport.compiler.render.text import redacted

__all__ = ["render_json"]


def render_json(diagnostics: Iterable[Diagnostic]) -> list[dict[str, Any]]:
    """One dict per diagnostic. file is null where no text file is at fault; then line, column and length are too."""
    return [
        {
            "code": item.code,
            "severity": item.severity.value,
            "message": redacted(item.message),
            "file": item.span.file if item.span is not None else None,
            "line": item.span.line if item.span is not None else None,
            "column": item.span.column if item.span is not None else None,
            "length": item.span.length if item.span is not None else None,
            "label": redacted(item.label),
            "help": [redacted(text) for text in item.help],
            "notes": [redacted(text) for text in item.notes],
        }
        for item in diagnostics
    ]

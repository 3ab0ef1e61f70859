"""Diagnostics as SARIF 2.1.0, the format of code-scanning services and of editors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dsimport.compiler.codes import CODES
from dsimport.compiler.diagnostics import Diagnostic
from dsimport.compiler.escape import uri_path
from dsimport.compiler.render.text import redacted

__all__ = ["render_sarif"]


def render_sarif(diagnostics: Iterable[Diagnostic], version: str) -> dict[str, Any]:
    """The document, with one rule per code that occurs. version: dsimport's own."""
    found = list(diagnostics)
    codes = sorted({item.code for item in found})
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "dsimport", "version": version, "rules": [_rule(code) for code in codes]}},
                "columnKind": "unicodeCodePoints",
                "results": [_result(item, codes.index(item.code)) for item in found],
            }
        ],
    }


def _rule(code: str) -> dict[str, Any]:
    doc = CODES.get(code)
    if doc is None:
        return {"id": code}
    return {"id": code, "shortDescription": {"text": doc.title}, "fullDescription": {"text": doc.explanation}}


def _result(item: Diagnostic, rule: int) -> dict[str, Any]:
    label = f" ({item.label})" if item.label else ""
    lines = [item.message + label, *(f"help: {text}" for text in item.help), *item.notes]
    result: dict[str, Any] = {
        "ruleId": item.code,
        "ruleIndex": rule,
        "level": item.severity.value,
        "message": {"text": redacted("\n".join(lines))},
    }
    if item.span is not None:
        span = item.span
        region = {"startLine": span.line, "startColumn": span.column, "endColumn": span.column + span.length}
        artifact = {"uri": uri_path(span.file)}
        result["locations"] = [{"physicalLocation": {"artifactLocation": artifact, "region": region}}]
    return result

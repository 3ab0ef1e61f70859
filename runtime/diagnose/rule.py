"""One rule: how a known problem looks in a log, and what is said about it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dsimport.compiler.diagnostics import Severity

__all__ = ["Rule", "rule"]


@dataclass(frozen=True)
class Rule:
    """A known problem.

    pattern: searched in every line of a log, colours removed; it must not need what stands in other lines.
    message, cause, help: texts that may name the pattern's groups (`{file}`): what is wrong; why it happens, in one
        sentence, empty where the message says it; what to do, one line each.
    also, without: patterns of which the log must have at least one line, and must have none.
    at_least: the smallest number of lines that count as the problem.
    """

    code: str
    pattern: re.Pattern[str]
    message: str
    cause: str
    help: tuple[str, ...]
    severity: Severity = Severity.ERROR
    also: re.Pattern[str] | None = None
    without: re.Pattern[str] | None = None
    at_least: int = 1


def rule(
    code: str,
    pattern: str,
    message: str,
    *help: str,
    cause: str = "",
    severity: Severity = Severity.ERROR,
    also: str | None = None,
    without: str | None = None,
    at_least: int = 1,
) -> Rule:
    """A `Rule` from texts."""
    return Rule(
        code,
        re.compile(pattern, re.MULTILINE),
        message,
        cause,
        help,
        severity,
        None if also is None else re.compile(also, re.MULTILINE),
        None if without is None else re.compile(without, re.MULTILINE),
        at_least,
    )

"""Diagnostics are values: one type, drawn by every renderer from the same object.

Functions of the compiler take a `Report`, add what they find and keep going, so that one run shows every independent
mistake. `DsimportError` carries diagnostics out of places that cannot go on (mostly the runtime).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum

__all__ = ["Diagnostic", "DsimportError", "Report", "Severity", "Span"]


class Severity(str, Enum):
    """How bad it is: an error stops the command, a warning and a note do not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Span:
    """A place in a text file. `line` and `column` count from 1; `length` is in characters and at least 1."""

    file: str
    line: int
    column: int
    length: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Diagnostic:
    """One finding.

    code: stable identifier, a key of `dsimport.compiler.codes.CODES` (R recipe text, N model and network, P plan,
        A acquire, G gate, T tool, H host, S state, C configuration file).
    message: one line, lower-case first letter, no final period.
    span: where, if a text file is at fault; `label` stands beside the caret.
    help: what to do about it, one line each, at least one for every error.
    notes: evidence, one `key: text` or sentence per line.
    """

    code: str
    message: str
    severity: Severity = Severity.ERROR
    span: Span | None = None
    label: str = ""
    help: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass
class Report:
    """Collects diagnostics in the order they were found."""

    items: list[Diagnostic] = field(default_factory=list)
    _seen: set[Diagnostic] = field(default_factory=set, repr=False)
    _errors: list[Diagnostic] = field(default_factory=list, repr=False)

    def add(self, diagnostic: Diagnostic) -> None:
        """Add one finding; an identical one is kept once."""
        if diagnostic in self._seen:
            return
        self._seen.add(diagnostic)
        self.items.append(diagnostic)
        if diagnostic.severity is Severity.ERROR:
            self._errors.append(diagnostic)

    def error(
        self,
        code: str,
        message: str,
        span: Span | None = None,
        *,
        label: str = "",
        help: str | Iterable[str] = (),
        notes: Iterable[str] = (),
        severity: Severity = Severity.ERROR,
    ) -> None:
        """Shorthand for `add(Diagnostic(...))`; `help` may be one line or several."""
        lines = (help,) if isinstance(help, str) else tuple(help)
        self.add(Diagnostic(code, message, severity, span, label, lines, tuple(notes)))

    def warning(
        self, code: str, message: str, span: Span | None = None, *, label: str = "", help: str | Iterable[str] = ()
    ) -> None:
        """Like `error` with severity WARNING."""
        self.error(code, message, span, label=label, help=help, severity=Severity.WARNING)

    @property
    def errors(self) -> list[Diagnostic]:
        """The findings that stop the command."""
        return self._errors

    def raise_errors(self) -> None:
        """Raise `DsimportError` with everything collected when there is at least one error."""
        if self.errors:
            raise DsimportError(self.items)

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


class DsimportError(Exception):
    """Carries diagnostics to the command line, which renders them and exits with `exit_code`."""

    def __init__(self, diagnostics: Iterable[Diagnostic] | Diagnostic, exit_code: int = 1) -> None:
        items = [diagnostics] if isinstance(diagnostics, Diagnostic) else list(diagnostics)
        super().__init__("; ".join(f"{item.code}: {item.message}" for item in items))
        self.diagnostics: list[Diagnostic] = items
        self.exit_code = exit_code

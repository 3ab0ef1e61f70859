"""Hold a log against the rules: what is known about it, with places, counts and causes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from dsimport.compiler.diagnostics import Diagnostic, Severity, Span
from dsimport.compiler.escape import single_line
from dsimport.runtime.atomic import host_errors
from dsimport.runtime.diagnose.host_rules import HOST_RULES
from dsimport.runtime.diagnose.nvinfer_rules import NVINFER_RULES
from dsimport.runtime.diagnose.pipeline_rules import PIPELINE_RULES
from dsimport.runtime.diagnose.rule import Rule
from dsimport.runtime.diagnose.tensorrt_rules import TENSORRT_RULES

__all__ = ["RULES", "Finding", "explained_log", "read_log", "read_stream"]

RULES: tuple[Rule, ...] = (*NVINFER_RULES, *TENSORRT_RULES, *PIPELINE_RULES, *HOST_RULES)

MAX_LINE = 2000  # bytes of a line that are searched
BLOCK = 1000  # lines that are searched at once
MAX_SHOWN = 160
MAX_PLACES = 8  # different messages of one rule: eight unknown keys are enough for one log
NOTES = 3  # explanations beside a failed step
END = 1 << 20  # bytes at the end of a log that explain a failure

_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


@dataclass(frozen=True)
class Finding:
    """A known problem in a log. line, column: its first place, from 1; count: lines that show it."""

    rule: Rule
    groups: dict[str, str]
    line: int
    column: int
    length: int
    text: str
    count: int = 1

    @property
    def message(self) -> str:
        """What is wrong, with what the line says in its places."""
        return self._filled(self.rule.message)

    @property
    def cause(self) -> str:
        """Why it happens; may be empty."""
        return self._filled(self.rule.cause)

    @property
    def help(self) -> tuple[str, ...]:
        """What to do, one line each."""
        return tuple(map(self._filled, self.rule.help))

    def _filled(self, text: str) -> str:
        return text.format_map(_Words(self.groups))

    def diagnostic(self, file: str) -> Diagnostic:
        """The finding with its place in `file`."""
        notes = [f"cause: {self.cause}"] if self.cause else []
        if self.count > 1:
            notes.append(f"seen in {self.count} lines, first in line {self.line}")
        span = Span(file, self.line, self.column, self.length)
        return Diagnostic(self.rule.code, self.message, self.rule.severity, span, "", self.help, tuple(notes))


class _Words(dict[str, str]):
    """Group texts by name; a group that took no part reads as what it stands for in general."""

    def __missing__(self, key: str) -> str:
        return f"(no {key} named)"


@dataclass
class _Search:
    """What one rule has seen so far: findings by their message, since one rule may meet several files or keys."""

    rule: Rule
    found: dict[str, Finding] = field(default_factory=dict)
    count: int = 0
    also: bool = False
    without: bool = False

    def look(self, block: list[tuple[int, str]], text: str) -> None:
        """Search a block of lines; `text` is all of them, in which most rules find nothing and are done."""
        rule = self.rule
        self.also = self.also or (rule.also is not None and rule.also.search(text) is not None)
        self.without = self.without or (rule.without is not None and rule.without.search(text) is not None)
        if rule.pattern.search(text) is None:
            return
        for number, line in block:
            match = rule.pattern.search(line)
            if match is not None:
                self.count += 1
                self._keep(_finding(rule, match, number, line))

    def _keep(self, finding: Finding) -> None:
        known = self.found.get(finding.message)
        if known is not None:
            self.found[known.message] = replace(known, count=known.count + 1)
        elif len(self.found) < MAX_PLACES:
            self.found[finding.message] = finding

    def results(self) -> list[Finding]:
        rule = self.rule
        if self.count < rule.at_least or self.without or (rule.also is not None and not self.also):
            return []
        return list(self.found.values())


def _finding(rule: Rule, match: re.Match[str], number: int, line: str) -> Finding:
    groups = {name: single_line(text)[:MAX_SHOWN] for name, text in match.groupdict().items() if text is not None}
    start, end = match.span()
    return Finding(rule, groups, number, start + 1, max(end - start, 1), single_line(line.strip())[:MAX_SHOWN])


def _told_once(found: list[Finding]) -> list[Finding]:
    """One finding per line and code, of the first rule in the tables; errors first, then by line."""
    kept: dict[tuple[str, int], Finding] = {}
    for item in found:
        kept.setdefault((item.rule.code, item.line), item)
    return sorted(kept.values(), key=lambda item: (_ORDER[item.rule.severity], item.line))


def _blocks(stream: BinaryIO) -> Iterator[list[tuple[int, str]]]:
    """Numbered lines in blocks, without breaks and colours, each cut at a length."""
    block: list[tuple[int, str]] = []
    number = 1
    while raw := stream.readline(1 << 16):
        block.append((number, _COLOUR.sub("", raw[:MAX_LINE].decode("utf-8", "replace")).rstrip("\r\n")))
        number += raw.endswith(b"\n")
        if len(block) == BLOCK:
            yield block
            block = []
    yield block


def read_stream(stream: BinaryIO) -> list[Finding]:
    """Known problems in a log, worst first, then by place."""
    searches = [_Search(rule) for rule in RULES]
    for block in _blocks(stream):
        text = "\n".join(line for _, line in block)
        for search in searches:
            search.look(block, text)
    return _told_once([found for search in searches for found in search.results()])


def read_log(path: Path) -> list[Finding]:
    """Like `read_stream` for a file. DsimportError (H codes) where it cannot be read."""
    with host_errors(path), path.open("rb") as stream:
        return read_stream(stream)


def explained_log(path: Path) -> tuple[list[str], list[str]]:
    """Notes and help for a failed step from the end of its log: at most three causes, with the line that shows each.

    Empty where the log is not there: a diagnosis must not hide the failure it is to explain.
    """
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - END))
            found = read_stream(stream)
    except OSError:
        return [], []
    told = [item for item in found if item.rule.severity is not Severity.NOTE][:NOTES]
    notes: list[str] = []
    for item in told:
        cause = f" ({item.cause})" if item.cause else ""
        notes += [f"known problem {item.rule.code}: {item.message}{cause}", f"evidence: {item.text}"]
    return notes, list(dict.fromkeys(line for item in told for line in item.help))

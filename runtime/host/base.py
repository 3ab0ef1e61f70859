"""The host as probes see it: programs that answer, files that are there, and what a probe gives back."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from dsimport.compiler.diagnostics import DsimportError
from dsimport.runtime.process import run_program
from dsimport.runtime.toolversions import find_program

__all__ = ["Answer", "Fact", "Host"]

TIMEOUT_S = 30.0
MAX_LINES = 2000
MAX_FILE = 1 << 20


@dataclass(frozen=True)
class Answer:
    """What a program printed, and how it ended. text: the last lines where it is long."""

    exit_code: int
    text: str
    timed_out: bool = False

    @property
    def good(self) -> bool:
        """Whether it ended by itself with exit code 0."""
        return self.exit_code == 0 and not self.timed_out

    def find(self, pattern: str) -> str | None:
        """The first group of the first match, lines being lines; None without one."""
        found = re.search(pattern, self.text, re.MULTILINE)
        return None if found is None else found.group(1).strip()


@dataclass(frozen=True)
class Fact:
    """What a probe saw. value: None where the thing is not there; problem: what is wrong with what is there; fix:
    how to mend it, where that differs from the check's own."""

    value: str | None
    problem: str = ""
    fix: str = ""


@dataclass
class Host:
    """One host. root: where its file system begins; work: the folder that models are to be written to."""

    root: Path = Path("/")
    work: Path = field(default_factory=Path)
    timeout_s: float = TIMEOUT_S
    _answers: dict[tuple[str, ...], Answer | None] = field(default_factory=dict, repr=False)

    def path(self, absolute: str) -> Path:
        """A place on the host, written as the host writes it."""
        return self.root / absolute.lstrip("/")

    def text(self, absolute: str) -> str | None:
        """A small text file; None where it cannot be read."""
        try:
            with self.path(absolute).open("rb") as stream:
                return stream.read(MAX_FILE).decode("utf-8", "replace")
        except OSError:
            return None

    def ask(self, program: str, *arguments: str) -> Answer | None:
        """Run a program once and remember what it said; None where it is not there or cannot be started."""
        key = (program, *arguments)
        if key not in self._answers:
            self._answers[key] = self._run(program, arguments)
        return self._answers[key]

    def _run(self, program: str, arguments: tuple[str, ...]) -> Answer | None:
        path = find_program(program)
        if path is None:
            return None
        lines: list[str] = []

        def hear(line: str) -> None:
            lines.append(line)
            del lines[:-MAX_LINES]

        try:
            done = run_program([path, *arguments], cwd=Path("/"), timeout_s=self.timeout_s, on_line=hear)
        except DsimportError:
            return None
        return Answer(done.exit_code, "\n".join(lines), done.timed_out)

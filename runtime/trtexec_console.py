"""Writing trtexec's log to standard output and standard error, as trtexec splits it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Literal, TextIO, TypeAlias

from dsimport.runtime.formats.trtexec import log_line

__all__ = ["Say", "Severity", "say", "show"]

Severity: TypeAlias = Literal["I", "W", "E", "V"]
Say: TypeAlias = Callable[[Severity, str], None]


def say(severity: Severity, text: str) -> None:
    """One line of the log: information to standard output, warnings and errors to standard error."""
    _print(sys.stdout if severity in "IV" else sys.stderr, log_line(severity, text, time.localtime()))


def show(*lines: str) -> None:
    """Lines without a prefix, to standard output."""
    _print(sys.stdout, *lines)


def _print(stream: TextIO, *lines: str) -> None:
    for line in lines:
        try:
            stream.write(line + "\n")
        except UnicodeEncodeError:  # a terminal that is not UTF-8, a file name that is not
            stream.write(line.encode("ascii", "backslashreplace").decode("ascii") + "\n")
    stream.flush()  # a log is read while it is written

"""What ref-deepstream-app says, in the words and on the streams of deepstream-app."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from threading import Lock
from typing import TextIO

from dsimport.compiler.escape import single_line

__all__ = ["BusError", "Console", "RunFailed"]


class RunFailed(Exception):
    """The run cannot start or go on: exit 255. The text goes to stderr as a deepstream-app error."""

    def __init__(self, message: str, *, where: str = "create_pipeline", evidence: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.where = where
        self.evidence = tuple(evidence)


class BusError(RunFailed):
    """An element of the pipeline posts an error: `ERROR from <element>: <text>` and exit 255."""

    def __init__(self, element: str, message: str, debug: str = "") -> None:
        super().__init__(message)
        self.element = element
        self.debug = debug


class Console:
    """Lines on stdout and stderr, whole lines at a time, from several threads.

    The vendor prints the line of its own source in `<function:line>`. It differs between releases, so nothing may
    depend on it; 0 stands there.
    """

    def __init__(self) -> None:
        self._lock = Lock()

    def out(self, text: str) -> None:
        """Text on stdout as it is, flushed: logs are read while the program runs."""
        self._write(sys.stdout, text)

    def err(self, line: str) -> None:
        """One line on stderr; control characters are shown, not sent."""
        self._write(sys.stderr, single_line(line) + "\n")

    def info(self, where: str, message: str) -> None:
        # The vendor's messages end in a line break of their own.
        self.out(f"** INFO: <{where}:0>: {single_line(message)}\n\n")

    def warn(self, where: str, message: str) -> None:
        self.out(f"** WARN: <{where}:0>: {single_line(message)}\n")

    def error(self, where: str, message: str) -> None:
        self.err(f"** ERROR: <{where}:0>: {message}")

    def failure(self, failure: RunFailed) -> None:
        """Show why a run failed."""
        for line in failure.evidence:
            self.err(line)
        if isinstance(failure, BusError):
            self.err(f"ERROR from {failure.element}: {failure}")
            if failure.debug:
                self.err(f"Debug info: {failure.debug}")
        else:
            self.error(failure.where, str(failure))

    def _write(self, stream: TextIO, text: str) -> None:
        encoding = stream.encoding or "ascii"
        with self._lock:
            stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
            stream.flush()

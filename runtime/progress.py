"""What a person sees while steps run: one live line on a terminal, plain lines in a pipe or in CI. All on stderr."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from types import TracebackType
from typing import TextIO

from dsimport.compiler.diagnostics import Diagnostic
from dsimport.compiler.escape import single_line

__all__ = ["Progress", "seconds_text"]

SILENCE_S = 60.0
TICK_S = 0.12
PLAIN_TICK_S = 1.0
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_GREEN, _RED, _DIM, _RESET = "\x1b[32m", "\x1b[31m", "\x1b[2m", "\x1b[0m"
ENGINE_SILENCE = "TensorRT backend phase: minutes without output are normal"


def seconds_text(seconds: float) -> str:
    """A duration for people: `0.4s`, `12s`, `13m 45s`, `2h 05m`."""
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02d}m"


class Progress:
    """Shows the steps of an apply. Use as a context manager, so that the live line never outlives a command.

    stream: stderr unless given; quiet: nothing but results of the command (so nothing here); verbose: tool output too.
    live: None means a terminal that is not in CI. color: None means live and not NO_COLOR.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        quiet: bool = False,
        verbose: bool = False,
        live: bool | None = None,
        color: bool | None = None,
    ) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._quiet = quiet
        self._verbose = verbose
        terminal = self._stream.isatty() and os.environ.get("TERM", "") != "dumb" and not os.environ.get("CI")
        self._live = (terminal if live is None else live) and not quiet
        self._color = (self._live and not os.environ.get("NO_COLOR")) if color is None else color
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._step = ""
        self._hint = ""
        self._said = ""
        self._started = self._heard = 0.0
        self._hinted = False
        self._drawn = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_step()

    def heading(self, text: str) -> None:
        """A line above the steps of one model."""
        self._line(text)

    def start(self, step_id: str, hint: str = "") -> None:
        """A step begins. hint: shown after a minute in which its tool said nothing."""
        self._end_step()
        self._step, self._hint, self._said, self._hinted = step_id, hint, "", False
        self._started = self._heard = time.monotonic()
        if self._quiet:
            return
        if not self._live:
            self._line(f"  … {single_line(step_id)}")
        self._stop.clear()
        self._thread = threading.Thread(target=self._watch, name="progress", daemon=True)
        self._thread.start()

    def tool_line(self, text: str) -> None:
        """A line the step's tool printed."""
        shown = single_line(text.strip())
        self._heard, self._said = time.monotonic(), shown
        if self._verbose:
            self._line(f"      {shown}")

    def say(self, text: str) -> None:
        """A line of the step itself, kept on the screen."""
        self._line(f"      {single_line(text)}")

    def warn(self, diagnostic: Diagnostic) -> None:
        """A warning, on one line; the command shows it in full at its end."""
        self._line(f"      {diagnostic.severity.value}[{diagnostic.code}]: {single_line(diagnostic.message)}")

    def done(self, step_id: str, seconds: float, summary: str) -> None:
        """The step ended well."""
        self._end_step()
        self._result("✓", _GREEN, step_id, seconds_text(seconds), summary)

    def failed(self, step_id: str, seconds: float, summary: str) -> None:
        """The step failed, or was stopped."""
        self._end_step()
        self._result("✗", _RED, step_id, seconds_text(seconds), summary)

    def idle(self, step_id: str, why: str) -> None:
        """The step did not run: up to date, or its condition is false."""
        if self._verbose:
            self._result("●", _DIM, step_id, "", why)

    def _result(self, mark: str, color: str, step_id: str, time_text: str, summary: str) -> None:
        shown = f"{color}{mark}{_RESET}" if self._color else mark
        self._line(f"  {shown} {single_line(step_id):<16} {time_text:>8}   {single_line(summary)}".rstrip())

    def _line(self, text: str) -> None:
        if self._quiet:
            return
        with self._lock:
            self._erase()
            self._write(text + "\n")

    def _watch(self) -> None:
        while not self._stop.wait(TICK_S if self._live else PLAIN_TICK_S):
            if self._hint and not self._hinted and time.monotonic() - self._heard >= SILENCE_S:
                self._hinted = True
                self._line(f"      {self._hint}")
            if self._live:
                self._draw()

    def _draw(self) -> None:
        elapsed = time.monotonic() - self._started
        spinner = _SPINNER[int(elapsed / TICK_S) % len(_SPINNER)]
        text = f"  {spinner} {single_line(self._step):<16} {seconds_text(elapsed):>8}   {self._said}"
        width = shutil.get_terminal_size().columns - 1
        with self._lock:
            if not self._stop.is_set():
                self._erase()
                self._write(cut_to_width(text, width))
                self._drawn = True

    def _erase(self) -> None:
        if self._drawn:
            self._write("\r\x1b[K")
            self._drawn = False

    def _write(self, text: str) -> None:
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        try:
            self._stream.write(text.encode(encoding, "replace").decode(encoding))
            self._stream.flush()
        except (OSError, ValueError):
            self._quiet = True  # nobody is looking any more; the work goes on

    def _end_step(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        with self._lock:
            self._erase()


def cut_to_width(text: str, width: int) -> str:
    """The text cut to so many terminal columns, with `…` where something is missing."""
    from unicodedata import combining, east_asian_width

    used = fitting = 0
    for index, char in enumerate(text):
        used += 0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1
        if used > width:
            return text[:fitting] + "…"
        if used < width:  # up to here there is room for the sign
            fitting = index + 1
    return text

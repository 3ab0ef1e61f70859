"""Programs as child processes that never outlive their purpose.

Each runs in its own session, so that one signal reaches everything it started. A watcher in that session holds the
read end of a pipe whose write end only this process has: when this process is gone, by `kill -9` too, the pipe ends
and the watcher kills the whole group. It is a few lines of sh in front of the program, so nothing runs between fork
and exec in Python, and threads do no harm.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

from dsimport.runtime.atomic import host_error, host_errors

__all__ = ["Finished", "run_program"]

# Standard input is the lifeline. The watcher is started by a shell that ends at once, so it is no child of the program
# and the program cannot wait for it by mistake; it ignores the signals that ask the group to end.
_LAUNCHER = (
    "exec 3<&0 </dev/null\n"
    "( ( trap '' TERM INT HUP QUIT; exec >/dev/null 2>&1; read line <&3; kill -KILL 0 ) & )\n"
    "exec 3<&-\n"
    'exec "$@"\n'
)
MAX_LINE = 64 * 1024
TAIL_LINES = 20
GRACE_S = 2.0  # between asking a group to end and killing it
LINGER_S = 0.5  # for output of background processes after the program itself has ended


@dataclass(frozen=True)
class Finished:
    """How a program ended. exit_code: negative for a signal; tail: its last lines; lines: how many it printed."""

    exit_code: int
    seconds: float
    tail: tuple[str, ...]
    lines: int
    timed_out: bool = False


def run_program(
    argv: Sequence[str],
    *,
    cwd: Path,
    log: Path | None = None,
    append: bool = False,
    timeout_s: float | None = None,
    env: Mapping[str, str | None] | None = None,
    on_line: Callable[[str], None] | None = None,
) -> Finished:
    """Run a program to its end; standard output and error go to `log` as they come, and line by line to `on_line`.

    argv[0] is an absolute path. env: added to this process' environment, whose PATH gets the interpreter's folder at
    its end; None takes a variable away. Lines end at LF or CR, are decoded as UTF-8 with replacements and cut at 64
    KiB; the log has every byte. When the time is over, or any exception (Ctrl-C) passes through, the whole process
    group is ended before this returns. DsimportError (H codes) when the log cannot be written.
    """
    started = time.monotonic()
    lines = _Lines(on_line)
    with _open_log(log, append) as sink, _Child(argv, cwd, env) as child:
        timed_out = not child.drain(sink, lines, None if timeout_s is None else started + timeout_s, log)
        exit_code = child.end() if timed_out else child.wait()
    lines.flush()
    return Finished(exit_code, time.monotonic() - started, tuple(lines.tail), lines.count, timed_out)


def _search_path() -> str:
    """PATH with the folder of this interpreter at its end: programs like `timeout` start ref-* programs by name."""
    own = os.path.dirname(sys.executable)  # noqa: PTH120 - the link in the virtual environment, not its target
    return os.pathsep.join(part for part in (os.environ.get("PATH", os.defpath), own) if part)


def _environment(changes: Mapping[str, str | None]) -> dict[str, str]:
    wanted: dict[str, str | None] = {**os.environ, "PATH": _search_path(), **changes}
    return {name: value for name, value in wanted.items() if value is not None}


class _Child:
    """A running program with its group and lifeline; leaving the block ends whatever is left of them."""

    def __init__(self, argv: Sequence[str], cwd: Path, env: Mapping[str, str | None] | None) -> None:
        read_end, self._lifeline = os.pipe()
        try:
            self._process: subprocess.Popen[bytes] = subprocess.Popen(
                ["/bin/sh", "-c", _LAUNCHER, "sh", *argv],
                cwd=cwd,
                env=_environment(env or {}),
                stdin=read_end,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                bufsize=0,
                start_new_session=True,
            )
        except OSError as error:
            os.close(self._lifeline)
            raise host_error(error, argv[0]) from error
        except BaseException:
            os.close(self._lifeline)
            raise
        finally:
            os.close(read_end)

    def __enter__(self) -> _Child:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._process.poll() is None:
                self.end()
        finally:
            self._cut()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()

    def drain(self, sink: IO[bytes], lines: _Lines, deadline: float | None, log: Path | None) -> bool:
        """Pass output on until there is no more; False when the deadline came first."""
        stream = self._process.stdout
        assert stream is not None
        ended: float | None = None
        with selectors.DefaultSelector() as selector:
            selector.register(stream, selectors.EVENT_READ)
            while True:
                now = time.monotonic()
                if deadline is not None and now >= deadline and ended is None:
                    return False
                if selector.select(_pause(now, deadline)):
                    data = os.read(stream.fileno(), 1 << 16)
                    if not data:
                        return self._ended_by(deadline)
                    with host_errors(log):
                        _write_all(sink, data)
                    lines.feed(data)
                if ended is None and self._process.poll() is not None:
                    ended = time.monotonic()
                elif ended is not None and time.monotonic() - ended > LINGER_S:
                    # Something in the background still holds the pipe; its program is done with, and so is it.
                    self._cut()

    def wait(self) -> int:
        """Exit code of the program, which has closed its output."""
        return self._process.wait()

    def end(self) -> int:
        """Ask the group to end, then kill it. Returns the exit code."""
        try:
            self._signal(signal.SIGTERM)
            self._signal(signal.SIGCONT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(GRACE_S)
        finally:
            self._signal(signal.SIGKILL)
        return self._process.wait()

    def _ended_by(self, deadline: float | None) -> bool:
        """Wait for a program that closed its output but goes on."""
        try:
            self._process.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return False
        return True

    def _signal(self, number: int) -> None:
        # The watcher keeps the group's number from being used again while the lifeline is open.
        if self._lifeline >= 0:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    def _cut(self) -> None:
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1


class _Lines:
    """Bytes in, decoded lines out."""

    def __init__(self, on_line: Callable[[str], None] | None) -> None:
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self.count = 0
        self._rest = b""
        self._cutting = False
        self._on_line = on_line

    def feed(self, data: bytes) -> None:
        pieces = (self._rest + data).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._rest = pieces.pop()
        for piece in pieces:
            self._take(piece)
        if len(self._rest) > MAX_LINE:
            self._take(self._rest)
            self._rest, self._cutting = b"", True

    def flush(self) -> None:
        if self._rest:
            self._take(self._rest)
            self._rest = b""

    def _take(self, piece: bytes) -> None:
        if self._cutting:  # the remainder of a line that was cut
            self._cutting = False
            return
        text = piece[:MAX_LINE].decode("utf-8", "replace")
        if text.strip():
            self.count += 1
            self.tail.append(text)
            if self._on_line is not None:
                self._on_line(text)


def _open_log(log: Path | None, append: bool) -> IO[bytes]:
    target = Path(os.devnull) if log is None else log
    with host_errors(log):
        target.parent.mkdir(parents=True, exist_ok=True)
        return target.open("ab" if append else "wb", buffering=0)


def _write_all(sink: IO[bytes], data: bytes) -> None:
    view = memoryview(data)
    while view:  # an unbuffered write may take less, e.g. when a disk is nearly full
        view = view[sink.write(view) :]


def _pause(now: float, deadline: float | None) -> float:
    return 0.1 if deadline is None else max(0.0, min(0.1, deadline - now))

"""How ref-trtexec ends when it is told to: at once like a C++ program, but never with half a file left behind."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

__all__ = ["cleaning_up", "plain_signals"]

_STOPS = (signal.SIGINT, signal.SIGTERM)


class _Stopped(BaseException):
    """A signal arrived inside `cleaning_up`."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def plain_signals() -> Iterator[None]:
    """Let Ctrl-C and a closed pipe end the program at once and without a traceback, while the block runs."""
    with _handlers({signal.SIGINT: signal.SIG_DFL, signal.SIGPIPE: signal.SIG_DFL}):
        yield


@contextmanager
def cleaning_up() -> Iterator[None]:
    """A block that writes a file: a signal to stop runs its `finally` parts first, and then ends the program."""

    def stop(number: int, _: FrameType | None) -> NoReturn:
        raise _Stopped(number)

    try:
        with _handlers(dict.fromkeys(_STOPS, stop)):
            yield
    except _Stopped as stopped:
        signal.signal(stopped.number, signal.SIG_DFL)
        os.kill(os.getpid(), stopped.number)  # so that the caller sees which signal it was


@contextmanager
def _handlers(wanted: dict[signal.Signals, object]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # Python lets only that one set handlers
        yield
        return
    before = {}
    for number, handler in wanted.items():
        if signal.getsignal(number) is signal.SIG_IGN and number in _STOPS:
            continue  # nohup and `&` have kept it away
        before[number] = signal.signal(number, handler)  # type: ignore[arg-type]  # typeshed's union of handlers
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

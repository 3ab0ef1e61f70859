"""Counts frames per stream and turns them into deepstream-app's performance rows."""

from __future__ import annotations

import time
from threading import Lock

from dsimport.runtime.formats.perf import HEADER_EVERY, PerfRow, format_header, format_row

from .console import Console

__all__ = ["PerfMeter"]


class PerfMeter:
    """One pipeline's frame rates. `count` may be called from any thread; `tick` from one."""

    def __init__(self, streams: int, interval: int, instance: int | None, console: Console) -> None:
        """interval: seconds between rows. instance: index of the configuration file where there are several."""
        self._lock = Lock()
        self._interval = interval
        self._instance = instance
        self._console = console
        self._counts = [0] * streams
        self._totals = [0] * streams
        self._firsts: list[float | None] = [None] * streams
        self._rows = 0
        self._next = time.monotonic() + interval

    def count(self, stream: int) -> None:
        """A frame has come through. The first one of a stream only starts its clock."""
        with self._lock:
            if self._firsts[stream] is None:
                self._firsts[stream] = time.monotonic()
            else:
                self._counts[stream] += 1

    def tick(self) -> None:
        """Print the row that is due, if any."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next += self._interval
        row = self._row(now)
        header = format_header(len(self._counts)) if self._rows % HEADER_EVERY == 0 else ""
        self._rows += 1
        self._console.out(header + format_row(row, self._instance))

    def _row(self, now: float) -> PerfRow:
        with self._lock:
            counts, self._counts = self._counts, [0] * len(self._counts)
            self._totals = [total + count for total, count in zip(self._totals, counts, strict=True)]
            averages = [
                total / (now - first) if first is not None and now > first else 0.0
                for total, first in zip(self._totals, self._firsts, strict=True)
            ]
        return PerfRow(tuple(count / self._interval for count in counts), tuple(averages))

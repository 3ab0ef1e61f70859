"""How far a download is, in words: amount, rate, time left."""

from __future__ import annotations

import time
from collections.abc import Callable

from dsimport.runtime.progress import seconds_text

__all__ = ["Meter", "megabytes"]

_INTERVAL_S = 0.5
_WINDOW_S = 5.0  # the rate is that of the last few seconds: a slow start must not spoil the estimate for minutes


def megabytes(size: int) -> str:
    """`4.2 kB`, `81.2 MB`, `1.3 GB`."""
    value, unit = float(size), "B"
    for bigger in ("kB", "MB", "GB", "TB"):
        if value < 999.5:
            break
        value, unit = value / 1000, bigger
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


class Meter:
    """Tells `say` twice a second how far a file is. total: bytes, None where the server does not say."""

    def __init__(
        self, say: Callable[[str], None], name: str, total: int | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._say, self._name, self._clock = say, name, clock
        self.total = total
        self._seen: list[tuple[float, int]] = []
        self._told = float("-inf")

    def at(self, done: int) -> None:
        """So many bytes are there."""
        now = self._clock()
        if self._seen and done < self._seen[-1][1]:
            self._seen.clear()  # the server began again
        self._seen.append((now, done))
        while now - self._seen[0][0] > _WINDOW_S and len(self._seen) > 2:
            self._seen.pop(0)
        if now - self._told >= _INTERVAL_S:
            self._told = now
            self._say(self._text(now, done))

    def _text(self, now: float, done: int) -> str:
        of = "" if self.total is None else f" of {megabytes(self.total)}"
        text = f"{self._name} {megabytes(done)}{of}"
        start, first = self._seen[0]
        rate = (done - first) / (now - start) if now > start else 0.0
        if rate <= 0:
            return text
        text += f", {megabytes(int(rate))}/s"
        if self.total is not None:
            text += f", {seconds_text((self.total - done) / rate)} left"
        return text

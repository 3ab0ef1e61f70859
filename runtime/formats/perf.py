"""The `**PERF:` lines of deepstream-app: printed by the reference, read from its logs and from the real one's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = [
    "HEADER_EVERY",
    "PerfRow",
    "format_header",
    "format_row",
    "parse_perf",
    "stalled_streams",
    "steady_fps",
    "steady_rows",
]

HEADER_EVERY = 20  # rows between two headers
_STEADY_ROWS = 10
_STALL_ROWS = 3  # fewer windows without a frame may be the rate of a slow machine

_NUMBER = r"[-+]?(?:\d+(?:\.\d+)?|nan|inf)"
_PAIR = re.compile(rf"\s*({_NUMBER}) \(({_NUMBER})\)\s*", re.ASCII)
_PREFIX = re.compile(r"(?:\*\*PERF:|PERF\(\d+\):)\s*", re.ASCII)


@dataclass(frozen=True)
class PerfRow:
    """One row: frames per second of every stream, over the last interval and since its first frame."""

    instant: tuple[float, ...]
    average: tuple[float, ...]


def format_header(streams: int) -> str:
    """The header, line breaks included; it stands before the first row and then before every twentieth."""
    return "\n**PERF:  " + "".join(f"FPS {index} (Avg)\t" for index in range(streams)) + "\n"


def format_row(row: PerfRow, instance: int | None = None) -> str:
    """A row with its line break. instance: index of the configuration file where there are several."""
    prefix = "**PERF:  " if instance is None else f"PERF({instance}): "
    pairs = zip(row.instant, row.average, strict=True)
    return prefix + "".join(f"{now:.2f} ({mean:.2f})\t" for now, mean in pairs) + "\n"


def parse_perf(text: str) -> list[PerfRow]:
    """All rows of a log, in order. Headers, other lines and rows cut short in the middle of a number are skipped."""
    rows = []
    for line in re.split(r"[\r\n]+", text):
        found = _PREFIX.search(line)
        if not found:
            continue
        row = _parse_row(line[found.end() :])
        if row:
            rows.append(row)
    return rows


def _parse_row(text: str) -> PerfRow | None:
    pairs, at = [], 0
    while at < len(text):
        found = _PAIR.match(text, at)
        if not found:
            return None
        pairs.append((float(found.group(1)), float(found.group(2))))
        at = found.end()
    if not pairs:
        return None
    return PerfRow(tuple(now for now, _ in pairs), tuple(mean for _, mean in pairs))


def steady_rows(rows: Sequence[PerfRow]) -> list[PerfRow]:
    """The last ten rows that say how fast a run is, all of the same streams. Left out at the start: rows while a stream
    still stood at zero, and the window in which the last of them began, which it did not fill."""
    first = next((at for at, row in enumerate(rows) if all(value > 0 for value in row.instant)), len(rows))
    steady = list(rows[first + 1 :] or rows[first:])[-_STEADY_ROWS:]
    return [row for row in steady if len(row.instant) == len(steady[-1].instant)]


def steady_fps(rows: Sequence[PerfRow]) -> tuple[float, ...] | None:
    """Mean frames per second of every stream over the steady rows; None where there is none."""
    steady = steady_rows(rows)
    if not steady:
        return None
    return tuple(sum(column) / len(steady) for column in zip(*(row.instant for row in steady), strict=True))


def stalled_streams(rows: Sequence[PerfRow]) -> list[int]:
    """Streams that had begun and stood still for the second half of the steady rows: their source or decoder died."""
    steady = steady_rows(rows)
    half = steady[len(steady) // 2 :]
    if len(half) < _STALL_ROWS:
        return []
    return [at for at, column in enumerate(zip(*(row.instant for row in half), strict=True)) if not any(column)]

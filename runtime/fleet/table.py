"""The fleet as data and as CSV: the same columns as the page's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from dsimport.compiler.escape import csv_cell
from dsimport.runtime.fleet.collect import Row

__all__ = ["FLEET_FORMAT", "fleet_csv", "fleet_document"]

FLEET_FORMAT = 1


def fleet_document(rows: Sequence[Row]) -> dict[str, Any]:
    """Plain data; null for what is not known."""
    counts = Counter(row.engine.state for row in rows)
    return {"format": FLEET_FORMAT, "engines": dict(sorted(counts.items())), "models": [asdict(row) for row in rows]}


def fleet_csv(rows: Sequence[Row]) -> str:
    """One line per model after the header (RFC 4180); an empty cell is not known."""
    lines = []
    for row in rows:
        flat = {**vars(row), "engine": row.engine.state, "engine_why": row.engine.why}
        lines.append(",".join(_cell(flat[name]) for name in _COLUMNS))
    return "\r\n".join([",".join(_COLUMNS), *lines]) + "\r\n"


_COLUMNS = (
    "name",
    "toolchain",
    "hardware",
    "streams",
    "target_fps",
    "images_per_s",
    "batch",
    "latency_ms",
    "detection_rate",
    "verify_rate",
    "engine",
    "engine_why",
    "last_run",
    "ended",
    "recipe",
    "report",
    "problem",
)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, (int, float)) else csv_cell(str(value))

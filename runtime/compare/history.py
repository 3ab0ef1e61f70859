"""The runs of a model, from its event logs: what each measured, and what was known when it ended."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsimport.compiler.plan import Value
from dsimport.runtime.records import read_events

__all__ = ["RUN_ID", "Run", "read_history", "text_at"]

RUN_ID = re.compile(r"\d{8}T\d{6}Z-\d{3,6}")
_RETRY = "run2_retry."


@dataclass(frozen=True)
class Run:
    """One run that began. plan: the plan's digest. measured: values of the steps that ended well in it; known: those
    of this run and of the runs before it, as they stood at its end."""

    id: str
    plan: str
    toolchain: str
    measured: dict[str, Value]
    known: dict[str, Value]


def read_history(home: Path) -> list[Run]:
    """All runs of the model folder `home`, oldest first. Logs that say nothing are left out."""
    runs: list[Run] = []
    known: dict[str, Value] = {}
    for path in sorted((home / ".dsimport" / "runs").glob("*.jsonl")):
        if not RUN_ID.fullmatch(path.stem):
            continue
        start, measured = _read(read_events(path))
        if start is None:
            continue
        if "run2.total_fps" in measured:  # a run that needs no second try leaves none behind
            known = {name: value for name, value in known.items() if not name.startswith(_RETRY)}
        known = {**known, **measured}
        runs.append(Run(path.stem, text_at(start, "plan"), text_at(start, "toolchain"), measured, known))
    return runs


def _read(events: Iterable[dict[str, Any]]) -> tuple[dict[str, Any] | None, dict[str, Value]]:
    start: dict[str, Any] | None = None
    measured: dict[str, Value] = {}
    for event in events:
        if event.get("event") == "run-start":
            start = event
        values = event.get("values")
        if event.get("event") == "step-end" and event.get("status") == "ok" and isinstance(values, dict):
            plain = {str(name): value for name, value in values.items()}
            measured.update((name, v) for name, v in plain.items() if v is None or isinstance(v, (int, float, str)))
    return start, measured


def text_at(document: Mapping[str, Any], key: str) -> str:
    """The text under a key of a document that may hold anything; empty where there is none."""
    value = document.get(key)
    return value if isinstance(value, str) else ""

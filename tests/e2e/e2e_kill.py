"""Killing a real apply at chosen instants, and what may differ afterwards: nothing but timings."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e_support import Project, tree

MARK = "DSIMPORT_TEST_MARK"

# Files that hold nothing but timings or addresses of this run: logs with times, the caches of file stamps, the lock's
# holder, the events of the runs; documents and charts of figures. Data, Markdown and the record hold timings beside
# other things, and are compared by parts.
TIMED = ("*.log", ".dsimport", "charts/*.png", "benchmark_report*.html", "benchmark_report*.pdf")
REPORTS = ("benchmark_data.json", "benchmark_report.md")


@dataclass(frozen=True)
class Instant:
    """So many seconds after this step has started; before the first step where `step` is empty."""

    step: str
    after: float


def events(home: Path) -> list[dict[str, Any]]:
    """Whole lines of the newest run log."""
    logs = sorted((home / ".dsimport/runs").glob("*.jsonl"))
    lines = logs[-1].read_bytes().split(b"\n")[:-1] if logs else []
    return [json.loads(line) for line in lines]


def instants(seconds: dict[str, float], start_up: float, count: int, seed: int) -> Iterator[Instant]:
    """Random instants of an apply in which the steps take these `seconds`, in its order: half of them anywhere in its
    time, half of them in any step, so that short steps are hit too."""
    chance = random.Random(seed)
    timeline = {"": start_up, **seconds}
    found = []
    for number in range(count):
        weights = list(timeline.values()) if number % 2 else [1.0] * len(timeline)
        step = chance.choices(list(timeline), weights)[0]
        found.append(Instant(step, chance.uniform(0, timeline[step])))
    order = list(timeline)
    yield from sorted(found, key=lambda instant: (order.index(instant.step), instant.after))


def wait_for(process: subprocess.Popen[str], home: Path, steps: Sequence[str], after: float, logs_before: int) -> bool:
    """Wait until one of the steps has been running for so many seconds (none: since now); False when the process ended
    before."""
    deadline = time.monotonic() + 120
    while steps and time.monotonic() < deadline:
        if process.poll() is not None:
            return False
        if len(list((home / ".dsimport/runs").glob("*.jsonl"))) > logs_before and any(
            event["event"] == "step-start" and event["step"] in steps for event in events(home)
        ):
            break
        time.sleep(0.002)
    time.sleep(after)
    return process.poll() is None


def marked(mark: str) -> list[int]:
    """Processes that carry this mark in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if f"{MARK}={mark}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                    state = (entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0]
                    found += [int(entry.name)] if state != "Z" else []
            except OSError:
                continue
    return found


def no_orphans(mark: str) -> list[int]:
    """Processes with this mark that are still there after a grace of five seconds; none is right."""
    deadline = time.monotonic() + 5
    while (left := marked(mark)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def essence(project: Project, name: str) -> dict[str, Any]:
    """Everything an apply leaves but for timings: whole files, and reports and record without theirs."""
    home = project.models / name
    data = json.loads((home / "reports/benchmark_data.json").read_text("utf-8").replace(str(project.root), "ROOT"))
    for key in _TIMED_DATA:
        del data[key]
    report = (home / "reports/benchmark_report.md").read_text("utf-8").replace(str(project.root), "ROOT")
    # What the figures mean, and what the tools said of them, is as new as the figures.
    report = re.sub(r"(?s)\n## 10\. .*(?=\n## 12\. )", "", report)
    state = json.loads((home / ".dsimport/state.json").read_text("utf-8"))
    for record in state["steps"].values():
        for key in ("started", "seconds", "summary", "values"):
            del record[key]
        record["outputs"] = {path: "log" if _is_timed(path) else sha for path, sha in record["outputs"].items()}
        # What a step needs is known by its result, which holds figures where it measured something.
        record["facts"] = {label: value for label, value in record["facts"].items() if not label.startswith("needs ")}
    del state["last_run"]
    return {
        "files": tree(home, (*TIMED, *REPORTS)),
        "logs": sorted(path.relative_to(home).as_posix() for path in home.rglob("*.log")),
        "data": data,
        "report": re.sub(r"\d[\d.,]*", "#", report),
        "state": state,
        "leftovers": [path.name for path in home.rglob(".dsimport-*")],
    }


_TIMED_DATA = ("trtexec", "deepstream", "peak_gpu_streams", "seconds", "total_seconds", "steps", "notes", "engine_file")
_TIMED_DATA += ("measured_from", "measured_to")


def _is_timed(path: str) -> bool:
    return path.endswith((".log", *REPORTS))

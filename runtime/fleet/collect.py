"""One row per model: figures, gates, and whether the engine still is what the recipe asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dsimport.compiler.diagnostics import DsimportError
from dsimport.compiler.escape import single_line
from dsimport.compiler.record import ModelState
from dsimport.runtime.compare.history import text_at
from dsimport.runtime.compare.metrics import figures_of_values
from dsimport.runtime.compare.sides import DATA_NAME, read_data
from dsimport.runtime.fleet.engine import Engine, Replan, engine_state
from dsimport.runtime.fleet.look import QuickObservation
from dsimport.runtime.lock import holder
from dsimport.runtime.records import load_state
from dsimport.runtime.status import last_run_ended
from dsimport.runtime.streams import carried_streams
from dsimport.runtime.toolversions import ToolVersions

__all__ = ["Row", "collect_rows"]

_REPORTS = ("benchmark_report.html", "benchmark_report_{name}.pdf", "benchmark_report.md")


@dataclass(frozen=True)
class Row:
    """One model. Rates are shares of 1, times milliseconds; None is not known. streams: the most that a run carried at
    target_fps; report: the report's path below the root; problem: a record that cannot be read, and then nothing else
    is known."""

    name: str
    toolchain: str = ""
    hardware: str = ""
    recipe: str = ""
    streams: int | None = None
    target_fps: float | None = None
    images_per_s: float | None = None
    batch: int | None = None
    latency_ms: float | None = None
    detection_rate: float | None = None
    verify_rate: float | None = None
    engine: Engine = field(default_factory=Engine)
    last_run: str = ""
    ended: str = ""
    report: str | None = None
    problem: str = ""


def collect_rows(root: Path, names: Sequence[str], compiler: str, replan: Replan) -> list[Row]:
    """Rows of models below `root`, in the order given. A model that cannot be read has a row that says so. compiler:
    the one that `replan` uses, as plans name it."""
    versions = ToolVersions()
    return [_row(root, name, compiler, replan, versions) for name in names]


def _row(root: Path, name: str, compiler: str, replan: Replan, versions: ToolVersions) -> Row:
    home = root / "models" / name
    try:
        state = load_state(home) or ModelState()
    except DsimportError as error:
        return Row(name, problem=single_line(error.diagnostics[0].message))
    data = _data(home, state)
    values = state.values()
    figures = figures_of_values(values)
    target = _target(state, data)
    seen = QuickObservation(root, f"models/{name}", state, versions)
    return Row(
        name=name,
        toolchain=state.toolchain,
        hardware=text_at(data, "hardware"),
        recipe=state.recipe,
        streams=None if target is None else carried_streams(values, target),
        target_fps=target,
        images_per_s=figures.get("images_per_s"),
        batch=int(figures["max_batch"]) if "max_batch" in figures else None,
        latency_ms=figures.get("b1.gpu_mean_ms"),
        detection_rate=figures.get("kitti.rate"),
        verify_rate=figures.get("verify.rate"),
        engine=engine_state(name, state, seen, compiler, replan),
        last_run=state.last_run,
        ended="under way" if holder(home) is not None else last_run_ended(home),
        report=_report(root, name),
    )


def _data(home: Path, state: ModelState) -> Mapping[str, Any]:
    """The report's data, where it can be read and is of the recorded toolchain."""
    try:
        data = read_data(home / "reports" / DATA_NAME)
    except DsimportError:
        return {}
    return data if data is not None and data.get("toolchain") == state.toolchain else {}


def _target(state: ModelState, data: Mapping[str, Any]) -> float | None:
    """The rate that a stream has to reach, as it was when the figures were measured."""
    settings = data.get("settings")
    places = [settings if isinstance(settings, dict) else {}, *(record.settings for record in state.steps.values())]
    found = next((place["benchmark.target_fps"] for place in places if "benchmark.target_fps" in place), None)
    return float(found) if isinstance(found, (int, float)) and not isinstance(found, bool) else None


def _report(root: Path, name: str) -> str | None:
    for pattern in _REPORTS:
        path = f"models/{name}/reports/{pattern.format(name=name)}"
        if (root / path).is_file():
            return path
    return None

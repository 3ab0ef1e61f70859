"""One row per model: figures, gates, and whether the engine still is what the recipe asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from dsimport.compiler.decide import Decision, decide
from dsimport.compiler.diagnostics import DsimportError
from dsimport.compiler.escape import single_line
from dsimport.compiler.plan import Plan, Value
from dsimport.compiler.record import ModelState
from dsimport.runtime.compare.history import text_at
from dsimport.runtime.compare.metrics import figures_of_values
from dsimport.runtime.compare.sides import DATA_NAME, read_data
from dsimport.runtime.fleet.look import QuickObservation
from dsimport.runtime.lock import holder
from dsimport.runtime.records import load_state
from dsimport.runtime.status import last_run_ended
from dsimport.runtime.streams import carried_streams
from dsimport.runtime.toolversions import ToolVersions

__all__ = ["Engine", "Replan", "Row", "collect_rows"]

EngineState: TypeAlias = Literal["current", "stale", "not built", "unknown"]

# The plan that a recorded recipe gives today, or in words why there is none.
Replan: TypeAlias = Callable[[str, ModelState], "Plan | str"]

_REPORTS = ("benchmark_report.html", "benchmark_report_{name}.pdf", "benchmark_report.md")
_MAX_REASONS = 2


@dataclass(frozen=True)
class Engine:
    """The engine that a model's pipeline loads. why: the reasons where it is not current."""

    state: EngineState
    why: str = ""


@dataclass(frozen=True)
class Row:
    """One model. Rates are shares of 1, times milliseconds; None is not known. streams: the most that a run carried at
    target_fps; steps_to_run: of today's plan; report: the report's path below the root; problem: a record that cannot
    be read, and then nothing else is known."""

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
    engine: Engine = Engine("unknown")
    steps_to_run: int | None = None
    last_run: str = ""
    ended: str = ""
    report: str | None = None
    problem: str = ""


def collect_rows(root: Path, names: Sequence[str], replan: Replan) -> list[Row]:
    """Rows of models below `root`, in the order given. A model that cannot be read has a row that says so."""
    versions = ToolVersions()
    return [_row(root, name, replan, versions) for name in names]


def _row(root: Path, name: str, replan: Replan, versions: ToolVersions) -> Row:
    home = root / "models" / name
    try:
        state = load_state(home) or ModelState()
    except DsimportError as error:
        return Row(name, problem=single_line(error.diagnostics[0].message))
    data = _data(home, state)
    plan = replan(name, state)
    values = state.values()
    figures = figures_of_values(values)
    target = _target(plan, data)
    decisions = [] if isinstance(plan, str) else _decisions(root, plan, state, versions)
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
        engine=_engine(plan, decisions, state, values),
        steps_to_run=None if isinstance(plan, str) else sum(decision.runs for decision in decisions),
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


def _target(plan: Plan | str, data: Mapping[str, Any]) -> float | None:
    """The rate that a stream has to reach: what was measured against, else what the recipe says."""
    settings = data.get("settings")
    found = settings.get("benchmark.target_fps") if isinstance(settings, dict) else None
    if found is None and isinstance(plan, Plan) and "benchmark.target_fps" in plan.settings:
        found = plan.settings["benchmark.target_fps"].value
    return float(found) if isinstance(found, (int, float)) and not isinstance(found, bool) else None


def _decisions(root: Path, plan: Plan, state: ModelState, versions: ToolVersions) -> list[Decision]:
    return decide(plan, state, QuickObservation(root, plan.home, state, versions))


def _engine(plan: Plan | str, decisions: Sequence[Decision], state: ModelState, values: Mapping[str, Value]) -> Engine:
    built = [record for record in state.steps.values() if record.kind == "engine" and record.status == "ok"]
    if not built:
        return Engine("not built", _failure(state))
    if isinstance(plan, str):
        return Engine("unknown", plan)
    wanted = f"_b{values.get('max_batch')}.engine"
    for decision in decisions:
        if decision.step.kind == "engine" and any(path.endswith(wanted) for path in decision.outputs):
            return _engine_of(decision)
    return Engine("stale", "the recipe no longer makes an engine of this batch")


def _engine_of(decision: Decision) -> Engine:
    if decision.action == "same":
        return Engine("current")
    reasons = [single_line(str(reason)) for reason in decision.reasons] or list(decision.conditions)
    more = f" (+{len(reasons) - _MAX_REASONS} more)" if len(reasons) > _MAX_REASONS else ""
    return Engine("stale", "; ".join(reasons[:_MAX_REASONS]) + more)


def _failure(state: ModelState) -> str:
    """Why no engine was built, where the record says it."""
    for record in state.steps.values():
        if record.failure is not None and record.status == "failed":
            return single_line(f"{record.id} failed: {record.failure.message}")
    return ""


def _report(root: Path, name: str) -> str | None:
    for pattern in _REPORTS:
        path = f"models/{name}/reports/{pattern.format(name=name)}"
        if (root / path).is_file():
            return path
    return None

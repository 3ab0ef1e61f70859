"""What is known of models that were applied: the data of `dsimport status`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.compiler.escape import single_line
from dsimport.compiler.plan import Value
from dsimport.compiler.record import ModelState, StepRecord
from dsimport.runtime.atomic import host_errors
from dsimport.runtime.lock import holder
from dsimport.runtime.progress import seconds_text
from dsimport.runtime.records import last_run, load_state, read_events

__all__ = ["ModelStatus", "StepStatus", "all_models", "last_run_ended", "status_of"]


@dataclass(frozen=True)
class StepStatus:
    """One step: ok, failed, ended (failed, and the run went on without it), skipped or `not run`. `failure` tells of
    the latest attempt, which an older good result may have outlived; when: start of the run that gave the result,
    UTC."""

    id: str
    status: str
    when: str = ""
    seconds: float = 0.0
    summary: str = ""
    failure: str = ""


@dataclass(frozen=True)
class ModelStatus:
    """One model. running: the process that writes now. last_run: how the latest run ended: done, failed, stopped or
    under way; problem: a record that cannot be read."""

    name: str
    toolchain: str = ""
    recipe: str = ""
    steps: tuple[StepStatus, ...] = ()
    values: dict[str, Value] = field(default_factory=dict)
    last_run: str = ""
    last_run_ended: str = ""
    running: int | None = None
    problem: Diagnostic | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain data for `--json`."""
        return {
            "name": self.name,
            "toolchain": self.toolchain,
            "recipe": self.recipe,
            "running_pid": self.running,
            "last_run": {"id": self.last_run, "ended": self.last_run_ended},
            "steps": [vars(step) for step in self.steps],
            "values": self.values,
            "problem": None if self.problem is None else {"code": self.problem.code, "message": self.problem.message},
        }

    def lines(self) -> list[str]:
        """The same for people."""
        if self.problem is not None:
            return [f"{single_line(self.name)}: {single_line(self.problem.message)}"]
        state = f"process {self.running} is writing" if self.running else f"last run {self.last_run_ended}"
        lines = [f"{single_line(self.name)} → toolchain {single_line(self.toolchain)}, {state} ({self.last_run})"]
        for step in self.steps:
            mark = {"ok": "✓", "failed": "✗", "skipped": "–", "ended": "!"}.get(step.status, "·")
            took = seconds_text(step.seconds) if step.status in ("ok", "failed", "ended") else ""
            text = f"  {mark} {single_line(step.id):<16} {took:>8}   {step.when[:19]:<19}   {single_line(step.summary)}"
            lines.append(text.rstrip())
            if step.failure:
                lines.append(f"      latest attempt: {single_line(step.failure)}")
        return lines


def all_models(root: Path) -> list[str]:
    """Names of the models below `root/models` that have a record, sorted."""
    folder = root / "models"
    if not folder.is_dir():
        return []
    with host_errors(folder):
        return sorted(path.name for path in folder.iterdir() if (path / ".dsimport" / "state.json").is_file())


def status_of(root: Path, name: str) -> ModelStatus:
    """The status of one model; a damaged record becomes its `problem`. DsimportError (S0609) for a model that was
    never applied."""
    home = root / "models" / name
    known = all_models(root)
    if name not in known:
        shown = ", ".join(known) or "none"
        raise DsimportError(
            Diagnostic(
                "S0609",
                f"no model '{single_line(name)}' was applied here",
                help=(f"models below {single_line(str(root))}: {single_line(shown)}",),
            )
        )
    try:
        state = load_state(home) or ModelState()
    except DsimportError as error:
        return ModelStatus(name, problem=error.diagnostics[0])
    writer = holder(home)
    pid = writer.get("pid") if writer is not None else None
    ids = [*state.order, *(step for step in sorted(state.steps) if step not in state.order)]
    return ModelStatus(
        name=name,
        toolchain=state.toolchain,
        recipe=state.recipe,
        steps=tuple(_step(step, state.steps.get(step)) for step in ids),
        values=state.values(),
        last_run=state.last_run,
        last_run_ended="under way" if writer is not None else last_run_ended(home),
        running=pid if isinstance(pid, int) else None,
    )


def _step(step_id: str, record: StepRecord | None) -> StepStatus:
    if record is None:
        return StepStatus(step_id, "not run")
    failure = f"{record.failure.code} {record.failure.message}".strip() if record.failure else ""
    return StepStatus(step_id, record.status, record.started, record.seconds, record.summary, failure)


def last_run_ended(home: Path) -> str:
    """How the latest run of a model ended, which nobody is writing to: done, failed or stopped."""
    path = last_run(home)
    end = None
    for event in read_events(path) if path is not None else ():
        end = event if event.get("event") == "run-end" else end
    if end is None:
        return "stopped"  # killed: it could not say so itself
    return "failed" if end.get("failed") else "done"

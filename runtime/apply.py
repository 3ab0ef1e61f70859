"""Executing a plan: decide, run, record, step by step, so that it can be stopped at any instant and continued.

What a step made before is set aside under a journal in `state.json`, not deleted. If the step ends well it goes; if
it does not, it comes back, at once or, after `kill -9`, when the next command takes the lock. A gate that fails is
the exception: what the step made is the evidence, and stays.
"""

from __future__ import annotations

import os
import re
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dsimport.compiler.decide import Decider, Decision
from dsimport.compiler.diagnostics import Diagnostic, DsimportError, Severity
from dsimport.compiler.escape import single_line
from dsimport.compiler.plan import Plan, Step, Value
from dsimport.compiler.record import ModelState
from dsimport.runtime.atomic import host_error, remove_stale
from dsimport.runtime.execute import is_result, put_back, run_step
from dsimport.runtime.lock import ModelLock
from dsimport.runtime.observe import DiskObservation
from dsimport.runtime.progress import Progress
from dsimport.runtime.records import RunLog, load_state, save_plan, save_state
from dsimport.runtime.signals import stop_signals
from dsimport.runtime.steps.base import Context, Handler, outside_home
from dsimport.runtime.toolversions import ToolVersions
from dsimport.runtime.values import missing_value

__all__ = ["ApplyResult", "apply_plan"]

INTERRUPTED = 130
EXPLAINED = (3, 4)  # exit codes of a failed gate and a failed tool: their logs say more
CLEAR = ("T0415",)  # codes of steps that have explained their logs themselves
_HOME = re.compile(r"models/[a-z0-9][a-z0-9._-]{0,63}")


@dataclass
class ApplyResult:
    """What an apply did to one model. Lists hold step ids in the order of the plan.

    exit_code: 0, 1 (host, plan), 3 (gate), 4 (tool) or 130 (interrupted). ended: steps that may fail and did, now or
    before. diagnostics: warnings, then errors.
    """

    name: str
    exit_code: int = 0
    done: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    failed: str | None = None
    not_started: list[str] = field(default_factory=list)
    values: dict[str, Value] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    seconds: float = 0.0
    run_id: str = ""

    def summary(self) -> str:
        """One line: how far it got."""
        counts = [f"{len(self.done)} done", f"{len(self.same)} up to date", f"{len(self.skipped)} not needed"]
        counts.append(f"{len(self.ended)} ended")
        shown = ", ".join(text for text in counts if not text.startswith("0 "))
        if self.exit_code == 0:
            return shown or "nothing to do"
        failed = "interrupted" if self.exit_code == INTERRUPTED else "1 failed" if self.failed is not None else ""
        words = ", ".join(part for part in (shown, failed, f"{len(self.not_started)} not started") if part)
        return f"apply stopped: {words}. Continue with the same command."


def apply_plan(
    plan: Plan,
    *,
    root: Path | str,
    progress: Progress | None = None,
    handlers: Mapping[str, str | Handler] | None = None,
    versions: ToolVersions | None = None,
    command: Sequence[str] = (),
    until: str | None = None,
) -> ApplyResult:
    """Bring one model up to date. Never raises for what a recipe, host or tool can do wrong: the result says it.

    root: folder that holds `models/`; handlers: code by step kind (default: the package's own); versions: what asks
    programs for theirs; command: the command line, for the run's log; until: id of the step to end after.
    """
    started = time.monotonic()
    result = ApplyResult(plan.name, not_started=[step.id for step in plan.steps])
    with progress or Progress(quiet=True) as shown:
        place = Path(os.path.abspath(root))  # noqa: PTH100 - links on the way to the root stay as they were named
        run = _Run(plan, place, shown, handlers, versions, list(command), result, until)
        try:
            with stop_signals():
                run.go()
        except KeyboardInterrupt:
            result.exit_code = INTERRUPTED
        except DsimportError as error:
            result.exit_code = error.exit_code
            result.diagnostics += error.diagnostics
        except OSError as error:
            result.exit_code = 1
            result.diagnostics += host_error(error).diagnostics
    result.seconds = time.monotonic() - started
    return result


class _Run:
    """One apply of one plan."""

    def __init__(
        self,
        plan: Plan,
        root: Path,
        progress: Progress,
        handlers: Mapping[str, str | Handler] | None,
        versions: ToolVersions | None,
        command: list[str],
        result: ApplyResult,
        until: str | None,
    ) -> None:
        self._plan = plan
        self._root = root
        self._home = root / plan.home
        self._progress = progress
        self._handlers = handlers
        self._versions = versions
        self._command = command
        self._result = result
        self._until = until
        self._state = self._saved = ModelState()
        self._log = RunLog(self._home)

    def go(self) -> None:
        self._check_plan()
        with ModelLock(self._home):
            self._saved = load_state(self._home) or ModelState()
            self._state = put_back(self._root, self._plan.home, self._saved)
            remove_stale(self._home)
            seen = DiskObservation(self._root, self._plan.home, self._versions)
            try:
                self._steps(seen)
                self._keep_plan()
                if self._state != self._saved:  # a step that was skipped for the first time
                    self._keep(lambda state: state)
            finally:
                seen.save()
                self._end()

    def _check_plan(self) -> None:
        """A plan may come from a file: it must not lead anywhere but into its own model's folder."""
        if not _HOME.fullmatch(self._plan.home) or self._plan.home != f"models/{self._plan.name}":
            raise DsimportError(
                Diagnostic(
                    "P0603",
                    f"the plan of {single_line(self._plan.name)} has no proper model folder: "
                    f"{single_line(self._plan.home)}",
                    help=("make the plan again with `dsimport plan`",),
                )
            )
        for step in self._plan.steps:
            for path in [*(file.path for file in step.files), *step.outputs, *([step.log] if step.log else [])]:
                # Holes take numbers, which cannot lead anywhere.
                name = path if isinstance(path, str) else "".join(p if isinstance(p, str) else "0" for p in path)
                error = outside_home(self._root, self._plan.home, name)
                if error is not None:
                    raise error

    def _steps(self, seen: DiskObservation) -> None:
        decider = Decider(self._plan, self._state, seen)
        self._result.values = decider.values
        for step in self._plan.steps:
            decision = decider.decide(step)
            if decision.action == "same":
                self._idle(self._result.same, decision, "up to date")
            elif decision.action == "skip":
                why = "not needed: " + ", ".join(f"not {condition}" for condition in decision.conditions)
                self._idle(self._result.skipped, decision, why)
                self._state = self._state.without_result(step.id)
            elif decision.action == "ended":
                self._idle(self._result.ended, decision, f"failed before: {decision.reasons[0]}")
            elif decision.action == "blocked":
                missing = next(iter(sorted(n for n in decision.unknown if decider.values.get(n) is None)), step.id)
                self._result.failed = step.id
                raise missing_value(missing)
            else:
                self._start_run()
                self._result.not_started.remove(step.id)
                self._run_one(step, decision, decider, seen)
            if step.id == self._until:
                return

    def _idle(self, ids: list[str], decision: Decision, why: str) -> None:
        ids.append(decision.step.id)
        self._result.not_started.remove(decision.step.id)
        self._progress.idle(decision.step.id, why)

    def _start_run(self) -> None:
        if self._result.run_id:
            return
        self._log.event(
            "run-start",
            command=self._command,
            plan=self._plan.digest(),
            recipe=self._plan.recipe,
            compiler=self._plan.compiler,
            toolchain=self._plan.toolchain,
        )
        self._keep_plan()
        self._result.run_id = self._log.id
        if self._plan.extra:
            return
        self._state = self._state.model_copy(
            update={
                "plan": self._plan.digest(),
                "recipe": self._plan.recipe,
                "compiler": self._plan.compiler,
                "toolchain": self._plan.toolchain,
                "inputs": {file.path: file.sha256 for file in self._plan.inputs},
                "last_run": self._log.id,
                "order": tuple(step.id for step in self._plan.steps),
            }
        )

    def _keep_plan(self) -> None:
        """The plan that the model's own record is of; a sweep's is not."""
        if not self._plan.extra:
            save_plan(self._home, self._plan)

    def _run_one(self, step: Step, decision: Decision, decider: Decider, seen: DiskObservation) -> None:
        self._log.event("step-start", step=step.id, action=decision.action, reasons=[str(r) for r in decision.reasons])
        context = Context(self._root, self._plan, step, decider.values, self._progress, self._log.event)
        began = time.monotonic()
        try:
            record = run_step(context, decider, seen, self._handlers, self._keep)
        except BaseException as error:
            if isinstance(error, DsimportError) and is_result(step, error) and self._is_ended(step):
                self._go_on_without(step, error, decider)
                return
            self._failed(step, error, time.monotonic() - began)
            raise _explained(_presentable(error), context) from error
        finally:
            self._result.diagnostics += context.warnings
        decider.finished(record)
        self._result.done.append(step.id)
        self._log.event(
            "step-end", step=step.id, status="ok", seconds=record.seconds, values=record.values, summary=record.summary
        )
        self._progress.done(step.id, record.seconds, record.summary)

    def _is_ended(self, step: Step) -> bool:
        record = self._state.steps.get(step.id)
        return record is not None and record.status == "ended"  # unless the disk refused to keep that

    def _go_on_without(self, step: Step, error: DsimportError, decider: Decider) -> None:
        """A failure that is a result has been recorded: say it, and take the next step."""
        record, first = self._state.steps[step.id], error.diagnostics[0]
        decider.finished(record)
        self._result.ended.append(step.id)
        told = {"code": first.code, "message": first.message}
        self._log.event("step-end", step=step.id, status="ended", seconds=record.seconds, values=record.values, **told)
        self._progress.failed(step.id, record.seconds, f"{first.message}; the run goes on without it")
        again = f"dsimport apply {single_line(self._plan.recipe)} --again {step.id}"
        self._result.diagnostics.append(
            Diagnostic(
                "T0414",
                f"{step.id} failed, and the run goes on without it: {first.message}",
                severity=Severity.WARNING,
                notes=first.notes,
                help=(*first.help, f"it is not tried again until something it depends on changes, or by: {again}"),
            )
        )

    def _keep(self, update: Callable[[ModelState], ModelState]) -> None:
        """Change the record on disk: `update` takes the state and returns the next one."""
        state = update(self._state)
        save_state(self._home, state)
        self._state = self._saved = state

    def _failed(self, step: Step, error: BaseException, seconds: float) -> None:
        self._result.failed = step.id
        shown = _presentable(error)
        if isinstance(shown, DsimportError):
            event = "gate" if shown.exit_code == 3 else "step-end"
            told = {"code": shown.diagnostics[0].code, "message": shown.diagnostics[0].message}
            if shown is not error and not isinstance(error, OSError):
                told["trace"] = "".join(traceback.format_exception(type(error), error, error.__traceback__))
            self._quietly(event, step=step.id, status="failed", seconds=round(seconds, 3), **told)
            self._progress.failed(step.id, seconds, shown.diagnostics[0].message)
        else:
            self._quietly("step-end", step=step.id, status="interrupted", seconds=round(seconds, 3))
            self._progress.failed(step.id, seconds, "interrupted")

    def _end(self) -> None:
        if self._result.run_id:
            self._quietly("run-end", done=self._result.done, failed=self._result.failed)
        self._log.close()

    def _quietly(self, name: str, **fields: Any) -> None:
        """Log an event while something else has failed already, which is what the user has to hear about."""
        try:
            self._log.event(name, **fields)
        except DsimportError:
            return


def _explained(error: BaseException, context: Context) -> BaseException:
    """A failed tool or gate with what is known of the problems in the step's log, before everything else."""
    if not isinstance(error, DsimportError) or error.exit_code not in EXPLAINED or error.diagnostics[0].code in CLEAR:
        return error
    from dsimport.runtime.diagnose.read import explained_log

    try:
        notes, fixes = explained_log(context.log_path)
    except DsimportError:  # a log outside of the model's folder, which the error itself is about
        return error
    first, *others = error.diagnostics
    told = replace(first, notes=(*notes, *first.notes), help=(*fixes, *first.help))
    return DsimportError([told, *others], error.exit_code)


def _presentable(error: BaseException) -> BaseException:
    """The error as a diagnostic; an interrupt stays what it is. The unforeseen is a fault of dsimport, and says so."""
    if isinstance(error, (DsimportError, KeyboardInterrupt, SystemExit)):
        return error
    if isinstance(error, OSError):
        return host_error(error)
    text = single_line(f"{type(error).__name__}: {error}")
    return DsimportError(
        Diagnostic(
            "T0605",
            f"the step failed in an unforeseen way: {text[:300]}",
            help=("this is a fault of dsimport: please report it with the newest file of the model's .dsimport/runs",),
        )
    )

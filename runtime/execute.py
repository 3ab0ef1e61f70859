"""Running one step as a transaction: set aside what it made before, run, and keep the new result or the old one."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from dsimport.compiler.decide import Decider
from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.compiler.facts import settings_of, sha256_text
from dsimport.compiler.plan import Step, Value
from dsimport.compiler.record import Failure, ModelState, Running, StepRecord
from dsimport.runtime.atomic import ASIDE, host_error, host_errors, make_folder, remove_tree, sync_folder, write_text
from dsimport.runtime.machine import host_facts
from dsimport.runtime.observe import DiskObservation
from dsimport.runtime.progress import ENGINE_SILENCE
from dsimport.runtime.records import now_text, save_state
from dsimport.runtime.steps.base import TOOL_FAILED, Context, Handler, Outcome, handler_for, outside_home
from dsimport.runtime.values import filled

__all__ = ["is_result", "put_back", "run_step"]

GATE_FAILED = 3
Keep: TypeAlias = Callable[[Callable[[ModelState], ModelState]], None]


def run_step(
    context: Context,
    decider: Decider,
    seen: DiskObservation,
    handlers: Mapping[str, str | Handler] | None,
    keep: Keep,
) -> StepRecord:
    """Run the step and record it. Whatever it raises is recorded too, then passed on.

    keep: changes the model's record on disk.
    """
    step = context.step
    handler = handler_for(step.kind, handlers)
    facts = decider.facts(step)
    outputs = [filled(path, context.values) for path in step.outputs]
    started, began = now_text(), time.monotonic()
    base = StepRecord(
        id=step.id,
        kind=step.kind,
        status="failed",
        facts=facts,
        settings=settings_of(step, context.plan),
        leaves=step.leaves,
        log=None if step.log is None else filled(step.log, context.values),
        started=started,
        host=host_facts(),
    )
    context.progress.start(step.id, ENGINE_SILENCE if step.kind == "engine" else "")
    moved = _plan_moves(context, outputs)
    if moved:  # the journal comes first, so that a kill between two renames can be undone
        keep(lambda state: state.model_copy(update={"running": Running(step=step.id, moved=moved)}))
    try:
        _set_aside(context.root, moved)
        _write_files(context, seen)
        _make_places(context, outputs)
        outcome = handler(context)
        values = _checked_values(step, outcome)
        digests = _digests(step, outputs, seen)
    except BaseException as error:
        with contextlib.suppress(DsimportError, OSError):  # the error itself is what the user has to hear about
            keep(_after_failure(context, base, outputs, seen, error, time.monotonic() - began))
        raise
    record = base.model_copy(
        update={
            "status": "ok",
            "outputs": digests,
            "values": values,
            "seconds": round(time.monotonic() - began, 3),
            "summary": outcome.summary,
        }
    )
    keep(lambda state: state.with_step(record, running=None))
    _drop(context.root, moved)
    return record


def is_result(step: Step, error: BaseException) -> bool:
    """Whether the plan goes on without the step: it may fail, and its program did. What the host lacks is no result."""
    return step.may_fail is not None and isinstance(error, DsimportError) and error.exit_code == TOOL_FAILED


def put_back(root: Path, home: str, state: ModelState) -> ModelState:
    """What an interrupted step had set aside comes back, as if the step had not been started. The caller holds the
    lock. Returns the state, which is saved if it changed; DsimportError when the disk does not allow it."""
    if state.running is None:
        return state
    _restore(root, home, state.running.moved)
    state = state.model_copy(update={"running": None})
    save_state(root / home, state)
    return state


def _plan_moves(context: Context, outputs: list[str]) -> dict[str, str]:
    """Where outputs that exist wait. Logs stay where they are, as evidence, and are written anew by the program."""
    step, values = context.step, context.values
    kept = {filled(path, values) for path in step.inputs} | {filled(file.path, values) for file in step.files}
    if step.log is not None:
        kept.add(filled(step.log, values))
    moved: dict[str, str] = {}
    for number, name in enumerate(outputs):
        place = name.rstrip("/")
        if name in kept or not os.path.lexists(context.path(name)):
            continue
        folder, _, _ = place.rpartition("/")
        moved[place] = f"{folder}/{ASIDE}{number}"
    return moved


def _set_aside(root: Path, moved: Mapping[str, str]) -> None:
    for name, aside in moved.items():
        remove_tree(root / aside)
        with host_errors(root / name):
            (root / name).rename(root / aside)
            sync_folder((root / aside).parent)


def _restore(root: Path, home: str, moved: Mapping[str, str]) -> None:
    for name, aside in moved.items():
        folder, _, last = aside.rpartition("/")
        proper = name.rpartition("/")[0] == folder and last.startswith(ASIDE)
        if not proper or outside_home(root, home, f"{folder}/x") is not None:
            continue  # no journal of ours says that
        if os.path.lexists(root / aside):
            remove_tree(root / name)
            with host_errors(root / name):
                (root / aside).rename(root / name)


def _drop(root: Path, moved: Mapping[str, str]) -> None:
    for aside in moved.values():
        remove_tree(root / aside)


def _write_files(context: Context, seen: DiskObservation) -> None:
    for file in context.step.files:
        name, content = filled(file.path, context.values), filled(file.content, context.values)
        place = context.path(name)
        unchanged = seen.digest(name) == sha256_text(content)
        if not unchanged or (file.executable and not os.access(place, os.X_OK)):
            write_text(place, content, executable=file.executable)


def _make_places(context: Context, outputs: list[str]) -> None:
    for name in outputs:
        place = context.path(name)
        make_folder(place if name.endswith("/") else place.parent)


def _checked_values(step: Step, outcome: Outcome) -> dict[str, Value]:
    missing = [name for name in step.gives if name not in outcome.values]
    if missing:
        raise ValueError(f"step {step.id} promised the value {missing[0]} and did not give it")
    # JSON has no such numbers, and a condition on one would be neither true nor false.
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in outcome.values.items()
    }


def _digests(step: Step, outputs: list[str], seen: DiskObservation) -> dict[str, str]:
    digests: dict[str, str] = {}
    for name in outputs:
        digest = seen.digest(name)
        if digest is None:
            raise DsimportError(
                Diagnostic(
                    "T0604",
                    f"step {step.id} ended without an error and did not make {name}",
                    help=("read the step's log: the program may have written somewhere else",),
                ),
                exit_code=TOOL_FAILED,
            )
        digests[name] = digest
    return digests


def _after_failure(
    context: Context, base: StepRecord, outputs: list[str], seen: DiskObservation, error: BaseException, seconds: float
) -> Callable[[ModelState], ModelState]:
    """Tidy up after a step that did not end well; returns how the record changes."""
    failure = _failure(error)

    def change(state: ModelState) -> ModelState:
        before = state.steps.get(base.id)
        moved = state.running.moved if state.running is not None else {}
        if is_result(context.step, error):
            _drop(context.root, moved)
            return state.with_step(_ended(context, base, outputs, seen, failure, seconds), running=None)
        had_result = before is not None and before.status == "ok" and bool(moved)
        if had_result and before is not None and failure.exit_code != GATE_FAILED:
            _restore(context.root, context.plan.home, moved)
            return state.with_step(before.model_copy(update={"failure": failure}), running=None)
        _drop(context.root, moved)
        made = {name: digest for name in outputs if (digest := seen.digest(name)) is not None}
        record = base.model_copy(update={"outputs": made, "seconds": round(seconds, 3), "failure": failure})
        return state.with_step(record, running=None)

    return change


def _ended(
    context: Context, base: StepRecord, outputs: list[str], seen: DiskObservation, failure: Failure, seconds: float
) -> StepRecord:
    """The record of a failure that is a result. Of its outputs only the log stays: half an engine is none."""
    for name in outputs:
        if name != base.log:
            remove_tree(context.path(name))
    return base.model_copy(
        update={
            "status": "ended",
            "outputs": {name: digest for name in outputs if (digest := seen.digest(name)) is not None},
            "values": {str(context.step.may_fail): failure.message},
            "seconds": round(seconds, 3),
            "summary": "failed; the run goes on without it",
            "failure": failure,
        }
    )


def _failure(error: BaseException) -> Failure:
    if isinstance(error, OSError):
        error = host_error(error)
    if isinstance(error, DsimportError):
        first = error.diagnostics[0]
        return Failure(when=now_text(), code=first.code, message=first.message, exit_code=error.exit_code)
    if isinstance(error, KeyboardInterrupt):
        return Failure(when=now_text(), code="", message="interrupted", exit_code=130)
    return Failure(when=now_text(), code="T0605", message=f"{type(error).__name__}: {error}"[:300], exit_code=1)

"""Whether the engine a model runs with still is what its recipe asks for, and if not, why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from dsimport.compiler.decide import Decision, Observation, decide
from dsimport.compiler.escape import single_line
from dsimport.compiler.facts import Reason
from dsimport.compiler.lock import lock_path
from dsimport.compiler.plan import Plan, Step
from dsimport.compiler.record import ModelState, StepRecord
from dsimport.compiler.standing import moved_since

__all__ = ["Engine", "EngineState", "Replan", "engine_state"]

EngineState: TypeAlias = Literal["current", "stale", "not built", "unknown"]

# The plan that a recorded recipe gives today, or in words why there is none.
Replan: TypeAlias = Callable[[str, ModelState], "Plan | str"]

_MAX_REASONS = 2


@dataclass(frozen=True)
class Engine:
    """The engine that a model's pipeline loads. why: the reasons where it is not current."""

    state: EngineState = "unknown"
    why: str = ""


def engine_state(name: str, state: ModelState, seen: Observation, compiler: str, replan: Replan) -> Engine:
    """Made anew is only a plan whose recipe (or compiler) has moved since it was applied."""
    built = _built(state)
    if built is None:
        return Engine("not built", _failure(state))
    if state.compiler == compiler and _same_inputs(state, seen):
        return _judged(moved_since(state, built.id, seen))
    plan = replan(name, state)
    if isinstance(plan, str):
        return Engine("unknown", single_line(plan))
    step = next((step for step in plan.steps if step.kind == "engine" and set(step.outputs) & set(built.outputs)), None)
    if step is None:
        return Engine("stale", "the recipe no longer makes this engine")
    needed = plan.model_copy(update={"steps": _leading_to(plan, step)})
    return _decided(decide(needed, state, seen)[-1])


def _built(state: ModelState) -> StepRecord | None:
    """The record of the engine that the pipeline loads: that of the largest batch."""
    wanted = f"_b{state.values().get('max_batch')}.engine"
    engines = [record for record in state.steps.values() if record.kind == "engine" and record.status == "ok"]
    of_batch = [record for record in engines if any(path.endswith(wanted) for path in record.outputs)]
    return next(iter(of_batch or engines), None)


def _same_inputs(state: ModelState, seen: Observation) -> bool:
    """Whether every file that the recorded plan was made from is as it was, and none has come that would count."""
    if not state.inputs or (lock_path(state.recipe) not in state.inputs and seen.digest(lock_path(state.recipe))):
        return False
    return all(seen.digest(path) == digest for path, digest in state.inputs.items())


def _leading_to(plan: Plan, last: Step) -> tuple[Step, ...]:
    """The step and, in the order of the plan, those whose files or values it rests on."""
    givers = {name: step.id for step in plan.steps for name in step.gives}
    needed = {last.id}
    for step in reversed(plan.steps):
        if step.id in needed:
            needed |= {*step.needs, *(givers[name] for name in step.unknowns() if name in givers)}
    index = [step.id for step in plan.steps].index(last.id)
    return tuple(step for step in plan.steps[: index + 1] if step.id in needed)


def _decided(decision: Decision) -> Engine:
    if decision.action == "same":
        return Engine("current")
    return _judged(list(decision.reasons) or [Reason(f"only if {condition}") for condition in decision.conditions])


def _judged(reasons: Sequence[Reason]) -> Engine:
    if not reasons:
        return Engine("current")
    more = f" (+{len(reasons) - _MAX_REASONS} more)" if len(reasons) > _MAX_REASONS else ""
    return Engine("stale", "; ".join(single_line(str(reason)) for reason in reasons[:_MAX_REASONS]) + more)


def _failure(state: ModelState) -> str:
    """Why no engine was built, where the record says it."""
    for record in state.steps.values():
        if record.failure is not None and record.status == "failed":
            return single_line(f"{record.id} failed: {record.failure.message}")
    return ""

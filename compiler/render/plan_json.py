"""A plan with its decisions as JSON data, for programs: the same facts that people see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dsimport.compiler.decide import Decision
from dsimport.compiler.difftext import unified
from dsimport.compiler.plan import Plan
from dsimport.compiler.render.plan_text import count_actions

__all__ = ["plan_document"]


def plan_document(plan: Plan, decisions: Sequence[Decision]) -> dict[str, Any]:
    """One plan as plain data. Unknowns stand as `‹name›` in texts and by name in `unknown`."""
    return {
        "name": plan.name,
        "recipe": plan.recipe,
        "home": plan.home,
        "toolchain": plan.toolchain,
        "digest": plan.digest(),
        "inputs": [file.model_dump() for file in plan.inputs],
        "settings": {key: setting.model_dump(mode="json") for key, setting in plan.settings.items()},
        "notices": list(plan.notices),
        "counts": dict(sorted(count_actions(decisions).items())),
        "steps": [_step(decision) for decision in decisions],
    }


def _step(decision: Decision) -> dict[str, Any]:
    step = decision.step
    return {
        "id": step.id,
        "kind": step.kind,
        "title": step.title,
        "action": decision.action,
        "reasons": [
            {"label": reason.label, "old": reason.old, "new": reason.new, "origin": reason.origin}
            for reason in decision.reasons
        ],
        "conditions": list(decision.conditions),
        "argv": None if decision.argv is None else list(decision.argv),
        "inputs": list(decision.inputs),
        "outputs": list(decision.outputs),
        "needs": list(step.needs),
        "gives": list(step.gives),
        "unknown": list(decision.unknown),
        "uses": list(step.uses),
        "timeout_s": step.timeout_s,
        "files": [_file(decision, index) for index in range(len(decision.files))],
    }


def _file(decision: Decision, index: int) -> dict[str, Any]:
    file = decision.files[index]
    changed = file.status == "change"
    return {
        "path": file.path,
        "status": file.status,
        "diff": unified(file.old_text, file.new_text) if changed else [],
        "content": file.new_text,
    }

"""Saved plans: `plan -o plan.json`, and holding one against the world before `apply plan.json`.

A saved plan is a promise: apply does exactly what plan showed, or refuses and says what has moved.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from dsimport.compiler.decide import Action, Decision, decide
from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.compiler.escape import single_line
from dsimport.compiler.plan import PLAN_FORMAT, Plan
from dsimport.runtime.atomic import host_error, write_text
from dsimport.runtime.observe import DiskObservation, digest_path
from dsimport.runtime.records import load_state, state_digest
from dsimport.runtime.toolversions import ToolVersions

__all__ = ["PlanEntry", "plan_entry", "read_plan_file", "write_plan_file"]

FILE_FORMAT = 1
MAX_BYTES = 256 * 1024 * 1024


class PlanEntry(BaseModel):
    """One plan of a saved file. digest: of the plan; prior: sha256 of `state.json` when it was shown, None if there
    was none; actions: what was shown, by step."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    plan: Plan
    digest: str
    prior: str | None
    actions: dict[str, Action]


def plan_entry(plan: Plan, root: Path, decisions: Sequence[Decision] | None = None) -> PlanEntry:
    """What has to be saved of a plan. `decisions`: those that are shown (taken here if not given)."""
    shown = decisions if decisions is not None else _decide(plan, root, ToolVersions())
    return PlanEntry(
        plan=plan,
        digest=plan.digest(),
        prior=state_digest(root / plan.home),
        actions={decision.step.id: decision.action for decision in shown},
    )


def write_plan_file(path: str | Path, entries: Iterable[PlanEntry]) -> None:
    """Save plans; DsimportError (H codes) when that fails."""
    document = {"format": FILE_FORMAT, "plans": [entry.model_dump(mode="json") for entry in entries]}
    write_text(Path(path), json.dumps(document, indent=1, sort_keys=True, ensure_ascii=True) + "\n")


def read_plan_file(path: str | Path, *, root: Path, compiler: str) -> list[Plan]:
    """The plans of a saved file, still fresh. DsimportError: S0604 no plan file, S0605 damaged or edited, S0606 stale,
    with everything that moved, old → new."""
    entries = _read(Path(path))
    moved: list[str] = []
    versions = ToolVersions()
    for entry in entries:
        moved += [f"{entry.plan.name}: {line}" for line in _moved(entry, root, compiler, versions)]
    if moved:
        raise DsimportError(
            Diagnostic(
                "S0606",
                f"the plan in {single_line(str(path))} is stale",
                notes=tuple(f"moved: {line}" for line in dict.fromkeys(moved)),
                help=("make the plan again with `dsimport plan -o`, and look at what it shows",),
            )
        )
    return [entry.plan for entry in entries]


def _moved(entry: PlanEntry, root: Path, compiler: str, versions: ToolVersions) -> list[str]:
    plan = entry.plan
    lines: list[str] = []
    if plan.compiler != compiler:
        lines.append(f"compiler {single_line(plan.compiler)} → {compiler}")
    for file in plan.inputs:
        found = digest_path(root / file.path)
        if found != file.sha256:
            lines.append(f"{single_line(file.path)} {file.sha256[:7]} → {'missing' if found is None else found[:7]}")
    record = state_digest(root / plan.home)
    if record != entry.prior:
        lines.append(f"record of {single_line(plan.home)} {_short(entry.prior)} → {_short(record)}")
    if lines:
        return lines
    for decision in _decide(plan, root, versions):
        shown = entry.actions.get(decision.step.id)
        if shown != decision.action:
            why = "; ".join(str(reason) for reason in decision.reasons)
            lines.append(
                f"step {single_line(decision.step.id)} {shown} → {decision.action}" + (f": {why}" if why else "")
            )
    return lines


def _decide(plan: Plan, root: Path, versions: ToolVersions) -> list[Decision]:
    return decide(plan, load_state(root / plan.home), DiskObservation(root, plan.home, versions))


def _short(digest: str | None) -> str:
    return "none" if digest is None else digest[:7]


def _read(path: Path) -> list[PlanEntry]:
    shown = single_line(str(path))
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise host_error(error, path) from error
    try:
        document: Any = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _unusable("S0605", f"the plan file {shown} is damaged", str(error)) from None
    if not isinstance(document, dict) or "plans" not in document or not isinstance(document["plans"], list):
        raise _unusable("S0604", f"{shown} is no plan file", "it has no plans")
    if document.get("format") != FILE_FORMAT:
        raise _unusable("S0604", f"the plan file {shown} was written by another dsimport", "its format is not ours")
    try:
        entries = [PlanEntry.model_validate(item) for item in document["plans"]]
    except (ValidationError, RecursionError) as error:
        raise _unusable("S0605", f"the plan file {shown} is damaged", _first(error)) from None
    for entry in entries:
        if entry.plan.format != PLAN_FORMAT or entry.digest != entry.plan.digest():
            raise _unusable("S0605", f"the plan file {shown} was edited", f"plan {single_line(entry.plan.name)}")
    return entries


def _first(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return type(error).__name__
    first = error.errors()[0]
    return single_line(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}")[:300]


def _unusable(code: str, message: str, why: str) -> DsimportError:
    return DsimportError(
        Diagnostic(
            code, message, notes=(f"reason: {why}",), help=("make it again with `dsimport plan RECIPE -o FILE`",)
        )
    )

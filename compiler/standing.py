"""Whether a recorded result still stands, where the plan is known to be the one it was made by.

`decide` compares a record with a plan. Where nothing that a plan is made from has moved, the plan is the same and need
not be made: what is left to look at is what lies on the disk and which programs are there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from dsimport.compiler.facts import Reason, show_digest
from dsimport.compiler.record import ModelState

__all__ = ["moved_since"]


class _Looks(Protocol):
    """The part of an observation that is needed here."""

    def digest(self, path: str) -> str | None: ...

    def tool(self, name: str) -> str | None: ...


def moved_since(state: ModelState, step_id: str, seen: _Looks) -> list[Reason]:
    """Why a step that ended well would run again under the plan it was recorded with; empty where it would not. A step
    it needs that would run again is one reason."""
    return list(_reasons(state, step_id, seen, set()))


def _reasons(state: ModelState, step_id: str, seen: _Looks, above: set[str]) -> Iterator[Reason]:
    record = state.steps.get(step_id)
    if record is None or record.status != "ok":
        yield Reason(f"{step_id} did not end well")
        return
    above = {*above, step_id}
    for label, fact in record.facts.items():
        kind, _, name = label.partition(" ")
        if kind == "needs" and name in state.steps and state.steps[name].key() != fact:
            yield Reason(f"because {name} ran again")
        elif kind == "needs" and name not in above and any(_reasons(state, name, seen, above)):
            yield Reason(f"because {name} runs again")
        elif kind == "input":
            found = seen.digest(name) or "missing"
            if found != fact:
                yield Reason(name, show_digest(fact), show_digest(found))
        elif kind == "tool":
            found = seen.tool(name) or "missing"
            if found != fact:
                yield Reason(name, fact, found)
    for path, digest in record.outputs.items():
        now = seen.digest(path)
        if now != digest:
            yield Reason(f"{path} is missing" if now is None else f"{path} was changed on disk")

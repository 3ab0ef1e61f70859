"""What the records say of each step of a plan: which results still hold, what failed, what was said on the way.

A report shows results that rest on the same recipe, inputs and tools, as recorded; results that something has
overtaken since are named and not shown. Nothing here asks a tool or reads an artifact, so a report can be made anew on
another machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dsimport.compiler.decide import Action, Decider, Decision
from dsimport.compiler.plan import Plan, Step, Value
from dsimport.compiler.record import ModelState, StepRecord
from dsimport.runtime.records import read_events, runs_of
from dsimport.runtime.report.schema import Failed, Note, StepLine, StepState

__all__ = ["History", "Said", "history_of", "said_by"]

MAX_NOTES = 200


@dataclass(frozen=True)
class History:
    """current: records of the steps whose results hold; values: what those gave; steps: all but the report itself;
    decisions: what a plan would say, had nothing but the records changed."""

    decisions: tuple[Decision, ...]
    current: Mapping[str, StepRecord]
    values: Mapping[str, Value]
    steps: tuple[StepLine, ...]
    failures: tuple[Failed, ...]

    @property
    def complete(self) -> bool:
        """Whether every step ended well, was not needed, or failed as it may."""
        return all(step.state in ("ok", "ended", "not needed") for step in self.steps)


def history_of(plan: Plan, state: ModelState) -> History:
    """Compare the records of a plan's steps with each other."""
    decider = Decider(plan, state, _Recorded(state))
    current: dict[str, StepRecord] = {}
    lines: list[StepLine] = []
    failures: list[Failed] = []
    decisions: list[Decision] = []
    for step in plan.steps:
        decision = decider.decide(step)
        decisions.append(decision)
        if step.kind == "report":
            continue
        record = state.steps.get(step.id)
        if record is not None and record.failure is not None and decision.action not in ("skip", "ended"):
            failure = record.failure
            failures.append(Failed(step=step.id, code=failure.code, message=failure.message, when=failure.when))
        if record is not None and decision.action == "same":
            current[step.id] = record
        lines.append(_line(step, decision.action, record))
    return History(tuple(decisions), current, dict(decider.values), tuple(lines), tuple(failures))


def _line(planned: Step, action: Action, record: StepRecord | None) -> StepLine:
    step, kind = planned.id, planned.kind
    if action == "skip" or record is None or record.status == "skipped":
        nothing: StepState = "not needed" if action == "skip" else "not run"
        return StepLine(id=step, kind=kind, state=nothing, seconds=None, started=None, summary="")
    known: dict[str, StepState] = {"same": "ok", "ended": "ended"}
    state = known.get(action, "failed" if record.status == "failed" else "outdated")
    summary = record.failure.message if state in ("failed", "ended") and record.failure is not None else record.summary
    started = record.started or None
    return StepLine(id=step, kind=kind, state=state, seconds=record.seconds, started=started, summary=summary)


@dataclass(frozen=True)
class Said:
    """What the logs of the runs have of the latest attempt of steps. notes: warnings and remarks, in the steps' order;
    commands: the words of the last command that each of them ran, which may be another than the planned one."""

    notes: list[Note]
    commands: Mapping[str, tuple[str, ...]]


def said_by(home: Path, steps: Iterable[str]) -> Said:
    """Read the logs of all runs of a model for these steps."""
    found: dict[str, list[Note]] = {}
    commands: dict[str, tuple[str, ...]] = {}
    for path in runs_of(home):
        for event in read_events(path):
            name, step = event.get("event"), str(event.get("step"))
            if name == "step-start":
                found[step] = []
            elif name == "command" and isinstance(event.get("argv"), list):
                commands[step] = tuple(str(word) for word in event["argv"])
            elif name == "warning":
                note = Note(step=step, code=str(event.get("code")), text=str(event.get("message")))
                found.setdefault(step, []).append(note)
            elif name == "note":
                found.setdefault(step, []).append(Note(step=step, code=None, text=str(event.get("text"))))
    notes = [note for step in steps for note in dict.fromkeys(found.get(step, ()))]
    return Said(notes[:MAX_NOTES], commands)


class _Recorded:
    """The world as the records saw it: where several saw the same thing, the latest of them counts."""

    def __init__(self, state: ModelState) -> None:
        self._digests: dict[str, str] = {}
        self._tools: dict[str, str] = {}
        for record in sorted(state.steps.values(), key=lambda record: record.started):
            for label, value in record.facts.items():
                kind, _, name = label.partition(" ")
                if kind == "tool":
                    self._tools[name] = value
                elif kind in ("file", "input"):
                    self._digests[name] = value.removesuffix(" +x")
            self._digests.update(record.outputs)

    def digest(self, path: str) -> str | None:
        return _there(self._digests.get(path))

    def text(self, path: str) -> str | None:
        return None

    def tool(self, name: str) -> str | None:
        return _there(self._tools.get(name))


def _there(value: str | None) -> str | None:
    return None if value == "missing" else value

"""What has to be done, step by step, and why. `plan` shows these decisions and `apply` follows them: one function.

A step is up to date when it ended well, everything it depends on is as it was (its facts), and what it made is still
there. It runs again when a step it needs runs again; a step that only writes generated files is the exception, because
their content is known beforehand, so its dependents look at the files they name as inputs. A value that is only known
while applying makes a step conditional: it runs if the value, or its condition, asks for it. A step that may fail and
did is not tried again until something it depends on has moved: it is `ended`.

Nothing here looks at a disk: what is there comes in through an `Observation`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from dsimport.compiler.facts import Facts, Reason, facts_of, moved_facts, sha256_text
from dsimport.compiler.plan import Condition, Plan, Step, Value, fill, show_text
from dsimport.compiler.record import ModelState, StepRecord

__all__ = ["Action", "Decider", "Decision", "FileChange", "Observation", "Reason", "decide", "holds", "show_condition"]

Action: TypeAlias = Literal["create", "change", "same", "conditional", "skip", "blocked", "ended"]
RUNS: frozenset[str] = frozenset({"create", "change"})


class Observation(Protocol):
    """What a disk and a host say. Paths are root-relative or absolute; a path ending in `/` is a folder."""

    def digest(self, path: str) -> str | None:
        """sha256 (hex) of the file's or folder's content; None if it is not there."""

    def text(self, path: str) -> str | None:
        """The file as text for a diff; None if it is not there or no text."""

    def tool(self, name: str) -> str | None:
        """The version of a program; None if it is not there."""


@dataclass(frozen=True)
class FileChange:
    """A generated file against the disk. `new_text` is None while it depends on something known after apply."""

    path: str
    status: Literal["create", "change", "same", "unknown"]
    old_text: str | None = None
    new_text: str | None = None


@dataclass(frozen=True)
class Decision:
    """What happens to one step. Texts have their known values filled in, unknown ones as `‹name›`.

    conditions: for `conditional` and `skip`, the conditions that are open or false, in words.
    unknown: names of the values that are only known after apply.
    """

    step: Step
    action: Action
    reasons: tuple[Reason, ...] = ()
    conditions: tuple[str, ...] = ()
    argv: tuple[str, ...] | None = None
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    files: tuple[FileChange, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def runs(self) -> bool:
        """Whether the step certainly runs."""
        return self.action in RUNS


def decide(plan: Plan, state: ModelState | None, seen: Observation) -> list[Decision]:
    """Decisions for all steps of a plan, in order. `state` is None before the first apply."""
    decider = Decider(plan, state, seen)
    return [decider.decide(step) for step in plan.steps]


def holds(condition: Condition, values: Mapping[str, Value]) -> bool | None:
    """Whether a condition is true; None while one of its values is not among `values`. A value without a number
    (nothing was measured) makes it false."""
    names = [condition.value, *([condition.than] if isinstance(condition.than, str) else [])]
    if any(name not in values for name in names):
        return None
    left = values[condition.value]
    right = values[condition.than] if isinstance(condition.than, str) else condition.than
    if not isinstance(left, (int, float)) or not isinstance(right, (int, float)):
        return False
    return left > right


def show_condition(condition: Condition, values: Mapping[str, Value]) -> str:
    """The condition in words, with what is known: `peak.b64 > 64`, `peak.b64 (51) > 64`."""

    def name(text: str) -> str:
        return f"{text} ({values[text]})" if text in values else text

    than = name(condition.than) if isinstance(condition.than, str) else f"{condition.than:g}"
    return f"{name(condition.value)} > {than}"


class Decider:
    """Takes decisions in the order of the plan. While applying, `finished` tells it what a step became.

    values: what is known so far, of steps that are up to date or have run.
    """

    def __init__(self, plan: Plan, state: ModelState | None, seen: Observation) -> None:
        self.values: dict[str, Value] = {}
        self._plan = plan
        self._state = state or ModelState()
        moved = state.running.moved if state is not None and state.running is not None else {}
        self._seen: Observation = _PutBack(seen, moved) if moved else seen
        self._coming: set[str] = set()
        self._keys: dict[str, str | None] = {}
        self._open: set[str] = set()
        self._ran: set[str] = set()
        self._kinds = {step.id: step.kind for step in plan.steps}
        self._generated: dict[str, str | None] = {}

    def decide(self, step: Step) -> Decision:
        """The decision for the next step; those before it must have been decided."""
        verdicts = [(condition, self._holds(condition)) for condition in step.when]
        self._note_files(step)
        record = self._state.steps.get(step.id)
        false = [condition for condition, verdict in verdicts if verdict is False]
        if false:
            return self._skipped(step, false)
        looks = self._seen if record is not None and record.status in ("ok", "ended") else None
        facts = self._facts_of(step, looks)
        lost = sorted(name for name in facts.unknown if name not in self._coming)
        files = tuple(self._file_changes(step))
        if any(verdict is None for _, verdict in verdicts):
            action: Action = "conditional"
            reasons: list[Reason] = []
        elif lost:
            action, reasons = "blocked", [Reason(f"no step gave {name}") for name in lost]
        else:
            action, reasons = self._compare(step, record, facts, files)
        self._remember(step, action, record)
        return Decision(
            step=step,
            action=action,
            reasons=tuple(reasons),
            conditions=tuple(show_condition(c, self.values) for c, verdict in verdicts if verdict is None),
            argv=None if step.argv is None else tuple(show_text(word, self.values) for word in step.argv),
            inputs=tuple(show_text(path, self.values) for path in step.inputs),
            outputs=tuple(show_text(path, self.values) for path in step.outputs),
            files=files,
            unknown=tuple(sorted(facts.unknown)),
        )

    def facts(self, step: Step) -> dict[str, str]:
        """All facts of a step that is about to run: every step before it has been decided and, if need be, run."""
        return self._facts_of(step, self._seen).known

    def finished(self, record: StepRecord) -> None:
        """A step that was to run has run: its values are known, and steps that need it run too."""
        self._coming.difference_update(self._plan.step(record.id).gives)  # of one that failed they never come
        self.values.update(record.values)
        self._keys[record.id] = record.key()
        self._ran.add(record.id)

    def _holds(self, condition: Condition) -> bool | None:
        verdict = holds(condition, self.values)
        if verdict is None:
            names = {condition.value, *([condition.than] if isinstance(condition.than, str) else [])}
            # A value whose step was skipped never comes: the doubling ended before.
            if any(name not in self.values and name not in self._coming for name in names):
                return False
        return verdict

    def _facts_of(self, step: Step, looks: Observation | None) -> Facts:
        return facts_of(step, self._plan, looks, self.values, self._generated, self._needs(step))

    def _needs(self, step: Step) -> dict[str, str | None]:
        """Result keys of the needed steps; None for one that will run or may run. Skipped ones are left out."""
        return {
            needed: self._keys[needed]
            for needed in step.needs
            if self._kinds.get(needed) != "emit" and self._keys.get(needed, "") != ""
        }

    def _compare(
        self, step: Step, record: StepRecord | None, facts: Facts, files: tuple[FileChange, ...]
    ) -> tuple[Action, list[Reason]]:
        if record is None or record.status == "skipped":
            return "create", [Reason("not run yet")]
        if record.status == "failed":
            return "create", [Reason("failed last time" + (f": {record.failure.message}" if record.failure else ""))]
        again = [Reason(f"because {needed} runs again") for needed in step.needs if self._reruns(needed)]
        reasons = again + moved_facts(step, self._plan, self._state, record, facts)
        if record.status == "ok":
            reasons += self._disk_reasons(step, record, facts, files)
        if reasons:
            return "change", reasons
        pending = [needed for needed in step.needs if needed in self._open]
        if pending or facts.unknown:
            unknown = [Reason(f"only if {name} changes", self._last(name)) for name in sorted(facts.unknown)]
            return "conditional", [Reason(f"only if {needed} runs") for needed in pending] + unknown
        if record.status == "ended":
            return "ended", [Reason(record.failure.message if record.failure else "failed last time")]
        return "same", []

    def _reruns(self, needed: str) -> bool:
        will_run = self._keys.get(needed, "") is None and needed not in self._open
        return self._kinds.get(needed) != "emit" and (will_run or needed in self._ran)

    def _disk_reasons(
        self, step: Step, record: StepRecord, facts: Facts, files: Iterable[FileChange]
    ) -> Iterable[Reason]:
        for file in files:
            if record.facts.get(f"file {file.path}") != facts.known.get(f"file {file.path}"):
                continue  # the plan has another content: that is the reason, not the disk
            if file.status == "create":
                yield Reason(f"{file.path} is missing")
            elif file.status == "change":
                yield Reason(f"{file.path} was changed on disk")
        own = {file.path for file in files}
        wanted = [fill(path, self.values) for path in step.outputs]
        for path in sorted({path for path in wanted if path is not None} | set(record.outputs)):
            if path in own or (None in wanted and path not in wanted):
                continue
            if path not in wanted:
                yield Reason(f"{path} is no longer an output")
            elif path not in record.outputs:
                yield Reason(f"{path} is a new output")
            else:
                found = self._seen.digest(path)
                if found != record.outputs[path]:
                    yield Reason(f"{path} is missing" if found is None else f"{path} was changed on disk")
        for name in step.gives:
            if name not in record.values:
                yield Reason(f"{name} was not recorded")

    def _note_files(self, step: Step) -> None:
        for file in step.files:
            path = fill(file.path, self.values)
            if path is not None:
                content = fill(file.content, self.values)
                self._generated[path] = None if content is None else sha256_text(content)

    def _file_changes(self, step: Step) -> Iterable[FileChange]:
        for file in step.files:
            shown = show_text(file.path, self.values)
            if fill(file.path, self.values) is None:
                yield FileChange(shown, "unknown")
                continue
            content = fill(file.content, self.values)
            found = self._seen.digest(shown)
            if content is None:
                yield FileChange(shown, "unknown", None if found is None else self._seen.text(shown))
            elif found is None:
                yield FileChange(shown, "create", None, content)
            elif found == self._generated[shown]:
                yield FileChange(shown, "same", content, content)
            else:
                yield FileChange(shown, "change", self._seen.text(shown), content)

    def _skipped(self, step: Step, false: list[Condition]) -> Decision:
        self._keys[step.id] = ""
        return Decision(step, "skip", conditions=tuple(show_condition(c, self.values) for c in false))

    def _remember(self, step: Step, action: Action, record: StepRecord | None) -> None:
        if action in ("same", "ended") and record is not None:
            self._keys[step.id] = record.key()
            self._coming.difference_update(step.gives)
            told = step.gives if action == "same" else tuple(record.values)
            self.values.update({name: record.values[name] for name in told})
            return
        self._keys[step.id] = None
        self._coming.update(step.gives)
        for name in step.gives:
            self.values.pop(name, None)
        if action == "conditional":
            self._open.add(step.id)

    def _last(self, name: str) -> str | None:
        last = self._state.values().get(name)
        return None if last is None else f"now {last}"


class _PutBack:
    """The disk as `apply` will have it once it has put back what an interrupted step had set aside."""

    def __init__(self, seen: Observation, moved: Mapping[str, str]) -> None:
        self._seen = seen
        self._moved = moved
        self.text = seen.text
        self.tool = seen.tool

    def digest(self, path: str) -> str | None:
        aside = self._moved.get(path.rstrip("/"))
        found = None if aside is None else self._seen.digest(aside + "/" * path.endswith("/"))
        return self._seen.digest(path) if found is None else found

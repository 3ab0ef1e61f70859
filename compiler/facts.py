"""Facts: what the result of a step depends on, as text by label, and in words what moved between two sets of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from dsimport.compiler.escape import shell_word, single_line
from dsimport.compiler.plan import Plan, Setting, Step, Value, digest_of, fill, holes_in
from dsimport.compiler.record import ModelState, StepRecord

__all__ = ["Facts", "Reason", "facts_of", "moved_facts", "settings_of", "sha256_text"]

SHOWN = 60  # characters of a value in a reason


@dataclass(frozen=True)
class Reason:
    """Why a step is not up to date: a label, and where something moved its old and new text and the place to edit."""

    label: str
    old: str | None = None
    new: str | None = None
    origin: str = ""

    def __str__(self) -> str:
        text = self.label
        if self.old is not None and self.new is not None:
            text += f" {self.old} → {self.new}"
        elif self.new is not None:
            text += f" → {self.new}"
        elif self.old is not None:
            text += f" ({self.old})"
        return text + (f" ({self.origin})" if self.origin else "")


@dataclass(frozen=True)
class Facts:
    """known: by label; unknown: names of values that are missing to make the rest; pending: needed steps whose result
    is not known yet."""

    known: dict[str, str]
    unknown: frozenset[str]
    pending: frozenset[str]


class Looks(Protocol):
    """The part of an observation that facts need."""

    def digest(self, path: str) -> str | None: ...

    def tool(self, name: str) -> str | None: ...


def sha256_text(text: str) -> str:
    """sha256 (hex) of a generated file's content as it is written to disk (UTF-8)."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def facts_of(
    step: Step,
    plan: Plan,
    seen: Looks | None,
    values: Mapping[str, Value],
    generated: Mapping[str, str | None],
    needs: Mapping[str, str | None],
) -> Facts:
    """Facts of a step, as far as `values` go.

    seen: None for a step without a good record: it runs whatever its facts are, so only the unknown names are found.
    generated: sha256 by path of files the plan writes, the step's own among them, which count in place of what is on
    disk (None: not known yet).
    needs: result keys of needed steps (None: not known yet).
    """
    known: dict[str, str] = {}
    unknown: set[str] = set()
    for text in (*step.argv, *step.outputs) if step.argv is not None else step.outputs:
        unknown |= _missing(holes_in(text), values)
    unknown |= _missing(set(step.params.get("values", ())), values)
    if seen is not None:
        _command_facts(step, values, known)
    for file in step.files:
        path = fill(file.path, values)
        if path is None or generated[path] is None:
            unknown |= _missing(holes_in(file.path) | holes_in(file.content), values)
        elif seen is not None:
            known[f"file {path}"] = f"{generated[path]}{' +x' if file.executable else ''}"
    for text in step.inputs:
        path = fill(text, values)
        if path is None:
            unknown |= _missing(holes_in(text), values)
        elif path not in generated:
            if seen is not None:
                known[f"input {path}"] = seen.digest(path) or "missing"
        elif (digest := generated[path]) is None:
            unknown |= _missing_in_file(plan, path, values)
        elif seen is not None:
            known[f"input {path}"] = digest
    if step.log is not None:
        unknown |= _missing(holes_in(step.log), values)
    if seen is not None:
        known |= {f"tool {name}": seen.tool(name) or "missing" for name in step.tools}
    for needed, key in needs.items():
        if key is not None:
            known[f"needs {needed}"] = key
    pending = frozenset(needed for needed, key in needs.items() if key is None)
    return Facts(known, frozenset(unknown), pending)


def settings_of(step: Step, plan: Plan) -> dict[str, Any]:
    """The recipe values that shaped the step's command, params and files."""
    names = {*step.uses, *(name for file in step.files for name in file.uses)}
    return {name: plan.settings[name].value for name in sorted(names) if name in plan.settings}


def moved_facts(step: Step, plan: Plan, state: ModelState, record: StepRecord, facts: Facts) -> list[Reason]:
    """What differs between the record and the facts now. Facts not known yet are left out; so are needed steps
    whose key is not known."""
    reasons: list[Reason] = []
    for label in [*record.facts, *(label for label in facts.known if label not in record.facts)]:
        old, new = record.facts.get(label), facts.known.get(label)
        if old == new or (new is None and not _gone(label, facts)):
            continue
        reasons += [reason for reason in _explain(label, old, new, step, plan, state, record) if reason not in reasons]
    return reasons


def _command_facts(step: Step, values: Mapping[str, Value], known: dict[str, str]) -> None:
    if step.argv is not None:
        words = [fill(word, values) for word in step.argv]
        if None not in words:
            known["argv"] = json.dumps(words, ensure_ascii=True)
    for key, value in step.params.items():
        text = json.dumps(value, sort_keys=True, ensure_ascii=True)
        known[f"param {key}"] = text if len(text) <= 200 else digest_of(value)
    for name in step.params.get("values", ()):
        if values.get(name) is not None:
            known[f"value {name}"] = str(values[name])


def _missing(names: set[str], values: Mapping[str, Value]) -> set[str]:
    return names and {name for name in names if values.get(name) is None}


def _missing_in_file(plan: Plan, path: str, values: Mapping[str, Value]) -> set[str]:
    for file in plan.files():
        if fill(file.path, values) == path:
            return _missing(holes_in(file.content), values)
    return set()


def _gone(label: str, facts: Facts) -> bool:
    """Whether a recorded label that is not among the facts is really gone, not merely unknown as yet."""
    kind, _, name = label.partition(" ")
    if kind == "needs":
        return name not in facts.pending
    return not facts.unknown


def _explain(
    label: str, old: str | None, new: str | None, step: Step, plan: Plan, state: ModelState, record: StepRecord
) -> list[Reason]:
    kind, _, name = label.partition(" ")
    if kind in ("argv", "param", "file"):
        uses = step.uses
        if kind == "file":
            uses = next((file.uses for file in step.files if file.path == name), ()) or step.uses
        return _moved_settings(uses, plan.settings, record) or [_raw(kind, name, old, new, plan, state)]
    if kind == "tool":
        return [Reason(name, old or "not used", new or "not used")]
    if kind == "input":
        return _moved_in_generated(name, plan, state) or [Reason(name, show_digest(old), show_digest(new))]
    if kind == "needs":
        if new is None:
            return [Reason(f"{name} no longer runs")]
        return [Reason(f"because {name} ran again" if old is not None else f"because {name} ran")]
    return [Reason(name, old, new)]


def _moved_in_generated(path: str, plan: Plan, state: ModelState) -> list[Reason]:
    """The settings that moved in a generated file, as long as the step that writes it has not run again."""
    for step in plan.steps:
        for file in step.files:
            if file.path == path and step.id in state.steps:
                return _moved_settings(file.uses, plan.settings, state.steps[step.id])
    return []


def _moved_settings(uses: tuple[str, ...], settings: Mapping[str, Setting], record: StepRecord) -> list[Reason]:
    reasons = []
    for name in uses:
        setting = settings.get(name)
        if setting is None or name not in record.settings:
            continue
        old, new = _value_text(record.settings[name]), _value_text(setting.value)
        if old != new:
            reasons.append(Reason(name, _cut(old), _cut(new), setting.origin))
    return reasons


def _raw(kind: str, name: str, old: str | None, new: str | None, plan: Plan, state: ModelState) -> Reason:
    if kind == "argv":
        before, after = _words(old), _words(new)
        gone = " ".join(word for word in before if word not in after)
        come = " ".join(word for word in after if word not in before)
        return Reason("command", _cut(gone or "(order)"), _cut(come or "(order)"))
    if kind == "param":
        return Reason(name, None if old is None else _cut(old), None if new is None else _cut(new))
    if state.compiler and state.compiler != plan.compiler:
        return Reason(f"{name} by dsimport", state.compiler, plan.compiler)
    return Reason(f"{name} is {'new' if old is None else 'no longer generated' if new is None else 'generated anew'}")


def _words(text: str | None) -> list[str]:
    try:
        words = json.loads(text or "[]")
    except ValueError:
        return []
    return [shell_word(str(word).replace("\0", "")) for word in words] if isinstance(words, list) else []


def _value_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def show_digest(digest: str | None) -> str:
    return "not an input" if digest is None else digest if digest == "missing" else digest[:7]


def _cut(text: str) -> str:
    flat = single_line(text)
    return flat if len(flat) <= SHOWN else flat[: SHOWN - 1] + "…"

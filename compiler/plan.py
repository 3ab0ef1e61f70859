"""The plan: data that says exactly what `apply` will do, and serialises to JSON and back without loss.

Paths are relative to the root, with `/`. What is only known while applying is a `Hole` in a text: a named value that
an earlier step gives. Holes only ever take numbers, so filling one in needs no escaping.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

__all__ = [
    "Condition",
    "GeneratedFile",
    "Hole",
    "InputFile",
    "Plan",
    "Setting",
    "Step",
    "StepKind",
    "Text",
    "Value",
    "digest_of",
    "fill",
    "holes_in",
    "joined",
    "parts_of",
    "show_text",
]

PLAN_FORMAT = 1

Value: TypeAlias = int | float | str | bool | None
StepKind: TypeAlias = Literal[
    "preflight",
    "acquire",
    "export",
    "graph",
    "inspect",
    "check",
    "emit",
    "build-parser",
    "engine",
    "bench",
    "scale",
    "visual",
    "verify",
    "kitti",
    "ds-run",
    "report",
]


class Frozen(BaseModel):
    """A value object of the plan."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Hole(Frozen):
    """Stands for the number that a step gives under this name, e.g. `max_batch`."""

    value: str


Text: TypeAlias = str | tuple[str | Hole, ...]


def joined(pieces: Iterable[str | Hole]) -> Text:
    """Pieces as one text: neighbouring strings become one, and a text without holes is a plain string."""
    out: list[str | Hole] = []
    run: list[str] = []
    for piece in pieces:
        if isinstance(piece, str):
            run.append(piece)
            continue
        if text := "".join(run):
            out.append(text)
        run = []
        out.append(piece)
    text = "".join(run)
    if not out:
        return text
    return (*out, text) if text else tuple(out)


def parts_of(text: Text) -> tuple[str | Hole, ...]:
    """The strings and holes of a text, in order."""
    return (text,) if isinstance(text, str) else text


def holes_in(text: Text) -> set[str]:
    """Names of the unknowns in a text."""
    return set() if isinstance(text, str) else {part.value for part in text if isinstance(part, Hole)}


def fill(text: Text, values: Mapping[str, Value]) -> str | None:
    """The text with its holes filled in; None while one of them is not known."""
    if isinstance(text, str):
        return text
    parts = []
    for part in text:
        if isinstance(part, Hole):
            known = values.get(part.value)
            if known is None:
                return None
            parts.append(str(known))
        else:
            parts.append(part)
    return "".join(parts)


def show_text(text: Text, values: Mapping[str, Value] | None = None) -> str:
    """The text for people: unknowns as `‹name›`, or their value where it is known."""
    if isinstance(text, str):
        return text
    known = values or {}
    return "".join(
        part if isinstance(part, str) else str(known[part.value]) if part.value in known else f"‹{part.value}›"
        for part in text
    )


class InputFile(Frozen):
    """A file the plan was made from: recipe, fragment, lock or label file."""

    path: str
    sha256: str


class Setting(Frozen):
    """One resolved value of the recipe and where it came from (`recipes/x.yaml:14` or `default`, `family yolov8`)."""

    value: Any
    origin: str


class GeneratedFile(Frozen):
    """A file the compiler wrote. `content` has holes when it depends on something measured.

    uses: settings whose values went into it.
    """

    path: str
    content: Text
    executable: bool = False
    uses: tuple[str, ...] = ()


class Condition(Frozen):
    """The step runs only if the given value is greater than `than` (another value's name, or a number)."""

    value: str
    than: str | float


class Step(Frozen):
    """One unit of work that is recorded, skipped when up to date, and resumed.

    kind: selects the code in `runtime/steps/` that runs it.
    needs: ids of steps that must have ended well before (a condition that is false counts as ended).
    files: written before the command runs; their content is part of the step's identity.
    inputs, outputs: paths whose content the step depends on, and that exist after it; one ending in `/` is a folder.
    leaves: what it may leave besides, without being part of its identity; `clean` removes it.
    argv: the exact command, run in the root; None for steps that the runtime does itself.
    params: what the step's kind needs beside the command, plain data.
    hints: the same for what only checks or words depend on: a change of them does not run the step again.
    gives: names of the values that later steps use.
    may_fail: where a failure of its program is a result and does not end the run, the name of the value that says why
        it failed (a text). What it would have given never comes, so that conditions on it are false.
    uses: settings that went into command and params.
    tools: names of programs whose version is part of the step's identity.
    timeout_s: after that many seconds the whole process group is killed.
    """

    id: str
    kind: StepKind
    title: str
    needs: tuple[str, ...] = ()
    files: tuple[GeneratedFile, ...] = ()
    inputs: tuple[Text, ...] = ()
    outputs: tuple[Text, ...] = ()
    leaves: tuple[str, ...] = ()
    argv: tuple[Text, ...] | None = None
    params: dict[str, Any] = {}
    hints: dict[str, Any] = {}
    log: Text | None = None
    timeout_s: float = 600.0
    when: tuple[Condition, ...] = ()
    gives: tuple[str, ...] = ()
    may_fail: str | None = None
    uses: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()

    def unknowns(self) -> set[str]:
        """Names of all values this step needs before it can be written out in full."""
        texts: list[Text] = [*self.inputs, *self.outputs, *(self.argv or ()), *([self.log] if self.log else [])]
        for file in self.files:
            texts += [file.path, file.content]
        names = set().union(*(holes_in(text) for text in texts))
        for condition in self.when:
            names.add(condition.value)
            if isinstance(condition.than, str):
                names.add(condition.than)
        names.update(self.params.get("values", ()))
        return names


class Plan(Frozen):
    """What `apply` will do for one model.

    home: the model's folder, `models/<name>`. settings: every resolved recipe value by dotted key.
    extra: work beside the model's own plan, such as a sweep: the record keeps that plan's digest and order.
    """

    format: int = PLAN_FORMAT
    compiler: str
    name: str
    recipe: str
    home: str
    toolchain: Literal["reference", "deepstream"]
    inputs: tuple[InputFile, ...]
    settings: dict[str, Setting]
    steps: tuple[Step, ...]
    notices: tuple[str, ...] = ()
    extra: bool = False

    def step(self, step_id: str) -> Step:
        """The step with this id (KeyError if there is none)."""
        for step in self.steps:
            if step.id == step_id:
                return step
        raise KeyError(step_id)

    def files(self) -> Iterable[GeneratedFile]:
        """All generated files, in order of the steps that write them."""
        for step in self.steps:
            yield from step.files

    def digest(self) -> str:
        """sha256 of the plan's canonical JSON."""
        return digest_of(self.model_dump(mode="json"))


def digest_of(value: Any) -> str:
    """sha256 (hex) of a JSON value in canonical form (sorted keys, no blanks, UTF-8)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"not JSON: {type(value).__name__}")

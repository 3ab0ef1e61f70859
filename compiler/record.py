"""What a model folder remembers of its steps: `state.json` as a typed value, read tolerantly, written canonically.

The reader takes any bytes: damaged, cut and newer files become a diagnostic that says what to do.
"""

from __future__ import annotations

import json
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, ValidationError

from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.compiler.plan import Value, digest_of

__all__ = [
    "MAX_STATE_BYTES",
    "RECORD_FORMAT",
    "Failure",
    "ModelState",
    "Running",
    "StepRecord",
    "read_state",
    "state_text",
]

RECORD_FORMAT = 1
MAX_STATE_BYTES = 64 * 1024 * 1024

StepStatus: TypeAlias = Literal["ok", "failed", "skipped", "ended"]


class Recorded(BaseModel):
    """Unknown keys are ignored: a later version may add some without changing the format.

    Validators are built at first use: planning models that were never applied needs none."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


class Failure(Recorded):
    """Why the latest attempt of a step failed. `when` is UTC, ISO 8601; `exit_code` is that of the command."""

    when: str
    code: str
    message: str
    exit_code: int


class StepRecord(Recorded):
    """One step as it last ran.

    facts: what the result depends on, by label: `argv`, `param <key>`, `file <path>`, `input <path>`, `tool <name>`,
        `value <name>`, `needs <step>`; `dsimport.compiler.decide` makes and compares them.
    settings: the recipe values that went into it, to name what moved.
    outputs: sha256 by path (relative to the root) of what existed after it.
    host: facts of the machine it ran on, in words.
    failure: the latest attempt, where that failed; with status `ok` the earlier result was kept. Status `ended` is that
        of a step that may fail and did: a result, which stands until a fact moves.
    """

    id: str
    kind: str
    status: StepStatus
    facts: dict[str, str] = {}
    settings: dict[str, Any] = {}
    outputs: dict[str, str] = {}
    leaves: tuple[str, ...] = ()
    values: dict[str, Value] = {}
    log: str | None = None
    started: str = ""
    seconds: float = 0.0
    summary: str = ""
    host: dict[str, str] = {}
    failure: Failure | None = None

    def key(self) -> str:
        """Identifies the result: equal for two runs that saw and made the same, whenever they ran."""
        return digest_of({"facts": self.facts, "outputs": self.outputs, "values": self.values})[:16]


class Running(Recorded):
    """The step under way. A run that finds it here was preceded by one that was killed.

    moved: earlier outputs by path, and where they wait to be put back if the step does not end well. The step's
    earlier record stays among the steps until there is another one.
    """

    step: str
    moved: dict[str, str] = {}


class ModelState(Recorded):
    """`state.json` of one model. `order` lists the steps of the plan applied last; `plan` is that plan's digest, and
    `inputs` the sha256 of every file it was made from, by path."""

    format: int = RECORD_FORMAT
    plan: str = ""
    recipe: str = ""
    compiler: str = ""
    toolchain: str = ""
    inputs: dict[str, str] = {}
    last_run: str = ""
    order: tuple[str, ...] = ()
    steps: dict[str, StepRecord] = {}
    running: Running | None = None

    def with_step(self, record: StepRecord, **changes: Any) -> ModelState:
        """A copy in which `record` replaces the record of its step."""
        return self.model_copy(update={"steps": {**self.steps, record.id: record}, **changes})

    def without_result(self, step_id: str) -> ModelState:
        """A copy in which the step is skipped. What it made stays known, so that it can be cleaned."""
        record = self.steps.get(step_id)
        if record is None or record.status == "skipped":
            return self
        gone = {"status": "skipped", "values": {}, "seconds": 0.0, "summary": "", "failure": None}
        return self.with_step(record.model_copy(update=gone))

    def values(self) -> dict[str, Value]:
        """All values of steps that have a result, later steps over earlier ones."""
        found: dict[str, Value] = {}
        for step_id in self.order or tuple(self.steps):
            record = self.steps.get(step_id)
            if record is not None and record.status in ("ok", "ended"):
                found.update(record.values)
        return found


def read_state(data: bytes, path: str) -> ModelState:
    """The record in `data`; DsimportError with S0601 (damaged) or S0602 (newer format) otherwise."""
    if len(data) > MAX_STATE_BYTES:
        raise _damaged(path, f"{len(data)} bytes is more than any record")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "empty" if not data.strip() else str(error)) from None
    found = document.get("format") if isinstance(document, dict) else None
    if not isinstance(found, int) or isinstance(found, bool):
        raise _damaged(path, "no format number")
    if found != RECORD_FORMAT:
        raise DsimportError(
            Diagnostic(
                "S0602",
                f"the record {path} has format {found}, this dsimport reads {RECORD_FORMAT}",
                help=("use the dsimport that wrote it, or move the file away: every step then runs again",),
            )
        )
    try:
        return ModelState.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _damaged(path, f"{place}: {first['msg']}") from None


def state_text(state: ModelState) -> str:
    """Canonical text of `state.json`: the same record gives the same bytes."""
    return json.dumps(state.model_dump(mode="json"), indent=1, sort_keys=True, ensure_ascii=True) + "\n"


def _damaged(path: str, why: str) -> DsimportError:
    return DsimportError(
        Diagnostic(
            "S0601",
            f"the record {path} is damaged",
            notes=(f"reason: {why}",),
            help=("move the file away: every step then runs again; generated files and results stay where they are",),
        )
    )

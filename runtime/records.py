"""Records on disk: `state.json`, and one event log per run in `runs/<id>.jsonl`."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.compiler.escape import single_line
from dsimport.compiler.plan import Plan
from dsimport.compiler.record import MAX_STATE_BYTES, ModelState, read_state, state_text
from dsimport.runtime.atomic import host_error, host_errors, make_folder, write_text
from dsimport.runtime.lock import ModelLock

__all__ = [
    "RunLog",
    "forget_steps",
    "last_run",
    "load_plan",
    "load_state",
    "now_text",
    "read_events",
    "runs_of",
    "save_plan",
    "save_state",
    "state_digest",
    "state_path",
]


def state_path(home: Path) -> Path:
    """Where the record of the model folder `home` lies."""
    return home / ".dsimport" / "state.json"


def load_state(home: Path) -> ModelState | None:
    """The record; None before the first apply. DsimportError (S0601, S0602, H codes) when it cannot be used."""
    data = _read(state_path(home))
    return None if data is None else read_state(data, str(state_path(home)))


def state_digest(home: Path) -> str | None:
    """sha256 of `state.json`; None where there is none."""
    data = _read(state_path(home))
    return None if data is None else hashlib.sha256(data).hexdigest()


def save_state(home: Path, state: ModelState) -> None:
    """Write the record. Only for the holder of the model's lock."""
    write_text(state_path(home), state_text(state))


def save_plan(home: Path, plan: Plan) -> None:
    """Keep the plan that is being applied, unless it is kept already. Only for the holder of the model's lock."""
    text = json.dumps(plan.model_dump(mode="json"), sort_keys=True) + "\n"  # indenting would take ten times as long
    if _read(_plan_path(home)) != text.encode("ascii"):
        write_text(_plan_path(home), text)


def load_plan(home: Path) -> Plan | None:
    """The plan that was applied last; None where none was kept. DsimportError: S0621 when it cannot be used, H
    codes."""
    data = _read(_plan_path(home))
    if data is None:
        return None
    try:
        return Plan.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DsimportError(
            Diagnostic(
                "S0621",
                f"the plan kept in {single_line(str(_plan_path(home)))} cannot be used",
                notes=(f"reason: {single_line(place)}: {single_line(first['msg'])}",),
                help=("apply the recipe again: that keeps the plan anew and repeats nothing",),
            )
        ) from None


def _plan_path(home: Path) -> Path:
    return home / ".dsimport" / "plan.json"


def forget_steps(home: Path, steps: Sequence[str]) -> None:
    """Forget results, so that these steps run again. DsimportError: S0608 for a step that the record does not have,
    S0603 while another process writes."""
    with ModelLock(home):
        state = load_state(home)
        if state is None:
            return
        for step in steps:
            if step not in state.steps and step not in state.order:
                known = state.order or tuple(state.steps)
                raise DsimportError(
                    Diagnostic(
                        "S0608",
                        f"{home} has no step '{single_line(step)}'",
                        help=(f"steps: {', '.join(single_line(name) for name in known)}",),
                    )
                )
        kept = {name: record for name, record in state.steps.items() if name not in steps}
        save_state(home, state.model_copy(update={"steps": kept}))


def now_text() -> str:
    """UTC now, ISO 8601 with milliseconds."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class RunLog:
    """The events of one run, one JSON object per line, written as they happen.

    The file appears with the first event. Environment variables are never among the events.
    """

    def __init__(self, home: Path) -> None:
        self._folder = home / ".dsimport" / "runs"
        self._descriptor = -1
        self.id = ""

    def event(self, name: str, **fields: Any) -> None:
        """Append one event; DsimportError (H codes) when it cannot be written."""
        if self._descriptor < 0:
            self._open()
        line = json.dumps({"time": now_text(), "event": name, **fields}, ensure_ascii=True, default=str) + "\n"
        with host_errors(self._folder / f"{self.id}.jsonl"):
            os.write(self._descriptor, line.encode("ascii"))  # one call: a reader sees whole lines, a kill cuts one

    def close(self) -> None:
        """Make what was written last."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                os.fsync(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def _open(self) -> None:
        make_folder(self._folder)
        start = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        for number in range(1, 1_000_000):
            self.id = f"{start}-{number:03d}"
            path = self._folder / f"{self.id}.jsonl"
            try:
                self._descriptor = os.open(
                    path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o666
                )
                return
            except FileExistsError:
                continue  # two runs within one second
            except OSError as error:
                raise host_error(error, path) from error


def read_events(path: Path) -> Iterator[dict[str, Any]]:
    """Events of a run's log, oldest first. A line that is no JSON object (the last of a killed run) is left out."""
    try:
        data = path.read_bytes()
    except OSError:
        return
    for line in data.splitlines():
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(event, dict):
            yield event


def runs_of(home: Path) -> list[Path]:
    """The logs of all runs of a model, oldest first."""
    folder = home / ".dsimport" / "runs"
    with contextlib.suppress(OSError):
        return [folder / name for name in sorted(os.listdir(folder)) if name.endswith(".jsonl")]  # noqa: PTH208
    return []


def last_run(home: Path) -> Path | None:
    """The log of the latest run of a model."""
    return next(reversed(runs_of(home)), None)


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_STATE_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise host_error(error, path) from error

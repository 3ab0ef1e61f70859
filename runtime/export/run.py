"""Attempt after attempt in the export environment, until a file equals its model; and the report of all of them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from dsimport.compiler.diagnostics import DsimportError
from dsimport.compiler.escape import single_line
from dsimport.compiler.presetexport import Layer
from dsimport.runtime.acquire.checkpoint import WEIGHTS
from dsimport.runtime.atomic import TEMPORARY, make_folder, remove_tree
from dsimport.runtime.export.attempts import Attempt
from dsimport.runtime.export.environment import ANY_EXIT, Environment, bare_environment
from dsimport.runtime.export.worker.main import RESULT
from dsimport.runtime.steps.base import Context, ending

__all__ = ["TOLERANCE", "Tried", "try_all"]

# Exports that compute the same differ by at most 1.1e-4 from their model over 15 architectures (sums in another
# order), wrong ones by 0.1 and more; 1e-3 of the largest value moves no score visibly.
TOLERANCE = 1e-3
ATTEMPT_S = 1800.0
MEMORY_SHARE = 0.8
BOOT = Path(__file__).with_name("boot.py")


@dataclass(frozen=True)
class Tried:
    """One attempt and how it ended. stage: where it failed, `done` where it did not; skipped: why it was not made."""

    attempt: Attempt
    stage: str
    error: str = ""
    seconds: float = 0.0
    max_abs_diff: float | None = None
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def accepted(self) -> bool:
        """Whether its file was accepted."""
        return self.stage == "done"

    def line(self) -> str:
        """The attempt for people."""
        what = f" ({self.attempt.change})" if self.attempt.change else ""
        end = f"equal within {self.max_abs_diff:.1e}" if self.accepted else f"{self.stage}: {self.error}"
        return single_line(f"{self.attempt}{what}: {end}")

    def document(self) -> dict[str, Any]:
        """The attempt for programs."""
        facts = {"stage": self.stage, "error": self.error, "seconds": self.seconds}
        return {**self.attempt.document(), **facts, "max_abs_diff": self.max_abs_diff, "versions": dict(self.versions)}


def try_all(context: Context, planned: tuple[Attempt, ...], model: Mapping[str, Any]) -> list[Tried]:
    """Make the attempts until one is accepted; its file then lies at `params.target`. A stack in which the checkpoint
    does not load is not tried again. DsimportError (H codes) when the environment cannot be made."""
    environment = Environment(context)
    tried: list[Tried] = []
    for attempt in planned:
        unread = any(item.stage == "load" and item.attempt.stack == attempt.stack for item in tried)
        if unread:
            tried.append(Tried(attempt, "skipped", f"the checkpoint does not load with {attempt.stack}"))
            continue
        if attempt.change:
            context.say(f"trying again: {attempt.change}")
        attempt = replace(attempt, timm=any(item.attempt.timm for item in tried))
        result = _once(context, environment, attempt, model, append=bool(tried))
        tried.append(result)
        if result.accepted:
            break
        context.say(f"attempt {len(tried)} failed: {result.line()[:300]}")
    return tried


def _once(
    context: Context, environment: Environment, attempt: Attempt, model: Mapping[str, Any], *, append: bool
) -> Tried:
    result = _attempt(context, environment, attempt, model, append=append, repair=False)
    if result.stage == "environment":
        context.say(f"the export environment is broken ({result.error[:120]}): making it anew")
        result = _attempt(context, environment, attempt, model, append=True, repair=True)
    if result.stage == "load" and not attempt.timm and "timm" in result.error:
        # Which configurations mean timm by what they leave out differs between releases: transformers says it.
        context.say("the checkpoint's backbone is of the package timm")
        attempt = replace(attempt, timm=True)
        result = _attempt(context, environment, attempt, model, append=True, repair=False)
    return result


def _attempt(
    context: Context,
    environment: Environment,
    attempt: Attempt,
    model: Mapping[str, Any],
    *,
    append: bool,
    repair: bool,
) -> Tried:
    started = time.monotonic()
    work = context.path(f"{context.plan.home}/model/{TEMPORARY}export")
    remove_tree(work)
    make_folder(work)
    try:
        layers: tuple[Layer, ...] = (cast(Layer, attempt.stack), *(("timm",) if attempt.timm else ()))
        with environment.ready(*layers, repair=repair) as python:
            overlays = [str(folder) for folder in python.overlays]
            request = json.dumps({**_request(context, attempt, model, work), "overlays": overlays})
            # -I: what lies in the folder that the user works in, or in PYTHONPATH, is not imported.
            answer = _ask(context, [str(python.program), "-I", str(BOOT), request], work, append=append)
    finally:
        remove_tree(work)
    seconds = round(time.monotonic() - started, 1)
    if "error" in answer:
        return Tried(attempt, str(answer["stage"]), single_line(str(answer["error"]))[:500], seconds)
    return Tried(attempt, "done", "", seconds, float(answer["max_abs_diff"]), answer["versions"])


def _ask(context: Context, words: list[str], work: Path, *, append: bool) -> dict[str, Any]:
    """One worker, offline, without tokens and accounts; its last line."""
    variables = bare_environment(HF_HUB_OFFLINE="1", HF_HOME=str(work), HOME=str(work))
    try:
        done = context.run(words, append=append, timeout_s=ATTEMPT_S, env=variables, ok=ANY_EXIT)
    except DsimportError as error:
        if error.diagnostics[0].code != "T0603":
            raise
        return {"stage": "export", "error": f"no result within {ATTEMPT_S:g} s"}
    line = next((line for line in reversed(done.tail) if line.startswith(RESULT)), None)
    if line is None:
        return {"stage": "export", "error": f"the exporter {ending(done.exit_code)}; {' '.join(done.tail[-2:])}"}
    answer: dict[str, Any] = json.loads(line[len(RESULT) :])
    return answer


def _request(context: Context, attempt: Attempt, model: Mapping[str, Any], work: Path) -> dict[str, Any]:
    params = context.step.params
    checkpoint = context.path(params["source"])
    safe = any((checkpoint / f"{WEIGHTS[0]}{end}").is_file() for end in ("", ".index.json"))
    memory = int(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * MEMORY_SHARE)
    return {
        "probe": False,
        "checkpoint": str(checkpoint),
        "safetensors": safe,
        "target": str(context.path(params["target"])),
        "work": str(work),
        "exporter": attempt.exporter,
        "opset": attempt.opset,
        "post_process": attempt.post_process,
        "timm": attempt.timm,
        "strategy": model["strategy"],
        "quirks": list(model["quirks"]),
        "tolerance": TOLERANCE,
        "memory": memory,
        **{name: params[name] for name in ("task", "prompts", "input", "outputs", "batch")},
    }

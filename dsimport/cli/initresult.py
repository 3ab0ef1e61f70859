"""What `dsimport init` says at its end, for people and for programs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from dsimport.compiler.escape import shell_word, single_line
from dsimport.compiler.lock import Lock
from dsimport.compiler.recipefile import Written
from dsimport.compiler.recognise.decide import Decision

__all__ = ["InitResult", "document", "text"]


@dataclass(frozen=True)
class InitResult:
    """What came of it. status, lock_status: created, updated or same."""

    recipe: str
    decision: Decision
    written: Written
    status: str
    lock: Lock
    lock_path: str
    lock_status: str


def text(result: InitResult, source: str) -> str:
    """What was decided, on what evidence, what was left as it was, and the next command."""
    decision = result.decision
    lines = [f"{result.recipe}  {result.status}", f"  family    {decision.family}, {decision.confidence}"]
    lines += [f"            + {line}" for line in decision.evidence]
    lines += [f"            - {line}" for line in decision.contra]
    lines += [f"  {name:<9} {value}" for name, value in decision.summary.items()]
    lines.append(f"  lock      {_lock_line(result)}")
    lines += [f"  kept      {_kept_line(item.key, item.theirs, item.ours)}" for item in result.written.kept]
    recipe = shell_word(result.recipe)
    if decision.remaining:
        lines += _open(decision, recipe, source)
    lines.append(f"next: dsimport plan {recipe}")
    return "".join(f"{single_line(line)}\n" for line in lines)


def _lock_line(result: InitResult) -> str:
    size = sum(item.size for item in result.lock.files)
    count = len(result.lock.files)
    commit = f"commit {result.lock.commit[:7]}, " if result.lock.commit else ""
    return (
        f"{result.lock_path} {result.lock_status}, {commit}{count} file{'s' if count > 1 else ''}, {size / 1e6:.1f} MB"
    )


def _kept_line(key: str, theirs: Any, ours: Any) -> str:
    shown = json.dumps(ours, ensure_ascii=False)
    wanted = shown if len(shown) <= 80 else f"{shown[:79]}…"
    return f"{key}: taken out by you; init finds {wanted}" if theirs is None else f"{key}: yours; init finds {wanted}"


def _open(decision: Decision, recipe: str, source: str) -> list[str]:
    """Which other readings remain, and the commands that settle it."""
    others = ", ".join(decision.remaining)
    lines = [f"  open      could also be {others}"]
    if decision.reason:
        lines.append(f"            {decision.family} is the safer reading: {decision.reason}")
    other = decision.remaining[0]
    return [
        *lines,
        f"to settle it: dsimport apply {recipe}, then dsimport verify {recipe}, and look at the boxes it drew",
        f"if they are wrong: dsimport init {shell_word(source)} --family {shell_word(other)} -o {recipe}",
    ]


def document(result: InitResult) -> dict[str, Any]:
    """The result for programs."""
    decision = result.decision
    kept = [{"key": item.key, "yours": item.theirs, "found": item.ours} for item in result.written.kept]
    return {
        "recipe": {"path": result.recipe, "status": result.status, "text": result.written.text},
        "lock": {
            "path": result.lock_path,
            "status": result.lock_status,
            "content": result.lock.model_dump(mode="json"),
        },
        "family": decision.family,
        "confidence": decision.confidence,
        "evidence": list(decision.evidence),
        "contra": list(decision.contra),
        "remaining": list(decision.remaining),
        "reason": decision.reason,
        "values": {entry.key: entry.value for entry in decision.entries},
        "kept": kept,
        "moved": list(result.written.moved),
    }

"""A plan for people: one line per step with what happens and why, diffs, commands, and a last line that counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dsimport.compiler.decide import Decision
from dsimport.compiler.difftext import unified
from dsimport.compiler.escape import shell_word, single_line
from dsimport.compiler.plan import Plan

__all__ = ["ACTION_MARKS", "ACTION_WORDS", "PlanStyle", "count_actions", "plan_lines", "summary_line"]

ACTION_MARKS = {
    "create": "+",
    "change": "~",
    "same": "●",
    "conditional": "?",
    "skip": "-",
    "blocked": "!",
    "ended": "✗",
}
_COLORS = {
    "create": "32",
    "change": "33",
    "same": "2",
    "conditional": "36",
    "skip": "2",
    "blocked": "31",
    "ended": "31",
}
ACTION_WORDS = {
    "create": "create",
    "change": "change",
    "same": "up to date",
    "conditional": "conditional",
    "skip": "not needed",
    "blocked": "blocked",
    "ended": "ended",
}
_MAX_REASONS = 4


@dataclass(frozen=True)
class PlanStyle:
    """How much is shown: diffs and commands of steps that run; everything of every step with `verbose`."""

    color: bool = False
    verbose: bool = False
    quiet: bool = False


def plan_lines(plan: Plan, decisions: Sequence[Decision], style: PlanStyle) -> Iterable[str]:
    """The lines of one plan, without line ends."""
    counts = count_actions(decisions)
    pipeline = plan.settings
    versions = f"DeepStream {pipeline['pipeline.deepstream'].value}, TensorRT {pipeline['pipeline.tensorrt'].value}"
    if not style.quiet:
        yield f"{_paint(plan.name, '1', style)} → {versions}, toolchain {plan.toolchain}   ({plan.recipe})"
        for decision in decisions:
            yield from _step_lines(decision, style)
        yield ""
    again = f"dsimport apply {shell_word(plan.recipe)}"
    yield summary_line(plan.name, counts) + (f"   apply: {again}" if counts["create"] + counts["change"] else "")


def count_actions(decisions: Iterable[Decision]) -> Counter[str]:
    """How many steps have each action."""
    return Counter(decision.action for decision in decisions)


def summary_line(name: str, counts: Counter[str]) -> str:
    """`Plan x: 2 to create, 3 to change, 6 up to date, 4 conditional.`"""
    parts = [f"{counts['create']} to create", f"{counts['change']} to change", f"{counts['same']} up to date"]
    parts += [f"{counts[key]} {key}" for key in ("conditional", "blocked", "ended") if counts[key]]
    return f"Plan {name}: {', '.join(parts)}."


def _step_lines(decision: Decision, style: PlanStyle) -> Iterable[str]:
    step, action = decision.step, decision.action
    mark = _paint(ACTION_MARKS[action], _COLORS[action], style)
    reasons = [str(reason) for reason in decision.reasons]
    if action in ("conditional", "skip") and decision.conditions:
        reasons = [f"only if {' and '.join(decision.conditions)}"]
    more = f" (+{len(reasons) - _MAX_REASONS} more)" if len(reasons) > _MAX_REASONS else ""
    why = "; ".join(reasons[:_MAX_REASONS]) + more
    if step.kind == "emit" and decision.files and action in ("create", "change"):
        moved = sum(file.status != "same" for file in decision.files)
        why = f"{moved} of {len(decision.files)} files" + (f"; {why}" if why else "")
    if action == "same":
        why = step.title
    word = "rebuild" if step.kind == "engine" and action == "change" else ACTION_WORDS[action]
    yield f"  {mark} {step.id:<16} {word:<12} {single_line(why)}".rstrip()
    if decision.runs or style.verbose:
        yield from _detail_lines(decision, style)


def _detail_lines(decision: Decision, style: PlanStyle) -> Iterable[str]:
    for file in decision.files:
        if file.status == "change":
            yield f"      {single_line(file.path)}"
            for line in unified(file.old_text, file.new_text):
                yield "      " + _paint(line, {"+": "32", "-": "31"}.get(line[0], "2"), style)
        elif file.status in ("create", "unknown") or style.verbose:
            word = {"create": "new", "unknown": "known after apply", "same": "same"}[file.status]
            yield f"      {word:<4} {single_line(file.path)}"
    if decision.argv is not None:
        yield "      $ " + " ".join(_word(word) for word in decision.argv)
    if decision.runs and decision.step.gives:
        yield f"      gives {', '.join(decision.step.gives)} (known after apply)"


def _word(word: str) -> str:
    """A shell word for the eye: unknowns stay readable."""
    return word if "‹" in word and " " not in word else shell_word(word)


def _paint(text: str, color: str, style: PlanStyle) -> str:
    return f"\x1b[{color}m{text}\x1b[0m" if style.color else text

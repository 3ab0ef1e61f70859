"""A plan with its decisions as a diagram: steps with what they make, conditions, and what flows between them.

A solid arrow carries files, a dashed one a value that is only known while applying. Arrows that a chain of others
implies are left out; a step without any is run in the order of the plan all the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from dsimport.compiler.decide import Decision, show_condition
from dsimport.compiler.diagram import Diagram, Edge, Node, Style, without_implied
from dsimport.compiler.plan import Condition, Plan, Step, Text, holes_in, show_text
from dsimport.compiler.render.plan_text import ACTION_MARKS, ACTION_WORDS, count_actions

__all__ = ["ACTION_STYLES", "plan_diagram"]

ACTION_STYLES = {
    "create": Style("#e3f4e6", "#1e7e34", "#12351a"),
    "change": Style("#fff1d0", "#a65f00", "#3d2600"),
    "same": Style("#eef1f5", "#66707c", "#252b31"),
    "conditional": Style("#efe8fb", "#6b3fb5", "#2b1a4a", dashed=True),
    "skip": Style("#ffffff", "#767d85", "#4a5058", dashed=True),
    "blocked": Style("#fde5e3", "#b3261e", "#4a0f0b"),
    "condition": Style("#ffffff", "#6b3fb5", "#2b1a4a"),
}
_MAX_ARTIFACTS = 3


def plan_diagram(plan: Plan, decisions: Sequence[Decision]) -> Diagram:
    """The diagram of one plan. Paths are shown without the folders above them."""
    givers = {name: step.id for step in plan.steps for name in step.gives}
    used = {name for step in plan.steps for name in step.unknowns()}
    conditions = _conditions(plan, givers)
    nodes = [_step_node(decision, used) for decision in decisions]
    for name, texts in dict(conditions.values()).items():
        nodes.append(Node(name, texts, shape="hexagon", style="condition"))
    edges = without_implied(
        [*_file_edges(plan), *_condition_edges(plan, givers, conditions), *_value_edges(plan, givers)]
    )
    counts = count_actions(decisions)
    legend = tuple(
        (action, f"{ACTION_MARKS[action]} {counts[action]} {word}")
        for action, word in ACTION_WORDS.items()
        if counts[action]
    )
    return Diagram(
        f"Plan of {plan.name}, toolchain {plan.toolchain}", tuple(nodes), tuple(edges), ACTION_STYLES, legend
    )


def _step_node(decision: Decision, used: set[str]) -> Node:
    step = decision.step
    told = decision.reasons[:1] if decision.action in ("change", "blocked") else ()
    why = [str(replace(reason, origin="")) for reason in told]
    artifacts = list(_artifacts(decision))
    if len(artifacts) > _MAX_ARTIFACTS:
        artifacts[_MAX_ARTIFACTS - 1 :] = [f"and {len(artifacts) - _MAX_ARTIFACTS + 1} more files"]
    values = [f"→ {name}" for name in step.gives if name in used]
    heading = f"{ACTION_MARKS[decision.action]} {step.id}"
    return Node(step.id, (heading, *why), (*artifacts, *values), style=decision.action, headed=True)


def _artifacts(decision: Decision) -> Iterable[str]:
    """Files the step writes or makes; a mark tells where one fares otherwise than the step."""
    marks = {file.path: "" for file in decision.files}
    if decision.runs:
        moved = (file for file in decision.files if file.status not in (decision.action, "unknown"))
        marks |= {file.path: f"{ACTION_MARKS[file.status]} " for file in moved}
    outputs = decision.outputs or tuple(show_text(path) for path in decision.step.outputs)
    paths = [*marks, *(path for path in outputs if path not in marks)]
    bases = Counter(_base(path) for path in paths)
    for path in paths:
        shown = _base(path) if bases[_base(path)] == 1 else "/".join(path.split("/")[-2:])
        yield marks.get(path, "") + shown


def _base(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2] + ("/" if path.endswith("/") else "")


def _conditions(plan: Plan, givers: dict[str, str]) -> dict[str, tuple[str, tuple[str, ...]]]:
    """By step id the condition node that guards it, with its text. Conditions that guard the step whose value is asked
    for stand before that one already."""
    guards = {step.id: step.when for step in plan.steps}
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    names: dict[tuple[Condition, ...], str] = {}
    for step in plan.steps:
        if not step.when:
            continue
        before = {item for asked in step.when for item in guards.get(givers.get(asked.value, ""), ())}
        new = tuple(item for item in step.when if item not in before)
        name = names.setdefault(new, f"if-{len(names) + 1}")
        texts = [show_condition(item, {}) for item in new]
        found[step.id] = (name, (*(f"{text} and" for text in texts[:-1]), f"{texts[-1]}?"))
    return found


def _condition_edges(
    plan: Plan, givers: dict[str, str], conditions: dict[str, tuple[str, tuple[str, ...]]]
) -> Iterable[Edge]:
    for step in plan.steps:
        if step.id not in conditions:
            continue
        node = conditions[step.id][0]
        for condition in step.when:
            for name in (condition.value, condition.than):
                giver = givers.get(name) if isinstance(name, str) else None
                # A giver that the same condition guards stands after it.
                if giver is not None and conditions.get(giver, ("",))[0] != node:
                    yield Edge(giver, node, dashed=True)
        yield Edge(node, step.id, "yes")


def _file_edges(plan: Plan) -> Iterable[Edge]:
    makers: dict[str, str] = {}
    for step in plan.steps:
        for needed in step.needs:
            yield Edge(needed, step.id)
        for text in step.inputs:
            maker = _maker(text, makers)
            if maker is not None:
                yield Edge(maker, step.id)
        makers.update({show_text(text): step.id for text in (*step.outputs, *(file.path for file in step.files))})


def _maker(text: Text, makers: dict[str, str]) -> str | None:
    path = show_text(text)
    while path:
        if path in makers:
            return makers[path]
        path = path.rstrip("/").rpartition("/")[0]
        path += "/" if path else ""
    return None


def _value_edges(plan: Plan, givers: dict[str, str]) -> Iterable[Edge]:
    order = Counter({step.id: index for index, step in enumerate(plan.steps)})
    for step in plan.steps:
        for name in sorted(_values(step)):
            giver = givers.get(name)
            if giver is not None and order[giver] < order[step.id]:
                yield Edge(giver, step.id, dashed=True)


def _values(step: Step) -> set[str]:
    """Values a step needs beside its conditions."""
    texts = [*step.inputs, *step.outputs, *(step.argv or ()), *(file.content for file in step.files)]
    return {*step.params.get("values", ()), *(name for text in texts for name in holes_in(text))}

"""The plan as a diagram: every dependence is in it, and what it is written as is read back by independent readers."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent / "decide"))

from decide_support import applied, fresh_disk, model_plan
from test_lower_golden import RECIPES, TOOLCHAINS, plan_of

from dsimport.compiler.decide import decide
from dsimport.compiler.diagram import Diagram, Edge, Node, Style, without_implied
from dsimport.compiler.escape import dot_string, mermaid_text, single_line
from dsimport.compiler.model import Toolchain
from dsimport.compiler.plan import Plan
from dsimport.compiler.render.diagram_text import diagram_dot, diagram_mermaid
from dsimport.compiler.render.plan_diagram import plan_diagram


class Nothing:
    """A host on which nothing was ever applied."""

    def digest(self, path: str) -> str | None:
        return None

    def text(self, path: str) -> str | None:
        return None

    def tool(self, name: str) -> str | None:
        return None


def diagram_of(plan: Plan) -> Diagram:
    return plan_diagram(plan, decide(plan, None, Nothing()))


def reached(edges: list[Edge], start: str) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        new = {edge.target for edge in edges if edge.source == name} - found
        found |= new
        waiting += new
    return found


@pytest.mark.parametrize("toolchain", TOOLCHAINS)
@pytest.mark.parametrize("name", RECIPES)
def test_every_dependence_of_a_plan_is_a_path(name: str, toolchain: Toolchain) -> None:
    plan = plan_of(name, toolchain)
    diagram = diagram_of(plan)
    edges = list(diagram.edges)
    after = {step.id: reached(edges, step.id) for step in plan.steps}
    givers = {value: step.id for step in plan.steps for value in step.gives}
    for step in plan.steps:
        for needed in {*step.needs, *(givers[value] for value in step.unknowns() if value in givers)} - {step.id}:
            assert step.id in after[needed], f"{needed} is needed by {step.id}"
    order = {step.id: index for index, step in enumerate(plan.steps)}
    assert all(order[a] < order[b] for a in order for b in after[a] if b in order), "an arrow leads back"
    guarded = {edge.target for edge in edges if edge.label == "yes"}
    assert guarded <= {step.id for step in plan.steps if step.when}
    for step in plan.steps:
        if step.when:
            assert any(step.id in reached(edges, node.id) for node in diagram.nodes if node.style == "condition")


def test_pictures_as_text(golden: Callable[[str | Path, str], None]) -> None:
    """Before the first apply, and where a threshold and the builder have changed since."""
    disk = fresh_disk()
    values = {"peak.b64": 100, "peak.b128": 90, "max_batch": 128}
    before = model_plan()
    state = applied(before, disk, values)
    disk.tools["trtexec"] = "10.16.1"
    plan = model_plan(threshold=0.3)
    for name, diagram in {
        "new": diagram_of(before),
        "changed": plan_diagram(plan, decide(plan, state, disk)),
    }.items():
        golden(f"diagrams/{name}.mmd", diagram_mermaid(diagram))
        golden(f"diagrams/{name}.dot", diagram_dot(diagram))


graphs = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=30).map(
    lambda pairs: [Edge(str(a), str(b)) for a, b in pairs if a < b]
)


@given(graphs)
def test_leaving_out_what_is_implied_loses_no_dependence(edges: list[Edge]) -> None:
    kept = without_implied(edges)
    names = {edge.source for edge in edges}
    assert {name: reached(kept, name) for name in names} == {name: reached(edges, name) for name in names}
    for edge in kept:
        assert edge.target not in reached([other for other in kept if other != edge], edge.source)


@given(st.text())
def test_mermaid_sees_only_letters_and_codes(text: str) -> None:
    label = mermaid_text(text)
    assert re.fullmatch(r"(?:[A-Za-z0-9 ,/‹›…→●]|(?<=[A-Za-z0-9])[-_.](?=[A-Za-z0-9])|#\d+;)*", label)
    assert "  " not in label
    assert not label.startswith(" ")
    assert re.sub(r"#(\d+);", lambda match: chr(int(match[1])), label) == single_line(text)


@given(st.lists(st.text(), min_size=1, max_size=3))
def test_dot_reads_back_the_lines(lines: list[str]) -> None:
    """By Graphviz's rules: a quoted string knows \\" only; in a label \\n breaks and \\\\ is a backslash."""
    quoted = dot_string(*lines)
    inner = re.fullmatch(r'"((?:[^"\\]|\\.)*)"', quoted, re.DOTALL)
    assert inner is not None
    pieces = re.findall(r"\\(.)|([^\\])", inner[1], re.DOTALL)
    text = "".join({"n": "\n"}.get(escaped, escaped) if escaped else plain for escaped, plain in pieces)
    assert {escaped for escaped, _ in pieces if escaped} <= {"n", "\\", '"'}
    assert text.replace("&amp;", "&").split("\n") == [single_line(line) for line in lines]


@given(st.text(min_size=1), st.text())
def test_hostile_names_stay_in_their_labels(title: str, label: str) -> None:
    nodes = (Node(title, (title, "x"), (label,), "hexagon", "s"), Node("b", ("b",)))
    diagram = Diagram(title, nodes if title != "b" else nodes[1:], (), {"s": Style()})
    if title != "b":
        diagram = Diagram(title, nodes, (Edge(title, "b", label),), {"s": Style()})
    assert len(diagram_mermaid(diagram).splitlines()) == (5 if title != "b" else 2)
    assert len(diagram_dot(diagram).splitlines()) == (9 if title != "b" else 7)

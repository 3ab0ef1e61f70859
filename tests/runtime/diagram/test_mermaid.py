"""Mermaid flowcharts as people write them, and as they must not be taken."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[2] / "compiler"))

from test_lower_golden import plan_of
from test_plan_diagram import diagram_of

from dsimport.compiler.render.diagram_text import diagram_mermaid
from dsimport.runtime.report.mermaid import mermaid_svg, read_flowchart

NOTE = """\
---
title: a note
---
%%{init: {"theme": "dark"}}%%
flowchart LR
  recipe["recipe.yaml<br/>(with #quot;positions#quot;)"] -->|load| L(LoadedRecipe)  %% not a comment for us
  %% a comment
  L -- resolve it --> M([Model]) -->|"lower"| P[[Plan]]
  P -. decide .-> D{Changes?}; D -->|no| E((end of it))
  D ==>|yes| A{{apply}} & B[(state.json)]
  A --- a-b.c:::hot
  classDef hot,cold fill:#fde,stroke:#a00,color:#400,stroke-dasharray: 5 5
  class A,B hot
  style M fill:#dfd
  linkStyle 0 stroke:red
"""


def test_a_note() -> None:
    text = NOTE.replace("  %% not a comment for us", "")
    diagram = read_flowchart(text)
    assert diagram is not None
    assert {node.id: (node.lines, node.shape) for node in diagram.nodes} == {
        "recipe": (("recipe.yaml", '(with "positions")'), "box"),
        "L": (("LoadedRecipe",), "round"),
        "M": (("Model",), "stadium"),
        "P": (("Plan",), "box"),
        "D": (("Changes?",), "diamond"),
        "E": (("end of it",), "circle"),
        "A": (("apply",), "hexagon"),
        "B": (("state.json",), "cylinder"),
        "a-b.c": (("a-b.c",), "box"),
    }
    assert [(edge.source, edge.target, edge.label, edge.dashed, edge.head) for edge in diagram.edges] == [
        ("recipe", "L", "load", False, True),
        ("L", "M", "resolve it", False, True),
        ("M", "P", "lower", False, True),
        ("P", "D", "decide", True, True),
        ("D", "E", "no", False, True),
        ("D", "A", "yes", False, True),
        ("D", "B", "yes", False, True),
        ("A", "a-b.c", "", False, False),
    ]
    styles = {node.id: diagram.styles[node.style] for node in diagram.nodes}
    assert (styles["A"].fill, styles["B"].text, styles["a-b.c"].dashed) == ("#fde", "#400", True)
    assert (styles["M"].fill, diagram.direction) == ("#dfd", "right")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sequenceDiagram\n A->>B: hello",
        "pie\n 'a': 3",
        "flowchart TD\n subgraph one\n a --> b\n end",
        "flowchart TD\n a <--> b",
        "flowchart TD\n a --> ",
        "flowchart TD\n a[unclosed",
        "flowchart TD\n a ~~~ b",
        "flowchart XX\n a --> b",
        "flowchart TD\n" + "".join(f"n{index}\n" for index in range(1000)),
        "flowchart TD\n" + "a" * 200_000,
    ],
)
def test_what_cannot_be_drawn_is_left_alone(text: str) -> None:
    assert mermaid_svg(text) is None


@given(
    st.lists(
        st.sampled_from(["a", "b[", "]", '"', "-->", "-.->", "|x|", "\n", ";", "{{", "}}", "((", "&", "%%", " ", "<"])
    )
)
def test_no_text_breaks_the_reader(words: list[str]) -> None:
    drawn = mermaid_svg("flowchart TD\n" + "".join(words))
    assert drawn is None or drawn.startswith("<svg ")


@given(st.text())
def test_labels_are_shown_and_never_taken_for_markup(label: str) -> None:
    drawn = mermaid_svg(f"flowchart TD\n  a[{label}] --> b[<script>alert(1)</script>]\n  classDef x fill:url(#a)\n")
    assert drawn is None or ("<script" not in drawn and "url(" not in drawn.replace(label, ""))


def test_our_own_mermaid_is_read_back() -> None:
    diagram = diagram_of(plan_of("full", "deepstream"))
    back = read_flowchart(diagram_mermaid(diagram))
    assert back is not None
    assert [node.lines for node in back.nodes] == [(*node.lines, *node.details) for node in diagram.nodes]
    index = {node.id: f"n{at}" for at, node in enumerate(diagram.nodes)}
    assert [(edge.source, edge.target, edge.label, edge.dashed) for edge in back.edges] == [
        (index[edge.source], index[edge.target], edge.label, edge.dashed) for edge in diagram.edges
    ]
    assert [node.style for node in back.nodes] == [node.style for node in diagram.nodes]

"""A diagram as text that other programs draw: Mermaid and Graphviz's DOT."""

from __future__ import annotations

from collections.abc import Iterable

from dsimport.compiler.diagram import Diagram, Shape
from dsimport.compiler.escape import dot_string, mermaid_text

__all__ = ["diagram_dot", "diagram_mermaid"]

_MERMAID_SHAPES: dict[Shape, tuple[str, str]] = {
    "box": ("[", "]"),
    "round": ("(", ")"),
    "stadium": ("([", "])"),
    "hexagon": ("{{", "}}"),
    "diamond": ("{", "}"),
    "cylinder": ("[(", ")]"),
    "circle": ("((", "))"),
}
_DOT_SHAPES: dict[Shape, str] = {
    "box": "box",
    "round": "box",
    "stadium": "box",
    "hexagon": "hexagon",
    "diamond": "diamond",
    "cylinder": "cylinder",
    "circle": "circle",
}


def diagram_mermaid(diagram: Diagram) -> str:
    """Text of a Mermaid flowchart. Nodes are numbered: their own names might be words of the language."""
    names = {node.id: f"n{index}" for index, node in enumerate(diagram.nodes)}
    lines = [f"flowchart {'TD' if diagram.direction == 'down' else 'LR'}"]
    for node in diagram.nodes:
        before, after = _MERMAID_SHAPES[node.shape]
        label = "<br/>".join(mermaid_text(line) for line in (*node.lines, *node.details))
        chosen = f":::{node.style}" if node.style in diagram.styles else ""
        lines.append(f'  {names[node.id]}{before}"{label}"{after}{chosen}')
    for edge in diagram.edges:
        arrow = {(False, True): "-->", (True, True): "-.->", (False, False): "---", (True, False): "-.-"}
        label = f'|"{mermaid_text(edge.label)}"|' if edge.label else ""
        lines.append(f"  {names[edge.source]} {arrow[edge.dashed, edge.head]}{label} {names[edge.target]}")
    used = {node.style for node in diagram.nodes}
    for name, style in diagram.styles.items():
        if name in used:
            dash = ",stroke-dasharray:5 3" if style.dashed else ""
            lines.append(f"  classDef {name} fill:{style.fill},stroke:{style.stroke},color:{style.text}{dash}")
    return "\n".join(lines) + "\n"


def diagram_dot(diagram: Diagram) -> str:
    """Text of a Graphviz digraph."""
    names = {node.id: f"n{index}" for index, node in enumerate(diagram.nodes)}
    lines = [
        "digraph {",
        f"  rankdir={'TB' if diagram.direction == 'down' else 'LR'}",
        f"  label={dot_string(diagram.title)}",
        '  node [fontname="Helvetica" fontsize=11]',
        '  edge [fontname="Helvetica" fontsize=10]',
    ]
    for node in diagram.nodes:
        style = diagram.styles.get(node.style)
        look = [f"shape={_DOT_SHAPES[node.shape]}"]
        if style is not None:
            kind = "filled,dashed" if style.dashed else "filled"
            look.append(f'style="{kind}" fillcolor="{style.fill}" color="{style.stroke}" fontcolor="{style.text}"')
        lines.append(f"  {names[node.id]} [label={dot_string(*node.lines, *node.details)} {' '.join(look)}]")
    for edge in diagram.edges:
        lines.append(f"  {names[edge.source]} -> {names[edge.target]}{_attributes(edge.label, edge.dashed, edge.head)}")
    return "\n".join([*lines, "}"]) + "\n"


def _attributes(label: str, dashed: bool, head: bool) -> str:
    found: Iterable[str] = (
        *([f"label={dot_string(label)}"] if label else []),
        *(["style=dashed"] if dashed else []),
        *(["arrowhead=none"] if not head else []),
    )
    text = " ".join(found)
    return f" [{text}]" if text else ""

"""A diagram as plain data: nodes, edges and styles, before anybody has decided how it is written or drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

__all__ = ["Diagram", "Edge", "Node", "Shape", "Style", "without_implied"]

Shape: TypeAlias = Literal["box", "round", "stadium", "hexagon", "diamond", "cylinder", "circle"]


@dataclass(frozen=True)
class Style:
    """Colours as `#rrggbb`."""

    fill: str = "#ffffff"
    stroke: str = "#3d4852"
    text: str = "#1a1f24"
    dashed: bool = False


@dataclass(frozen=True)
class Node:
    """One node. lines: its text, the first of them a heading if it is `headed`; details: a second compartment. style: a
    name among the diagram's styles."""

    id: str
    lines: tuple[str, ...]
    details: tuple[str, ...] = ()
    shape: Shape = "box"
    style: str = ""
    headed: bool = False


@dataclass(frozen=True)
class Edge:
    """An arrow (or a line without a head) from one node to another, by id."""

    source: str
    target: str
    label: str = ""
    dashed: bool = False
    head: bool = True


@dataclass(frozen=True)
class Diagram:
    """legend: a word per style that is explained. direction: where the arrows lead, down or to the right."""

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    styles: Mapping[str, Style] = field(default_factory=dict)
    legend: tuple[tuple[str, str], ...] = ()
    direction: Literal["down", "right"] = "down"


def without_implied(edges: Iterable[Edge]) -> list[Edge]:
    """The edges without those that a chain of others implies, and without doubles. There must be no cycle."""
    unique = {(edge.source, edge.target): edge for edge in reversed(list(edges))}
    after: dict[str, set[str]] = {}
    for source, target in unique:
        after.setdefault(source, set()).add(target)
    reached: dict[str, set[str]] = {}

    def below(name: str) -> set[str]:
        if name not in reached:
            following = after.get(name, set())
            reached[name] = following.union(*(below(item) for item in following))
        return reached[name]

    kept = [
        edge
        for (source, target), edge in unique.items()
        if not any(target in below(other) for other in after[source] if other != target)
    ]
    return kept[::-1]

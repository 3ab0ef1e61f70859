"""Where nodes, arrows and their labels lie: a diagram's geometry, ready to be drawn in any format.

Within its layer a node stands as near to the middle of its neighbours as the nodes beside it allow; the positions of
a layer are the least-squares solution under that order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from dsimport.compiler.diagram import Diagram, Edge, Node
from dsimport.runtime.diagram.layers import Layered, layered
from dsimport.runtime.diagram.text import cut, width_of

__all__ = ["BIG", "LINE", "MOST", "PAD", "SMALL", "Box", "Curve", "Layout", "Point", "lay_out"]

BIG, SMALL = 12.0, 10.5  # font sizes
LINE = 15.0  # from one line of text to the next
PAD = 9.0  # between text and border
MOST = 230.0  # the widest text of a node
_GAP, _BETWEEN = 18.0, 28.0  # within a layer, and from layer to layer
_SHORT = 26.0  # a label of this width fits between two layers that lie one below the other
_STAND_IN = 6.0
_SWEEPS = 24
_STRAIGHT = 6.0  # what a stand-in weighs against one neighbour of a node

Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A node in its place; x and y are its middle. lines and details fit into it."""

    node: Node
    x: float
    y: float
    width: float
    height: float
    lines: tuple[str, ...]
    details: tuple[str, ...]


@dataclass(frozen=True)
class Curve:
    """An edge: pieces of cubic curves (start, two control points, end) from source to target, and where its label's
    middle lies."""

    edge: Edge
    pieces: tuple[tuple[Point, Point, Point, Point], ...]
    label: Point | None


@dataclass(frozen=True)
class Layout:
    """A diagram's geometry, from (0, 0) to (width, height)."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    curves: tuple[Curve, ...]


def lay_out(diagram: Diagram) -> Layout:
    """Place everything. Edges of nodes that are not there are left out."""
    known = {node.id for node in diagram.nodes}
    edges = [edge for edge in diagram.edges if edge.source in known and edge.target in known]
    right = diagram.direction == "right"
    fitted = {node.id: _fitted(node) for node in diagram.nodes}
    graph = layered(
        [node.id for node in diagram.nodes],
        [(edge.source, edge.target) for edge in edges],
        [width_of(edge.label, SMALL) > (0 if right else _SHORT) for edge in edges],
    )
    sizes = _sizes(graph, edges, fitted, right)
    along, thickness = _depths(graph, sizes)
    pointed = frozenset(node.id for node in diagram.nodes if node.shape in ("diamond", "circle"))
    placed = _Placed(graph, sizes, _positions(graph, sizes), along, thickness, pointed)
    boxes = []
    for node in diagram.nodes:
        width, height, lines, details = fitted[node.id]
        x, y = placed.across[node.id], along[node.id]
        boxes.append(Box(node, *((y, x) if right else (x, y)), width, height, lines, details))
    curves = [_turned(curve) for curve in _curves(placed, edges)] if right else _curves(placed, edges)
    extent = max((placed.across[name] + size[0] / 2 for name, size in sizes.items()), default=0.0)
    depth = max((along[name] + size[1] / 2 for name, size in sizes.items()), default=0.0)
    return Layout(depth if right else extent, extent if right else depth, tuple(boxes), tuple(curves))


@dataclass(frozen=True)
class _Placed:
    """Nodes and stand-ins: extent across and along the layers, their middles, how thick each layer is, and which are
    touched at their tips only."""

    graph: Layered
    sizes: Mapping[str, tuple[float, float]]
    across: Mapping[str, float]
    along: Mapping[str, float]
    thickness: Sequence[float]
    pointed: frozenset[str]


def _fitted(node: Node) -> tuple[float, float, tuple[str, ...], tuple[str, ...]]:
    """Width, height and the texts of a node, cut where they are too long."""
    bold = node.headed
    lines = tuple(cut(text, BIG, MOST, bold=bold and index == 0) for index, text in enumerate(node.lines))
    details = tuple(cut(text, SMALL, MOST) for text in node.details)
    widths = [width_of(text, BIG, bold=bold and index == 0) for index, text in enumerate(lines)]
    text_width = max([*widths, *(width_of(text, SMALL) for text in details), 24.0])
    height = len(lines) * LINE + PAD * 1.4 + (len(details) * LINE + PAD if details else 0)
    width = text_width + 2 * PAD
    if node.shape == "diamond":
        return text_width * 1.5 + 30, height * 1.7, lines, details
    if node.shape == "circle":
        side = max(width, height) + 6
        return side, side, lines, details
    extra = {"hexagon": 22.0, "stadium": 14.0}.get(node.shape, 0.0)
    return width + extra, height + (14 if node.shape == "cylinder" else 0), lines, details


def _sizes(
    graph: Layered,
    edges: Sequence[Edge],
    fitted: Mapping[str, tuple[float, float, tuple[str, ...], tuple[str, ...]]],
    right: bool,
) -> dict[str, tuple[float, float]]:
    """Extent across and along the layers of every node and stand-in; a label takes the middle stand-in of its edge."""
    sizes = {name: (size[1], size[0]) if right else (size[0], size[1]) for name, size in fitted.items()}
    for index, chain in enumerate(graph.chains):
        between = chain[1:-1]
        for at, name in enumerate(between):
            sizes[name] = (_STAND_IN, 0.0)
            if edges[index].label and at == len(between) // 2:
                width, height = width_of(edges[index].label, SMALL) + 10, LINE + 2
                sizes[name] = (height, width) if right else (width, height)
    return sizes


def _positions(graph: Layered, sizes: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    """The middle of every node across the layers; the smallest left edge is 0."""
    near = _attractions(graph)
    place: dict[str, float] = {}
    for layer in graph.layers:
        place |= _spread([0.0] * len(layer), [1.0] * len(layer), layer, sizes)
    for sweep in range(_SWEEPS):
        for layer in graph.layers if sweep % 2 == 0 else reversed(graph.layers):
            found = [near.get(name, ()) for name in layer]
            wanted = [
                sum(place[other] for other in others) / len(others) if others else place[name]
                for name, others in zip(layer, found, strict=True)
            ]
            # Long edges are kept straight before nodes are centred.
            weights = [
                _STRAIGHT if name.startswith("\0") else len(others) or 0.1
                for name, others in zip(layer, found, strict=True)
            ]
            place |= _spread(wanted, weights, layer, sizes)
    left = min((place[name] - sizes[name][0] / 2 for layer in graph.layers for name in layer), default=0.0)
    return {name: at - left for name, at in place.items()}


def _attractions(graph: Layered) -> dict[str, list[str]]:
    """What each node is drawn to: its neighbours; a stand-in to all of its edge, so that the edge stays in line."""
    near: dict[str, list[str]] = {}
    for chain in graph.chains:
        for a, b in pairwise(chain):
            near.setdefault(a, []).append(b)
            near.setdefault(b, []).append(a)
        near |= dict.fromkeys(chain[1:-1], chain)
    return near


def _spread(
    wanted: Sequence[float], weights: Sequence[float], layer: Sequence[str], sizes: Mapping[str, tuple[float, float]]
) -> dict[str, float]:
    """Positions nearest to the wanted ones that keep the order and the gaps: weighted isotonic regression."""
    offsets = [0.0]
    for a, b in pairwise(layer):
        gap = _GAP if not a.startswith("\0") and not b.startswith("\0") else _GAP * 0.6
        offsets.append(offsets[-1] + (sizes[a][0] + sizes[b][0]) / 2 + gap)
    blocks: list[tuple[float, float, int]] = []  # sum of weight times position, weight, number of nodes
    for target, weight, offset in zip(wanted, weights, offsets, strict=True):
        blocks.append(((target - offset) * weight, weight, 1))
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            last, before = blocks.pop(), blocks.pop()
            blocks.append((last[0] + before[0], last[1] + before[1], last[2] + before[2]))
    places = [total / weight for total, weight, count in blocks for _ in range(count)]
    return {name: at + offset for name, at, offset in zip(layer, places, offsets, strict=True)}


def _depths(graph: Layered, sizes: Mapping[str, tuple[float, float]]) -> tuple[dict[str, float], list[float]]:
    """The middle of every node along the layers, and how thick each layer is."""
    along: dict[str, float] = {}
    thickness = []
    at = 0.0
    for layer in graph.layers:
        thick = max(sizes[name][1] for name in layer)
        along |= dict.fromkeys(layer, at + thick / 2)
        thickness.append(thick)
        at += thick + _BETWEEN
    return along, thickness


def _curves(placed: _Placed, edges: Sequence[Edge]) -> list[Curve]:
    """Edges of a diagram that leads down. One from a node to itself is not drawn."""
    graph, across, along = placed.graph, placed.across, placed.along
    level = {name: index for index, layer in enumerate(graph.layers) for name in layer}
    leave, enter = _ports(placed, 0), _ports(placed, -1)
    curves = []
    for index, (edge, chain) in enumerate(zip(edges, graph.chains, strict=True)):
        if not chain:
            continue
        points = [(leave[index], along[chain[0]] + placed.sizes[chain[0]][1] / 2)]
        for name in chain[1:-1]:
            half = placed.thickness[level[name]] / 2
            points += [(across[name], along[name] - half), (across[name], along[name] + half)]
        points.append((enter[index], along[chain[-1]] - placed.sizes[chain[-1]][1] / 2))
        pieces = [_piece(a, b) for a, b in pairwise(points)]
        label = _label_place(placed, chain, points) if edge.label else None
        if index in graph.turned:
            pieces = [(d, c, b, a) for a, b, c, d in reversed(pieces)]
        curves.append(Curve(edge, tuple(pieces), label))
    return curves


def _turned(curve: Curve) -> Curve:
    """The curve of a diagram that leads to the right."""
    pieces = tuple((a[::-1], b[::-1], c[::-1], d[::-1]) for a, b, c, d in curve.pieces)
    return Curve(curve.edge, pieces, None if curve.label is None else curve.label[::-1])


def _label_place(placed: _Placed, chain: Sequence[str], points: Sequence[Point]) -> Point:
    """On the middle stand-in of an edge, else half-way."""
    if len(chain) > 2:
        middle = chain[1:-1][len(chain[1:-1]) // 2]
        return placed.across[middle], placed.along[middle]
    return (points[0][0] + points[-1][0]) / 2, (points[0][1] + points[-1][1]) / 2


def _ports(placed: _Placed, end: int) -> dict[int, float]:
    """Where each edge leaves its upper node (end 0) or enters its lower one (-1): side by side on the node's border, in
    the order of where they lead."""
    chains = placed.graph.chains
    groups: dict[str, list[int]] = {}
    for index, chain in enumerate(chains):
        if chain:
            groups.setdefault(chain[end], []).append(index)
    ports = {}
    for name, members in groups.items():
        ordered = sorted(members, key=lambda index: placed.across[chains[index][1 if end == 0 else -2]])
        step = 0.0 if name in placed.pointed else min(16.0, placed.sizes[name][0] * 0.6 / len(members))
        for at, index in enumerate(ordered):
            ports[index] = placed.across[name] + (at - (len(members) - 1) / 2) * step
    return ports


def _piece(a: Point, b: Point) -> tuple[Point, Point, Point, Point]:
    """From a to b, leaving and arriving along the direction of the layers."""
    bend = (b[1] - a[1]) / 2
    return a, (a[0], a[1] + bend), (b[0], b[1] - bend), b

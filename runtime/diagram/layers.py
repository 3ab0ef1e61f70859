"""Which layer every node lies in, and in which order: the first half of a layered layout.

Edges that would close a circle are turned round; an edge over several layers gets a stand-in on each between its ends,
so that it is led past the nodes there. Nothing depends on chance or on the order of a set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

__all__ = ["Layered", "layered"]

_SWEEPS = 24


@dataclass
class Layered:
    """layers: ids from left to right, the first layer first. chains: per edge its ends and the stand-ins between,
    always from the upper to the lower layer. turned: edges whose chain runs against the arrow."""

    layers: list[list[str]] = field(default_factory=list)
    chains: list[list[str]] = field(default_factory=list)
    turned: set[int] = field(default_factory=set)


def layered(nodes: Sequence[str], edges: Sequence[tuple[str, str]], long: Sequence[bool] = ()) -> Layered:
    """Layers of a graph. Edges from a node to itself get an empty chain. long: edges that need a layer between their
    ends, because something stands on them."""
    wide = list(long) or [False] * len(edges)
    turned = _turned(nodes, edges)
    down = [(b, a) if index in turned else (a, b) for index, (a, b) in enumerate(edges)]
    links = [(a, b, 2 if wide[index] else 1) for index, (a, b) in enumerate(down) if a != b]
    level = _levels(nodes, links)
    result = Layered([[] for _ in range(max(level.values(), default=-1) + 1)], [], turned)
    for name in nodes:
        result.layers[level[name]].append(name)
    for index, (a, b) in enumerate(down):
        between = [f"\0{index}.{at}" for at in range(level[a] + 1, level[b])]
        for at, name in enumerate(between, level[a] + 1):
            result.layers[at].append(name)
        result.chains.append([] if a == b else [a, *between, b])
    _order(result)
    return result


def _turned(nodes: Sequence[str], edges: Sequence[tuple[str, str]]) -> set[int]:
    """Edges that lead back to a node on the way to them, depth first, without recursion."""
    leaving: dict[str, list[tuple[int, str]]] = {name: [] for name in nodes}
    for index, (a, b) in enumerate(edges):
        leaving[a].append((index, b))
    state: dict[str, int] = {}
    turned: set[int] = set()
    for root in nodes:
        stack = [(root, iter(leaving[root]))] if root not in state else []
        state.setdefault(root, 1)
        while stack:
            name, rest = stack[-1]
            for index, target in rest:
                if state.get(target) == 1 and target != name:
                    turned.add(index)
                elif target not in state:
                    state[target] = 1
                    stack.append((target, iter(leaving[target])))
                    break
            else:
                state[name] = 2
                stack.pop()
    return turned


def _levels(nodes: Sequence[str], links: Sequence[tuple[str, str, int]]) -> dict[str, int]:
    """As high as the edges allow; then nodes that more arrows leave than enter move down to what they feed."""
    entering: dict[str, list[tuple[str, int]]] = {name: [] for name in nodes}
    leaving: dict[str, list[tuple[str, int]]] = {name: [] for name in nodes}
    for a, b, length in links:
        leaving[a].append((b, length))
        entering[b].append((a, length))
    order = _topological(nodes, leaving, entering)
    level: dict[str, int] = {}
    for name in order:
        level[name] = max((level[a] + length for a, length in entering[name]), default=0)
    for _ in range(3):
        for name in reversed(order):
            if len(leaving[name]) > len(entering[name]):
                level[name] = min(level[b] - length for b, length in leaving[name])
    return level


def _topological(
    nodes: Sequence[str], leaving: Mapping[str, list[tuple[str, int]]], entering: Mapping[str, list[tuple[str, int]]]
) -> list[str]:
    waiting = {name: len(entering[name]) for name in nodes}
    order = [name for name in nodes if waiting[name] == 0]
    for name in order:
        for target, _ in leaving[name]:
            waiting[target] -= 1
            if waiting[target] == 0:
                order.append(target)
    return order


def _order(result: Layered) -> None:
    """Fewer crossings: every layer is sorted by where its neighbours stand, down and up in turn; the best is kept."""
    up, down = _neighbours(result.chains)
    best, fewest = [list(layer) for layer in result.layers], _crossings(result.layers, down)
    for sweep in range(_SWEEPS):
        going_down = sweep % 2 == 0
        sides = up if going_down else down
        rows = result.layers if going_down else result.layers[::-1]
        for fixed, moved in pairwise(rows):
            place = {name: index for index, name in enumerate(fixed)}
            keys = {}
            for index, name in enumerate(moved):
                found = [place[other] for other in sides.get(name, ())]
                keys[name] = sum(found) / len(found) if found else index * len(fixed) / len(moved)
            moved.sort(key=lambda name, keys=keys: keys[name])  # type: ignore[misc]
        crossings = _crossings(result.layers, down)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in result.layers], crossings
    result.layers[:] = best


def _neighbours(chains: Sequence[Sequence[str]]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    up: dict[str, list[str]] = {}
    down: dict[str, list[str]] = {}
    for chain in chains:
        for a, b in pairwise(chain):
            up.setdefault(b, []).append(a)
            down.setdefault(a, []).append(b)
    return up, down


def _crossings(layers: Sequence[Sequence[str]], down: Mapping[str, Sequence[str]]) -> int:
    total = 0
    for upper, lower in pairwise(layers):
        place = {name: index for index, name in enumerate(lower)}
        ends = [at for name in upper for at in sorted(place[other] for other in down.get(name, ()))]
        total += sum(ends[i] > ends[j] for i in range(len(ends)) for j in range(i + 1, len(ends)))
    return total

"""Small edits of ONNX graphs that every pass needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["Namer", "dtype_of", "opset", "outputs_of", "prepend", "redirect", "subgraphs"]


class Namer:
    """Names that the graph does not use yet."""

    def __init__(self, model: Any) -> None:
        self._taken = {item.name for item in (*model.graph.input, *model.graph.output, *model.graph.initializer)}
        for graph in subgraphs(model.graph):
            for node in graph.node:
                self._taken.update((*node.input, *node.output, node.name))

    def __call__(self, name: str) -> str:
        """`dsimport_<name>`, made unique."""
        unique = f"dsimport_{name}"
        while unique in self._taken:
            unique += "_"
        self._taken.add(unique)
        return unique

    def has(self, name: str) -> bool:
        """Whether the graph uses this very name."""
        return name in self._taken


def subgraphs(graph: Any) -> Iterator[Any]:
    """The graph and the bodies of its If, Loop and Scan nodes, which see its tensors by name."""
    pending = [graph]
    while pending:
        each = pending.pop()
        yield each
        for node in each.node:
            for attribute in node.attribute:
                pending += [attribute.g] if attribute.HasField("g") else []
                pending += list(attribute.graphs)


def redirect(graph: Any, old: str, new: str) -> None:
    """Make every node that reads tensor `old` read `new` instead."""
    for each in subgraphs(graph):
        for node in each.node:
            for index, name in enumerate(node.input):
                if name == old:
                    node.input[index] = new


def prepend(graph: Any, nodes: list[Any]) -> None:
    """Put nodes in front of all others: a graph is stored in the order in which it can be computed."""
    rest = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes, *rest])


def opset(model: Any) -> int:
    """Version of the standard operator set."""
    return max((item.version for item in model.opset_import if item.domain in ("", "ai.onnx")), default=0)


def outputs_of(model: Any) -> dict[str, Any]:
    """The graph's outputs by name."""
    return {item.name: item for item in model.graph.output}


def dtype_of(item: Any) -> int:
    """ONNX's number of a declared tensor's element type."""
    return int(item.type.tensor_type.elem_type)

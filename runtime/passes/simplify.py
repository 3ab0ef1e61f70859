"""Pass simplify: constants folded and dead nodes removed by onnxslim."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from dsimport.runtime.onnx_file import GraphError, one_line

__all__ = ["simplify"]


def simplify(model: Any) -> list[str]:
    """Simplify in place; sentences about what changed. Raises GraphError where onnxslim is missing or fails."""
    try:
        onnxslim: Any = import_module("onnxslim")
    except ImportError:
        raise GraphError("graph.simplify needs onnxslim: pip install 'dsimport[reference]'") from None
    before = len(model.graph.node)
    try:
        slim = onnxslim.slim(model)
    except Exception as error:  # it raises whatever its own passes meet
        raise GraphError(f"onnxslim cannot simplify the model: {one_line(error)}") from None
    if slim is None:
        raise GraphError("onnxslim gave no model back")
    model.CopyFrom(slim)
    after = len(model.graph.node)
    return [f"{before} nodes before, {after} now"] if after != before else []

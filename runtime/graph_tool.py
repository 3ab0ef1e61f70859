"""`python -m dsimport.runtime.graph_tool REQUEST`: the steps `graph` and `inspect` in a process of their own.

Model files are untrusted and the libraries that read them are native code; whatever happens here, the caller lives.
REQUEST is one JSON object. The last line of stdout is `RESULT ` and a JSON object: what was done, or `error`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dsimport.runtime.atomic import write_bytes
from dsimport.runtime.graph import dynamic_batch, verify_batch
from dsimport.runtime.inspect_onnx import inspect
from dsimport.runtime.onnx_file import GraphError, read_model, serialize

__all__ = ["RESULT", "main"]

RESULT = "RESULT "
VERIFY_BATCH = 2


def run_passes(request: dict[str, Any]) -> dict[str, Any]:
    """Read `source`, apply `passes` in order, write `target`, and check that every image of a batch is served."""
    model = read_model(Path(request["source"]))
    changes: list[str] = []
    for item in request["passes"]:
        done = _PASSES[item["pass"]](model, request["input"], item)
        for change in done:
            print(f"{item['pass']}: {change}")
        changes += done
    data = serialize(model)
    try:
        import onnxruntime  # noqa: F401 - only whether it is there
    except ImportError:
        # A GPU host may lack ONNX Runtime: then trtexec is the first to run the graph.
        difference = None
        print("onnxruntime is not installed: the graph was not run")
    else:
        check = verify_batch(data, request["input"], VERIFY_BATCH)
        difference = check.max_abs_diff
        print(f"batch {VERIFY_BATCH} against batch 1: largest difference {difference:.3g}")
    write_bytes(Path(request["target"]), data)
    return {"changes": changes, "max_abs_diff": difference}


def _dynamic_batch(model: Any, input_name: str, item: dict[str, Any]) -> list[str]:
    return dynamic_batch(model, input_name, item["channels"], item["height"], item["width"])


def _fold_normalize(model: Any, input_name: str, item: dict[str, Any]) -> list[str]:
    """Prepend z = y * scale + bias per channel. Zero padding inside the network keeps its meaning, because nothing
    is folded into a convolution."""
    import numpy as np
    from onnx import helper, numpy_helper

    graph = model.graph
    taken = {name for node in graph.node for name in (*node.input, *node.output)}
    names = {part: _fresh(f"dsimport_{part}", taken) for part in ("scale", "bias", "scaled", "normalised")}
    for node in graph.node:
        for index, name in enumerate(node.input):
            if name == input_name:
                node.input[index] = names["normalised"]
    for part in ("scale", "bias"):
        values = np.asarray(item[part], dtype=np.float32).reshape(1, -1, 1, 1)
        graph.initializer.append(numpy_helper.from_array(values, names[part]))
    nodes = [
        helper.make_node("Mul", [input_name, names["scale"]], [names["scaled"]], name=names["scaled"]),
        helper.make_node("Add", [names["scaled"], names["bias"]], [names["normalised"]], name=names["normalised"]),
    ]
    rest = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes, *rest])
    return [f"scale {item['scale']} and bias {item['bias']} per channel in front of the network"]


def _fresh(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name


_PASSES: dict[str, Callable[[Any, str, dict[str, Any]], list[str]]] = {
    "dynamic-batch": _dynamic_batch,
    "fold-normalize": _fold_normalize,
}


def run_inspect(request: dict[str, Any]) -> dict[str, Any]:
    """The facts of `onnx`, as plain data."""
    facts = inspect(Path(request["onnx"]))
    return {
        "inputs": {item.name: [item.dtype, item.dims] for item in facts.inputs},
        "outputs": {item.name: [item.dtype, item.dims] for item in facts.outputs},
        "opset": facts.opset,
        "bytes": facts.size,
    }


def main(argv: list[str]) -> int:
    """Serve one request; 1 for a model that cannot be used."""
    request = json.loads(argv[0])
    try:
        result = run_inspect(request) if request["do"] == "inspect" else run_passes(request)
    except GraphError as error:
        result = {"error": str(error)}
    print(RESULT + json.dumps(result))
    return 1 if "error" in result else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

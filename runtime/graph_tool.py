"""`python -m dsimport.runtime.graph_tool REQUEST`: the steps `graph` and `inspect` in a process of their own.

Model files are untrusted and the libraries that read them are native code; whatever happens here, the caller lives.
REQUEST is one JSON object. The last line of stdout is `RESULT ` and a JSON object: what was done, or `error`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from dsimport.compiler.diagnostics import DsimportError
from dsimport.runtime.onnx_file import GraphError

__all__ = ["RESULT", "main"]

RESULT = "RESULT "


def run_inspect(request: dict[str, Any]) -> dict[str, Any]:
    """The facts of `onnx`, as plain data."""
    from dsimport.runtime.inspect_onnx import inspect

    facts = inspect(Path(request["onnx"]))
    return {
        "inputs": {item.name: [item.dtype, item.dims] for item in facts.inputs},
        "outputs": {item.name: [item.dtype, item.dims] for item in facts.outputs},
        "opset": facts.opset,
        "bytes": facts.size,
    }


def run_graph(request: dict[str, Any]) -> dict[str, Any]:
    """What the passes did."""
    from dsimport.runtime.passes.run import run_passes

    return run_passes(request, print)


def main(argv: list[str]) -> int:
    """Serve one request; 1 for a model that cannot be used."""
    request = json.loads(argv[0])
    try:
        result = run_inspect(request) if request["do"] == "inspect" else run_graph(request)
    except GraphError as error:
        result = {"error": str(error)}
    except DsimportError as error:  # the disk's fault, not the model's
        first = error.diagnostics[0]
        result = {"error": first.message, "code": first.code, "help": first.help}
    print(RESULT + json.dumps(result))
    return 1 if "error" in result else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Steps `graph` and `inspect`: passes over the ONNX graph, and the recipe held against the result."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from dsimport.compiler.diagnostics import Diagnostic, DsimportError, Report, Span
from dsimport.runtime.graph_tool import RESULT
from dsimport.runtime.steps.base import Context, Outcome

__all__ = ["inspect", "run", "serve"]


def run(context: Context) -> Outcome:
    """Apply the passes in a process of their own; the result is a whole new file or none."""
    params = context.step.params
    request = {"do": "graph", **params, **context.step.hints}
    for key in ("source", "target"):
        request[key] = str(context.root / params[key])
    result = serve(context, request)
    batch = result["batch_diff"]
    moved = [item["max_abs_diff"] for item in result["passes"] if item["max_abs_diff"] is not None]
    worst = max(moved, default=None)
    changed = [item["pass"] for item in result["passes"] if item["changes"]]
    parts = [", ".join(changed) or "nothing to change"]
    parts += [] if worst is None else [f"before = after within {worst:.1e}"]
    parts += ["not run"] if batch is None else [f"batch 2 = batch 1 within {batch:.1e}"]
    return Outcome({"graph.max_abs_diff": batch, "graph.pass_diff": worst}, "; ".join(parts))


def inspect(context: Context) -> Outcome:
    """Compare names, types and shapes with the recipe. Every difference is reported at its place in the recipe."""
    params = context.step.params
    found = serve(context, {"do": "inspect", "onnx": str(context.root / params["onnx"])})
    report = Report()
    _compare_input(context, found["inputs"], report)
    _compare_outputs(context, found["outputs"], report)
    report.raise_errors()
    values = {"onnx.bytes": found["bytes"], "onnx.opset": found["opset"]}
    return Outcome(values, f"opset {found['opset']}, {len(params['outputs'])} of {len(found['outputs'])} outputs used")


def serve(context: Context, request: dict[str, Any], log: Path | None = None) -> dict[str, Any]:
    """What the graph tool makes of a request. DsimportError where the model, or the tool itself, does not allow it."""
    command = [sys.executable, "-m", "dsimport.runtime.graph_tool", json.dumps(request)]
    done = context.run(command, log=log, ok=(0, 1))
    line = next((line for line in reversed(done.tail) if line.startswith(RESULT)), None)
    result: dict[str, Any] = json.loads(line[len(RESULT) :]) if line else {"error": "; ".join(done.tail[-3:])}
    if "code" in result:
        raise DsimportError(Diagnostic(result["code"], result["error"], help=tuple(result["help"])))
    if "error" in result:
        raise DsimportError(
            Diagnostic(
                "A0301",
                f"the model cannot be used: {result['error']}",
                span=_place(context, "source.where"),
                help=("correct the model or export it again; `dsimport explain A0301` says what nvinfer needs",),
            )
        )
    return result


def _place(context: Context, key: str) -> Span | None:
    """Where the recipe says this; None for values it does not write."""
    setting = context.plan.settings.get(key)
    parts = setting.origin.rsplit(":", 2) if setting else []
    if len(parts) == 3 and parts[1].isdigit() and parts[2].isdigit():
        return Span(parts[0], int(parts[1]), int(parts[2]))
    return None


def _compare_input(context: Context, inputs: dict[str, Any], report: Report) -> None:
    wanted = context.step.params["input"]
    if wanted["name"] not in inputs:
        report.error(
            "A0302",
            f"the model has no input '{wanted['name']}'; it has {_names(inputs)}",
            _place(context, "model.input.name"),
            help="correct model.input.name",
        )
        return
    dtype, dims = inputs[wanted["name"]]
    if dtype != "float32":
        report.error(
            "A0302",
            f"input '{wanted['name']}' is {dtype}; nvinfer always writes float32",
            _place(context, "model.input.name"),
            help="export the model with a float32 input",
        )
    if not _fits(wanted["shape"], dims):
        report.error(
            "A0302",
            f"input '{wanted['name']}' is {_shape(dims)}, the recipe says {_shape([None, *wanted['shape']])}",
            _place(context, "model.input.height"),
            help="correct model.input, or leave graph.dynamic-batch on to fix a symbolic size",
        )


def _compare_outputs(context: Context, outputs: dict[str, Any], report: Report) -> None:
    for name, shape in context.step.params["outputs"].items():
        if name not in outputs:
            report.error(
                "A0302",
                f"the model has no output '{name}'; it has {_names(outputs)}",
                _place(context, "model.outputs") or _place(context, "model.family"),
                help="name the model's outputs with model.tensors, or choose the family that has them",
            )
        elif not _fits(shape, outputs[name][1]):
            report.error(
                "A0302",
                f"output '{name}' is {_shape(outputs[name][1])}, the recipe means {_shape([None, *shape])}",
                _place(context, "model.outputs") or _place(context, "model.classes"),
                help="correct model.classes, model.input or model.outputs",
            )


def _fits(shape: list[int], dims: list[int | None] | None) -> bool:
    """Whether declared dims (with the batch first) allow this shape; None is symbolic."""
    if dims is None:
        return True
    return len(dims) == len(shape) + 1 and all(dim in (None, want) for dim, want in zip(dims[1:], shape, strict=True))


def _names(tensors: dict[str, Any]) -> str:
    return ", ".join(f"'{name}'" for name in list(tensors)[:8]) or "none"


def _shape(dims: list[int | None] | None) -> str:
    return (
        "of unknown shape" if dims is None else "[" + ", ".join("N" if dim is None else str(dim) for dim in dims) + "]"
    )

"""Step `check`: the opinion of TensorRT-RTX's parser and builder on the graph, before TensorRT itself gets it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dsimport.compiler.diagnostics import Diagnostic, DsimportError, Severity
from dsimport.compiler.escape import single_line
from dsimport.runtime.atomic import write_text
from dsimport.runtime.steps.base import TOOL_FAILED, Context, Outcome
from dsimport.runtime.trt.advice import advice
from dsimport.runtime.trt.check import RESULT
from dsimport.runtime.trt.library import has_rtx

__all__ = ["GATE_EXIT_CODE", "INSTALL", "LABEL", "command", "read_result", "run", "summary", "verdict"]

GATE_EXIT_CODE = 3
INSTALL = "pip install 'dsimport[trt-check]'"
LABEL = "the parser and builder of TensorRT-RTX on the CPU, not the TensorRT of a host"
SHOWN_NODES = 20
OTHERWISE = "read the reasons above; export the model another way, or leave the word to TensorRT (engine.check: auto)"


def run(context: Context) -> Outcome:
    """Ask, keep the answer, and hold it against the recipe: with `auto` a refusal is a warning, with `true` a gate."""
    params = context.step.params
    if not params["gate"] and not has_rtx():
        result: dict[str, Any] = {"error": "TensorRT-RTX is not installed", "missing": True}
    else:
        done = context.run(command(context.root / params["onnx"], params["profile"]), ok=(0, 1, *CRASHES))
        result = read_result(done.tail, done.exit_code)
    write_text(context.path(context.step.outputs[0]), json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    error = verdict(result, context.plan.name, simplified=params["simplified"])
    if error is None:
        return Outcome({"check.refused": 0}, summary(result))
    if params["gate"]:
        raise error
    if "missing" in result:
        return Outcome({"check.refused": None}, f"not asked: {result['error']}")
    first = error.diagnostics[0]
    context.warn(Diagnostic(first.code, first.message, Severity.WARNING, help=first.help, notes=first.notes))
    return Outcome({"check.refused": None if "error" in result else len(result["refused"])}, summary(result))


CRASHES = (*range(-31, 0), *range(128, 160))  # ended by a signal: an answer of a kind


def command(onnx: Path, profile: Mapping[str, Any]) -> list[str]:
    """The program and its request."""
    return [sys.executable, "-m", "dsimport.runtime.trt.check", json.dumps({"onnx": str(onnx), "profile": profile})]


def read_result(tail: tuple[str, ...], exit_code: int) -> dict[str, Any]:
    """What the program said last; an `error` where it ended without a word."""
    line = next((line for line in reversed(tail) if line.startswith(RESULT)), None)
    if line is None:
        how = f"crashed (signal {-exit_code})" if exit_code < 0 else f"ended with exit code {exit_code}"
        return {"error": f"TensorRT-RTX {how} on this model", "said": list(tail[-3:])}
    result: dict[str, Any] = json.loads(line[len(RESULT) :])
    return result


def verdict(result: Mapping[str, Any], name: str, *, simplified: bool) -> DsimportError | None:
    """What is wrong, as a diagnostic: H0502 without the library, T0418 without an answer, G0404 for a refusal."""
    if "missing" in result:
        return DsimportError(Diagnostic("H0502", f"check needs TensorRT-RTX: {result['error']}", help=(INSTALL,)))
    if "error" in result:
        notes = tuple(single_line(line)[:300] for line in result.get("said", []))
        fix = ("set graph.simplify: true, or leave engine.check out: TensorRT itself may take the model",)
        message = f"no opinion on {name}: {single_line(result['error'])}"
        return DsimportError(Diagnostic("T0418", message, notes=notes, help=fix), exit_code=TOOL_FAILED)
    if result["built"]:
        return None
    nodes = [_node(node) for node in result["refused"]]
    more = [f"and {len(nodes) - SHOWN_NODES} more"] if len(nodes) > SHOWN_NODES else []
    reasons = [single_line(reason) for reason in result["reasons"]]
    notes = (*nodes[:SHOWN_NODES], *more, *reasons, f"asked: {LABEL}")
    fix = (*result.get("fix", []), *advice(result["refused"], simplified=simplified)) or (OTHERWISE,)
    return DsimportError(
        Diagnostic("G0404", f"{name}: {summary(result)}", notes=notes, help=fix), exit_code=GATE_EXIT_CODE
    )


def summary(result: Mapping[str, Any]) -> str:
    """One line: what it says, and who."""
    if "error" in result:
        return single_line(str(result["error"]))
    if result["built"]:
        return f"{result['library']} parses and builds it ({result['built'] / 1e6:.1f} MB)"
    if result["refused"]:
        count = len(result["refused"])
        return f"{result['library']} refuses {count} node{'s' if count > 1 else ''}"
    return f"{result['library']} parses it and cannot build it"


def _node(node: Mapping[str, str]) -> str:
    """`node /head/Unique (Unique): its words`"""
    text = node["text"]
    said = "the operator is not supported" if text in ("", "false") else text
    return single_line(f"node {node['node'] or '(without a name)'} ({node['operator'] or '?'}): {said}")[:300]

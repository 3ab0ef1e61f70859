"""Step `verify`: the parser held against an independent implementation of its family, and the gate on it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.compiler.escape import single_line
from dsimport.runtime.atomic import write_text
from dsimport.runtime.steps.base import Context, Outcome
from dsimport.runtime.verify.tool import RESULT

__all__ = ["GATE_EXIT_CODE", "command", "failure", "gate", "read_result", "run", "summary"]

GATE_EXIT_CODE = 3
_FILES = ("config", "onnx", "source", "video")


def run(context: Context) -> Outcome:
    """Compare on frames and random tensors, keep the result, and hold the share of equal boxes against the gate."""
    params = context.step.params
    done = context.run(command(params, context.root), ok=(0, 1))
    result = read_result(done.tail)
    if "missing" in result and context.plan.toolchain == "deepstream":
        # A GPU host may lack ONNX Runtime: there the KITTI gate is the first to see a wrong parser.
        context.warn(Diagnostic("G0403", f"the parser was not verified: {result['error']}", help=(_INSTALL,)))
        result = {"error": result["error"]}
        write_text(context.path(context.step.outputs[0]), json.dumps(result, indent=1) + "\n")
        return Outcome(dict.fromkeys(context.step.gives), "not run")
    if "error" in result:
        raise failure(result["error"], str(context.log_path))
    write_text(context.path(context.step.outputs[0]), json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    error = gate(result, params["min_match"], str(context.log_path))
    if error is not None:
        raise error
    frames, tensors = result["frames"], result["tensors"]
    values = {
        "verify.boxes": frames["boxes"],
        "verify.matched": frames["matched"],
        "verify.rate": result["rate"],
        "verify.worst_iou": min(frames["worst_iou"], tensors["worst_iou"]),
        "verify.worst_score": max(frames["worst_score"], tensors["worst_score"]),
    }
    return Outcome(values, summary(result))


_INSTALL = "pip install 'dsimport[reference]'"


def command(params: Mapping[str, Any], root: Path, sample: int | None = None) -> list[str]:
    """The program and its request. sample: frames to compare instead of the plan's."""
    request = {**params, **{key: str(root / params[key]) for key in _FILES}}
    if sample is not None:
        request |= {"sample": sample, "frames": max(sample, params["frames"])}
    return [sys.executable, "-m", "dsimport.runtime.verify.tool", json.dumps(request)]


def read_result(tail: tuple[str, ...]) -> dict[str, Any]:
    """What the program said last; an `error` where it ended without a word."""
    line = next((line for line in reversed(tail) if line.startswith(RESULT)), None)
    if line is None:
        return {"error": "; ".join(("it ended early", *tail[-3:]))}
    result: dict[str, Any] = json.loads(line[len(RESULT) :])
    return result


def failure(text: str, log: str) -> DsimportError:
    """G0403: nothing could be compared."""
    fix = (f"read {single_line(log)}", "apply the recipe first; `dsimport explain G0403` says what may be wrong")
    return DsimportError(Diagnostic("G0403", f"verification could not run: {single_line(text)}", help=fix), exit_code=4)


def gate(result: Mapping[str, Any], min_match: float, log: str) -> DsimportError | None:
    """G0402 where too few boxes are the same."""
    if result["rate"] >= min_match:
        return None
    frames, tensors = result["frames"], result["tensors"]
    where = (
        "frames differ, random tensors agree: look at preprocessing (scale, mean, color, resize) and graph passes"
        if tensors["rate"] >= min_match
        else "random tensors differ: the parser and the family disagree about the output tensors"
    )
    examples = tuple(single_line(text) for text in (*frames["examples"], *tensors["examples"])[:6])
    return DsimportError(
        Diagnostic(
            "G0402",
            f"{summary(result)} (gate: {min_match:.1%})",
            notes=(f"likeliest: {where}", *examples, f"evidence: {single_line(log)}"),
            help=(
                "correct the recipe, or the family's preset if it is your own",
                "lower verify.min_match only knowingly",
            ),
        ),
        exit_code=GATE_EXIT_CODE,
    )


def summary(result: Mapping[str, Any]) -> str:
    """One line: what was compared and how well it agrees."""
    frames, tensors = result["frames"], result["tensors"]
    parts = [
        f"{frames['matched']} of {frames['boxes']} boxes on {frames['images']} frames",
        f"{tensors['matched']} of {tensors['boxes']} on random tensors match",
    ]
    for name, each in (("frames", frames), ("tensors", tensors)):
        wrong = [f"{each[key]} {key}" for key in ("missing", "extra", "differing") if each[key]]
        if wrong:
            parts.append(f"{name}: {', '.join(wrong)}")
    worst = max(frames["worst_score"], tensors["worst_score"])
    parts.append(f"worst IoU {min(frames['worst_iou'], tensors['worst_iou']):.4f}, score {worst:.1e}")
    return "; ".join(parts)

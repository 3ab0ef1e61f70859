"""Step `export`: a checkpoint becomes the ONNX file that the steps after it read, as if the source had had it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.compiler.escape import single_line
from dsimport.runtime.atomic import write_text
from dsimport.runtime.steps.base import TOOL_FAILED, Context, Outcome

if TYPE_CHECKING:
    from dsimport.runtime.export.run import Tried

__all__ = ["run"]


def run(context: Context) -> Outcome:
    """Export and compare with the model at batch 1 and 4. DsimportError: A0254 unknown model type, A0256 no attempt
    gave an equal file, A0257 the checkpoint does not load, A0258 an exporter that is wrong at this size, H0610 and
    H0611 no export environment."""
    from dsimport.runtime.export.attempts import attempts
    from dsimport.runtime.export.run import try_all

    params = context.step.params
    kind = _model_type(context)
    model = params["models"].get(kind)
    if model is None:
        raise _unknown(kind, params["family"], list(params["models"]))
    planned = attempts(params, model)
    if not planned:
        raise _not_square(kind, params)
    tried = try_all(context, planned, model)
    document = {"format": 1, "model_type": kind, "attempts": [item.document() for item in tried]}
    write_text(context.path(params["report"]), json.dumps(document, indent=1) + "\n")
    last = tried[-1]
    if not last.accepted:
        raise _failed(context, tried)
    values = {
        "export.max_abs_diff": last.max_abs_diff,
        "export.exporter": last.attempt.exporter,
        "export.opset": last.attempt.opset,
        "export.attempts": len(tried),
    }
    size = context.path(params["target"]).stat().st_size
    summary = f"{kind} with {last.attempt}, {size / 1e6:.1f} MB, equals the model within {last.max_abs_diff:.1e}"
    return Outcome(values, summary)


def _model_type(context: Context) -> str:
    try:
        config: Any = json.loads((context.path(context.step.params["source"]) / "config.json").read_text("utf-8"))
        return single_line(str(config["model_type"]))[:60]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise DsimportError(
            Diagnostic(
                "A0253",
                "config.json of the checkpoint names no model_type",
                help=("take a checkpoint that transformers' save_pretrained has written",),
            )
        ) from None


def _unknown(kind: str, family: str, known: list[str]) -> DsimportError:
    from dsimport.compiler.families import family_names, load_family

    fitting = []
    for name in family_names():
        if kind in load_family(name).exported:
            fitting.append(name)
    advice = f"write family: {fitting[0]}" if fitting else "export it with the tool it comes from, and name the file"
    message = f"the checkpoint is a {kind}, which family {family} does not export"
    return DsimportError(
        Diagnostic("A0254", message, notes=(f"family {family} exports: {', '.join(known)}",), help=(advice,))
    )


def _not_square(kind: str, params: dict[str, Any]) -> DsimportError:
    _, height, width = params["input"]["shape"]
    message = f"{params['exporter']} exports {kind} rightly for square inputs only, not for {width} x {height}"
    advice = ("remove source.export.exporter", "or make model.input.height and width the same")
    return DsimportError(Diagnostic("A0258", message, help=advice))


def _failed(context: Context, tried: list[Tried]) -> DsimportError:
    made = [item for item in tried if item.stage != "skipped"]
    notes = [f"{number}. {item.line()[:300]}" for number, item in enumerate(made, 1)]
    notes.append(f"report: {context.step.params['report']}")
    if all(item.stage == "load" for item in made):
        advice = "fetch the checkpoint again; look whether transformers itself loads it"
        return DsimportError(Diagnostic("A0257", "the checkpoint does not load", notes=tuple(notes), help=(advice,)))
    return DsimportError(
        Diagnostic(
            "A0256",
            f"none of {len(made)} attempts gave an ONNX file that equals the model",
            notes=tuple(notes),
            help=(
                "read the report and the log beside it; source.export.exporter and opset choose another way",
                "or export it by hand and name the .onnx file with source.file.path",
            ),
        ),
        exit_code=TOOL_FAILED,
    )

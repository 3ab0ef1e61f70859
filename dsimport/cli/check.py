"""`dsimport check`: what NVIDIA's parser and builder say of a model, without a GPU."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from dsimport.compiler.plan import Plan

__all__ = ["register", "run"]


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    from dsimport.cli.session import add_recipe_arguments

    parser = subparsers.add_parser(
        "check",
        help="what NVIDIA's parser and builder say of a model, without a GPU",
        description="Parse and build the model with TensorRT-RTX on the CPU, and name every node that it refuses. "
        "TensorRT-RTX is not the TensorRT of a host, but its parser and builder are close relatives. Takes the applied "
        "graph where there is one, else a model file that the recipe names. Changes nothing.",
    )
    add_recipe_arguments(parser)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check every recipe; the exit code is that of the worst."""
    from dsimport.cli.output import emit_diagnostics, write, write_json
    from dsimport.cli.session import Session
    from dsimport.compiler.diagnostics import DsimportError, Report
    from dsimport.compiler.render.json import render_json
    from dsimport.runtime.steps.check import LABEL, summary, verdict

    session, report = Session(args), Report()
    plans = list(session.plans(report))
    emit_diagnostics(report, args, footer=session.footer(report))
    models: list[dict[str, Any]] = []
    worst = 1 if report.errors else 0
    for plan in () if report.errors else plans:
        result: dict[str, Any] = {}
        try:
            onnx, what = _model(plan, session.root)
            result = _ask(plan, onnx, session.root)
            simplified = plan.settings["graph.simplify"].value is True
            error = verdict(result, plan.name, simplified=simplified)
        except DsimportError as failed:
            error, what = failed, ""
        if error is not None:
            emit_diagnostics(error.diagnostics, args)
            worst = max(worst, error.exit_code)
        elif not args.json:
            write(f"{plan.name}: {summary(result)}: {what} ({LABEL})\n", sys.stdout)
        found = render_json(error.diagnostics if error else [])
        models.append({"name": plan.name, "model": what, "asked": LABEL, **result, "diagnostics": found})
    if args.json:
        write_json({"format": 1, "exit_code": worst, "models": models, "diagnostics": render_json(report)})
    return worst


def _model(plan: Plan, root: Path) -> tuple[Path, str]:
    """The file to check and what it is. DsimportError where there is none yet."""
    import os
    from pathlib import Path

    from dsimport.compiler.diagnostics import Diagnostic, DsimportError
    from dsimport.compiler.escape import single_line

    place = Path(os.path.abspath(root))  # noqa: PTH100 - links on the way to the root stay as they were named
    applied = str(_engine(plan).params["onnx"])
    if (place / applied).is_file():
        return place / applied, f"{applied}, after the graph passes"
    source, kind = plan.settings["source.where"].value, plan.settings["source.kind"].value
    if kind == "file" and (place / source).is_file():
        return place / source, f"{single_line(source)}, as it was exported"
    raise DsimportError(
        Diagnostic(
            "S0609",
            f"{plan.name} is not applied, and its model is not a file here",
            help=(f"dsimport apply {single_line(plan.recipe)}",),
        )
    )


def _ask(plan: Plan, onnx: Path, root: Path) -> dict[str, Any]:
    """The answer, from a process of its own."""
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from dsimport.runtime.process import run_program
    from dsimport.runtime.steps.check import command, read_result

    step = _engine(plan)
    with TemporaryDirectory(prefix="dsimport-check-") as folder:
        log = Path(folder) / "check.log"
        done = run_program(command(onnx, step.params["profile"]), cwd=root, log=log, timeout_s=step.timeout_s)
    if done.timed_out:
        return {"error": f"TensorRT-RTX did not end within {step.timeout_s:g} s"}
    return read_result(done.tail, done.exit_code)


def _engine(plan: Plan) -> Any:
    """The step of the first engine: the graph that it is built from, and for which shapes."""
    return next(step for step in plan.steps if step.kind == "engine")

"""`dsimport verify`: an applied model's parser against an independent implementation of its family."""

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
        "verify",
        help="hold an applied model's parser against its family's own post-processing",
        description="Run the emitted configuration, the model and the compiled parser on frames of the recipe's video "
        "and on random tensors, and compare every box with an independent implementation. Changes nothing.",
    )
    add_recipe_arguments(parser)
    parser.add_argument("--frames", type=_positive, metavar="N", help="frames to compare (default: as apply does)")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=run)


def _positive(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 1_000_000:
        raise ValueError
    return value


def run(args: argparse.Namespace) -> int:
    """Verify every recipe; the exit code is that of the worst."""
    from dsimport.cli.output import emit_diagnostics, write, write_json
    from dsimport.cli.session import Session
    from dsimport.compiler.diagnostics import DsimportError, Report
    from dsimport.compiler.render.json import render_json
    from dsimport.runtime.steps.verify import gate, summary

    session, report = Session(args), Report()
    plans = list(session.plans(report))
    emit_diagnostics(report, args, footer=session.footer(report))
    models: list[dict[str, Any]] = []
    worst = 1 if report.errors else 0
    for plan in () if report.errors else plans:
        result: dict[str, Any] = {}
        try:
            result = _compare(plan, session.root, args.frames)
            error = gate(result, plan.step("verify").params["min_match"], f"dsimport verify {plan.recipe}")
        except DsimportError as failed:
            error = failed
        if error is not None:
            emit_diagnostics(error.diagnostics, args)
            worst = max(worst, error.exit_code)
        elif not args.json:
            write(f"{plan.name}: {summary(result)}\n", sys.stdout)
        models.append({"name": plan.name, **result, "diagnostics": render_json(error.diagnostics if error else [])})
    if args.json:
        write_json({"format": 1, "exit_code": worst, "models": models, "diagnostics": render_json(report)})
    return worst


def _compare(plan: Plan, root: Path, frames: int | None) -> dict[str, Any]:
    """Run the comparison in a process of its own. DsimportError where it cannot be made."""
    import os
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from dsimport.compiler.diagnostics import Diagnostic, DsimportError
    from dsimport.compiler.escape import single_line
    from dsimport.runtime.process import run_program
    from dsimport.runtime.steps.verify import command, failure, read_result

    step = plan.step("verify")
    place = Path(os.path.abspath(root))  # noqa: PTH100 - links on the way to the root stay as they were named
    missing = [str(path) for path in step.inputs if not (place / str(path)).exists()]
    if missing:
        raise DsimportError(
            Diagnostic(
                "S0609",
                f"{plan.name} is not applied: {single_line(missing[0])} is missing",
                help=(f"dsimport apply {single_line(plan.recipe)}",),
            )
        )
    with TemporaryDirectory(prefix="dsimport-verify-") as folder:
        log = Path(folder) / "verify.log"
        done = run_program(command(step.params, place, frames), cwd=place, log=log, timeout_s=step.timeout_s)
    if done.timed_out:
        raise failure(f"it did not end within {step.timeout_s:g} s", "what was printed above")
    result = read_result(done.tail)
    if "error" in result:
        raise failure(result["error"], "the message above")
    return result

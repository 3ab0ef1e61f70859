"""`dsimport apply`: execute plans, made now from recipes or saved before by `plan -o`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dsimport.cli.session import Session
    from dsimport.compiler.diagnostics import Report
    from dsimport.compiler.plan import Plan
    from dsimport.runtime.apply import ApplyResult

__all__ = ["register", "run"]


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    from dsimport.cli.session import add_recipe_arguments

    parser = subparsers.add_parser(
        "apply",
        help="execute recipes or a saved plan",
        description="Execute recipes or a saved plan. Nothing is done twice; what was interrupted goes on.",
    )
    add_recipe_arguments(parser)
    parser.add_argument("--again", metavar="STEP", action="append", default=[], help="run this step even if up to date")
    parser.add_argument("--until", metavar="STEP", help="end after this step, e.g. export or verify")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("-q", "--quiet", action="store_true", help="only results")
    parser.add_argument("-v", "--verbose", action="store_true", help="also what the tools print")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Apply one model after another; the first that fails ends the command."""
    from dsimport.cli.closing import closing_lines
    from dsimport.cli.output import emit_diagnostics, write, write_json
    from dsimport.cli.session import Session
    from dsimport.compiler.diagnostics import Report
    from dsimport.compiler.render.json import render_json
    from dsimport.runtime.apply import apply_plan
    from dsimport.runtime.progress import Progress
    from dsimport.runtime.records import forget_steps

    session, report = Session(args), Report()
    plans = list(_plans(args, session, report))
    if args.until is not None and not report.errors:
        _check_step(plans, args.until, report)
    emit_diagnostics(report, args, footer=session.footer(report))
    if report.errors:
        if args.json:
            write_json({"format": 1, "exit_code": 1, "models": [], "diagnostics": render_json(report)})
        return 1
    for notice in session.notices:
        print(f"note: {notice}", file=sys.stderr)
    results = []
    exit_code = 0
    for plan in plans:
        if args.again:
            forget_steps(session.root / plan.home, args.again)
        progress = Progress(quiet=args.quiet or args.json, verbose=args.verbose)
        words = ["dsimport", *sys.argv[1:]]
        result = apply_plan(plan, root=session.root, progress=progress, command=words, until=args.until)
        results.append(result)
        emit_diagnostics(result.diagnostics, args)
        if not args.json:
            write(closing_lines(plan, result), sys.stdout)
        exit_code = result.exit_code
        if exit_code != 0:
            break
    if args.json:
        models = [_document(result) for result in results]
        write_json({"format": 1, "exit_code": exit_code, "models": models, "diagnostics": render_json(report)})
    return exit_code


def _plans(args: argparse.Namespace, session: Session, report: Report) -> Iterable[Plan]:
    """Plans of a saved file when the one argument is one, else of the recipes."""
    if len(args.recipes) == 1 and args.recipes[0].endswith(".json"):
        from dsimport.cli.session import COMPILER
        from dsimport.runtime.planfile import read_plan_file

        return read_plan_file(args.recipes[0], root=session.root, compiler=COMPILER)
    return session.plans(report)


def _check_step(plans: Iterable[Plan], wanted: str, report: Report) -> None:
    """An error (P0103) for each plan that has no such step."""
    from dsimport.compiler.escape import single_line
    from dsimport.compiler.suggest import closest

    for plan in plans:
        known = [step.id for step in plan.steps]
        if wanted not in known:
            near = closest(wanted, known)
            report.error(
                "P0103",
                f"the plan of {plan.name} has no step '{single_line(wanted)}'",
                help=(*((f"did you mean '{near}'?",) if near else ()), f"steps: {', '.join(known)}"),
            )


def _document(result: ApplyResult) -> dict[str, Any]:
    from dsimport.compiler.render.json import render_json

    return {
        "name": result.name,
        "exit_code": result.exit_code,
        "run": result.run_id,
        "done": result.done,
        "same": result.same,
        "skipped": result.skipped,
        "ended": result.ended,
        "failed": result.failed,
        "not_started": result.not_started,
        "values": result.values,
        "seconds": round(result.seconds, 3),
        "diagnostics": render_json(result.diagnostics),
    }

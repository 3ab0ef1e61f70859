"""`dsimport sweep`: find the batch that carries the most camera streams, by engines and by real pipeline runs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dsimport.cli.session import Session
    from dsimport.compiler.diagnostics import Report
    from dsimport.compiler.plan import Plan
    from dsimport.compiler.resolve import Compiled

__all__ = ["register", "run"]


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    from dsimport.cli.session import add_recipe_arguments

    parser = subparsers.add_parser(
        "sweep",
        help="find the batch that carries the most streams",
        description="Build engines of a few batches, fit their throughput, predict the batch for the target rate, and "
        "try the two best in the pipeline. What was measured before is not measured again.",
    )
    add_recipe_arguments(parser)
    parser.add_argument("--write", action="store_true", help="put the batch found into the recipe")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("-q", "--quiet", action="store_true", help="only results")
    parser.add_argument("-v", "--verbose", action="store_true", help="also what the tools print")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Sweep one model after another; the first that cannot be swept ends the command."""
    from dsimport.cli.output import emit_diagnostics, write, write_json
    from dsimport.cli.session import Session
    from dsimport.compiler.diagnostics import Report
    from dsimport.compiler.render.json import render_json
    from dsimport.runtime.sweep.show import sweep_lines

    session, report = Session(args), Report()
    pairs = list(session.lowered(report))
    emit_diagnostics(report, args, footer=session.footer(report))
    documents = []
    for compiled, plan in () if report.errors else pairs:
        data = _sweep(args, compiled, plan, session.root)
        documents.append(data)
        if not args.json:
            write("\n".join(sweep_lines(data)) + "\n", sys.stdout)
        if args.write and data["best"] is not None:
            _put_into_recipe(session, compiled, data["best"]["batch"], report)
    emit_diagnostics(report, args)
    code = 1 if report.errors else 0
    if args.json:
        write_json({"format": 1, "exit_code": code, "models": documents, "diagnostics": render_json(report)})
    return code


def _sweep(args: argparse.Namespace, compiled: Compiled, plan: Plan, root: Path) -> dict[str, Any]:
    from dsimport.cli.output import emit_diagnostics
    from dsimport.compiler.sweep import SweepPlans
    from dsimport.runtime.progress import Progress
    from dsimport.runtime.sweep.drive import Driver, sweep_data, write_sweep

    model = compiled.resolved.model
    plans = SweepPlans.of(plan, compiled)
    quiet, verbose = args.quiet or args.json, args.verbose
    command = ["dsimport", *sys.argv[1:]]
    driver = Driver(plans, root, lambda: Progress(quiet=quiet, verbose=verbose), command)
    emit_diagnostics(driver.prepare(), args)
    target = model.benchmark.target_fps
    found = driver.find(model.engine.batch_limit, target)
    data = sweep_data(plans, found, driver.failures, target)
    write_sweep(root, plan.name, data, found)
    return data


def _put_into_recipe(session: Session, compiled: Compiled, batch: int, report: Report) -> None:
    """Have the next apply build the engine of this batch and no other. N0512 where the recipe cannot be edited."""
    from dsimport.compiler.recipefile import with_values
    from dsimport.runtime.atomic import write_text

    path = compiled.loaded.path
    text = session.read(path).decode("utf-8")
    values = {"engine.max_batch": batch, "engine.batch_limit": batch}
    new = with_values(text, values, path, report)
    if new is not None and new != text:
        write_text(session.root / path, new)
        print(f"wrote {path}", file=sys.stderr)

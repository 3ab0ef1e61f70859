"""`dsimport plan`: what apply would do, and why. Changes nothing."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

__all__ = ["register", "run"]

CHANGES = 2


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    from dsimport.cli.session import add_recipe_arguments

    parser = subparsers.add_parser(
        "plan", help="show what apply would do, and why", description="Show what apply would do, and why. Offline."
    )
    add_recipe_arguments(parser)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("-o", "--out", metavar="FILE", help="save the plan, for `dsimport apply FILE`")
    parser.add_argument("--detailed-exitcode", action="store_true", help="exit 2 when there are changes")
    parser.add_argument("-q", "--quiet", action="store_true", help="only the last line of each plan")
    parser.add_argument("-v", "--verbose", action="store_true", help="also commands and files of steps up to date")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Plan every recipe; recipes with errors are reported, the others are planned all the same."""
    from dsimport.cli.output import emit_diagnostics, use_color, write, write_json
    from dsimport.cli.session import Session
    from dsimport.compiler.decide import decide
    from dsimport.compiler.diagnostics import Report
    from dsimport.compiler.render.json import render_json
    from dsimport.compiler.render.plan_json import plan_document
    from dsimport.compiler.render.plan_text import PlanStyle, count_actions, plan_lines
    from dsimport.runtime.observe import DiskObservation
    from dsimport.runtime.planfile import plan_entry, write_plan_file
    from dsimport.runtime.records import load_state
    from dsimport.runtime.toolversions import ToolVersions

    session, report, versions = Session(args), Report(), ToolVersions()
    style = PlanStyle(color=use_color(sys.stdout), verbose=args.verbose, quiet=args.quiet)
    documents: list[Any] = []
    entries: list[Any] = []
    changes = False
    for plan in session.plans(report):
        state = load_state(session.root / plan.home)
        decisions = decide(plan, state, DiskObservation(session.root, plan.home, versions))
        counts = count_actions(decisions)
        changes = changes or any(counts[action] for action in ("create", "change", "conditional", "blocked"))
        if args.out:
            entries.append(plan_entry(plan, session.root, decisions))
        if args.json:
            documents.append(plan_document(plan, decisions))
        else:
            write("\n".join(plan_lines(plan, decisions, style)) + "\n", sys.stdout)
    for notice in session.notices:
        print(f"note: {notice}", file=sys.stderr)
    emit_diagnostics(report, args, footer=session.footer(report))
    if args.json:
        found = render_json(report)
        write_json({"format": 1, "plans": documents, "changes": changes, "diagnostics": found})
    if report.errors:
        return 1
    if args.out:
        write_plan_file(Path(args.out), entries)
    return CHANGES if args.detailed_exitcode and changes else 0

"""`dsimport plan`: what apply would do, and why. Changes nothing."""

from __future__ import annotations

import argparse
import functools
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dsimport.compiler.decide import Decision
    from dsimport.compiler.diagnostics import Diagnostic, Report
    from dsimport.compiler.plan import Plan
    from dsimport.compiler.record import ModelState
    from dsimport.runtime.host.base import Host

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
    from dsimport.cli.output import emit_diagnostics
    from dsimport.cli.session import Session
    from dsimport.compiler.decide import decide
    from dsimport.compiler.diagnostics import Report
    from dsimport.runtime.observe import DiskObservation
    from dsimport.runtime.records import load_state
    from dsimport.runtime.toolversions import ToolVersions

    session, report, versions = Session(args), Report(), ToolVersions()
    output, decoders = _Output(args, session.root), _Decoders(session.root)
    for plan in session.plans(report):
        state = load_state(session.root / plan.home)
        output.add(plan, decide(plan, state, DiskObservation(session.root, plan.home, versions)))
        if (note := decoders.note(plan, state)) is not None:
            report.add(note)
    for notice in session.notices:
        print(f"note: {notice}", file=sys.stderr)
    emit_diagnostics(report, args, footer=session.footer(report))
    output.finish(report)
    if report.errors:
        return 1
    return CHANGES if args.detailed_exitcode and output.changes else 0


class _Decoders:
    """Says of a plan what the host decodes. The host is looked at once, and only for plans that use its decoders."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @functools.cached_property
    def _host(self) -> Host:
        from dsimport.runtime.host.base import Host

        return Host(work=self._root)

    def note(self, plan: Plan, state: ModelState | None) -> Diagnostic | None:
        """H0514, where the decoders are the limit."""
        if plan.toolchain != "deepstream":
            return None
        from dsimport.runtime.host.match import decode_note, measured_streams

        return decode_note(self._host, plan, measured_streams(state.values()) if state is not None else None)


class _Output:
    """Shows each plan as it comes, so that a thousand recipes are never in memory together."""

    def __init__(self, args: argparse.Namespace, root: Path) -> None:
        from dsimport.cli.output import use_color
        from dsimport.compiler.render.plan_text import PlanStyle

        self.changes = False
        self._args = args
        self._root = root
        self._style = PlanStyle(color=use_color(sys.stdout), verbose=args.verbose, quiet=args.quiet)
        self._documents: list[Any] = []
        self._entries: list[Any] = []

    def add(self, plan: Plan, decisions: list[Decision]) -> None:
        """Show one plan, and keep what `--json` and `-o` need of it."""
        from dsimport.compiler.render.plan_text import count_actions, plan_lines

        counts = count_actions(decisions)
        self.changes |= any(counts[action] for action in ("create", "change", "conditional", "blocked"))
        if self._args.out:
            from dsimport.runtime.planfile import plan_entry

            self._entries.append(plan_entry(plan, self._root, decisions))
        if self._args.json:
            from dsimport.compiler.render.plan_json import plan_document

            self._documents.append(plan_document(plan, decisions))
        else:
            from dsimport.cli.output import write

            write("\n".join(plan_lines(plan, decisions, self._style)) + "\n", sys.stdout)

    def finish(self, report: Report) -> None:
        """Write the JSON document, and the plan file unless there are errors."""
        if self._args.json:
            from dsimport.cli.output import write_json
            from dsimport.compiler.render.json import render_json

            found = render_json(report)
            write_json({"format": 1, "plans": self._documents, "changes": self.changes, "diagnostics": found})
        if self._args.out and not report.errors:
            from dsimport.runtime.planfile import write_plan_file

            write_plan_file(self._args.out, self._entries)

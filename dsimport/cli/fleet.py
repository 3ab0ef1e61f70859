"""`dsimport fleet`: all models of a folder on one page."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dsimport.cli.session import Session
    from dsimport.compiler.plan import Plan
    from dsimport.compiler.record import ModelState

__all__ = ["register", "run"]

PAGE = "fleet.html"


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "fleet",
        help="all applied models on one page",
        description="One static page over all models: figures, gates, whether each engine is what its recipe asks for "
        "today, and links to the reports. With --json or --csv the same goes to standard output.",
    )
    parser.add_argument("root", nargs="?", default=".", metavar="DIR", help="folder that holds models/ (default: here)")
    parser.add_argument("-o", "--output", metavar="FILE", help=f"where the page goes (default: DIR/{PAGE})")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="one JSON document on stdout; a page only with -o")
    how.add_argument("--csv", action="store_true", help="a table for spreadsheets on stdout; a page only with -o")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Look at every model and write what is asked for; exit 1 when a record cannot be read."""
    from dsimport.cli.output import write, write_json
    from dsimport.cli.session import COMPILER, Session
    from dsimport.runtime.atomic import write_text
    from dsimport.runtime.fleet.collect import collect_rows
    from dsimport.runtime.fleet.page import fleet_page
    from dsimport.runtime.fleet.table import fleet_csv, fleet_document
    from dsimport.runtime.status import all_models

    root = Path(args.root)
    replan = _Replan(Session(argparse.Namespace(root=args.root, recipes=[])))
    rows = collect_rows(root, all_models(root), COMPILER, replan)
    if args.json:
        write_json(fleet_document(rows))
    elif args.csv:
        write(fleet_csv(rows), sys.stdout)
    if args.output is not None or not (args.json or args.csv):
        page = Path(args.output) if args.output is not None else root / PAGE
        write_text(page, fleet_page(rows, root, page))
        print(f"{len(rows)} model{'' if len(rows) == 1 else 's'}: {page}", file=sys.stderr)
    return 1 if any(row.problem for row in rows) else 0


class _Replan:
    """Today's plan of a recorded model, each recipe read once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[str, dict[str, Any] | str] = {}

    def __call__(self, name: str, state: ModelState) -> Plan | str:
        """The plan for the recorded toolchain, or in words why there is none."""
        from dsimport.cli.session import COMPILER, TOOLCHAINS
        from dsimport.compiler.diagnostics import Report
        from dsimport.compiler.lower import lower

        if not state.recipe:
            return "no recipe is recorded"
        if state.recipe not in self._known:
            self._known[state.recipe] = self._compiled(state.recipe)
        models = self._known[state.recipe]
        if isinstance(models, str):
            return models
        toolchain = next((known for known in TOOLCHAINS if known == state.toolchain), None)
        if name not in models or toolchain is None:
            return f"{state.recipe} no longer makes this model"
        report = Report()
        plan = lower(models[name], toolchain, COMPILER, report)
        return _refusal(report) if plan is None else plan

    def _compiled(self, path: str) -> dict[str, Any] | str:
        """The models of a recipe by name, or why it does not compile any more."""
        from dsimport.compiler.diagnostics import Report
        from dsimport.compiler.load import load_recipe
        from dsimport.compiler.resolve import resolve

        report, read = Report(), self._session.read
        found = [resolve(loaded, read, report) for loaded in load_recipe(path, read, report)]
        if report.errors:
            return _refusal(report)
        return {compiled.resolved.model.name: compiled for compiled in found if compiled is not None}


def _refusal(report: Any) -> str:
    first = report.errors[0]
    return f"the recipe does not compile: {first.code} {first.message}"

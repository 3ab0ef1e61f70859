"""`dsimport graph`: the plan of a recipe as a picture."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dsimport.compiler.diagram import Diagram
    from dsimport.compiler.plan import Plan

__all__ = ["register", "run"]

FORMATS = ("mermaid", "dot", "svg", "png")
SUFFIXES = {".mmd": "mermaid", ".dot": "dot", ".gv": "dot", ".svg": "svg", ".png": "png"}


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    from dsimport.cli.session import add_recipe_arguments

    parser = subparsers.add_parser(
        "graph",
        help="the plan of a recipe as a picture",
        description="Steps, conditions and artifacts of a plan, coloured by what apply would do with each step.",
    )
    add_recipe_arguments(parser)
    parser.add_argument("--name", metavar="NAME", help="this model, where the recipes make several")
    parser.add_argument("--format", dest="kind", choices=FORMATS, help="default: by the name of FILE, else mermaid")
    parser.add_argument("-o", "--output", metavar="FILE", help="write to this file instead of stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Draw one plan; exit 1 where the recipe has errors."""
    from dsimport.cli.output import emit_diagnostics, write
    from dsimport.cli.session import Session
    from dsimport.compiler.decide import decide
    from dsimport.compiler.diagnostics import Report
    from dsimport.compiler.render.plan_diagram import plan_diagram
    from dsimport.runtime.atomic import write_bytes
    from dsimport.runtime.observe import DiskObservation
    from dsimport.runtime.records import load_state

    kind = args.kind or SUFFIXES.get(Path(args.output or "").suffix.lower(), "mermaid")
    session, report = Session(args), Report()
    plans = list(session.plans(report))
    emit_diagnostics(report, args, footer=session.footer(report))
    if report.errors:
        return 1
    plan = _chosen(plans, args.name)
    state = load_state(session.root / plan.home)
    diagram = plan_diagram(plan, decide(plan, state, DiskObservation(session.root, plan.home)))
    data = _drawn(diagram, kind, args.output)
    if args.output is None:
        write(data.decode(), sys.stdout)
    else:
        write_bytes(Path(args.output), data)
    return 0


def _drawn(diagram: Diagram, kind: str, output: str | None) -> bytes:
    """The picture's bytes. DsimportError P0715 for a PNG that is to go to a terminal."""
    from dsimport.compiler.diagnostics import Diagnostic, DsimportError

    if kind == "png":
        if output is None:
            raise DsimportError(Diagnostic("P0715", "a PNG is no text", help=("name a file with -o FILE.png",)))
        from dsimport.runtime.diagram.png import diagram_png

        return diagram_png(diagram)
    if kind == "svg":
        from dsimport.runtime.diagram.svg import diagram_svg

        return diagram_svg(diagram).encode()
    from dsimport.compiler.render.diagram_text import diagram_dot, diagram_mermaid

    return (diagram_dot if kind == "dot" else diagram_mermaid)(diagram).encode()


def _chosen(plans: list[Plan], name: str | None) -> Plan:
    """The plan to draw. DsimportError P0714 where it is not clear which."""
    from dsimport.compiler.diagnostics import Diagnostic, DsimportError
    from dsimport.compiler.escape import single_line

    found = [plan for plan in plans if name is None or plan.name == name]
    if len(found) == 1:
        return found[0]
    names = ", ".join(plan.name for plan in plans)
    asked = "the recipes make several models" if name is None else f"no recipe makes '{single_line(name)}'"
    raise DsimportError(Diagnostic("P0714", asked, help=(f"choose one with --name: {names}",)))

"""`dsimport show`: a recipe with everything filled in, and per value where it came from."""

from __future__ import annotations

import argparse
from typing import Any

__all__ = ["register", "run"]


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    from dsimport.cli.session import add_recipe_arguments

    parser = subparsers.add_parser(
        "show",
        help="every value of a recipe, with its origin",
        description="The recipe with everything filled in that family, defaults and files supply; comments say where "
        "each value came from.",
    )
    add_recipe_arguments(parser, toolchain=False)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print every resolved recipe; exit 1 when one has errors."""
    import sys

    from dsimport.cli.output import emit_diagnostics, write, write_json
    from dsimport.cli.session import Session
    from dsimport.compiler.diagnostics import Report
    from dsimport.compiler.render.show import show_yaml

    session, report = Session(args), Report()
    documents = []
    for compiled in session.compile(report):
        if args.json:
            origins = compiled.resolved.origins
            values = {
                key: {"value": value, "origin": str(origins.get(key, "default"))}
                for key, value in compiled.resolved.settings().items()
            }
            documents.append({"recipe": compiled.loaded.path, "values": values})
        else:
            write(show_yaml(compiled.resolved, compiled.loaded.path), sys.stdout)
    emit_diagnostics(report, args, footer=session.footer(report))
    if args.json:
        write_json({"format": 1, "recipes": documents})
    return 1 if report.errors else 0

"""`dsimport validate RECIPE…`: every mistake in every recipe, without planning anything."""

from __future__ import annotations

import argparse
from typing import Any

__all__ = ["register", "run"]


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "validate", help="check recipes", description="Check recipes and what they extend, and report every mistake."
    )
    parser.add_argument("recipes", nargs="+", metavar="RECIPE", help="recipe file, or a folder of recipes")
    parser.add_argument("--root", default=".", metavar="DIR", help="folder that holds models/ (default: here)")
    parser.add_argument(
        "--format",
        choices=("terminal", "json", "github", "sarif"),
        default="terminal",
        help="text for people (default), one JSON or SARIF document on stdout, or GitHub annotations",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Exit code 1 when there is at least one error; warnings do not count."""
    from dsimport.cli.output import emit_diagnostics
    from dsimport.cli.session import Session
    from dsimport.compiler.diagnostics import Report
    from dsimport.compiler.render.text import summary

    report = Report()
    session = Session(args)
    for _ in session.compile(report):
        pass  # compiling is the check
    emit_diagnostics(report, args, footer=summary(report, session.failed, session.total))
    return 1 if report.errors else 0

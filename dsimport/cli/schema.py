"""`dsimport schema`: the JSON Schema of recipes, for editors, and of a report's data, for programs."""

from __future__ import annotations

import argparse
import sys
from typing import Any

__all__ = ["register", "run"]


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "schema",
        help="print the JSON Schema of recipes or of report data",
        description="Print the JSON Schema of recipes, with which editors complete and check them, or that of "
        "benchmark_data.json.",
    )
    parser.add_argument("of", nargs="?", choices=("recipe", "benchmark-data"), default="recipe", help="default: recipe")
    parser.add_argument("-o", "--output", metavar="FILE", help="write to this file instead of stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the schema, or write it to a file."""
    from dsimport.cli.output import write

    text = _text(args.of)
    if args.output is None:
        write(text, sys.stdout)
        return 0
    return _save(args, text)


def _text(of: str) -> str:
    if of == "benchmark-data":
        from dsimport.runtime.report.schema import data_schema_text

        return data_schema_text()
    from dsimport.compiler.families import family_names
    from dsimport.compiler.schema import schema_text

    return schema_text(family_names())


def _save(args: argparse.Namespace, text: str) -> int:
    from pathlib import Path

    from dsimport.cli.output import emit_diagnostics
    from dsimport.compiler.diagnostics import Report

    try:
        Path(args.output).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        report = Report()
        report.error(
            "P0111", f"cannot write {args.output}: {error.strerror}", help="name a file in a folder that can be written"
        )
        emit_diagnostics(report, args)
        return 1
    return 0

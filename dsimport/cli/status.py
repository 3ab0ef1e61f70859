"""`dsimport status`: what is known of models that were applied."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

__all__ = ["register", "run"]


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "status", help="what is known of applied models", description="Steps, figures and last run of applied models."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="models (default: all)")
    parser.add_argument("--root", default=".", metavar="DIR", help="folder that holds models/ (default: here)")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the status; exit 1 when a record cannot be read."""
    from dsimport.cli.output import write, write_json
    from dsimport.runtime.status import all_models, status_of

    root = Path(args.root)
    found = [status_of(root, name) for name in args.names or all_models(root)]
    if args.json:
        write_json({"format": 1, "models": [status.to_json() for status in found]})
    else:
        lines = [line for status in found for line in status.lines()] or ["no model was applied here"]
        write("\n".join(lines) + "\n", sys.stdout)
    return 1 if any(status.problem for status in found) else 0

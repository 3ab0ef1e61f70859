"""`dsimport clean`: remove what dsimport made of models, and nothing else."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

__all__ = ["register", "run"]


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "clean",
        help="remove what dsimport made of a model",
        description="Remove artifacts and records of models; never anything outside models/<name>.",
    )
    parser.add_argument("names", nargs="+", metavar="NAME", help="models")
    parser.add_argument("--root", default=".", metavar="DIR", help="folder that holds models/ (default: here)")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    parser.add_argument("--all", action="store_true", help="the whole folder, also files that dsimport does not know")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Clean each model; every path removed is named once."""
    from dsimport.cli.output import write, write_json
    from dsimport.compiler.escape import single_line
    from dsimport.runtime.clean import clean_model

    results = {
        name: clean_model(Path(args.root), name, dry_run=args.dry_run, everything=args.all) for name in args.names
    }
    if args.json:
        models = [{"name": name, "removed": item.removed, "kept": item.kept} for name, item in results.items()]
        write_json({"format": 1, "dry_run": args.dry_run, "models": models})
        return 0
    word = "would remove" if args.dry_run else "removed"
    for item in results.values():
        for path in item.removed:
            write(f"{word} {single_line(path)}\n", sys.stdout)
        for path in item.kept:
            write(f"kept {single_line(path)}\n", sys.stdout)
    return 0

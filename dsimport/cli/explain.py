"""`dsimport explain CODE`: the long form of a diagnostic."""

from __future__ import annotations

import argparse
import sys
from typing import Any

__all__ = ["register", "run"]


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "explain", help="say more about a diagnostic", description="Explain a diagnostic's code, or list all codes."
    )
    parser.add_argument("code", nargs="?", metavar="CODE", help="e.g. R0102; without it all codes are listed")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the explanation on stdout; an unknown code is an error."""
    from dsimport.cli.output import write
    from dsimport.compiler.codes import CODES

    if args.code is None:
        write("".join(f"{code}  {doc.title}\n" for code, doc in sorted(CODES.items())), sys.stdout)
        return 0
    code = args.code.strip().strip("[]").upper()
    if code not in CODES:
        _unknown(args, code)
        return 1
    doc = CODES[code]
    write(f"{code}: {doc.title}\n\n{doc.explanation}\n", sys.stdout)
    return 0


def _unknown(args: argparse.Namespace, code: str) -> None:
    from dsimport.cli.output import emit_diagnostics
    from dsimport.compiler.codes import CODES
    from dsimport.compiler.diagnostics import Report
    from dsimport.compiler.suggest import closest

    near = closest(code, sorted(CODES))
    advice = [f"did you mean {near}?"] if near else []
    report = Report()
    report.error("P0110", f"no diagnostic has the code '{code}'", help=[*advice, "'dsimport explain' lists all codes"])
    emit_diagnostics(report, args)

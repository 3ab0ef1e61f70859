"""`dsimport diagnose LOG…`: known problems in the logs of pipelines, engine builds and compilers."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dsimport.runtime.diagnose.read import Finding

__all__ = ["register", "run"]

STDIN = "-"


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "diagnose",
        help="explain known problems in logs",
        description="Explain known problems in logs of deepstream-app, GStreamer, nvinfer, trtexec, make and pip, "
        "whoever ran them. Exit code 1 when a log shows an error that is known, else 0.",
    )
    parser.add_argument("logs", nargs="+", metavar="LOG", help="log file; - reads standard input")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read every log; a log in which nothing is known is said so."""
    from dsimport.cli.output import emit_diagnostics, write, write_json
    from dsimport.compiler.diagnostics import Report, Severity
    from dsimport.compiler.render.json import render_json

    report = Report()
    silent: list[str] = []
    for log in args.logs:
        found = _read(log)
        for finding in found:
            report.add(finding.diagnostic("standard input" if log == STDIN else log))
        if not found:
            silent.append(log)
    code = 1 if report.errors else 0
    if args.json:
        write_json({"format": 1, "exit_code": code, "logs": args.logs, "diagnostics": render_json(report)})
        return code
    ordered = sorted(report, key=lambda item: item.severity is not Severity.ERROR)
    emit_diagnostics(ordered, args, sys.stdout)
    for log in silent:
        write(f"{log}: nothing in it is known to be a problem\n", sys.stdout)
    return code


def _read(log: str) -> list[Finding]:
    from dsimport.runtime.diagnose.read import read_log, read_stream

    return read_stream(sys.stdin.buffer) if log == STDIN else read_log(Path(log))

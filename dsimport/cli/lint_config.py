"""`dsimport lint-config FILE…`: nvinfer and deepstream-app configurations that somebody wrote by hand."""

from __future__ import annotations

import argparse
from typing import Any

__all__ = ["register", "run"]


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    from dsimport.cli.output import FORMATS

    parser = subparsers.add_parser(
        "lint-config",
        help="check nvinfer and deepstream-app configuration files",
        description="Check configuration files: errors are what DeepStream refuses or crashes on, warnings what it "
        "ignores or takes for something else.",
    )
    parser.add_argument("paths", nargs="+", metavar="FILE", help="configuration file in .txt form")
    parser.add_argument("--kind", choices=("nvinfer", "deepstream-app"), help="default: what the file's groups say")
    parser.add_argument("--files", action="store_true", help="also look for the files that a configuration names")
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="terminal",
        help="text for people (default), one JSON or SARIF document on stdout, or GitHub annotations",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Exit code 1 when there is at least one error; warnings do not count."""
    from dsimport.cli.output import emit_diagnostics
    from dsimport.compiler.diagnostics import Report
    from dsimport.compiler.render.text import summary
    from dsimport.runtime.lintfiles import lint_file

    report = Report()
    failed = 0
    for path in dict.fromkeys(args.paths):
        before = len(report.errors)
        lint_file(path, report, kind=args.kind, files=args.files)
        failed += len(report.errors) > before
    emit_diagnostics(report, args, footer=summary(report, failed, len(set(args.paths)), "file"))
    return 1 if report.errors else 0

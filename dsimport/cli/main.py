"""The `dsimport` command: argument parsing, and the one place where errors become text and exit codes."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsimport.compiler.diagnostics import DsimportError

__all__ = ["COMMANDS", "build_parser", "run"]

COMMANDS = (
    "init",
    "lock",
    "plan",
    "apply",
    "sweep",
    "validate",
    "show",
    "verify",
    "report",
    "check",
    "graph",
    "compare",
    "fleet",
    "status",
    "clean",
    "doctor",
    "diagnose",
    "lint-config",
    "explain",
    "schema",
    "completion",
)

INTERRUPTED = 130
TRACEBACK = "DSIMPORT_TRACEBACK"  # set: what dsimport did not foresee is shown as Python shows it


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """The whole parser, or with just the command `only` (what one run needs: importing all costs start-up time)."""
    from dsimport._version import VERSION

    parser = argparse.ArgumentParser(
        prog="dsimport",
        description="A compiler from one YAML recipe per object-detection model to NVIDIA DeepStream artifacts.",
        epilog="Exit codes: 0 done or no change; 1 recipe, plan or host is wrong; "
        "2 changes (plan --detailed-exitcode); 3 a gate failed; 4 a tool failed or timed out; 130 interrupted.",
    )
    parser.add_argument("--version", "-V", action="version", version=f"dsimport {VERSION}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS if only is None else (only,):
        importlib.import_module(f"dsimport.cli.{name.replace('-', '_')}").register(commands)
    return parser


def run(argv: Sequence[str]) -> int:
    """Run one command. Diagnostics go to stderr; the return value is the exit code of the contract."""
    only = argv[0] if argv and argv[0] in COMMANDS else None
    args = build_parser(only).parse_args(argv)
    from dsimport.compiler.diagnostics import DsimportError

    try:
        return int(args.run(args))
    except DsimportError as error:
        return _refused(error, args)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has gone: nothing to say, and nobody to say it to.
        sys.stderr.close()
        return 0
    except Exception as error:
        if os.environ.get(TRACEBACK):
            raise
        return _refused(_unforeseen(error), args)


def _refused(error: DsimportError, args: argparse.Namespace) -> int:
    from dsimport.cli.output import emit_diagnostics, write_json

    emit_diagnostics(error.diagnostics, args)
    if getattr(args, "json", False):
        from dsimport.compiler.render.json import render_json

        write_json({"format": 1, "exit_code": error.exit_code, "diagnostics": render_json(error.diagnostics)})
    return error.exit_code


def _unforeseen(error: Exception) -> DsimportError:
    """A fault of dsimport as the diagnostic that says so."""
    from dsimport.compiler.diagnostics import Diagnostic, DsimportError
    from dsimport.compiler.escape import single_line

    text = single_line(f"{type(error).__name__}: {error}")
    return DsimportError(
        Diagnostic(
            "T0605",
            f"the command failed in an unforeseen way: {text[:300]}",
            help=(f"this is a fault of dsimport: please report it with what {TRACEBACK}=1 before the command shows",),
        )
    )

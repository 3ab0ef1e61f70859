"""`dsimport doctor`: what this host has, what is missing, and whether it fits the recipes."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dsimport.compiler.model import Toolchain
    from dsimport.compiler.plan import Plan
    from dsimport.runtime.host.checks import Finding

__all__ = ["register", "run"]


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    from dsimport.cli.session import add_recipe_arguments

    parser = subparsers.add_parser(
        "doctor",
        help="check this host, and whether it fits recipes",
        description="Check driver, GPU, CUDA, TensorRT, DeepStream, plugins, compilers, disk and Python modules, and "
        "with recipes whether the host's versions are those that they are planned for. Changes nothing. Exit code 1 "
        "when the chosen toolchain cannot run.",
    )
    add_recipe_arguments(parser, required=False)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run every check for the toolchains that the recipes, or else the host, ask for."""
    from dsimport.cli.output import emit_diagnostics, write
    from dsimport.cli.session import Session
    from dsimport.compiler.diagnostics import Report
    from dsimport.runtime.host.base import Host
    from dsimport.runtime.host.checks import Status, run_checks

    session, report = Session(args), Report()
    plans = list(session.plans(report)) if args.recipes else []
    toolchains = sorted({plan.toolchain for plan in plans}) or [session.default_toolchain()]
    host = Host(work=Path(args.root).absolute())
    found = run_checks(host, toolchains)
    for plan in plans:
        _hold(plan, host, report)
    missing = sum(item.status is Status.MISSING for item in found)
    code = 1 if missing or report.errors else 0
    if args.json:
        _document(found, toolchains, host, report, code)
        return code
    write("\n".join(_lines(found, toolchains)) + "\n", sys.stdout)
    emit_diagnostics(report, args, footer=session.footer(report))
    return code


def _hold(plan: Plan, host: Any, report: Any) -> None:
    """Versions, decoder and clips of one plan against the host."""
    from dsimport.compiler.escape import single_line
    from dsimport.runtime.host.match import decode_note, mismatches

    for diagnostic in mismatches(host, plan):
        report.add(diagnostic)
    if (note := decode_note(host, plan)) is not None:
        report.add(note)
    for video in plan.step("preflight").params["videos"]:
        if not (host.work / video).is_file():
            report.error(
                "H0503",
                f"video '{single_line(video)}' of {plan.name} does not exist",
                help="install the DeepStream samples, or name a clip in pipeline.video",
            )


def _lines(found: list[Finding], toolchains: list[Toolchain]) -> list[str]:
    from dsimport.compiler.escape import single_line
    from dsimport.runtime.host.checks import Status

    width = max(len(item.title) for item in found)
    lines = [f"toolchain {', '.join(toolchains)}"]
    for item in found:
        lines.append(f"  {item.status.value:<8}{item.title:<{width}}   {single_line(item.found)}")
        if item.fix and item.status in (Status.WARN, Status.MISSING):
            lines.append(f"  {'':<8}{'':<{width}}   fix: {single_line(item.fix)}")
    counts = {status: sum(item.status is status for item in found) for status in Status}
    lines.append(f"{counts[Status.OK]} ok, {counts[Status.WARN]} to look at, {counts[Status.MISSING]} missing")
    return lines


def _document(found: list[Finding], toolchains: list[Toolchain], host: Any, report: Any, code: int) -> None:
    from dsimport.cli.output import write_json
    from dsimport.compiler.render.json import render_json
    from dsimport.runtime.host.graphics import devices

    write_json(
        {
            "format": 1,
            "exit_code": code,
            "toolchains": toolchains,
            "checks": [{**vars(item), "status": item.status.value} for item in found],
            "gpus": [vars(item) for item in devices(host)],
            "diagnostics": render_json(report),
        }
    )

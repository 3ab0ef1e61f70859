"""Step `preflight`: what can be known to be missing before minutes are spent."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

from dsimport.compiler.defaults import DEFAULT_VIDEO
from dsimport.compiler.diagnostics import Report
from dsimport.compiler.escape import single_line
from dsimport.runtime.host.base import Host
from dsimport.runtime.host.match import decode_note, mismatches
from dsimport.runtime.host.system import MIN_FREE_MB
from dsimport.runtime.steps.base import Context, Outcome
from dsimport.runtime.toolversions import find_program, missing_program

__all__ = ["run"]


def run(context: Context) -> Outcome:
    """Look for every program, module and video of the plan; report all that is missing at once."""
    report = Report()
    params = context.step.params
    instead: dict[str, str] = context.step.hints.get("instead", {})
    for program in params["programs"]:
        if find_program(program) is None:
            if program in instead and importlib.util.find_spec(instead[program]) is not None:
                context.say(f"no {program}: engines are built through the Python module {instead[program]}")
                continue
            for diagnostic in missing_program(program).diagnostics:
                report.add(diagnostic)
    for module in params["modules"]:
        if importlib.util.find_spec(module) is None:
            fix = f"pip install 'dsimport[{'tensorrt' if module == 'tensorrt' else 'reference'}]'"
            report.error("H0502", f"the Python module '{module}' is missing", help=fix)
    lacking = [name for name in context.step.hints.get("report_modules", ()) if importlib.util.find_spec(name) is None]
    if lacking:
        context.say(f"the report will lack parts: {', '.join(lacking)} missing; pip install 'dsimport[report]'")
    for video in params["videos"]:
        path = context.root / video
        if not path.is_file():
            fix = (
                "install the DeepStream samples, or name a clip in pipeline.video"
                if video == DEFAULT_VIDEO
                else "correct pipeline.video; paths are relative to the recipe"
            )
            report.error("H0503", f"video '{video}' does not exist", help=fix)
        _check_uri(path, report)
    free = shutil.disk_usage(context.root).free // 2**20
    if free < MIN_FREE_MB:
        report.error(
            "H0504", f"only {free} MiB free on {context.root}", help=f"free at least {MIN_FREE_MB} MiB, or use --root"
        )
    host = Host(work=context.root)
    for diagnostic in mismatches(host, context.plan):
        report.add(diagnostic)
    report.raise_errors()
    if (note := decode_note(host, context.plan)) is not None:
        context.warn(note)
    videos = len(params["videos"])
    found = f"{len(params['programs'])} programs, {videos} video{'s' if videos > 1 else ''}"
    return Outcome({}, f"{found}, {free // 1024} GiB free")


def _check_uri(path: Path, report: Report) -> None:
    """deepstream-app makes URIs absolute, so the root's path goes into a printf format and a GStreamer URI."""
    for char in "%#":
        if char in str(path):
            report.error(
                "N0309",
                f"the path {single_line(str(path))} holds '{char}', which a GStreamer URI cannot carry",
                help="choose a folder without that character with --root, or move the project",
            )

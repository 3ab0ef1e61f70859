"""Step `preflight`: what can be known to be missing before minutes are spent."""

from __future__ import annotations

import importlib.util
import shutil

from dsimport.compiler.defaults import DEFAULT_VIDEO
from dsimport.compiler.diagnostics import DsimportError, Report
from dsimport.runtime.process import find_program
from dsimport.runtime.steps.base import Context, Outcome

__all__ = ["run"]

MIN_FREE_MB = 500

_HOW_TO_GET = {
    "g++": "install a C++ compiler: apt-get install g++",
    "make": "apt-get install make",
    "timeout": "apt-get install coreutils",
    "trtexec": "install TensorRT's tools (libnvinfer-bin) and put /usr/src/tensorrt/bin on PATH",
    "deepstream-app": "install the DeepStream SDK, or use --toolchain reference",
    "ref-trtexec": "pip install 'dsimport[reference]'",
    "ref-deepstream-app": "pip install 'dsimport[reference]'",
}


def run(context: Context) -> Outcome:
    """Look for every program, module and video of the plan; report all that is missing at once."""
    report = Report()
    params = context.step.params
    for program in params["programs"]:
        if find_program(program) is None:
            fix = _HOW_TO_GET.get(program, "put it on PATH")
            report.error("H0501", f"program '{program}' is not on PATH", help=fix)
    for module in params["modules"]:
        if importlib.util.find_spec(module) is None:
            fix = "pip install 'dsimport[reference]'"
            report.error("H0502", f"the Python module '{module}' is missing", help=fix)
    for video in params["videos"]:
        path = context.root / video
        if not path.is_file():
            fix = (
                "install the DeepStream samples, or name a clip in pipeline.video"
                if video == DEFAULT_VIDEO
                else "correct pipeline.video; paths are relative to the recipe"
            )
            report.error("H0503", f"video '{video}' does not exist", help=fix)
    free = shutil.disk_usage(context.root).free // 2**20
    if free < MIN_FREE_MB:
        report.error(
            "H0504", f"only {free} MiB free on {context.root}", help=f"free at least {MIN_FREE_MB} MiB, or use --root"
        )
    if report.errors:
        raise DsimportError(report.items)
    return Outcome({}, f"{len(params['programs'])} programs, {len(params['videos'])} videos, {free // 1024} GiB free")

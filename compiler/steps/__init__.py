"""The steps of a plan, one function each: what runs, with which words, on which files.

Each function reads settings through its own tracking view, so a step's `uses` are the settings that shaped it.
Order in the plan is order of execution, and a failed step ends the run; `needs` names only steps whose files a step
consumes, and holes name values, so a change re-runs what depends on it and nothing else.
"""

from dsimport.compiler.steps.engine import bench, bench_latency, build_parser, check, engine, scale
from dsimport.compiler.steps.onnx import acquire, export, graph, inspect, preflight
from dsimport.compiler.steps.pipeline import ds_run, kitti, verify, visual
from dsimport.compiler.steps.report import report

__all__ = [
    "acquire",
    "bench",
    "bench_latency",
    "build_parser",
    "check",
    "ds_run",
    "engine",
    "export",
    "graph",
    "inspect",
    "kitti",
    "preflight",
    "report",
    "scale",
    "verify",
    "visual",
]

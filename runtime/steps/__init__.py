"""One module per step kind: what running such a step means."""

from __future__ import annotations

__all__ = ["HANDLERS"]

_HERE = "dsimport.runtime.steps"

# By kind, `module:function`; imported when a step of that kind runs.
HANDLERS: dict[str, str] = {
    "preflight": f"{_HERE}.preflight:run",
    "acquire": f"{_HERE}.acquire:run",
    "export": f"{_HERE}.export:run",
    "graph": f"{_HERE}.graph:run",
    "inspect": f"{_HERE}.graph:inspect",
    "check": f"{_HERE}.check:run",
    "emit": f"{_HERE}.emit:run",
    "build-parser": f"{_HERE}.build_parser:run",
    "engine": f"{_HERE}.engine:run",
    "bench": f"{_HERE}.bench:run",
    "scale": f"{_HERE}.bench:scale",
    "visual": f"{_HERE}.visual:run",
    "verify": f"{_HERE}.verify:run",
    "kitti": f"{_HERE}.kitti:run",
    "ds-run": f"{_HERE}.ds_run:run",
    "report": f"{_HERE}.report:run",
}

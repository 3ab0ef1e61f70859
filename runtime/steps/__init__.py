"""One module per step kind: what running such a step means."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsimport.runtime.steps.base import Handler

__all__ = ["handler_for"]

_HANDLERS = {
    "preflight": "preflight:run",
    "acquire": "acquire:run",
    "graph": "graph:run",
    "inspect": "inspect:run",
    "emit": "emit:run",
    "build-parser": "build_parser:run",
    "engine": "engine:run",
    "bench": "bench:run",
    "scale": "bench:scale",
    "visual": "visual:run",
    "kitti": "kitti:run",
    "ds-run": "ds_run:run",
    "report": "report:run",
}


def handler_for(kind: str) -> Handler:
    """The function that runs steps of this kind (KeyError if there is none); its module is imported only now."""
    module, _, function = _HANDLERS[kind].partition(":")
    handler: Handler = getattr(importlib.import_module(f"dsimport.runtime.steps.{module}"), function)
    return handler

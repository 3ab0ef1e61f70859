"""What an engine build may try after a failure of a known kind: a bounded ladder, known before anything is built."""

from __future__ import annotations

from typing import Any

from dsimport.compiler.layout import Layout
from dsimport.compiler.model import Model
from dsimport.compiler.versions import TensorRt

__all__ = ["ladder"]

LEVEL = 2  # skips the search in which builders of transformers give up
LARGE_WORKSPACE = 32768  # MiB; what deformable attention at batch 64 needs
_UNITS = {"M": 1, "G": 1024}


def ladder(model: Model) -> list[dict[str, Any]]:
    """The rungs in the order they are tried, each at most once and each on top of those before it.

    for: kinds of failure (see `runtime/formats/trtexec_failures`) that it is known to help against; change: in words;
    argument: the word of the command that it puts in place; setting, value: what makes it permanent in the recipe.
    A rung that the recipe has taken already is left out.
    """
    settings, layout = model.engine, Layout(model.name)
    rungs: list[dict[str, Any]] = []

    def add(kinds: list[str], change: str, argument: str, setting: str, value: str, **more: str) -> None:
        rungs.append({"for": kinds, "change": change, "argument": argument, "setting": setting, "value": value, **more})

    enough = LARGE_WORKSPACE if model.pipeline.platform == "dgpu" else 0  # a Jetson has no more than it has
    size = f"{max(2 * mebibytes(settings.workspace), enough)}M"
    kinds = ["workspace", "foreign-workspace"]
    add(kinds, f"a workspace of {size}", f"--memPoolSize=workspace:{size}", "engine.workspace", size)
    kinds = ["foreign-node", "foreign-workspace"]
    if model.graph.simplify is not True:
        target = layout.simplified_onnx
        add(kinds, "a simplified graph", f"--onnx={target}", "graph.simplify", "true", simplify=target)
    has_levels = TensorRt.of(model.pipeline.tensorrt).optimization_levels
    if has_levels and (settings.optimization_level is None or settings.optimization_level > LEVEL):
        argument = f"--builderOptimizationLevel={LEVEL}"
        add([*kinds, "no-kernel"], f"optimization level {LEVEL}", argument, "engine.optimization_level", str(LEVEL))
    return rungs


def mebibytes(workspace: str) -> int:
    """`32768M` and `32G` are 32768."""
    return int(workspace[:-1]) * _UNITS[workspace[-1].upper()]

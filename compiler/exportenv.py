"""The Python packages that export checkpoints, pinned: the package's own data, and what a lock file keeps of it."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from dsimport.compiler.presetexport import Layer

__all__ = ["LAYERS", "MIN_PYTHON", "named_packages", "pins_digest", "requirements"]

FOLDER = Path(__file__).resolve().parent.parent / "templates" / "export"

# transformers-4 is the environment itself. The others are overlays: a few packages in front of its own, laid over it
# when a model needs them. timm is for checkpoints with a backbone of that package.
LAYERS: tuple[Layer, ...] = ("transformers-4", "transformers-5", "timm")

MIN_PYTHON = (3, 11)  # the pinned versions have no builds for older ones

# What decides how a graph looks; the rest of the pins is what these need.
_NAMED = (
    "torch",
    "transformers",
    "optimum",
    "optimum-onnx",
    "onnx",
    "onnxscript",
    "onnxruntime",
    "timm",
    "torchvision",
)


@functools.cache
def requirements(layer: Layer) -> str:
    """The requirements file of one layer, exact versions only."""
    return (FOLDER / f"{layer}.txt").read_text("utf-8")


@functools.cache
def pins_digest(layer: Layer | None = None) -> str:
    """sha256 of a layer's pins; of all of them for None."""
    text = "\0".join(requirements(item) for item in (LAYERS if layer is None else (layer,)))
    return hashlib.sha256(text.encode()).hexdigest()


@functools.cache
def named_packages() -> tuple[str, ...]:
    """The packages that decide about graphs, `name==version`, sorted."""
    lines = {line.partition(";")[0].strip() for layer in LAYERS for line in requirements(layer).splitlines()}
    return tuple(sorted(line for line in lines if line.partition("==")[0] in _NAMED))

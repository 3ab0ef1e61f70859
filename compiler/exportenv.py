"""The Python packages that export checkpoints, pinned: the package's own data, and what a lock file keeps of it."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from dsimport.compiler.presetexport import Stack

__all__ = ["MIN_PYTHON", "STACKS", "named_packages", "pins_digest", "requirements"]

FOLDER = Path(__file__).resolve().parent.parent / "templates" / "export"

# transformers-5 is an overlay: a few packages in front of those of transformers-4, which is the environment itself.
STACKS: tuple[Stack, ...] = ("transformers-4", "transformers-5")

MIN_PYTHON = (3, 11)  # the pinned versions have no builds for older ones

# What decides how a graph looks; the rest of the pins is what these need.
_NAMED = ("torch", "transformers", "optimum", "optimum-onnx", "onnx", "onnxscript", "onnxruntime")


@functools.cache
def requirements(stack: Stack) -> str:
    """The requirements file of one stack, exact versions only."""
    return (FOLDER / f"{stack}.txt").read_text("utf-8")


@functools.cache
def pins_digest(stack: Stack | None = None) -> str:
    """sha256 of a stack's pins; of all of them for None."""
    text = "\0".join(requirements(item) for item in (STACKS if stack is None else (stack,)))
    return hashlib.sha256(text.encode()).hexdigest()


@functools.cache
def named_packages() -> tuple[str, ...]:
    """The packages that decide about graphs, `name==version`, sorted."""
    lines = {line.partition(";")[0].strip() for stack in STACKS for line in requirements(stack).splitlines()}
    return tuple(sorted(line for line in lines if line.partition("==")[0] in _NAMED))

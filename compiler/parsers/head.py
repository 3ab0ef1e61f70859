"""A bound family as plain data, for steps that work on output tensors without the compiler's objects."""

from __future__ import annotations

from typing import Any

from dsimport.compiler.parsers.binding import Binding

__all__ = ["head_data"]


def head_data(binding: Binding) -> dict[str, Any]:
    """family: the preset, but for its exports and by what it is recognised; names: every number its arithmetic may use;
    tensors: role, level, name and shape (without batch) of each output."""
    elsewhere = {"models", "export", "recognise"}
    return {
        "family": binding.family.model_dump(mode="json", exclude_defaults=True, exclude=elsewhere),
        "names": dict(binding.dims),
        "tensors": [
            {"role": tensor.role, "level": tensor.level, "name": tensor.name, "shape": list(tensor.shape)}
            for tensor in binding.tensors
        ],
    }

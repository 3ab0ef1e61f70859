"""A family with all its numbers known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dsimport.compiler.expr import Number
from dsimport.compiler.preset import Family, TensorSpec

__all__ = ["Binding", "BoundTensor", "Level"]


@dataclass(frozen=True)
class BoundTensor:
    """One output tensor of the model. level: index among the role's tensors. shape: without the batch dimension."""

    role: str
    level: int
    name: str
    shape: tuple[int, ...]
    spec: TensorSpec


@dataclass(frozen=True)
class Level:
    """One grid of candidates. stride: pixels per cell. anchors: (width, height) in pixels; per_cell >= 1."""

    stride: float
    rows: int
    columns: int
    per_cell: int
    anchors: tuple[tuple[float, float], ...]
    scale_xy: float = 1.0


@dataclass(frozen=True)
class Binding:
    """A family with all its numbers known. height, width: of the network input, pixels."""

    family: Family
    height: int
    width: int
    classes: int
    tensors: tuple[BoundTensor, ...]
    levels: tuple[Level, ...]
    dims: Mapping[str, Number]

    def tensor(self, role: str, level: int = 0) -> int:
        """Index of a role's tensor; a role with one tensor for all levels has that one everywhere."""
        mine = [index for index, tensor in enumerate(self.tensors) if tensor.role == role]
        return mine[level] if len(mine) > 1 else mine[0]

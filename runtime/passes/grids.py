"""Each candidate's place in its grid, as constants for the graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsimport.compiler.expr import Number, evaluate
from dsimport.compiler.parsers.bind import levels_of
from dsimport.compiler.parsers.binding import Level
from dsimport.compiler.preset import Boxes, CandidatesDecode

__all__ = ["CellTable", "cell_table"]


@dataclass(frozen=True)
class CellTable:
    """Per candidate [A, 2] (x, y): centre = place * gain + base, size = extent * reach; pixels.

    anchors: candidates per cell, by level.
    """

    gain: NDArray[Any]
    base: NDArray[Any]
    reach: NDArray[Any]
    anchors: list[int]

    def columns(self) -> NDArray[Any]:
        """[A, 6] float32: gain, base, reach."""
        table: NDArray[Any] = np.concatenate([self.gain, self.base, self.reach], axis=1).astype(np.float32)
        return table


def cell_table(decode: CandidatesDecode, names: Mapping[str, Number]) -> CellTable | None:
    """The table of a family with levels, None for others. names: as for the preset's arithmetic. Raises ExprError."""
    if decode.levels is None:
        return None
    levels = levels_of(decode.levels, names)
    offset = float(evaluate(decode.levels.cell_offset, names))
    inner = decode.levels.anchor_order == "inner"
    parts = [_level(decode.boxes, level, offset, inner, names) for level in levels]
    gain, base, reach = (np.concatenate(each) for each in zip(*parts, strict=True))
    return CellTable(gain, base, reach, [level.per_cell for level in levels])


def _level(
    boxes: Boxes, level: Level, offset: float, inner: bool, names: Mapping[str, Number]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Gain, base and reach of one level's candidates, in double precision."""
    grid = (level.rows, level.columns, level.per_cell) if inner else (level.per_cell, level.rows, level.columns)
    index = np.indices(grid).reshape(3, -1)
    row, column, anchor = index if inner else index[[1, 2, 0]]
    base = (np.stack([column, row], axis=1) + offset) * level.stride
    one = np.ones_like(base)
    sizes = np.array(level.anchors)[anchor] if level.anchors else one
    if boxes.transform == "grid_exp":
        return one * level.stride, base, one * level.stride
    if boxes.transform == "anchor_v5":
        return one * 2 * level.stride, base - 0.5 * level.stride, 4 * sizes
    if boxes.transform == "anchor_v3":
        return one * level.scale_xy * level.stride, base - (level.scale_xy - 1) / 2 * level.stride, sizes
    if boxes.transform == "delta":
        return boxes.variances[0] * sizes, base, sizes
    if boxes.transform in ("distance", "dfl"):
        unit = {"stride": [level.stride] * 2, "normalized": [names["width"], names["height"]]}.get(boxes.units, [1, 1])
        return one * unit, base, one * unit
    return one, base, one

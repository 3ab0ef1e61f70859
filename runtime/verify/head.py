"""A family bound to output tensors, made from a plan's plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dsimport.compiler.expr import Number
from dsimport.compiler.preset import Family
from dsimport.runtime.verify.inputs import TensorShape
from dsimport.runtime.verify.oracles import Array, Detections, detections

__all__ = ["Head", "VerifyError"]


class VerifyError(Exception):
    """The comparison cannot be made; the text says why, in one line."""


@dataclass(frozen=True)
class Head:
    """What the outputs mean, and how an object is selected from them (`select` overrides the family's)."""

    family: Family
    names: Mapping[str, Number]
    shapes: tuple[TensorShape, ...]
    select: Literal["argmax", "pairs"] | None

    @classmethod
    def of(cls, data: Mapping[str, Any], select: Literal["argmax", "pairs"] | None) -> Head:
        """From what `dsimport.compiler.parsers.head` made of a binding."""
        shapes = tuple(
            TensorShape(item["role"], item["level"], item["name"], tuple(item["shape"])) for item in data["tensors"]
        )
        return cls(Family.model_validate(data["family"]), data["names"], shapes, select)

    def detections(self, outputs: Mapping[str, Array]) -> Detections:
        """Detections of one image, before thresholds; outputs by name, without the batch. Raises VerifyError."""
        tensors: dict[str, list[Array]] = {}
        for shape in sorted(self.shapes, key=lambda item: item.level):
            array = outputs.get(shape.name)
            if array is None or array.size != _size(shape.shape):
                found = "is missing" if array is None else f"is {list(array.shape)}, not {list(shape.shape)}"
                raise VerifyError(f"output '{shape.name}' {found}")
            tensors.setdefault(shape.role, []).append(array.reshape(shape.shape))
        return detections(self.family, self.names, tensors, self.select)


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for dim in shape:
        size *= dim
    return size

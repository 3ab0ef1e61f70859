"""What a source of results is: somebody else's post-processing as a function of tensors by role."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from live_processors import Objects
from torch import Tensor

__all__ = ["CLASS_COUNTS", "PostProcess", "Roles", "Shape", "Source", "from_rows", "objects", "roles", "torchvision"]

Array = npt.NDArray[Any]
Roles = Mapping[str, Tensor]
CLASS_COUNTS = (1, 6, 91, 1000)


@dataclass(frozen=True)
class Shape:
    """Network input in pixels, and classes."""

    height: int
    width: int
    classes: int


PostProcess = Callable[[Roles, Shape, float], list[Objects]]


@dataclass(frozen=True)
class Source:
    """Somebody else's post-processing of a family.

    title: whose code it is. limit: results kept before the threshold. without: styles of tensors that the code and the
    parser treat differently, and that the family's notes tell about.
    """

    family: str
    title: str
    post_process: PostProcess
    size: tuple[int, int] = (64, 96)
    class_counts: tuple[int, ...] = CLASS_COUNTS
    limit: int | None = None
    inclusive: bool = False
    without: tuple[str, ...] = ()


def roles(named: Sequence[Mapping[str, Array]]) -> dict[str, Tensor]:
    """Frames' arrays by role as one batch."""
    return {key: torch.from_numpy(np.stack([frame[key] for frame in named])) for key in named[0]}


def objects(classes: Any, scores: Any, boxes: Any) -> Objects:
    """Results of one frame from tensors or arrays."""
    return Objects(*(np.asarray(each) for each in (classes, scores, boxes)))


def from_rows(found: Sequence[Tensor | None]) -> list[Objects]:
    """Frames of rows x1, y1, x2, y2, score, class."""
    rows = [torch.zeros(0, 6) if each is None else each for each in found]
    return [objects(each[:, 5], each[:, 4], each[:, :4]) for each in rows]


def torchvision() -> SimpleNamespace:
    """Its suppression, which here suppresses nothing."""

    def nms(boxes: Tensor, scores: Tensor, *_: Any, **__: Any) -> Tensor:
        return torch.arange(len(boxes))

    ops = SimpleNamespace(nms=nms, batched_nms=nms, boxes=SimpleNamespace(nms=nms, batched_nms=nms))
    return SimpleNamespace(ops=ops)

"""From a family's detections to boxes on the frame: thresholds, clipping, NMS, top-k. Independent of the reference
toolchain's own implementation, in double precision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from dsimport.runtime.verify.oracles import Array, Detections

__all__ = ["ClassLimits", "Placement", "finish", "iou_matrix", "place"]


@dataclass(frozen=True)
class Placement:
    """Where the frame lies in the network input. Sizes and offsets are pixels of the input."""

    left: int
    top: int
    width: int
    height: int
    source_width: int
    source_height: int


@dataclass(frozen=True)
class ClassLimits:
    """What the recipe says about one class. nms_iou: None for no clustering."""

    threshold: float
    top_k: int
    nms_iou: float | None


def place(resize: str, frame: tuple[int, int], network: tuple[int, int]) -> Placement:
    """The placement of a frame (width, height) in a network input (width, height); nvinfer counts in whole pixels."""
    width, height = frame[0] - frame[0] % 2, frame[1] - frame[1] % 2
    if resize == "stretch":
        return Placement(0, 0, network[0], network[1], width, height)
    # Integer arithmetic: the side that fits exactly stays whole, the other is cut down to a whole pixel.
    if network[0] * height <= network[1] * width:
        used = (network[0], network[0] * height // width)
    else:
        used = (network[1] * width // height, network[1])
    centred = resize == "letterbox-center"
    left, top = ((network[0] - used[0]) // 2, (network[1] - used[1]) // 2) if centred else (0, 0)
    return Placement(left, top, used[0], used[1], width, height)


def finish(
    found: Detections, limits: tuple[ClassLimits, ...], compare: Literal["gt", "ge"], placement: Placement
) -> Detections:
    """What should be seen on the frame, in pixels of the frame.

    compare: whether a score equal to the threshold goes (gt) or stays (ge).
    """
    thresholds = np.array([limit.threshold for limit in limits], np.float32)[found.classes]
    found = found[found.scores > thresholds if compare == "gt" else found.scores >= thresholds]
    found = _clipped(found, placement)
    kept: list[Array] = []
    for index, limit in enumerate(limits):
        own = np.flatnonzero(found.classes == index)
        own = own[np.argsort(-found.scores[own], kind="stable")]
        if limit.nms_iou is not None:
            own = own[_suppressed(found.boxes[own], limit.nms_iou)]
        kept.append(own[: limit.top_k])
    found = found[np.concatenate(kept)]
    ratio = np.array([placement.width / placement.source_width, placement.height / placement.source_height] * 2)
    offset = np.array([placement.left, placement.top] * 2)
    return Detections(found.classes, found.scores, (found.boxes - offset) / ratio)


def iou_matrix(first: Array, second: Array) -> Array:
    """Intersection over union of every box of `first` [n, 4] with every one of `second` [m, 4]: [n, m]."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    inter = np.clip(high - low, 0, None).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (first, second)]
    union = areas[0][:, None] + areas[1][None, :] - inter
    result: Array = np.divide(inter, union, out=np.zeros_like(inter), where=union > 0)
    return result


def _clipped(found: Detections, placement: Placement) -> Detections:
    """Boxes cut to the part of the input that shows the frame; what has no area there is gone."""
    low = np.array([placement.left, placement.top] * 2, float)
    high = low + np.array([placement.width, placement.height] * 2)
    boxes = np.clip(found.boxes, low, high).astype(np.float32).astype(np.float64)  # a parser reports float32
    seen = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    return Detections(found.classes, found.scores, boxes)[seen]


def _suppressed(boxes: Array, limit: float) -> Array:
    """Which of the boxes, best first, overlap no better kept one by more than `limit`."""
    kept = np.ones(len(boxes), bool)
    for index in range(len(boxes)):
        if kept[index]:
            rest = slice(index + 1, None)
            kept[rest] &= iou_matrix(boxes[index : index + 1], boxes[rest])[0] <= np.float32(limit)
    return kept

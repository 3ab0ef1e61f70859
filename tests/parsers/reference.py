"""Post-processing in numpy, written from the families' own descriptions (not from the templates).

Tensors are looked up by role. A `dense` function gives boxes [A, 4] (edges, network pixels) and probabilities [A, C];
`select` then does what the family's own code does with them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Roles = Mapping[str, Array]


@dataclass(frozen=True)
class Net:
    """Network input in pixels, and how many classes are asked for."""

    height: int
    width: int
    classes: int


@dataclass(frozen=True)
class Results:
    """Objects before clipping: classes [n], scores [n] (float32), boxes [n, 4] (edges, pixels)."""

    classes: Array
    scores: Array
    boxes: Array


def corners(boxes: Array) -> Array:
    """cx, cy, w, h to edges."""
    half = boxes[:, 2:] / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)


def normalized(boxes: Array, net: Net) -> Array:
    return boxes * np.array([net.width, net.height, net.width, net.height], float)


def sigmoid(x: Array) -> Array:
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x))


def softmax(x: Array) -> Array:
    with np.errstate(invalid="ignore"):
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)


def argmax(boxes: Array, probabilities: Array) -> Results:
    """Each candidate's best class; NaN never wins."""
    known = np.where(np.isnan(probabilities), -np.inf, probabilities)
    best = known.argmax(axis=1)
    return Results(best, known[np.arange(len(best)), best].astype(np.float32), boxes)


def pairs(boxes: Array, probabilities: Array, k: int | None) -> Results:
    """The k best (candidate, class) pairs, the first of equal ones."""
    flat = np.where(np.isnan(probabilities), -np.inf, probabilities).astype(np.float32).ravel()
    order = np.argsort(-flat, kind="stable")[:k] if k is not None else np.arange(flat.size)
    classes = probabilities.shape[1]
    return Results(order % classes, flat[order], boxes[order // classes])


def yolov8(t: Roles, net: Net) -> Results:
    out = t["output"].T
    return argmax(corners(out[:, :4]), out[:, 4:])


def detr(t: Roles, net: Net) -> Results:
    return argmax(corners(normalized(t["boxes"], net)), softmax(t["scores"])[:, :-1])


def rt_detr(t: Roles, net: Net) -> Results:
    boxes = corners(normalized(t["boxes"], net))
    return pairs(boxes, sigmoid(t["scores"]), len(boxes))


def nms_rows(t: Roles, net: Net) -> Results:
    rows = t["output"]
    return Results(rows[:, 5], rows[:, 4], rows[:, :4])


def centerface(t: Roles, net: Net) -> Results:
    heat, size, offset = t["heat"], t["size"], t["offset"]
    c, y, x = np.indices(heat.shape).reshape(3, -1)
    h, w = np.exp(size[:, y, x]) * 4
    cy, cx = (y + offset[0, y, x] + 0.5) * 4, (x + offset[1, y, x] + 0.5) * 4
    return Results(c, heat.ravel(), np.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], axis=1))


REFERENCES: dict[str, Callable[[Roles, Net], Results]] = {
    "yolov8": yolov8,
    "detr": detr,
    "rt-detr": rt_detr,
    "nms-rows": nms_rows,
    "centerface": centerface,
}
KEEPS_EQUAL: set[str] = set()  # families that keep a score equal to the threshold


def finish(results: Results, net: Net, thresholds: Array, keeps_equal: bool) -> Results:
    """What nvinfer should get: over threshold, a class that exists, finite, cut to the input, not empty."""
    known = (results.classes >= 0) & (results.classes < net.classes)
    classes = np.where(known, results.classes, 0).astype(int)
    limit = thresholds[classes]
    above = (results.scores >= limit) if keeps_equal else (results.scores > limit)
    keep = known & above & np.isfinite(results.scores) & np.isfinite(results.boxes).all(axis=1)
    boxes = np.clip(results.boxes[keep], 0, np.array([net.width, net.height] * 2, float))
    area = (boxes[:, 2] - boxes[:, 0] > 1e-3) & (boxes[:, 3] - boxes[:, 1] > 1e-3)
    return Results(classes[keep][area], results.scores[keep][area], boxes[area])

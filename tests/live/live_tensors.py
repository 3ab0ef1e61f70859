"""Random logits and boxes, most of them made to find a difference."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["STYLES", "tensors"]

Array = npt.NDArray[Any]
LOGITS = ("sparse", "none", "all", "ties", "equal", "exact", "threshold", "one class", "huge", "infinite", "nan")
BOXES = ("plain", "edges", "degenerate", "not finite")
STYLES = (
    *((logits, "plain") for logits in LOGITS),
    *(("sparse", boxes) for boxes in BOXES[1:]),
    *(("all", boxes) for boxes in BOXES[1:]),
)


def tensors(
    style: tuple[str, str], queries: int, columns: int, threshold: float, rng: np.random.Generator, *, softmax: bool
) -> tuple[Array, Array]:
    """One frame: logits [Q, C] and boxes [Q, 4] (cx, cy, w, h as fractions), float32."""
    logits = _logits(style[0], (queries, columns), threshold, rng, softmax)
    return logits.astype(np.float32), _boxes(style[1], queries, rng).astype(np.float32)


def _logits(style: str, shape: tuple[int, int], threshold: float, rng: np.random.Generator, softmax: bool) -> Array:
    low = rng.normal(-5, 1, shape)
    if softmax:
        low[:, -1] = rng.normal(3, 1, shape[0])  # no object
    hit = rng.uniform(size=shape) < min(0.05, 40 / (shape[0] * shape[1]) + 0.002)
    if style == "sparse":
        return np.where(hit, rng.normal(3, 3, shape), low)
    if style == "none":
        return low - np.where(np.arange(shape[1]) == shape[1] - 1, 0 if softmax else 10, 10)
    if style == "all":
        return _all(shape, rng, softmax)
    if style == "ties":
        return rng.integers(-4, 5, shape) / 2
    if style == "equal":
        return np.full(shape, 1.5)
    if style == "exact":  # a sigmoid or softmax of zeros is a score that float32 holds exactly, like the threshold 0.5
        return rng.choice([0.0, 0.0, -30.0, 2.0], shape)
    if style == "threshold":
        return _around_threshold(shape, threshold, rng, softmax)
    if style == "one class":
        low[:, rng.integers(shape[1] - softmax)] = rng.normal(2, 2, shape[0])
        return low
    if style == "huge":
        return rng.choice([-3e38, -1e4, -104.0, -88.0, -17.0, 0.0, 17.0, 88.0, 104.0, 1e4, 3e38], shape)
    if style == "infinite":  # minus infinity is how models mask classes; plus infinity has no softmax
        masked = np.where(rng.uniform(size=shape) < 0.2, -np.inf, low)
        return masked if softmax else np.where(hit, np.inf, masked)
    # Few objects: in a top-k, a NaN takes the place of a result.
    mixed = np.where(rng.uniform(size=shape) < 40 / low.size, rng.normal(3, 3, shape), low - (0 if softmax else 10))
    mixed[rng.integers(shape[0], size=3), rng.integers(shape[1], size=3)] = np.nan
    return mixed


def _around_threshold(shape: tuple[int, int], threshold: float, rng: np.random.Generator, softmax: bool) -> Array:
    """One class of each query has a score within some rounding errors of the threshold."""
    logits = np.full(shape, -40.0)
    logits[:, -1] = rng.normal(0, 2, shape[0]) if softmax else -40.0
    around = np.float32(np.log(threshold / (1 - threshold)) + (logits[:, -1] if softmax else 0.0))
    around = np.broadcast_to(around, shape[0])
    steps = rng.integers(-30, 31, shape[0]) * np.spacing(np.abs(around))
    logits[np.arange(shape[0]), rng.integers(shape[1] - softmax, size=shape[0])] = around + steps
    return logits


def _all(shape: tuple[int, int], rng: np.random.Generator, softmax: bool) -> Array:
    """Every candidate above any threshold; with a softmax that is one class of each."""
    if not softmax:
        return rng.normal(6, 1, shape)
    logits = rng.normal(-5, 1, shape)
    logits[np.arange(shape[0]), rng.integers(shape[1] - 1, size=shape[0])] = rng.normal(12, 1, shape[0])
    return logits


def _boxes(style: str, queries: int, rng: np.random.Generator) -> Array:
    centres, sizes = rng.uniform(0, 1, (queries, 2)), rng.uniform(0.02, 0.6, (queries, 2))
    if style == "edges":
        centres, sizes = rng.uniform(-0.6, 1.6, (queries, 2)), rng.uniform(0, 2, (queries, 2))
    elif style == "degenerate":
        sizes = rng.choice([-0.3, 0.0, 1e-9, 1e-5, 0.2, 40.0, 1e30], (queries, 2))
    boxes = np.concatenate([centres, sizes], axis=1)
    if style == "not finite":
        boxes[rng.uniform(size=boxes.shape) < 0.1] = np.nan
        boxes[rng.uniform(size=boxes.shape) < 0.1] = np.inf
    return boxes

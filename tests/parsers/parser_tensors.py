"""Random output tensors for any bound family, mostly plausible and sometimes hostile."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from dsimport.compiler.parsers.binding import Binding, BoundTensor
from dsimport.compiler.parsers.blocks import blocks_of
from dsimport.compiler.preset import DetectionsDecode

Array = npt.NDArray[Any]
__all__ = ["STYLES", "Frozen", "by_role", "tensors"]

STYLES = ("sparse", "none", "all", "ties", "edges", "one class")


class Frozen(np.random.RandomState):
    """numpy's old generator, whose streams never change: what it gave once can be committed."""

    integers = np.random.RandomState.randint


def tensors(binding: Binding, rng: np.random.Generator | Frozen, style: str) -> dict[str, Array]:
    """One frame of outputs by tensor name.

    style: sparse has a few objects, none nothing above a threshold, all everything, ties few distinct scores,
    edges boxes that reach far out of the image or have no size, one class objects of a single class.
    """
    arrays = [np.zeros(tensor.shape, np.float32) for tensor in binding.tensors]
    for block in blocks_of(binding):
        for name, source in block.sources.items():
            flat = arrays[source.tensor].reshape(-1)
            channels = _channels(binding, name)
            index = (
                source.first
                + np.arange(channels)[:, None] * source.channel_stride
                + np.arange(block.count)[None, :] * source.candidate_stride
            )
            flat[index] = _values(binding, name, (channels, block.count), rng, style)
    decode = binding.family.decode
    if isinstance(decode, DetectionsDecode) and decode.count is not None:
        index_ = binding.tensor(decode.count.tensor)
        arrays[index_][...] = rng.integers(0, blocks_of(binding)[0].count + 1)
    return {tensor.name: array for tensor, array in zip(binding.tensors, arrays, strict=True)}


def by_role(binding: Binding, named: dict[str, Array]) -> dict[str, Array]:
    """The same arrays by role (`role`, or `role_0`... for one per level), as float64."""
    return {_key(tensor): named[tensor.name].astype(np.float64) for tensor in binding.tensors}


def _key(tensor: BoundTensor) -> str:
    return tensor.role if len(tensor.spec.names) == 1 else f"{tensor.role}_{tensor.level}"


def _channels(binding: Binding, name: str) -> int:
    decode = binding.family.decode
    if name == "boxes":
        channels = getattr(decode.boxes, "channels", 4)
        return channels * (binding.classes if getattr(decode.boxes, "per_class", False) else 1)
    if name == "scores" and not isinstance(decode, DetectionsDecode):
        return binding.classes + (getattr(decode.scores, "background", "none") != "none")
    return 2 if name == "offset" else 1


def _values(
    binding: Binding, name: str, shape: tuple[int, int], rng: np.random.Generator | Frozen, style: str
) -> Array:
    decode = binding.family.decode
    if name == "classes":
        return rng.integers(decode.classes.base, decode.classes.base + binding.classes, shape)  # type: ignore[union-attr]
    if name in ("scores", "objectness"):
        part = getattr(decode, name)
        probability = _probabilities(shape, rng, style)
        if name == "objectness":
            probability = np.sqrt(probability)
        if getattr(part, "activation", "none") == "none":
            return probability
        return np.log(np.maximum(probability, 1e-6) / np.maximum(1 - probability, 1e-6))
    if name == "offset":
        return rng.uniform(0, 1, shape)
    return _boxes(binding, shape, rng, style)


def _probabilities(shape: tuple[int, int], rng: np.random.Generator | Frozen, style: str) -> Array:
    if style == "none":
        return rng.uniform(0, 0.2, shape)
    if style == "all":
        return rng.uniform(0.3, 1, shape)
    if style == "ties":
        return rng.integers(0, 9, shape) / 8  # 0.25, the threshold, among them
    if style == "one class":
        low = rng.uniform(0, 0.1, shape)
        low[rng.integers(shape[0])] = rng.uniform(0.2, 1, shape[1])
        return low
    return np.where(rng.uniform(size=shape) < 0.1, rng.uniform(0.2, 1, shape), rng.uniform(0, 0.1, shape))


def _boxes(binding: Binding, shape: tuple[int, int], rng: np.random.Generator | Frozen, style: str) -> Array:
    """Values in the unit of the family's box tensor."""
    boxes: Any = binding.family.decode.boxes
    transform = getattr(boxes, "transform", "plain")
    wild = style == "edges"
    if transform in ("grid_exp", "anchor_v5", "anchor_v3", "delta", "dfl") or getattr(boxes, "exp", False):
        return rng.normal(0, 3 if wild else 1, shape)
    low, high = (-0.5, 1.5) if wild else (0.05, 0.95)
    unit = {"pixels": binding.width, "stride": 4.0}.get(getattr(boxes, "units", "stride"), 1.0)
    values = rng.uniform(low, high, shape)
    if boxes.format in ("xyxy", "yxyx") and not wild:
        values[2:] = values[:2] + rng.uniform(0, 0.5, (2, shape[1]))
    return values * unit

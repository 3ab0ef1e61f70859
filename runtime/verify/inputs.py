"""What verification feeds in: frames prepared as the recipe says, and random output tensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dsimport.compiler.expr import evaluate
from dsimport.compiler.preset import CandidatesDecode, DetectionsDecode, Family, Part
from dsimport.runtime.verify.finish import Placement
from dsimport.runtime.verify.oracles import Array, Names

__all__ = ["STYLES", "Pixels", "TensorShape", "extra_inputs", "random_tensors", "sampled_frames"]

STYLES = ("sparse", "none", "ties", "crowd")
HITS = 40  # objects in a sparse image
EPSILON = 1e-6


@dataclass(frozen=True)
class Pixels:
    """The recipe's preprocessing: y = (x * scale - mean) / std on bytes x, per channel in the order of `color`."""

    color: str
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    filter: str

    def tensor(self, frame: Array, placement: Placement, network: tuple[int, int]) -> Array:
        """The network input [1, C, H, W], float32, for an RGB frame; network: width, height.

        Resampling is the reference toolchain's (OpenCV): it is not what is being verified, and other interpolation
        changes scores more than any fault would.
        """
        import cv2

        source = frame[: placement.source_height, : placement.source_width]
        if self.color == "gray":
            source = cv2.cvtColor(source, cv2.COLOR_RGB2GRAY)
        names = {
            "nearest": "INTER_NEAREST",
            "bilinear": "INTER_LINEAR",
            "cubic": "INTER_CUBIC",
            "lanczos": "INTER_LANCZOS4",
        }
        method = getattr(cv2, names[self.filter])
        resized = cv2.resize(source, (placement.width, placement.height), interpolation=method)
        resized = resized.reshape(placement.height, placement.width, -1)
        canvas = np.zeros((network[1], network[0], resized.shape[2]), np.float64)
        canvas[placement.top :, placement.left :][: placement.height, : placement.width] = resized
        if self.color == "bgr":
            canvas = canvas[:, :, ::-1]
        values = (canvas * self.scale - np.array(self.mean)) / np.array(self.std)
        return np.ascontiguousarray(values.transpose(2, 0, 1)[None], np.float32)


def sampled_frames(video: Path, size: tuple[int, int], among: int, count: int) -> Iterator[tuple[int, Array]]:
    """Up to `count` of the first `among` frames, evenly spread, with their numbers; RGB, scaled to `size` (width,
    height) as the muxer does. Raises BusError."""
    from dsimport.runtime.reference.appconfig import Source
    from dsimport.runtime.reference.sources import VideoFile

    every = max(1, among // count)
    reader = VideoFile(Source(str(video)), 0, size, loop=False)
    reader.open()
    try:
        for frame in reader.frames(lambda: False):
            if frame.number % every == 0:
                yield frame.number, frame.pixels
            if frame.number >= (count - 1) * every:
                return
    finally:
        reader.close()


@dataclass(frozen=True)
class TensorShape:
    """An output tensor of the network: its role in the preset, shape without batch, numpy's type name."""

    role: str
    level: int
    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"


def random_tensors(
    family: Family, names: Names, shapes: tuple[TensorShape, ...], rng: np.random.Generator, style: str
) -> dict[str, Array]:
    """One image's output tensors by name.

    style: sparse has some tens of objects, none has nothing above a usual threshold, ties few distinct scores, crowd
    an object in every tenth place. Boxes are plausible and sometimes reach out of the image.
    """
    arrays = {shape.name: np.zeros(shape.shape, np.float64) for shape in shapes}
    anchors = _anchors(family)
    for shape in shapes:
        spec = family.tensors[shape.role]
        parts = [(name, part) for name, part in family.decode.parts if part.tensor == shape.role]
        view = _channels_last(arrays[shape.name], spec.axes, anchors[shape.level] if anchors else 1)
        for name, part in parts:
            first, count = int(evaluate(part.at, names)), _count(family, name, names)
            view[..., first : first + count] = _values(family, name, (*view.shape[:-1], count), names, rng, style)
        if not parts:
            arrays[shape.name][...] = rng.integers(0, 20)  # a counter of valid rows
    return {shape.name: _typed(arrays[shape.name], shape.dtype) for shape in shapes}


def _typed(array: Array, dtype: str) -> Array:
    return np.ascontiguousarray(array.astype(dtype))


def _anchors(family: Family) -> list[int]:
    """Candidates per cell, by level."""
    levels = family.decode.levels if isinstance(family.decode, CandidatesDecode) else None
    if levels is None:
        return []
    if levels.anchors:
        return [len(sizes) for sizes in levels.anchors]
    return list(levels.per_cell) or [1] * len(levels.strides)


def _channels_last(array: Array, axes: tuple[str, ...], anchors: int) -> Array:
    """A view with the channels in the last dimension; one is added where the tensor has none."""
    if "anchor_channel" in axes:
        at = axes.index("anchor_channel")
        return np.moveaxis(array.reshape(*array.shape[:at], anchors, -1, *array.shape[at + 1 :]), at + 1, -1)
    return np.moveaxis(array, axes.index("channel"), -1) if "channel" in axes else array[..., None]


def _count(family: Family, name: str, names: Names) -> int:
    decode, classes = family.decode, int(names["classes"])
    if name == "boxes":
        if isinstance(decode, DetectionsDecode):
            return 4
        return decode.boxes.channels * (classes if getattr(decode.boxes, "per_class", False) else 1)
    if name == "scores" and not isinstance(decode, DetectionsDecode):
        return classes + (decode.scores.columns if isinstance(decode, CandidatesDecode) else 0)
    return 2 if name == "offset" else 1


def _values(
    family: Family, name: str, shape: tuple[int, ...], names: Names, rng: np.random.Generator, style: str
) -> Array:
    decode = family.decode
    if name == "classes":
        base = decode.classes.base if isinstance(decode, DetectionsDecode) else 0
        return rng.integers(base, base + int(names["classes"]), shape).astype(np.float64)
    if name == "offset":
        return rng.uniform(0, 1, shape)
    if name == "objectness":
        return _unactivated(np.sqrt(rng.uniform(0.25, 1, shape)), getattr(decode, "objectness", None))
    if name == "scores":
        return _unactivated(_probabilities(shape, rng, style), decode.scores)
    return _boxes(family, shape, names, rng)


def _probabilities(shape: tuple[int, ...], rng: np.random.Generator, style: str) -> Array:
    """Scores of which each place has at most one high one among its channels."""
    low = rng.uniform(0, 0.1, shape) / shape[-1]
    if style == "none":
        return low
    if style == "ties":
        low = np.zeros(shape)
    places = int(np.prod(shape[:-1]))
    hits = max(1, places // 10 if style == "crowd" else min(HITS, places))
    flat = low.reshape(places, shape[-1])
    chosen = rng.choice(places, min(hits, places), replace=False)
    value = rng.integers(2, 8, len(chosen)) / 8 if style == "ties" else rng.uniform(0.2, 0.999, len(chosen))
    flat[chosen, rng.integers(0, shape[-1], len(chosen))] = value
    return flat.reshape(shape)


def _unactivated(probability: Array, part: Part | None) -> Array:
    """What an activation turns into these probabilities."""
    activation = getattr(part, "activation", "none")
    if activation == "sigmoid":
        return np.log((probability + EPSILON) / (1 - probability + EPSILON))
    if activation == "softmax":
        background = getattr(part, "background", "none")
        if background != "none":
            at = 0 if background == "first" else -1
            probability[..., at] = 0
            probability[..., at] = np.maximum(1 - probability.sum(axis=-1), 0)
        return np.log(probability + EPSILON)
    return probability


def _boxes(family: Family, shape: tuple[int, ...], names: Names, rng: np.random.Generator) -> Array:
    """Values in the unit of the family's box tensor."""
    boxes: Any = family.decode.boxes
    transform = getattr(boxes, "transform", "plain")
    if transform in ("grid_exp", "anchor_v5", "anchor_v3", "delta", "dfl") or getattr(boxes, "exp", False):
        return rng.normal(0, 1, shape)
    across, down = float(names["width"]), float(names["height"])
    if transform != "plain" or boxes.format in ("ltrb", "center_size"):
        # Distances and sizes in whatever the unit is; with `scale` or strides they become some tens of pixels.
        unit = 1.0 if getattr(boxes, "units", "stride") == "stride" else min(across, down) / 8
        return rng.uniform(0.5, 4, shape) * unit
    centre, size = rng.uniform(-0.1, 1.1, (*shape[:-1], 2)), rng.uniform(0.03, 0.5, (*shape[:-1], 2))
    values = np.concatenate([centre, size], axis=-1)
    if boxes.format in ("xyxy", "yxyx"):
        values = np.concatenate([centre - size / 2, centre + size / 2], axis=-1)
    if boxes.units == "pixels":
        values = values * np.array([across, down] * 2)
    return values[..., [1, 0, 3, 2]] if boxes.format in ("yxyx", "cycxhw") else values


def extra_inputs(constants: Mapping[str, Any]) -> dict[str, Array]:
    """Values of a source model's inputs besides the image, a batch of one."""
    return {name: np.array([item["value"]], item["dtype"]) for name, item in constants.items()}

"""Whether an exported file computes what its model computes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Mismatch", "Tensors", "difference", "frames", "run"]

Array: TypeAlias = npt.NDArray[Any]
Tensors: TypeAlias = dict[str, Array]

# Queries are chosen by score. Where two candidates' scores differ by less than rounding does, another one may be
# chosen at the end of the list; a wrong file has nearly all of them wrong.
_STRANGERS = 0.01


class Mismatch(Exception):
    """The file computes something else."""


def frames(batch: int, shape: list[int]) -> Array:
    """Different images [batch, C, H, W] in the range of normalised pixels: noise, a ramp, blocks, fine noise."""
    rng = np.random.default_rng(0)
    channels, height, width = shape
    ramp = np.linspace(-1, 1, height)[:, None] + np.linspace(-1, 1, width)[None, :]
    blocks = rng.normal(size=(channels, (height + 15) // 16, (width + 15) // 16)).repeat(16, 1).repeat(16, 2)
    kinds = (
        rng.uniform(-2, 2, (channels, height, width)),
        np.broadcast_to(ramp, (channels, height, width)),
        blocks[:, :height, :width],
        rng.normal(size=(channels, height, width)) * 0.3,
    )
    return np.stack([kinds[index % len(kinds)] + 0.01 * index for index in range(batch)]).astype(np.float32)


def run(path: Path, name: str, outputs: dict[str, dict[str, str]], batches: Sequence[Array]) -> list[Tensors]:
    """The file's outputs by role for each batch, by ONNX Runtime on one core. The file is loaded once and as it is:
    optimising a graph of thousands of nodes takes longer than all the rest."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    roles = list(outputs)
    names = [outputs[role]["name"] for role in roles]
    found = [session.run(names, {name: pixels}) for pixels in batches]
    return [{role: np.asarray(value) for role, value in zip(roles, each, strict=True)} for each in found]


def difference(found: Tensors, wanted: Tensors, tolerance: float) -> float:
    """The largest absolute difference between corresponding queries. Mismatch if it is beyond the tolerance, which is
    relative to the model's largest output where that is above 1. Tensors are [N, Q, ...]."""
    for role, tensor in wanted.items():
        if found[role].shape != tensor.shape:
            raise Mismatch(f"{role} is {list(found[role].shape)}, the model gives {list(tensor.shape)}")
    worst = 0.0
    for image in range(len(next(iter(wanted.values())))):
        mine, theirs = (_rows(tensors, image) for tensors in (found, wanted))
        limits = tolerance * np.maximum(1.0, np.abs(theirs).max(axis=0))
        worst = max(worst, _image(mine, theirs, limits, image))
    return worst


def _rows(tensors: Tensors, image: int) -> Array:
    rows = [np.nan_to_num(tensor[image].reshape(tensor.shape[1], -1), neginf=-1e9) for tensor in tensors.values()]
    return np.concatenate(rows, axis=1).astype(np.float64)


def _image(mine: Array, theirs: Array, limits: Array, image: int) -> float:
    apart = np.abs(mine - theirs)
    good = (apart <= limits).all(axis=1)
    worst = float(apart[good].max()) if good.any() else 0.0
    free = set(np.flatnonzero(~good))
    strangers = 0
    for row in np.flatnonzero(~good):
        left = sorted(free)
        gaps = np.abs(theirs[left] - mine[row])
        fits = np.flatnonzero((gaps <= limits).all(axis=1))
        if len(fits) == 0:
            strangers += 1
            continue
        worst = max(worst, float(gaps[fits[0]].max()))
        free.remove(left[fits[0]])
    if strangers > _STRANGERS * len(mine):
        raise Mismatch(
            f"{strangers} of {len(mine)} queries of image {image} differ from the model's, by up to {apart.max():.2g}"
        )
    return worst

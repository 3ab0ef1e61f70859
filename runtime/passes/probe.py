"""Running a model before and after a pass, one image at a time and in a batch, and comparing what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsimport.runtime.onnx_file import GraphError, real_inputs, serialize
from dsimport.runtime.reference.session import SessionError, open_session

__all__ = ["BATCH", "HALF_RELATIVE", "RELATIVE", "Pixels", "Probe", "Results", "difference", "row_difference"]

BATCH = 2
SEED = 1  # fixed: a model is judged the same way in every run
RELATIVE = 1e-3  # of the value range: a rewritten graph rounds differently, a broken one is off by much of the range
HALF_RELATIVE = 5e-2  # the same where the network computes in FP16, whose roundings add up from layer to layer
ABSOLUTE = 1e-4

Array = NDArray[Any]


@dataclass(frozen=True)
class Pixels:
    """What the network wants: scale * pixel + bias per channel, pixels of 0..255."""

    scale: tuple[float, ...]
    bias: tuple[float, ...]

    def apply(self, pixels: Array) -> Array:
        """The network's input for N x C x H x W pixels, worked out in double precision."""
        shape = (1, -1, 1, 1)
        values: Array = pixels * np.array(self.scale, np.float64).reshape(shape) + np.array(self.bias).reshape(shape)
        return values


@dataclass(frozen=True)
class Results:
    """Outputs by name: of each image alone [BATCH, ...], and of all in one batch, None where a batch does not run."""

    alone: dict[str, Array]
    together: dict[str, Array] | None


class Probe:
    """Two different images of random pixels, and how to feed them to a model."""

    def __init__(
        self, input_name: str, image: tuple[int, int, int], pixels: Pixels, constants: Mapping[str, Any]
    ) -> None:
        """image: channels, height, width. constants: values of inputs besides the image, as the family gives them."""
        rng = np.random.default_rng(SEED)
        # Blocks of 8 x 8 equal pixels: plain noise drowns in a network's first layers.
        channels, height, width = image
        blocks = rng.integers(0, 256, (BATCH, channels, -(-height // 8), -(-width // 8)))
        self._raw = blocks.repeat(8, axis=2).repeat(8, axis=3)[:, :, :height, :width].astype(np.float64)
        self._name, self._pixels, self._constants = input_name, pixels, constants
        self._image = image
        self.folded = False

    def run(self, model: Any) -> Results | None:
        """What the model makes of the images; None where it cannot run at this size. `folded`: its input is pixels."""
        try:
            session = open_session(serialize(self._declared(model)), as_it_is=True)
        except SessionError:
            return None
        names = [info.name for info in session.outputs]
        dtypes = {info.name: info.dtype for info in session.inputs}
        if self._name not in dtypes:
            return None
        wanted = self._raw if self.folded else self._pixels.apply(self._raw)
        images = wanted.astype(np.float32).astype(dtypes[self._name])
        extra = {
            name: np.array([item["value"]], item["dtype"]) for name, item in self._constants.items() if name in dtypes
        }
        try:
            singles = [session.run({self._name: images[index : index + 1], **extra}) for index in range(len(images))]
        except SessionError:
            return None
        alone = {name: np.stack([each[at] for each in singles]) for at, name in enumerate(names)}
        together = None
        try:
            repeated = {name: value.repeat(BATCH, axis=0) for name, value in extra.items()}
            together = dict(zip(names, session.run({self._name: images, **repeated}), strict=True))
        except SessionError:
            pass
        return Results({name: _first_dimension_gone(array) for name, array in alone.items()}, together)

    def _declared(self, model: Any) -> Any:
        """A copy whose image input has this size; everything that said otherwise is forgotten."""
        import onnx

        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        for item in real_inputs(copy):
            if item.name == self._name:
                del item.type.tensor_type.shape.dim[:]
                item.type.tensor_type.shape.dim.add().dim_param = "batch"
                for size in self._image:
                    item.type.tensor_type.shape.dim.add().dim_value = size
        del copy.graph.value_info[:]
        for item in copy.graph.output:
            item.type.tensor_type.ClearField("shape")
        return copy


def _first_dimension_gone(array: Array) -> Array:
    return array[:, 0] if array.ndim > 1 and array.shape[1] == 1 else array


def difference(before: Results, after: Results, what: str, relative: float = RELATIVE) -> float:
    """Largest difference of any output both have, images alone and in a batch. Raises GraphError if it is too large:
    beyond `relative` of the values' range."""
    largest = 0.0
    sides = [(before.alone, after.alone, "one image")]
    if before.together is not None:
        if after.together is None:
            raise GraphError(f"{what}: the model ran a batch of {BATCH} before and does not now")
        sides.append((before.together, after.together, f"a batch of {BATCH}"))
    for old, new, how in sides:
        for name in [name for name in old if name in new]:
            one, other = old[name].astype(np.float64), new[name].astype(np.float64)
            if one.shape != other.shape:
                raise GraphError(f"{what}: output {name!r} was {one.shape} and is {other.shape} for {how}")
            distance = _distance(one, other)
            finite = one[np.isfinite(one)]
            allowed = max(ABSOLUTE, relative * float(np.ptp(finite))) if finite.size else ABSOLUTE
            if distance > allowed:
                raise GraphError(
                    f"{what} changes output {name!r} by up to {distance:.3g} for {how} (allowed {allowed:.3g})"
                )
            largest = max(largest, distance)
    return largest


def _distance(one: Array, other: Array) -> float:
    """Largest difference; rows of an image may stand in another order, since a top-k breaks near-ties as it likes."""
    direct = _largest(one, other)
    if direct <= ABSOLUTE or one.ndim < 3:
        return direct
    return min(direct, _largest(np.sort(one, axis=1), np.sort(other, axis=1)))


def _largest(one: Array, other: Array) -> float:
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    if same.all():
        return 0.0
    with np.errstate(invalid="ignore"):
        return float(np.nan_to_num(np.abs(one - other)[~same], nan=np.inf, posinf=np.inf).max())


def row_difference(expected: Array, rows: Array, size: tuple[int, int], what: str) -> float:
    """Rows [K, 6] of a fused head against the expected ones [n, 6], both left, top, right, bottom, score, class: the
    largest difference, scores in units of themselves, edges in units of `size` (width, height).

    Every expected row better than the last one must be there; rows near the cut may differ. Raises GraphError.
    """
    scale = np.array([size[0], size[1]] * 2 + [1.0])
    left, right = expected[:, :5] / scale, rows[:, :5] / scale
    reach = np.maximum(np.abs(left[:, None, :4]).max(axis=2), 1.0)  # far outside of the image float32 is coarser
    gap = np.abs(left[:, None, :] - right[None, :, :])
    gap[:, :, :4] /= reach[:, :, None]
    gap = gap.max(axis=2) + np.where(expected[:, None, 5] == rows[None, :, 5], 0.0, np.inf)
    cut = float(rows[:, 4].min()) + ABSOLUTE if len(rows) else np.inf
    nearest = gap.min(axis=1) if len(rows) else np.full(len(expected), np.inf)
    needed = nearest[expected[:, 4] > cut] if len(expected) > len(rows) else nearest
    largest = float(needed.max()) if needed.size else 0.0
    if not largest <= ABSOLUTE:
        raise GraphError(f"{what}: the fused head's rows differ from the family's own post-processing by {largest:.3g}")
    return largest

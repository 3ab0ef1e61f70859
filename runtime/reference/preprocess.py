"""nvinfer's preprocessing: geometry with its truncations, resampling, normalisation, tensor order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .nvinfer_config import NvinferConfig

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Geometry", "PreprocessError", "Preprocessor", "geometry"]

_RGB, _BGR, _GRAY = 0, 1, 2
_UINT32 = 1 << 32  # nvinfer multiplies in 32 bits


class PreprocessError(Exception):
    """The configuration and the network do not fit; the text says how."""


@dataclass(frozen=True)
class Geometry:
    """Where the frame lies in the network's input, in pixels. The ratios are network / frame; they may differ."""

    source_width: int
    source_height: int
    width: int
    height: int
    left: int
    top: int
    ratio_x: float
    ratio_y: float


def geometry(frame: tuple[int, int], network: tuple[int, int], *, keep_aspect: bool, symmetric: bool) -> Geometry:
    """The placement of a full frame. Both sizes are (width, height). Raises PreprocessError where nothing is left."""
    source_width, source_height = frame[0] & ~1, frame[1] & ~1
    if source_width < 2 or source_height < 2:
        raise PreprocessError(f"a frame of {frame[0]}x{frame[1]} pixels is too small")
    width, height = network
    if keep_aspect:
        height_wanted = (network[0] * source_height) % _UINT32 / source_width
        if height_wanted <= network[1]:
            height = int(height_wanted)
        else:
            width = int((network[1] * source_width) % _UINT32 / source_height)
    if width < 1 or height < 1:
        raise PreprocessError(f"a frame of {frame[0]}x{frame[1]} pixels does not fit {network[0]}x{network[1]}")
    centred = keep_aspect and symmetric
    return Geometry(
        source_width=source_width,
        source_height=source_height,
        width=width,
        height=height,
        left=(network[0] - width) // 2 if centred else 0,
        top=(network[1] - height) // 2 if centred else 0,
        ratio_x=width / source_width,
        ratio_y=height / source_height,
    )


class Preprocessor:
    """Turns muxed RGB frames into the float32 tensor of one image. Each thread needs its own (it keeps a canvas)."""

    def __init__(self, config: NvinferConfig, network: tuple[int, int, int], frame: tuple[int, int]) -> None:
        """network: channels, height, width. frame: width, height of the muxed frames. Raises PreprocessError."""
        import numpy as np

        self._channels, self._height, self._width = network
        self.geometry = geometry(
            frame,
            (self._width, self._height),
            keep_aspect=config.keep_aspect,
            symmetric=config.symmetric_padding,
        )
        self._interpolation = _interpolation(config.scaling_filter)
        self._order = {_RGB: (0, 1, 2), _BGR: (2, 1, 0), _GRAY: (0,)}[config.color_format]
        self._nhwc = config.nhwc
        self._tables, self._mean, self._scale = _normalisation(config, network)
        shape = (self._height, self._width) if self._channels == 1 else (self._height, self._width, 3)
        self._canvas: NDArray[Any] = np.zeros(shape, np.uint8)
        place = self.geometry
        self._inside = self._canvas[place.top : place.top + place.height, place.left : place.left + place.width]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the tensor of one image."""
        if self._nhwc:
            return (self._height, self._width, self._channels)
        return (self._channels, self._height, self._width)

    def write(self, frame: NDArray[Any], out: NDArray[Any]) -> None:
        """Fill `out` (float32, `shape`, contiguous) from an RGB frame (height, width, 3), uint8."""
        self._place(frame)
        if self._mean is not None:
            self._subtract_image(out)
        elif self._nhwc:
            self._look_up_interleaved(out)
        else:
            self._look_up_planes(out)

    def _place(self, frame: NDArray[Any]) -> None:
        """Resize into the canvas; what lies outside stays black."""
        import cv2

        place = self.geometry
        source = frame[: place.source_height, : place.source_width]
        if self._channels == 1:
            source = cv2.cvtColor(source, cv2.COLOR_RGB2GRAY)
        size = (place.width, place.height)
        if source.shape[1::-1] == size:
            self._inside[...] = source
        elif self._inside.shape == self._canvas.shape:
            cv2.resize(source, size, dst=self._canvas, interpolation=self._interpolation)
        else:
            self._inside[...] = cv2.resize(source, size, interpolation=self._interpolation)

    def _look_up_planes(self, out: NDArray[Any]) -> None:
        import cv2

        planes = cv2.split(self._canvas) if self._channels == 3 else (self._canvas,)
        for channel, source in enumerate(self._order):
            cv2.LUT(planes[source], self._tables[channel], dst=out[channel])

    def _look_up_interleaved(self, out: NDArray[Any]) -> None:
        for channel, source in enumerate(self._order):
            plane = self._canvas[..., source] if self._channels == 3 else self._canvas
            out[..., channel] = self._tables[channel][plane]

    def _subtract_image(self, out: NDArray[Any]) -> None:
        """With a mean image every pixel has its own mean, in the order of the file whatever the network's is."""
        import numpy as np

        assert self._mean is not None
        for channel, source in enumerate(self._order):
            plane = self._canvas[..., source] if self._channels == 3 else self._canvas
            target = out[..., channel] if self._nhwc else out[channel]
            np.subtract(plane, self._mean[..., channel], out=target, dtype=np.float32)
            np.multiply(target, self._scale, out=target)


def _interpolation(scaling_filter: int) -> int:
    import cv2

    # 5 is ignored on a GPU and 6 is its default; the header documents that as nearest.
    filters = {1: cv2.INTER_LINEAR, 2: cv2.INTER_CUBIC, 3: cv2.INTER_AREA, 4: cv2.INTER_LANCZOS4}
    return int(filters.get(scaling_filter, cv2.INTER_NEAREST))


def _normalisation(config: NvinferConfig, network: tuple[int, int, int]) -> tuple[list[Any], Any | None, Any]:
    """Per output channel a table of the 256 results, or else the mean image; and the scale.

    A pixel is a byte, so a table of `scale * (float(x) - mean)` is the same arithmetic, done 256 times.
    """
    import numpy as np

    channels = network[0]
    if config.offsets and len(config.offsets) != channels:
        raise PreprocessError(f"offsets has {len(config.offsets)} values, the network has {channels} channels")
    positive = config.scale > 0
    scale = np.float32(config.scale if positive else 1.0)
    if positive and config.mean_file:
        return [], _read_mean(config.mean_file, network), scale
    offsets = config.offsets if positive and config.offsets else (0.0,) * channels
    levels = np.arange(256, dtype=np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        return [scale * (levels - np.float32(offset)) for offset in offsets], None, scale


def _read_mean(path: str, network: tuple[int, int, int]) -> Any:
    """The mean image as float32 (height, width, channels). Data is binary whatever the magic says, as nvinfer reads."""
    import numpy as np

    channels, height, width = network
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise PreprocessError(f"Could not open mean image file {path}: {error.strerror}") from None
    tokens: list[bytes] = []
    at = 0
    while len(tokens) < 4 and at < min(len(data), 256):
        start = at
        while at < len(data) and not data[at : at + 1].isspace():
            at += 1
        if at > start:
            tokens.append(data[start:at])
        at += 1
    if len(tokens) < 4 or tokens[0] not in (b"P3", b"P6"):
        raise PreprocessError(f"mean image file {path} has no PPM header")
    if tokens[1:3] != [str(width).encode(), str(height).encode()]:
        raise PreprocessError(f"mean image file {path} is not {width}x{height}, the network's size")
    pixels = data[at : at + channels * height * width]
    if len(pixels) < channels * height * width:
        raise PreprocessError(f"mean image file {path} is truncated")
    return np.frombuffer(pixels, np.uint8).reshape(height, width, channels).astype(np.float32)

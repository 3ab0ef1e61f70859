"""The part of the network input that shows the frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Area", "Resize", "active_area"]

Resize: TypeAlias = Literal["stretch", "letterbox", "letterbox-center"]


@dataclass(frozen=True)
class Area:
    """A rectangle in network pixels."""

    left: int
    top: int
    width: int
    height: int


def active_area(resize: Resize, *, height: int, width: int, frame_height: int, frame_width: int) -> Area:
    """Where nvinfer puts a frame (of the muxer's size, pixels) in a `height` x `width` network input.

    The arithmetic, with its truncations, is nvinfer's (gst-nvinfer, `get_converted_buffer`).
    """
    if resize == "stretch":
        return Area(0, 0, width, height)
    source_width, source_height = frame_width & ~1, frame_height & ~1
    fitted_height = width * source_height / source_width
    if fitted_height <= height:
        used_width, used_height = width, int(fitted_height)
    else:
        used_width, used_height = int(height * source_width / source_height), height
    if resize == "letterbox":
        return Area(0, 0, used_width, used_height)
    return Area((width - used_width) // 2, (height - used_height) // 2, used_width, used_height)

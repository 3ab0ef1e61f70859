"""Numbers as text, and text as numbers, where C++ and GLib read or write them."""

from __future__ import annotations

import struct

__all__ = ["as_float32", "float32_text"]


def as_float32(value: float) -> float:
    """The nearest float32, as Python float; inf where it overflows."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def float32_text(value: float) -> str:
    """The shortest decimal text that reads back as the same float32 (nvinfer and C++ parsers keep float32).

    Plain notation where it is short, else scientific; never an integer-looking text (`1.0`, not `1`).
    """
    wanted = as_float32(value)
    for digits in range(1, 18):
        text = f"{value:.{digits}g}"
        if as_float32(float(text)) == wanted:
            break
    return text if any(c in text for c in ".en") else text + ".0"

"""What NVIDIA publishes about the video engines of its GPUs: decoders, encoders, and streams that they decode.

Figures are published ones, never measurements of this project, and everything that shows one says so. They are H.264
and H.265 streams of 1920x1080 at 30 frames per second, 8 bit, from the paper named beside each row. Engine counts are
those of NVIDIA's "Video Encode and Decode GPU Support Matrix" and of the Jetson modules' data sheets. `certain` is
False where the paper does not name the codec, or where a figure of one model stands in for its generation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["GPUS", "DecodeLimit", "Gpu", "decode_limit", "gpu_named"]

_PIXEL_RATE = 1920 * 1080 * 30


@dataclass(frozen=True)
class Gpu:
    """One GPU model. pattern: searched in the name that nvidia-smi or the device tree gives. nvdec, nvenc: engines.

    streams: by codec (`h264`, `h265`), for the whole GPU; empty where no figure was found. capability: of Jetson
    modules, which have no nvidia-smi to ask.
    """

    pattern: str
    nvdec: int
    nvenc: int
    streams: Mapping[str, int] = field(default_factory=dict)
    source: str = ""
    certain: bool = True
    capability: str = ""


_A100 = "NVIDIA A100 Tensor Core GPU architecture white paper, decode comparison at 1080p30"
_H100 = "NVIDIA H100 Tensor Core GPU architecture white paper, decode comparison at 1080p30"
_JETSON = "data sheet of the Jetson module"

# The first pattern that is found counts, so longer names stand before their beginnings.
GPUS: tuple[Gpu, ...] = (
    Gpu(r"V100", 1, 3, {"h264": 16, "h265": 22}, _A100),
    # The data sheet promises full-HD streams without naming the codec.
    Gpu(r"Tesla T4|\bT4\b", 2, 1, {"h264": 38}, "NVIDIA T4 data sheet", certain=False),
    Gpu(r"A100", 5, 0, {"h264": 75, "h265": 157}, _A100),
    # Four of the five decoders of A100: four fifths of its figures.
    Gpu(r"\bA30\b", 4, 0, {"h264": 60, "h265": 125}, _A100, certain=False),
    Gpu(r"GH200|H200|H100|H800", 7, 0, {"h264": 170, "h265": 340}, _H100),
    Gpu(r"\bH20\b", 7, 0, {"h264": 170, "h265": 340}, _H100, certain=False),
    Gpu(r"\bA10G?\b", 2, 1),
    Gpu(r"\bA2\b", 2, 1),
    Gpu(r"\bA16\b", 2, 1),
    Gpu(r"\bA40\b|RTX A6000|RTX A5000|RTX A4500", 2, 1),
    Gpu(r"RTX A4000|RTX A2000", 1, 1),
    Gpu(r"\bL4\b", 4, 2),
    Gpu(r"\bL40S?\b|\bL20\b|RTX 6000 Ada|RTX 5000 Ada", 3, 3),
    Gpu(r"RTX PRO 6000 Blackwell", 4, 4),
    Gpu(r"GeForce RTX 20\d0|Quadro RTX", 1, 1),
    Gpu(r"GeForce RTX 30\d0", 1, 1),
    Gpu(r"GeForce RTX 40(?:90|80|70 Ti)", 1, 2),
    Gpu(r"GeForce RTX 40\d0", 1, 1),
    Gpu(r"GeForce RTX 5090", 2, 3),
    Gpu(r"GeForce RTX 5080", 2, 2),
    Gpu(r"AGX Thor|Jetson Thor", 2, 2, capability="11.0"),
    Gpu(r"AGX Orin", 1, 1, {"h265": 22}, _JETSON, capability="8.7"),
    Gpu(r"Orin NX", 1, 1, {"h265": 18}, _JETSON, capability="8.7"),
    Gpu(r"Orin Nano", 1, 0, {"h265": 11}, _JETSON, capability="8.7"),
    Gpu(r"AGX Xavier", 2, 2, {"h265": 52}, _JETSON, capability="7.2"),
    Gpu(r"Xavier NX", 2, 2, capability="7.2"),
)


def gpu_named(name: str) -> Gpu | None:
    """The model that a device name speaks of; None for one that is not in the table."""
    return next((gpu for gpu in GPUS if re.search(gpu.pattern, name)), None)


@dataclass(frozen=True)
class DecodeLimit:
    """Streams that a GPU's decoders carry, by published figures. `certain` as in `Gpu`."""

    streams: int
    source: str
    certain: bool


def decode_limit(name: str, codec: str, width: int, height: int, fps: float) -> DecodeLimit | None:
    """How many streams of a codec, size (pixels) and rate the GPU called `name` decodes.

    The published figure for 1920x1080 at 30 is scaled by the pixel rate, which flatters small frames. None where
    nothing is known, or where a size or rate is not positive.
    """
    gpu = gpu_named(name)
    if gpu is None or codec not in gpu.streams or min(width, height) <= 0 or not fps > 0:
        return None
    streams = int(gpu.streams[codec] * _PIXEL_RATE / (width * height * fps))
    return DecodeLimit(streams, gpu.source, gpu.certain)

"""DeepStream releases, what comes with them, and what differs between TensorRT versions. The one table of versions.

Sources: NVIDIA's installation pages of each release, and the trtexec sources of TensorRT 8.6 to 11.1. What could not be
confirmed is named in `uncertain`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["RELEASES", "Host", "Platform", "Release", "TensorRt", "release"]

Platform = Literal["dgpu", "jetson"]


@dataclass(frozen=True)
class Host:
    """What one release runs on. system: `Ubuntu 22.04`, or the JetPack of a Jetson. driver: the lowest major version of
    the GPU driver, None where the system brings its own. uncertain: fields that could not be confirmed."""

    tensorrt: str
    cuda: str
    system: str
    driver: int | None = None
    uncertain: tuple[str, ...] = ()


@dataclass(frozen=True)
class Release:
    """One DeepStream release: for discrete GPUs, and for Jetson."""

    deepstream: str
    dgpu: Host
    jetson: Host

    @property
    def major(self) -> int:
        """The first number of the release; the parser ABI changed with 9."""
        return int(self.deepstream.split(".")[0])

    @property
    def has_rotation(self) -> bool:
        """Whether NvDsInferObjectDetectionInfo ends in rotation_angle. A library built for the other size is silently
        wrong."""
        return self.major >= 9

    @property
    def object_bytes(self) -> int:
        """Size of NvDsInferObjectDetectionInfo."""
        return 28 if self.has_rotation else 24

    def host(self, platform: Platform) -> Host:
        return self.jetson if platform == "jetson" else self.dgpu


@dataclass(frozen=True, order=True)
class TensorRt:
    """A TensorRT version, and what its trtexec and builder can be asked for."""

    major: int
    minor: int

    @classmethod
    def of(cls, text: str) -> TensorRt:
        """From `10.16` or `10.16.0.72`."""
        major, minor = text.split(".")[:2]
        return cls(int(major), int(minor))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"

    @property
    def weak_typing(self) -> bool:
        """Whether precision can be a flag (--fp16), with the network's own types as a hint only."""
        return self < TensorRt(11, 0)

    @property
    def weak_typing_warns(self) -> bool:
        """Whether such a flag is deprecated and prints a warning."""
        return TensorRt(10, 14) <= self < TensorRt(11, 0)

    @property
    def strong_typing(self) -> bool:
        """Whether a network can be built in the types of its graph."""
        return self >= TensorRt(10, 0)

    @property
    def strong_typing_is_default(self) -> bool:
        """Whether there is nothing else, so that no flag asks for it."""
        return not self.weak_typing

    @property
    def measures_compute_only(self) -> bool:
        """Whether trtexec measures without transfers, with spin wait and with a CUDA graph unless told otherwise; the
        flags that ask for it are deprecated there."""
        return self >= TensorRt(11, 0)

    @property
    def skip_inference(self) -> bool:
        """Whether a build alone is --skipInference; older ones say --buildOnly."""
        return self >= TensorRt(8, 6)

    @property
    def optimization_levels(self) -> bool:
        """Whether there is --builderOptimizationLevel."""
        return self >= TensorRt(8, 6)

    @property
    def dla(self) -> bool:
        """Whether engines can be built for the DLA of an Orin; 10.7 was the last, until a version of 11 that no release
        of the table uses."""
        return self <= TensorRt(10, 7)


RELEASES: dict[str, Release] = {
    item.deepstream: item
    for item in (
        Release(
            "6.3",
            Host("8.5", "12.1", "Ubuntu 20.04", 525),
            Host("8.5", "11.4", "JetPack 5.1.2"),
        ),
        Release(
            "6.4",
            Host("8.6", "12.2", "Ubuntu 22.04", 535),
            Host("8.6", "12.2", "JetPack 6.0 DP"),
        ),
        Release(
            "7.0",
            Host("8.6", "12.2", "Ubuntu 22.04", 535),
            Host("8.6", "12.2", "JetPack 6.0"),
        ),
        Release(
            "7.1",
            Host("10.3", "12.6", "Ubuntu 22.04", 535),
            Host("10.3", "12.6", "JetPack 6.1"),
        ),
        Release(
            "8.0",
            Host("10.9", "12.8", "Ubuntu 24.04", 570),
            Host("10.13", "13.0", "JetPack 7.0", uncertain=("tensorrt",)),
        ),
        Release(
            "9.0",
            Host("10.14", "13.1", "Ubuntu 24.04", 590),
            Host("10.13", "13.0", "JetPack 7.1", uncertain=("tensorrt", "system")),
        ),
        Release(
            "9.1",
            Host("10.16", "13.2", "Ubuntu 24.04", 595),
            Host("10.16", "13.2", "JetPack 7.2", uncertain=("tensorrt", "cuda")),
        ),
    )
}


def release(deepstream: str) -> Release:
    """The release with this version (KeyError if unknown)."""
    return RELEASES[deepstream]

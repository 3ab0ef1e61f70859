"""DeepStream releases and what comes with them. The one table of versions."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["RELEASES", "Release", "release"]


@dataclass(frozen=True)
class Release:
    """One DeepStream release for discrete GPUs: the TensorRT and CUDA it was built for, and its Ubuntu."""

    deepstream: str
    tensorrt: str
    cuda: str
    ubuntu: str

    @property
    def major(self) -> int:
        """The first number of the release; the parser ABI changed with 9."""
        return int(self.deepstream.split(".")[0])


RELEASES: dict[str, Release] = {
    item.deepstream: item
    for item in (
        Release("6.3", "8.5", "12.1", "20.04"),
        Release("6.4", "8.6", "12.2", "22.04"),
        Release("7.0", "8.6", "12.2", "22.04"),
        Release("7.1", "10.3", "12.6", "22.04"),
        Release("8.0", "10.9", "12.8", "24.04"),
        Release("9.0", "10.14", "13.1", "24.04"),
        Release("9.1", "10.16", "13.2", "24.04"),
    )
}


def release(deepstream: str) -> Release:
    """The release with this version (KeyError if unknown)."""
    return RELEASES[deepstream]

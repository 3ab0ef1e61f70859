"""The programs of each toolchain, by the names under which they are called."""

from __future__ import annotations

from dataclasses import dataclass

from dsimport.compiler.model import Toolchain

__all__ = ["BUILD_ENGINE", "Tools", "tools_of"]

BUILD_ENGINE = "dsimport-build-engine"  # trtexec's building half through TensorRT's Python API


@dataclass(frozen=True)
class Tools:
    """Program names of one toolchain. `programs`: all that must be on PATH; `modules`: Python modules they import;
    `engine`: what an engine belongs to (see `runtime/toolversions`): with another of these it has to be built anew.
    `has_api`: whether engines can be built through a Python module, too.
    """

    trtexec: str
    deepstream_app: str
    modules: tuple[str, ...]
    engine: tuple[str, ...]
    has_api: bool

    @property
    def programs(self) -> tuple[str, ...]:
        return ("g++", "make", "timeout", self.trtexec, self.deepstream_app)


def tools_of(toolchain: Toolchain) -> Tools:
    """The programs that a plan for this toolchain calls."""
    if toolchain == "reference":
        return Tools("ref-trtexec", "ref-deepstream-app", ("av", "cv2", "onnxruntime"), ("ref-trtexec",), False)
    return Tools("trtexec", "deepstream-app", (), ("TensorRT", "GPU"), True)

"""A stand-in for TensorRT-RTX: like the other one, without weak types, for GPUs that are not here; it can crash."""

from __future__ import annotations

import enum
import os
from pathlib import Path

import tensorrt
from tensorrt import (
    ILogger,
    MemoryPoolType,
    NetworkDefinitionCreationFlag,
)

__version__ = "1.7.1.116"
__all__ = [
    "Builder",
    "BuilderFlag",
    "ComputeCapability",
    "ILogger",
    "MemoryPoolType",
    "NetworkDefinitionCreationFlag",
    "OnnxParser",
]


class BuilderFlag(enum.IntEnum):
    TF32 = 0


class ComputeCapability(enum.Enum):
    SM86 = 86


class OnnxParser(tensorrt.OnnxParser):
    def parse_from_file(self, path: str) -> bool:
        if Path(path).read_bytes().startswith(b"crash"):
            os.abort()
        return super().parse_from_file(path)


class Config(tensorrt.Config):
    num_compute_capabilities = 0

    def set_compute_capability(self, capability: ComputeCapability, index: int) -> None:
        assert index < self.num_compute_capabilities
        self.said.append(capability.name)


class Builder(tensorrt.Builder):
    def create_builder_config(self) -> Config:
        return Config()

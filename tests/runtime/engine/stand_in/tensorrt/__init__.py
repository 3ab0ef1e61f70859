"""A stand-in for TensorRT 10's Python module: parses any file that says so, and builds a text of what it was asked for.

It has the calls that dsimport makes and no others, so a call that TensorRT does not have is an error here too; that the
real module has them is seen with TensorRT-RTX, in tests/live.
"""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Any

__version__ = "10.16.1.11"


class BuilderFlag(enum.IntEnum):
    FP16 = 0


class MemoryPoolType(enum.Enum):
    WORKSPACE = 0


class NetworkDefinitionCreationFlag(enum.IntEnum):
    STRONGLY_TYPED = 1


class ILogger:
    class Severity(enum.Enum):
        INTERNAL_ERROR = 0
        ERROR = 1
        WARNING = 2
        INFO = 3
        VERBOSE = 4

    def log(self, severity: Severity, message: str) -> None:
        raise NotImplementedError


class Tensor:
    name = "images"
    shape = (-1, 3, 8, 8)


class Network:
    num_inputs = 1

    def __init__(self, flags: int) -> None:
        self.flags = flags

    def get_input(self, index: int) -> Tensor:
        return [Tensor()][index]


class Error:
    def code(self) -> str:
        return "ErrorCode.UNSUPPORTED_NODE"

    def desc(self) -> str:
        return "no such operator"

    def node_name(self) -> str:
        return "/head/Odd"

    def node_operator(self) -> str:
        return "Odd"


class OnnxParser:
    num_errors = 0

    def __init__(self, network: Network, logger: ILogger) -> None:
        self._logger = logger

    def parse_from_file(self, path: str) -> bool:
        content = Path(path).read_bytes()
        self._logger.log(ILogger.Severity.INFO, f"read {len(content)} bytes")
        self._logger.log(ILogger.Severity.VERBOSE, "every detail")
        if content.startswith(b"odd"):
            self._logger.log(ILogger.Severity.ERROR, 'While parsing node number 3 [Odd -> "y"]:')
            self.num_errors = 1
        return self.num_errors == 0

    def get_error(self, index: int) -> Error:
        return [Error()][index]


class TimingCache:
    def __init__(self, content: bytes) -> None:
        self.content = content

    def serialize(self) -> bytes:
        return self.content + b"+"


class Profile:
    def __init__(self) -> None:
        self.shapes: dict[str, Any] = {}

    def set_shape(self, name: str, low: Any, best: Any, high: Any) -> None:
        self.shapes[name] = (low, best, high)


class Config:
    builder_optimization_level = 3

    def __init__(self) -> None:
        self.said: list[str] = []
        self.cache: TimingCache | None = None

    def set_memory_pool_limit(self, pool: MemoryPoolType, size: int) -> None:
        self.said.append(f"{pool.name} {size}")

    def set_flag(self, flag: BuilderFlag) -> None:
        self.said.append(flag.name)

    def create_timing_cache(self, content: bytes) -> TimingCache | None:
        return None if content.startswith(b"damaged") else TimingCache(content)

    def set_timing_cache(self, cache: TimingCache, ignore_mismatch: bool) -> bool:
        self.cache = cache
        return True

    def get_timing_cache(self) -> TimingCache | None:
        return self.cache

    def add_optimization_profile(self, profile: Profile) -> int:
        self.said.append(f"{profile.shapes}")
        return 0


class Builder:
    def __init__(self, logger: ILogger) -> None:
        self._logger = logger

    def create_network(self, flags: int) -> Network:
        return Network(flags)

    def create_builder_config(self) -> Config:
        return Config()

    def create_optimization_profile(self) -> Profile:
        return Profile()

    def build_serialized_network(self, network: Network, config: Config) -> bytes | None:
        said = [f"flags {network.flags}", f"level {config.builder_optimization_level}", *config.said]
        if any("1024, 3" in line for line in said):
            self._logger.log(ILogger.Severity.ERROR, "Error Code 2: OutOfMemory (Requested size was 9 bytes.)")
            return None
        return "\n".join(said).encode()

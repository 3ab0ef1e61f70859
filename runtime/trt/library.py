"""TensorRT's Python module, whichever there is: TensorRT itself, or TensorRT-RTX, which needs no GPU to build."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

__all__ = ["RTX_MODULES", "Library", "LibraryMissing", "has_rtx", "has_tensorrt", "load_rtx", "load_tensorrt"]

RTX_MODULES = ("tensorrt_rtx", "tensorrt_rtx_bindings")
# The wheel of the bindings has no libraries; they come inside this package. The order is that of their dependences.
_RTX_LIBRARIES = "onnxruntime_ep_nv_tensorrt_rtx"
_RTX_ORDER = ("libcudart.so*", "libtensorrt_rtx.so*", "libtensorrt_onnxparser_rtx.so*")


class LibraryMissing(Exception):
    """There is no such module, or its libraries cannot be loaded; the text says which, in one line."""


@dataclass(frozen=True)
class Library:
    """A loaded module with TensorRT's API.

    label: `TensorRT` or `TensorRT-RTX`. targets: names of compute capabilities to build for where the library can do
    so without a GPU; empty: for the GPU of this host.
    """

    module: Any
    label: str
    targets: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """As the module has it: `10.16.1.11`."""
        return str(self.module.__version__)

    @property
    def weakly_typed(self) -> bool:
        """Whether the builder may choose precisions. TensorRT 11 and TensorRT-RTX take the types of the network."""
        return hasattr(self.module.BuilderFlag, "FP16")


def has_tensorrt() -> bool:
    """Whether TensorRT's Python module is installed."""
    return find_spec("tensorrt") is not None


def has_rtx() -> bool:
    """Whether TensorRT-RTX is installed."""
    return any(find_spec(name) is not None for name in RTX_MODULES)


def load_tensorrt() -> Library:
    """TensorRT of this host. Raises LibraryMissing."""
    return Library(_import(("tensorrt",)), "TensorRT")


def load_rtx(targets: Sequence[str] = ("SM86",)) -> Library:
    """TensorRT-RTX, for GPUs that are not here. Raises LibraryMissing."""
    _load_shared(_RTX_LIBRARIES, _RTX_ORDER)
    return Library(_import(RTX_MODULES), "TensorRT-RTX", tuple(targets))


def _import(names: Sequence[str]) -> Any:
    for name in names:
        if find_spec(name) is not None:
            try:
                return import_module(name)
            except (ImportError, OSError) as error:
                raise LibraryMissing(f"the Python module {name} cannot be loaded: {error}") from None
    raise LibraryMissing(f"the Python module {names[0]} is not installed")


def _load_shared(package: str, patterns: Sequence[str]) -> None:
    """Load the shared libraries that come inside a package, so that modules find them by name."""
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec is not None else []:
        for pattern in patterns:
            for path in sorted(Path(folder).glob(pattern)):
                try:
                    ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
                except OSError as error:
                    raise LibraryMissing(f"{path.name} cannot be loaded: {error}") from None

"""Calls a compiled bounding-box parser through nvinfer's C++ interface, without a line of C++.

Arguments are libstdc++ containers: a const vector is three pointers that the callee only reads, so they are built
here. The output vector starts empty; the parser's own code grows it, its capacity is reused from frame to frame, and
`operator delete` of libstdc++ frees it. Layouts: x86-64 and aarch64, DeepStream 9 (28-byte objects) and 8 (24).
"""

from __future__ import annotations

import ctypes
import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["OBJECT_SIZES", "Parser", "ParserError", "ParserFailed", "object_dtype"]

OBJECT_SIZES = {8: 24, 9: 28}  # DeepStream major version: bytes of NvDsInferObjectDetectionInfo
_SIZE_SYMBOL = "dsimport_parser_object_size"
_MAX_DIMS = 8
_FIELDS = ("left", "top", "width", "height", "confidence", "rotation")


class ParserError(Exception):
    """The library or its function cannot be used."""


class ParserFailed(Exception):
    """The parser returned false."""


class _Dims(ctypes.Structure):
    _fields_ = (("num_dims", ctypes.c_uint), ("d", ctypes.c_uint * _MAX_DIMS), ("num_elements", ctypes.c_uint))


class _LayerInfo(ctypes.Structure):
    _fields_ = (
        ("data_type", ctypes.c_int),
        ("dims", _Dims),
        ("binding_index", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("buffer", ctypes.c_void_p),
        ("is_input", ctypes.c_int),
    )


class _NetworkInfo(ctypes.Structure):
    _fields_ = (("width", ctypes.c_uint), ("height", ctypes.c_uint), ("channels", ctypes.c_uint))


class _Vector(ctypes.Structure):
    _fields_ = (("begin", ctypes.c_void_p), ("end", ctypes.c_void_p), ("storage_end", ctypes.c_void_p))

    @classmethod
    def over(cls, array: Any) -> _Vector:
        """A vector that shows a ctypes array; the array must outlive it."""
        begin = ctypes.addressof(array)
        return cls(begin, begin + ctypes.sizeof(array), begin + ctypes.sizeof(array))


class _DetectionParams(ctypes.Structure):
    _fields_ = (
        ("num_classes", ctypes.c_uint),
        ("pre_thresholds", _Vector),
        ("post_thresholds", _Vector),
        ("thresholds", ctypes.c_void_p),  # a C++ reference to pre_thresholds
    )


def object_dtype(size: int) -> Any:
    """numpy's structured dtype of NvDsInferObjectDetectionInfo with `size` bytes (24 or 28)."""
    import numpy as np

    floats = _FIELDS[: (size - 4) // 4]
    return np.dtype([("class_id", "<u4"), *((name, "<f4") for name in floats)])


class Parser:
    """One loaded parser function with its arguments. Not for use by two threads at once; call `close` at the end."""

    def __init__(
        self,
        library: str,
        function: str,
        *,
        layers: Sequence[tuple[str, int]],
        network: tuple[int, int, int],
        pre_thresholds: Sequence[float],
        post_thresholds: Sequence[float],
        object_size: int | None = None,
    ) -> None:
        """layers: (name, data type) of every output. network: width, height, channels. object_size: bytes per object;
        None takes what the library says of itself, else 28. Raises ParserError."""
        self._library = _open(library)
        self.object_size = _object_size(self._library, library, object_size)
        self._function = _function(self._library, library, function)
        self._dtype = object_dtype(self.object_size)
        self._layers = (_LayerInfo * len(layers))()
        for index, (name, data_type) in enumerate(layers):
            self._layers[index].name = name.encode("utf-8", "surrogateescape")
            self._layers[index].data_type = data_type
            self._layers[index].binding_index = index + 1  # 0 is the image
        self._layer_vector = _Vector.over(self._layers)
        self._network = _NetworkInfo(*network)
        self._thresholds = [(ctypes.c_float * len(items))(*items) for items in (pre_thresholds, post_thresholds)]
        self._params = _DetectionParams(len(pre_thresholds), *map(_Vector.over, self._thresholds))
        self._params.thresholds = ctypes.addressof(self._params) + _DetectionParams.pre_thresholds.offset
        self._out = _Vector()

    def parse(self, outputs: Sequence[NDArray[Any]], index: int) -> NDArray[Any]:
        """Objects of image `index` of a batch, in the network's pixels, as a structured array of its own.

        outputs: one C-contiguous array per layer, batch first. Raises ParserFailed, and ParserError where the vector
        that comes back cannot hold such objects.
        """
        import numpy as np

        for info, array in zip(self._layers, outputs, strict=True):
            _describe(info, array, index)
        self._out.end = self._out.begin
        arguments = (self._layer_vector, self._network, self._params, self._out)
        if not self._function(*map(ctypes.addressof, arguments)):
            raise ParserFailed
        begin = self._out.begin or 0
        length = (self._out.end or 0) - begin
        if length % self.object_size or length < 0:
            raise ParserError(
                f"the parser returned {length} bytes, which are no whole number of {self.object_size}-byte objects: "
                "it was compiled for another DeepStream version"
            )
        if length == 0:
            return np.empty(0, self._dtype)
        return np.frombuffer(ctypes.string_at(begin, length), self._dtype)

    def close(self) -> None:
        """Free what the parser allocated for its results."""
        if self._out.begin:
            delete = ctypes.CDLL("libstdc++.so.6")._ZdlPv
            delete.argtypes, delete.restype = [ctypes.c_void_p], None
            delete(self._out.begin)
            self._out = _Vector()


def _open(path: str) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(path, mode=os.RTLD_LAZY | os.RTLD_LOCAL)
    except (OSError, ValueError) as error:
        raise ParserError(f"Could not open custom lib: {error}") from None


def _function(library: ctypes.CDLL, path: str, name: str) -> Any:
    try:
        function = library[name]
    except (AttributeError, ValueError):
        raise ParserError(f"Could not find bbox parse function {name!r} in {path}") from None
    function.restype = ctypes.c_bool
    function.argtypes = [ctypes.c_void_p] * 4
    return function


def _object_size(library: ctypes.CDLL, path: str, wanted: int | None) -> int:
    try:
        said = ctypes.c_uint.in_dll(library, _SIZE_SYMBOL).value
    except ValueError:
        return wanted or OBJECT_SIZES[9]
    if said not in OBJECT_SIZES.values() or wanted not in (None, said):
        shown = wanted or " or ".join(map(str, OBJECT_SIZES.values()))
        raise ParserError(f"{path} was compiled for objects of {said} bytes, not {shown}: {_SIZE_SYMBOL} says so")
    return said


def _describe(info: Any, array: NDArray[Any], index: int) -> None:
    """Dims and address of one image of an output, as nvinfer makes them: the first dimension is taken off."""
    shape = array.shape
    dims = shape[1:] if len(shape) > 1 else (1,) * len(shape)
    elements = math.prod(dims) if dims else 0
    if dims and index >= shape[0]:
        raise ParserError(
            f"output {info.name.decode('utf-8', 'replace')!r} has {shape[0]} rows for an image {index}: it has no "
            "batch dimension, and nvinfer would read beyond its end"
        )
    if len(dims) != info.dims.num_dims or tuple(info.dims.d[: len(dims)]) != dims:
        info.dims.num_dims = len(dims)
        info.dims.num_elements = elements
        for position in range(_MAX_DIMS):
            info.dims.d[position] = dims[position] if position < len(dims) else 0
    info.buffer = array.ctypes.data + index * elements * array.itemsize

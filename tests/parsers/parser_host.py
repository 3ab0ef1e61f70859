"""A host for compiled parsers: what nvinfer does around them, through the C ABI, by ctypes."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["OBJECT", "Parser"]

OBJECT = np.dtype(
    [(name, "<f4" if name != "class_id" else "<u4") for name in ("class_id", "left", "top", "width", "height", "score")]
    + [("rotation", "<f4")]
)
DATA_TYPES = {"float32": 0, "float16": 1, "int8": 2, "int32": 3, "int64": 4, "uint8": 5}


class Dims(ctypes.Structure):
    _fields_ = [("rank", ctypes.c_uint), ("d", ctypes.c_uint * 8), ("elements", ctypes.c_uint)]


class Layer(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("dims", Dims),
        ("binding", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("buffer", ctypes.c_void_p),
        ("is_input", ctypes.c_int),
    ]


class Network(ctypes.Structure):
    _fields_ = [("width", ctypes.c_uint), ("height", ctypes.c_uint), ("channels", ctypes.c_uint)]


class Vector(ctypes.Structure):
    """libstdc++'s std::vector."""

    _fields_ = [("begin", ctypes.c_void_p), ("end", ctypes.c_void_p), ("storage", ctypes.c_void_p)]


class Params(ctypes.Structure):
    _fields_ = [("classes", ctypes.c_uint), ("pre", Vector), ("post", Vector), ("reference", ctypes.c_void_p)]


assert (ctypes.sizeof(Layer), ctypes.sizeof(Params), OBJECT.itemsize) == (72, 64, 28)
_delete = ctypes.CDLL("libstdc++.so.6")["_ZdlPv"]
_delete.argtypes = [ctypes.c_void_p]


def _vector_over(array: ctypes.Array[Any]) -> Vector:
    begin = ctypes.addressof(array)
    end = begin + ctypes.sizeof(array)
    return Vector(begin, end, end)


class Parser:
    """One loaded parser library. `out` is reused from call to call, as nvinfer does; only the parser grows it."""

    def __init__(self, library: Path, function: str) -> None:
        loaded = ctypes.CDLL(str(library))
        self._call = loaded[function]
        self._call.restype = ctypes.c_bool
        self._call.argtypes = [ctypes.c_void_p] * 4
        self.object_size = ctypes.c_uint.in_dll(loaded, "dsimport_parser_object_size").value
        self._out = Vector(None, None, None)

    def __enter__(self) -> Parser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free what the parser allocated for objects."""
        if self._out.begin:
            _delete(self._out.begin)
        self._out = Vector(None, None, None)

    @property
    def capacity(self) -> int:
        """Bytes the object list holds."""
        return (self._out.storage or 0) - (self._out.begin or 0)

    def __call__(
        self,
        tensors: Mapping[str, npt.NDArray[Any]],
        *,
        width: int,
        height: int,
        thresholds: Sequence[float],
        shapes: Mapping[str, Sequence[int]] | None = None,
        types: Mapping[str, int] | None = None,
        null: str | None = None,
    ) -> npt.NDArray[Any]:
        """Objects (dtype OBJECT) for one frame's tensors, without batch dimension.

        shapes, types: what to tell the parser instead of the truth. null: the tensor whose buffer is missing.
        """
        layers = (Layer * len(tensors))()
        keep = []
        for layer, (name, array) in zip(layers, tensors.items(), strict=True):
            flat = np.ascontiguousarray(array)
            keep.append(flat)
            shape = tuple((shapes or {}).get(name, flat.shape))
            layer.type = (types or {}).get(name, DATA_TYPES[flat.dtype.name])
            layer.dims = Dims(len(shape), (ctypes.c_uint * 8)(*shape), flat.size)
            layer.name = name.encode()
            layer.buffer = None if name == null else flat.ctypes.data
        pre = (ctypes.c_float * len(thresholds))(*thresholds)
        params = Params(len(thresholds), _vector_over(pre), Vector(None, None, None), None)
        params.reference = ctypes.addressof(params) + Params.pre.offset
        network = Network(width, height, 3)
        self._out.end = self._out.begin
        outputs = _vector_over(layers)
        pointers = [ctypes.byref(item) for item in (outputs, network, params, self._out)]
        assert self._call(*pointers) is True
        if not self._out.begin:
            return np.empty(0, OBJECT)
        size = (self._out.end or 0) - self._out.begin
        return np.frombuffer(ctypes.string_at(self._out.begin, size), OBJECT)

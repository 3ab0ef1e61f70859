"""The reference toolchain's engine file: the ONNX model, the shape range it was built for, and a checksum.

Layout, little endian: magic (8 bytes), format (u32), header length (u32), header (JSON), model length (u64), model
(ONNX, external data embedded), sha256 of everything before it (32 bytes). Nothing in it depends on the time, the
machine or the path, so the same model and options give the same bytes.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import struct
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dsimport.compiler.diagnostics import DsimportError
from dsimport.runtime.atomic import write_bytes

__all__ = ["ENGINE_FORMAT", "EngineError", "EngineMeta", "InputProfile", "read_engine", "write_engine", "write_whole"]

ENGINE_FORMAT = 1
_MAGIC = b"DSREFENG"
_FIXED = struct.Struct("<II")  # format, header length
_LENGTH = struct.Struct("<Q")
_DIGEST_BYTES = 32
_MAX_HEADER = 1 << 20
_MAX_RANK = 8  # as TensorRT


class EngineError(Exception):
    """The file is not an engine that this version can use; the text says why, in one line."""


@dataclass(frozen=True)
class InputProfile:
    """The shape range of one input. For a static input the three are equal."""

    name: str
    min_shape: tuple[int, ...]
    opt_shape: tuple[int, ...]
    max_shape: tuple[int, ...]


@dataclass(frozen=True)
class EngineMeta:
    """What an engine was built from.

    format: `ENGINE_FORMAT` at the time of writing.
    input_name, min_shape, opt_shape, max_shape: the first input and its optimisation profile, N, C, H, W for detectors.
    precision: what was asked for (`fp32`, `fp16`, `int8`, …); the reference computes in the model's own types.
    onnx_sha256: hex digest of the embedded model's bytes.
    builder: program and version that wrote the file.
    more_inputs: profiles of the second and further inputs.
    """

    format: int
    input_name: str
    min_shape: tuple[int, ...]
    opt_shape: tuple[int, ...]
    max_shape: tuple[int, ...]
    precision: str
    onnx_sha256: str
    builder: str
    more_inputs: tuple[InputProfile, ...] = field(default=())

    @property
    def profiles(self) -> tuple[InputProfile, ...]:
        """The profile of every input, the first one included."""
        return (InputProfile(self.input_name, self.min_shape, self.opt_shape, self.max_shape), *self.more_inputs)


def write_whole(path: Path, data: bytes) -> None:
    """Put a file in its place complete and on disk, or not at all. Unlike `write_bytes`, as a C++ program would:
    the folder must exist, and failure is an OSError."""
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path.parent))
    try:
        write_bytes(path, data)
    except DsimportError as error:
        if isinstance(error.__cause__, OSError):
            raise error.__cause__ from None
        raise


def write_engine(path: Path, meta: EngineMeta, onnx: bytes) -> None:
    """Write an engine, atomically. Raises OSError, and ValueError where `meta` could not be read back."""
    header = json.dumps(asdict(meta), sort_keys=True, separators=(",", ":")).encode("ascii")
    if _meta_of(json.loads(header)) != meta or meta.onnx_sha256 != hashlib.sha256(onnx).hexdigest():
        raise ValueError("engine header does not describe the model")
    data = b"".join((_MAGIC, _FIXED.pack(ENGINE_FORMAT, len(header)), header, _LENGTH.pack(len(onnx)), onnx))
    write_whole(path, data + hashlib.sha256(data).digest())


def read_engine(path: Path) -> tuple[EngineMeta, bytes]:
    """Header and ONNX bytes of an engine file, checksum verified.

    Raises EngineError for a file that is missing, truncated, damaged, of a newer format, or not an engine at all.
    """
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: NUL byte in the path
        raise EngineError(f"cannot read engine file: {getattr(error, 'strerror', None) or error}") from None
    if data[: len(_MAGIC)] != _MAGIC[: len(data)] or not data:
        raise EngineError("not an engine of the reference toolchain (an engine made by TensorRT runs on its GPU only)")
    at = len(_MAGIC) + _FIXED.size
    if len(data) < at:
        raise EngineError(_truncated(data))
    written_as, header_length = _FIXED.unpack_from(data, len(_MAGIC))
    if written_as != ENGINE_FORMAT:
        age = "a newer" if written_as > ENGINE_FORMAT else "an older"
        raise EngineError(f"engine format {written_as} is {age} one than this version's {ENGINE_FORMAT}: rebuild it")
    if header_length > _MAX_HEADER:
        raise EngineError("engine header is damaged")
    model_at = at + header_length + _LENGTH.size
    if len(data) < model_at:
        raise EngineError(_truncated(data))
    end = model_at + _LENGTH.unpack_from(data, at + header_length)[0]
    if len(data) < end + _DIGEST_BYTES:
        raise EngineError(_truncated(data))
    view = memoryview(data)
    if hashlib.sha256(view[:end]).digest() != data[end:]:
        raise EngineError("engine file is damaged: its checksum does not match")
    try:
        meta = _meta_of(json.loads(data[at : at + header_length]))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise EngineError("engine header is damaged") from None
    return meta, data[model_at:end]


def _truncated(data: bytes) -> str:
    return f"engine file is truncated after {len(data)} bytes"


def _meta_of(header: Any) -> EngineMeta:
    """The header as a value; ValueError, KeyError or TypeError where it is not one."""
    first = _profile_of({**header, "name": header["input_name"]})
    return EngineMeta(
        format=_checked(header["format"], int),
        input_name=first.name,
        min_shape=first.min_shape,
        opt_shape=first.opt_shape,
        max_shape=first.max_shape,
        precision=_checked(header["precision"], str),
        onnx_sha256=_checked(header["onnx_sha256"], str),
        builder=_checked(header["builder"], str),
        more_inputs=tuple(_profile_of(item) for item in _checked(header["more_inputs"], list)),
    )


def _profile_of(item: Any) -> InputProfile:
    low, best, high = (_shape_of(item[key]) for key in ("min_shape", "opt_shape", "max_shape"))
    if not len(low) == len(best) == len(high):
        raise ValueError("shapes differ in rank")
    if not all(a <= b <= c for a, b, c in zip(low, best, high, strict=True)):
        raise ValueError("shapes are not in the order min, opt, max")
    return InputProfile(_checked(item["name"], str), low, best, high)


def _shape_of(value: Any) -> tuple[int, ...]:
    dims = tuple(_checked(dim, int) for dim in _checked(value, list))
    if len(dims) > _MAX_RANK or any(dim < 0 for dim in dims):
        raise ValueError("not a shape")
    return dims


def _checked(value: Any, kind: type) -> Any:
    if type(value) is not kind:  # not isinstance: True is an int
        raise TypeError(f"not {kind.__name__}")
    return value

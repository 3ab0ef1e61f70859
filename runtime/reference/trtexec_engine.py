"""The building half of ref-trtexec: a checked ONNX model with its shape ranges, as an engine in memory and on disk."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from dsimport._version import VERSION
from dsimport.runtime.formats.trtexec import cpp_float
from dsimport.runtime.onnx_file import GraphError, read_model, serialize
from dsimport.runtime.reference.engine_file import (
    ENGINE_FORMAT,
    EngineError,
    EngineMeta,
    InputProfile,
    read_engine,
    write_engine,
    write_whole,
)
from dsimport.runtime.reference.session import Session, SessionError, TensorInfo, open_session
from dsimport.runtime.reference.trtexec_options import Options, ShapeRange
from dsimport.runtime.reference.trtexec_signals import cleaning_up
from dsimport.runtime.reference.trtexec_values import Shape
from dsimport.runtime.trtexec_console import Say

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BUILDER", "Engine", "Failure", "Say", "build_engine", "load_engine", "random_inputs", "shapes_to_run"]

BUILDER = f"ref-trtexec {VERSION}"
_MIB = 1 << 20
_CACHE_FORMAT = 1
_SEED = 1  # fixed: two runs measure the same work
_STATIC = (
    "Static model does not take explicit shapes since the shape of inference tensors will be determined by the model "
    "itself"
)

T = TypeVar("T")


class Failure(Exception):
    """The run fails; `reasons` are the [E] lines that say why, the innermost first."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True)
class Engine:
    """A model that is ready to run: its header, its bytes, and an open session."""

    meta: EngineMeta
    onnx: bytes
    session: Session


def build_engine(options: Options, say: Say) -> Engine:
    """Build the engine that the options describe and save it where they say so. Raises Failure."""
    try:
        engine = _build(Path(options.onnx or "").expanduser(), options, say)
    except Failure as error:
        raise Failure(*error.reasons, "Engine could not be created from network", "Building engine failed") from None
    if options.save_engine is not None:
        path = Path(options.save_engine)
        try:
            with cleaning_up():
                write_engine(path, engine.meta, engine.onnx)
        except (OSError, ValueError) as error:
            raise Failure(
                f"Cannot open engine file: {path}: {_os_reason(error)}", "Saving engine to file failed."
            ) from None
    return engine


def load_engine(path: Path, say: Say) -> Engine:
    """Read an engine file and open its model. Raises Failure."""
    started = time.perf_counter()
    try:
        meta, onnx = read_engine(path)
    except EngineError as error:
        raise Failure(f"Error opening engine file: {path}: {error}") from None
    say("I", f"Engine loaded in {_seconds_since(started)} sec.")
    say("I", f"Loaded engine with size: {cpp_float(path.stat().st_size / _MIB)} MiB")
    started = time.perf_counter()
    session = _open(onnx)
    if [profile.name for profile in meta.profiles] != [info.name for info in session.inputs]:
        raise Failure(
            f"{path}: the engine's header and its model name different inputs", "Engine deserialization failed"
        )
    say("I", f"Engine deserialized in {_seconds_since(started)} sec.")
    return Engine(meta, onnx, session)


def _build(path: Path, options: Options, say: Say) -> Engine:
    started = time.perf_counter()
    say("I", "Start parsing network model.")
    try:
        onnx = serialize(read_model(path))
    except GraphError as error:
        raise Failure(str(error), "Failed to parse onnx file") from None
    session = _open(onnx)
    say("I", f"Finished parsing network model. Parse time: {_seconds_since(started)}")
    started = time.perf_counter()
    profiles = _profiles(session, options.profile, say)
    first, *others = profiles
    meta = EngineMeta(
        format=ENGINE_FORMAT,
        input_name=first.name,
        min_shape=first.min_shape,
        opt_shape=first.opt_shape,
        max_shape=first.max_shape,
        precision=options.precision,
        onnx_sha256=hashlib.sha256(onnx).hexdigest(),
        builder=BUILDER,
        more_inputs=tuple(others),
    )
    engine = Engine(meta, onnx, session)
    if not options.skip_inference:
        run_once(engine, {profile.name: profile.opt_shape for profile in profiles})
    say("I", f"Created engine with size: {cpp_float(len(onnx) / _MIB)} MiB")
    say("I", f"Engine built in {_seconds_since(started)} sec.")
    if options.timing_cache:
        _update_timing_cache(Path(options.timing_cache), meta, options.optimization_level, say)
    return engine


def _open(onnx: bytes) -> Session:
    try:
        session = open_session(onnx)
    except SessionError as error:
        raise Failure(f"ONNX Runtime: {error}", "Failed to parse onnx file") from None
    if not session.inputs:
        raise Failure("the model has no inputs")
    return session


def _profiles(session: Session, given: Mapping[str, ShapeRange], say: Say) -> list[InputProfile]:
    """The shape range of every input: given, taken from the model, or 1 where neither says anything."""
    names = [info.name for info in session.inputs]
    for pattern in given:
        if not any(matches(pattern, name) for name in names):
            raise Failure(
                f'Cannot find input tensor with name "{pattern}" in the network inputs! '
                f"Please make sure the input tensor names are correct. The network has: {', '.join(names)}"
            )
    if given and not any(map(_is_dynamic, (*session.inputs, *session.outputs))):
        raise Failure(_STATIC)
    return [_profile_of(info, find(given, info.name), say) for info in session.inputs]


def _profile_of(info: TensorInfo, given: ShapeRange | None, say: Say) -> InputProfile:
    if not _is_dynamic(info):
        fixed = tuple(dim for dim in info.shape if isinstance(dim, int))
        return InputProfile(info.name, fixed, fixed, fixed)
    if given is None:
        ones = tuple(dim if isinstance(dim, int) else 1 for dim in info.shape)
        say(
            "W",
            f"Dynamic dimensions required for input: {info.name}, but no shapes were provided. "
            f"Automatically overriding shape to: {shape_text(ones)}",
        )
        given = ShapeRange(ones, ones, ones)
    for label, shape in (("MIN", given.min), ("OPT", given.opt), ("MAX", given.max)):
        if not _fits(shape, info.shape):
            raise Failure(
                f"Input {info.name} is declared as {shape_text(info.shape)}, which {shape_text(shape)} does not fit",
                f"Error in set dimensions to profile {label}",
            )
    if not all(a <= b <= c for a, b, c in zip(given.min, given.opt, given.max, strict=True)):
        reason = f"Input {info.name}: shapes are not in the order min, opt, max"
        raise Failure(reason, "Required optimization profile is invalid")
    low, best, high = map(shape_text, (given.min, given.opt, given.max))
    say("I", f"Set shape of input tensor {info.name} for optimization profile 0 to: MIN={low} OPT={best} MAX={high}")
    return InputProfile(info.name, given.min, given.opt, given.max)


def shapes_to_run(engine: Engine, wanted: Mapping[str, Shape], say: Say) -> dict[str, Shape]:
    """The shape of every input for the measurement; a batch of 1 where nothing was said. Raises Failure."""
    names = [info.name for info in engine.session.inputs]
    for pattern in wanted:
        if not any(matches(pattern, name) for name in names):
            raise Failure(
                f'Cannot find input tensor with name "{pattern}" in the engine bindings! '
                f"Please make sure the input tensor names are correct. The engine has: {', '.join(names)}",
                "Invalid tensor names found in --shapes flag.",
            )
    shapes = {}
    for info, profile in zip(engine.session.inputs, engine.meta.profiles, strict=True):
        shape = find(wanted, info.name)
        if not _is_dynamic(info):
            if shape is not None and shape != profile.opt_shape:
                raise Failure(
                    f"The engine was built with static shapes for input tensor {info.name} "
                    "but the provided shapes do not match the static shapes!"
                )
            shapes[info.name] = profile.opt_shape
            continue
        if shape is None:
            shape = tuple(dim if isinstance(dim, int) else 1 for dim in info.shape)
            say(
                "W",
                f"Shape missing for input with dynamic shape: {info.name}"
                f"Automatically setting shape to: {shape_text(shape)}",  # no blank before it, as in trtexec
            )
        _check_in_profile(shape, profile)
        say("I", f"Set shape of input tensor {info.name} to: {shape_text(shape)}")
        shapes[info.name] = shape
    return shapes


def _check_in_profile(shape: Shape, profile: InputProfile) -> None:
    low, high = profile.min_shape, profile.max_shape
    if len(shape) != len(low) or not all(a <= b <= c for a, b, c in zip(low, shape, high, strict=True)):
        raise Failure(
            f"Runtime dimension does not satisfy any optimization profile: input {profile.name} is "
            f"{shape_text(shape)}, the engine takes {shape_text(low)} to {shape_text(high)}"
        )


def random_inputs(engine: Engine, shapes: Mapping[str, Shape]) -> dict[str, NDArray[Any]]:
    """Input values for these shapes: reals in -1..1, integers in 0..127. Raises Failure where memory is short."""
    import numpy as np

    generator = np.random.default_rng(_SEED)
    values: dict[str, NDArray[Any]] = {}
    for info in engine.session.inputs:
        shape = shapes[info.name]
        _check_memory(info.name, shape)
        try:
            if info.dtype.startswith("float"):
                real = generator.random(shape, dtype=np.float32)
                values[info.name] = (real * 2 - 1).astype(info.dtype)
            else:
                values[info.name] = generator.integers(0, 2 if info.dtype == "bool" else 128, shape).astype(info.dtype)
        except (MemoryError, ValueError):
            raise _too_big(info.name, shape) from None
    return values


def _check_memory(name: str, shape: Shape) -> None:
    """Linux grants more memory than there is and kills the process that uses it; so ask first."""
    elements = 1
    for dim in shape:
        elements *= dim
    if elements * 4 > os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2:
        raise _too_big(name, shape)


def _too_big(name: str, shape: Shape) -> Failure:
    return Failure(f"Out of memory: input {name} of {shape_text(shape)} does not fit into this machine")


def run_once(engine: Engine, shapes: Mapping[str, Shape]) -> None:
    """One inference at these shapes. Raises Failure."""
    try:
        engine.session.run(random_inputs(engine, shapes))
    except SessionError as error:
        text = ", ".join(f"{name}:{shape_text(shape)}" for name, shape in shapes.items())
        raise Failure(f"ONNX Runtime at {text}: {error}") from None


def _update_timing_cache(path: Path, meta: EngineMeta, level: int, say: Say) -> None:
    """Note this build in the cache. There are no timings on a CPU: the entries only say what was built."""
    entries = _read_timing_cache(path, say)
    text = json.dumps([meta.onnx_sha256, [_plain(p) for p in meta.profiles], meta.precision, level])
    entries.add(hashlib.sha256(text.encode()).hexdigest())
    content = json.dumps({"builder": BUILDER, "entries": sorted(entries), "format": _CACHE_FORMAT}) + "\n"
    try:
        with cleaning_up():
            write_whole(path, content.encode())
    except (OSError, ValueError) as error:
        raise Failure(f"Cannot write timing cache {path}: {_os_reason(error)}") from None
    say("I", f"Saved {len(content)} bytes of timing cache to {path}")


def _read_timing_cache(path: Path, say: Say) -> set[str]:
    try:
        data = path.read_bytes()
        content = json.loads(data)
        if content["format"] != _CACHE_FORMAT or not all(isinstance(key, str) for key in content["entries"]):
            raise ValueError
    except FileNotFoundError:
        say("W", f"Could not read timing cache from: {path}. A new timing cache will be generated and written.")
        return set()
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        say("W", f"Timing cache {path} is damaged or not one of this program. It will be replaced.")
        return set()
    say("I", f"Loaded {len(data)} bytes of timing cache from {path}")
    return set(content["entries"])


def _plain(profile: InputProfile) -> list[Any]:
    return [profile.name, profile.min_shape, profile.opt_shape, profile.max_shape]


def matches(pattern: str, name: str) -> bool:
    """The name is the pattern's, in which the first `*` stands for any text."""
    head, star, tail = pattern.partition("*")
    if not star:
        return pattern == name
    return len(name) >= len(head) + len(tail) and name.startswith(head) and name.endswith(tail)


def find(given: Mapping[str, T], name: str) -> T | None:
    """The value given for an input: under its own name, else under the first pattern that fits."""
    if name in given:
        return given[name]
    return next((given[pattern] for pattern in sorted(given) if matches(pattern, name)), None)


def _is_dynamic(info: TensorInfo) -> bool:
    return not all(isinstance(dim, int) and dim >= 0 for dim in info.shape)


def _fits(shape: Shape, declared: Sequence[int | str | None]) -> bool:
    return len(shape) == len(declared) and all(
        dim >= 0 and (not isinstance(wanted, int) or wanted == dim) for dim, wanted in zip(shape, declared, strict=True)
    )


def shape_text(shape: Sequence[int | str | None]) -> str:
    """`1x3x640x640`, `-1` for a symbolic dimension, `scalar` for none."""
    return "x".join(str(dim if isinstance(dim, int) else -1) for dim in shape) or "scalar"


def _seconds_since(started: float) -> str:
    return cpp_float(time.perf_counter() - started)


def _os_reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)

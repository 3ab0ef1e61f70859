"""From an ONNX file to a serialized engine, through TensorRT's own parser and builder."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsimport.runtime.reference.trtexec_options import ShapeRange
from dsimport.runtime.trt.library import Library
from dsimport.runtime.trtexec_console import Say, Severity

__all__ = ["BuildError", "Network", "ParseError", "Settings", "build", "parse"]

MIB = 1 << 20


class BuildError(Exception):
    """The engine cannot be built; the texts say why, the innermost first."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True)
class ParseError:
    """What the parser says about one node: its name and operator, both empty where it does not tell, and its words."""

    node: str
    operator: str
    code: str
    text: str


@dataclass
class Network:
    """A parsed model with what must stay alive beside it."""

    library: Library
    logger: Any
    builder: Any
    network: Any
    parser: Any

    @property
    def inputs(self) -> dict[str, tuple[int, ...]]:
        """Shapes by name; -1 is dynamic."""
        tensors = (self.network.get_input(index) for index in range(self.network.num_inputs))
        return {tensor.name: tuple(tensor.shape) for tensor in tensors}


@dataclass(frozen=True)
class Settings:
    """How to build. profile: shapes by input. pools: MiB by name. timing_cache: content of an earlier one."""

    profile: Mapping[str, ShapeRange]
    fp16: bool = False
    workspace_mib: float | None = None
    optimization_level: int | None = None
    timing_cache: bytes | None = None


def parse(library: Library, path: Path, say: Say, *, strongly_typed: bool) -> tuple[Network, list[ParseError]]:
    """Parse a file, weights beside it included. say: takes severity and text of each line of TensorRT's log."""
    trt = library.module
    logger = _logger(trt, say)
    builder = trt.Builder(logger)
    network = builder.create_network(_flags(trt, strongly_typed))
    parser = trt.OnnxParser(network, logger)
    errors: list[ParseError] = []
    if not parser.parse_from_file(str(path)):
        errors = [_error(parser.get_error(index)) for index in range(parser.num_errors)]
        errors = errors or [ParseError("", "", "", f"{path.name}: no ONNX model that the parser can read")]
    return Network(library, logger, builder, network, parser), errors


def build(parsed: Network, settings: Settings, say: Say) -> tuple[bytes, bytes | None]:
    """The serialized engine and the timing cache. Raises BuildError."""
    with warnings.catch_warnings():
        # Newer versions deprecate calls that older ones have nothing else for.
        warnings.simplefilter("ignore", DeprecationWarning)
        return _build(parsed, settings, say)


def _build(parsed: Network, settings: Settings, say: Say) -> tuple[bytes, bytes | None]:
    trt = parsed.library.module
    config = parsed.builder.create_builder_config()
    if settings.workspace_mib is not None:
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, int(settings.workspace_mib * MIB))
    if settings.optimization_level is not None:
        config.builder_optimization_level = settings.optimization_level
    if settings.fp16:
        config.set_flag(trt.BuilderFlag.FP16)
    if parsed.library.targets:
        config.num_compute_capabilities = len(parsed.library.targets)
        for index, name in enumerate(parsed.library.targets):
            config.set_compute_capability(getattr(trt.ComputeCapability, name), index)
    if settings.timing_cache is not None:
        cache = config.create_timing_cache(settings.timing_cache)
        if cache is None or not config.set_timing_cache(cache, ignore_mismatch=False):
            config.set_timing_cache(config.create_timing_cache(b""), ignore_mismatch=False)
    _add_profile(parsed, config, settings.profile, say)
    plan = parsed.builder.build_serialized_network(parsed.network, config)
    if plan is None:
        raise BuildError("Engine could not be created from network", "Building engine failed")
    used = config.get_timing_cache() if settings.timing_cache is not None else None
    return bytes(plan), None if used is None else bytes(used.serialize())


def _add_profile(parsed: Network, config: Any, wanted: Mapping[str, ShapeRange], say: Say) -> None:
    inputs = parsed.inputs
    for name in wanted:
        if name not in inputs:
            raise BuildError(
                f'Cannot find input tensor with name "{name}" in the network inputs! '
                f"Please make sure the input tensor names are correct. The network has: {', '.join(inputs)}"
            )
    dynamic = [name for name, shape in inputs.items() if -1 in shape]
    if wanted and not dynamic:
        raise BuildError("Static model does not take explicit shapes since its tensors have the shapes of the model")
    if not dynamic:
        return
    profile = parsed.builder.create_optimization_profile()
    for name in dynamic:
        shapes = wanted.get(name)
        if shapes is None:
            ones = tuple(1 if dim == -1 else dim for dim in inputs[name])
            say("W", f"Dynamic dimensions required for input: {name}, but no shapes were provided; taking {ones}")
            shapes = ShapeRange(ones, ones, ones)
        profile.set_shape(name, shapes.min, shapes.opt, shapes.max)
        text = " ".join(f"{key}={'x'.join(map(str, getattr(shapes, key.lower())))}" for key in ("MIN", "OPT", "MAX"))
        say("I", f"Set shape of input tensor {name} for optimization profile 0 to: {text}")
    if config.add_optimization_profile(profile) < 0:
        raise BuildError("Required optimization profile is invalid")


def _flags(trt: Any, strongly_typed: bool) -> int:
    wanted = ["STRONGLY_TYPED"] if strongly_typed else []
    wanted += ["EXPLICIT_BATCH"] if int(str(trt.__version__).split(".")[0]) in (8, 9) else []
    kinds = trt.NetworkDefinitionCreationFlag
    return sum(1 << int(getattr(kinds, name)) for name in wanted if hasattr(kinds, name))


def _error(error: Any) -> ParseError:
    def said(name: str) -> str:
        value = getattr(error, name, None)  # older parsers know less about a node
        return str(value()) if callable(value) else ""

    code = said("code").rpartition(".")[2]
    return ParseError(said("node_name"), said("node_operator"), code, said("desc"))


def _logger(trt: Any, say: Say) -> Any:
    """A logger of this module that passes lines on."""
    severities: dict[Any, Severity] = {
        trt.ILogger.Severity.INTERNAL_ERROR: "E",
        trt.ILogger.Severity.ERROR: "E",
        trt.ILogger.Severity.WARNING: "W",
        trt.ILogger.Severity.INFO: "I",
        trt.ILogger.Severity.VERBOSE: "V",
    }

    class Logger(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)

        def log(self, severity: Any, message: str) -> None:
            say(severities.get(severity, "E"), f"[TRT] {message}")

    return Logger()

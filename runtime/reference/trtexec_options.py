"""trtexec's command line: which options may stand together, and what they mean as one value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dsimport.runtime.formats.trtexec import cpp_float
from dsimport.runtime.reference.trtexec_table import NOT_IMPLEMENTED, OPTIONS, Option
from dsimport.runtime.reference.trtexec_values import BadValue, Shape

__all__ = ["Options", "ShapeRange", "UnknownOptions", "options_text", "parse_options", "wants_help"]

_WEAK_PRECISIONS = ("fp16", "bf16", "int8", "fp8", "int4")
_POOL_UNITS = {
    **dict.fromkeys(("workspace", "dlaSRAM", "dlaLocalDRAM", "dlaGlobalDRAM"), "MiB"),
    "tacticSharedMem": "KiB",
}


@dataclass(frozen=True)
class ShapeRange:
    """The shapes of one input in an optimisation profile."""

    min: Shape
    opt: Shape
    max: Shape


@dataclass(frozen=True)
class Options:
    """A valid command line.

    profile: ranges by input name, one `*` allowed in it. shapes: what to run, by name.
    pools: memory pools given, in MiB (tacticSharedMem in KiB). precisions: weak ones switched on.
    ineffective: options given that do nothing on a CPU. warnings: what trtexec warns about before it starts.
    """

    onnx: str | None = None
    load_engine: str | None = None
    save_engine: str | None = None
    profile: Mapping[str, ShapeRange] = field(default_factory=dict)
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    pools: Mapping[str, float] = field(default_factory=dict)
    precisions: tuple[str, ...] = ()
    strongly_typed: bool = False
    skip_inference: bool = False
    timing_cache: str | None = None
    optimization_level: int = -1
    iterations: int = 10
    warm_up_ms: float = 200.0
    duration_s: float = 3.0
    idle_ms: float = 0.0
    transfers: bool = True
    average_runs: int = 10
    percentiles: tuple[float, ...] = (90.0, 95.0, 99.0)
    export_times: str | None = None
    export_profile: str | None = None
    dump_profile: bool = False
    separate_profile: bool = False
    verbose: bool = False
    ineffective: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def precision(self) -> str:
        """One word for the engine's header: `fp32`, `fp16+int8`, `strongly-typed`, …"""
        return "strongly-typed" if self.strongly_typed else "+".join(self.precisions) or "fp32"

    @property
    def profiles_layers(self) -> bool:
        """Layer times were asked for."""
        return self.dump_profile or self.export_profile is not None


class UnknownOptions(Exception):
    """Arguments that are left over; `items` are their texts, in the order trtexec lists them."""

    def __init__(self, items: Sequence[str]) -> None:
        super().__init__(", ".join(items))
        self.items = tuple(items)


Arguments = list[tuple[str, str]]


def wants_help(argv: Sequence[str]) -> bool:
    """`--help` or `-h` stands somewhere; trtexec looks for it before anything else."""
    return any(name in ("--help", "-h") for name, _ in _arguments(argv))


def parse_options(argv: Sequence[str]) -> Options:
    """Read the arguments after the program's name.

    Raises BadValue for a value that trtexec refuses, OutOfRange for one it stumbles over, and UnknownOptions for what
    is left over: unknown names, a value set off by a blank, or the second of an option given twice.
    """
    arguments = _arguments(argv)
    given: dict[str, Any] = {}
    for option in OPTIONS:
        _take(arguments, option, given)
    options = _combine(given)
    if arguments:
        raise UnknownOptions([_leftover(name, value) for name, value in sorted(arguments)])
    if options.onnx is None and options.load_engine is None:
        raise BadValue("Model missing or format not recognized")
    return options


def _arguments(argv: Sequence[str]) -> Arguments:
    return [(name, value) for name, _, value in (argument.partition("=") for argument in argv)]


def _take(arguments: Arguments, option: Option, given: dict[str, Any]) -> None:
    """Move the option's first occurrence (every one, where it is repeatable) from the arguments to the values."""
    for argument in [item for item in arguments if item[0] == option.name]:
        arguments.remove(argument)
        value = option.read(argument[1])
        if option.repeatable:
            given.setdefault(option.name, []).append(value)
            continue
        given[option.name] = value
        return


def _leftover(name: str, value: str) -> str:
    text = f"{name} {value}".strip()
    if name in NOT_IMPLEMENTED:
        return f"{text} (an option of trtexec that the reference implementation does not have)"
    return text


def _combine(given: Mapping[str, Any]) -> Options:
    warnings: list[str] = []
    precisions, strongly_typed = _precision(given, warnings)
    if "--loadEngine" in given and "--saveEngine" in given:
        raise BadValue("Incompatible load and save engine options selected")
    if given.get("--plugins"):
        warnings.append("--plugins flag has been deprecated, use --staticPlugins flag instead.")
    if "--streams" in given:
        warnings.append("--streams flag has been deprecated, use --infStreams flag instead.")
    profile, shapes = _shapes(given, warnings)
    defaults = Options()
    return Options(
        onnx=given.get("--onnx"),
        load_engine=given.get("--loadEngine"),
        save_engine=given.get("--saveEngine"),
        profile=profile,
        shapes=shapes,
        pools=given.get("--memPoolSize", {}),
        precisions=precisions,
        strongly_typed=strongly_typed,
        skip_inference="--skipInference" in given,
        timing_cache=None if "--noBuilderCache" in given else given.get("--timingCacheFile") or None,
        optimization_level=given.get("--builderOptimizationLevel", defaults.optimization_level),
        iterations=given.get("--iterations", defaults.iterations),
        warm_up_ms=given.get("--warmUp", defaults.warm_up_ms),
        duration_s=given.get("--duration", defaults.duration_s),
        idle_ms=given.get("--idleTime", defaults.idle_ms),
        transfers="--noDataTransfers" not in given,
        average_runs=given.get("--avgRuns", defaults.average_runs),
        percentiles=given.get("--percentile") or defaults.percentiles,
        export_times=given.get("--exportTimes") or None,
        export_profile=given.get("--exportProfile") or None,
        dump_profile="--dumpProfile" in given,
        separate_profile="--separateProfileRun" in given,
        verbose="--verbose" in given,
        ineffective=tuple(
            sorted(option.name for option in OPTIONS if option.effect == "none" and option.name in given)
        ),
        warnings=tuple(warnings),
    )


def _precision(given: Mapping[str, Any], warnings: list[str]) -> tuple[tuple[str, ...], bool]:
    """The weak precisions that stay switched on, and whether the network is strongly typed."""
    strongly_typed = "--stronglyTyped" in given
    best = "--best" in given
    if best and strongly_typed:
        raise BadValue(
            "--best and --stronglyTyped cannot be both set. --best enables implicit precisions, while "
            "--stronglyTyped enforces explicit precisions."
        )
    on = {name for name in _WEAK_PRECISIONS if f"--{name}" in given} | ({"fp16", "bf16", "int8"} if best else set())
    if strongly_typed:
        warnings += [
            f"Invalid usage, setting {name} mode is not allowed if graph is strongly typed. "
            f"Disabling BuilderFlag::k{name.upper()}."
            for name in _WEAK_PRECISIONS
            if name in on
        ]
        on = set()
    if on:
        warnings.append(
            "Weakly-typed networks have been deprecated in TensorRT. You can use the AutoCast tool to convert the "
            "network to be strongly typed."
        )
    if {"fp8", "int8"} <= on:
        raise BadValue("Invalid usage, fp8 and int8 aren't allowed to be enabled together.")
    return tuple(name for name in _WEAK_PRECISIONS if name in on), strongly_typed


def _shapes(given: Mapping[str, Any], warnings: list[str]) -> tuple[dict[str, ShapeRange], dict[str, Shape]]:
    """The build profile and the shapes to run; what one side lacks comes from the other."""
    profile = _profile(given, warnings)
    shapes: dict[str, Shape] = dict(given.get("--shapes", {}))
    for name, shape_range in profile.items():
        shapes.setdefault(name, shape_range.opt)
    for name, shape in shapes.items():
        profile.setdefault(name, ShapeRange(shape, shape, shape))
    return profile, shapes


_SOURCES = {"min": ("min", "opt", "max"), "opt": ("opt", "max", "min"), "max": ("max", "opt", "min")}


def _profile(given: Mapping[str, Any], warnings: list[str]) -> dict[str, ShapeRange]:
    kinds = {kind: given.get(f"--{kind}Shapes") for kind in ("min", "opt", "max")}
    present = {kind: shapes for kind, shapes in kinds.items() if shapes is not None}
    profile: dict[str, ShapeRange] = {}
    for name in sorted({name for shapes in present.values() for name in shapes}):
        chosen: dict[str, Shape] = {}
        for kind, sources in _SOURCES.items():
            source = next(source for source in sources if source in present)
            if source != kind:
                warnings.append(f"{source}Shapes is being broadcasted to {kind}Shapes for tensor {name}")
            if name not in present[source]:
                raise BadValue(f"--{source}Shapes does not name {name}, which another of the three does")
            chosen[kind] = present[source][name]
        profile[name] = ShapeRange(**chosen)
    return profile


def options_text(options: Options) -> list[str]:
    """The echo of the options at the start of the log."""
    lines = ["=== Model Options ===", f"Format: {'ONNX' if options.onnx is not None else '*'}"]
    lines.append(f"Model: {options.onnx or ''}")
    if options.load_engine is None:
        lines += _build_text(options)
    lines += ["=== Inference Options ===", f"Batch: {'Explicit' if options.shapes else '1'}"]
    lines += [f"Input inference shape : {name}={'x'.join(map(str, shape))}" for name, shape in options.shapes.items()]
    lines += [
        f"Iterations: {options.iterations}",
        f"Duration: {cpp_float(options.duration_s)}s (+ {cpp_float(options.warm_up_ms)}ms warm up)",
        f"Idle time: {cpp_float(options.idle_ms)}ms",
        f"Data transfers: {_enabled(options.transfers)}",
        f"Spin-wait: {_enabled('--useSpinWait' in options.ineffective)}",
        f"CUDA Graph: {_enabled('--useCudaGraph' in options.ineffective)}",
        f"Separate profiling: {_enabled(options.separate_profile)}",
        "=== Reporting Options ===",
        f"Averages: {options.average_runs} inferences",
        f"Percentiles: {','.join(map(cpp_float, options.percentiles))}",
        f"Profile: {_enabled(options.dump_profile)}",
        f"Export timing to JSON file: {options.export_times or ''}",
        f"Export profile to JSON file: {options.export_profile or ''}",
    ]
    return lines


def _build_text(options: Options) -> list[str]:
    pools = [
        f"{pool}: {cpp_float(options.pools[pool])} {unit}" if pool in options.pools else f"{pool}: default"
        for pool, unit in _POOL_UNITS.items()
    ]
    precision = "Strongly Typed" if options.strongly_typed else "+".join(("FP32", *map(str.upper, options.precisions)))
    return [
        "=== Build Options ===",
        f"Memory Pools: {', '.join(pools)}",
        f"Precision: {precision}",
        f"Skip inference: {_enabled(options.skip_inference)}",
        f"Save engine: {options.save_engine or ''}",
        f"timingCacheMode: {'global' if options.timing_cache else 'local'}",
        f"timingCacheFile: {options.timing_cache or ''}",
        f"BuilderOptimizationLevel: {options.optimization_level}",
        *(["Input build shapes: model"] if not options.profile else []),
        *(
            f"Input build shape (profile 0): {name}={'+'.join('x'.join(map(str, s)) for s in (r.min, r.opt, r.max))}"
            for name, r in options.profile.items()
        ),
    ]


def _enabled(value: bool) -> str:
    return "Enabled" if value else "Disabled"

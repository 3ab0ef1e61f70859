"""The options of trtexec in TensorRT 10.16, one row each: how its value is read, and whether it does anything here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from dsimport.runtime.reference.trtexec_values import (
    BadValue,
    io_formats,
    layer_types,
    memory_pools,
    percentiles,
    shape_list,
    stof,
    stoi,
)

__all__ = ["NOT_IMPLEMENTED", "OPTIONS", "Option", "help_text"]

Group = Literal["Model", "Build", "Inference", "Reporting", "System", "Help"]
Effect = Literal["used", "none"]
Reader = Callable[[str], Any]


@dataclass(frozen=True)
class Option:
    """One option.

    read: turns the text after `=` into the value (`""` where there is none). Raises BadValue, OutOfRange.
    effect: `none` is accepted and checked, and does nothing on a CPU.
    repeatable: may stand several times; its value is then a list of texts.
    """

    name: str
    group: Group
    value: str
    read: Reader
    help: str
    effect: Effect = "used"
    repeatable: bool = False


def _true(_: str) -> bool:
    return True  # whatever the text: `--fp16=false` switches FP16 on


def _choice(what: str, *allowed: str, ignore_case: bool = False) -> Reader:
    def read(text: str) -> str:
        for word in allowed:
            if text == word or (ignore_case and text.lower() == word.lower()):
                return word
        if text:
            raise BadValue(f"Unknown {what}: {text}. Valid options: {', '.join(allowed)}.")
        return allowed[0]

    return read


def _shapes(option: str) -> Reader:
    return lambda text: shape_list(text, option)


def _flags(group: Group, effect: Effect, rows: Iterable[tuple[str, str]]) -> list[Option]:
    return [Option(name, group, "", _true, help_, effect) for name, help_ in rows]


_NO_EFFECT_TEXT = "accepted without effect on a CPU"

_MODEL = [Option("--onnx", "Model", "<file>", str, "ONNX model, external data beside it")]

_BUILD = [
    Option("--minShapes", "Build", "spec", _shapes("--minShapes"), "smallest shapes, e.g. x:1x3x256x256,y:1x8"),
    Option("--optShapes", "Build", "spec", _shapes("--optShapes"), "shapes to optimise for"),
    Option("--maxShapes", "Build", "spec", _shapes("--maxShapes"), "largest shapes"),
    Option("--inputIOFormats", "Build", "spec", io_formats, "type:format of each input", "none"),
    Option("--outputIOFormats", "Build", "spec", io_formats, "type:format of each output", "none"),
    Option(
        "--memPoolSize",
        "Build",
        "spec",
        memory_pools,
        "pool:size,… with suffix B, K, M or G (base 2; none is M); the last character counts: 4GB is 4 bytes",
    ),
    Option("--avgTiming", "Build", "M", stoi, "runs averaged while timing kernels", "none"),
    Option("--calib", "Build", "<file>", str, "INT8 calibration cache", "none"),
    Option(
        "--precisionConstraints",
        "Build",
        "spec",
        _choice("precision constraints", "none", "obey", "prefer"),
        "none, obey or prefer layer precisions",
        "none",
    ),
    Option("--layerPrecisions", "Build", "spec", layer_types, "layer:type,…", "none"),
    Option("--layerOutputTypes", "Build", "spec", layer_types, "layer:type+type,…", "none"),
    Option(
        "--sparsity",
        "Build",
        "spec",
        _choice("sparsity mode", "disable", "enable", "force"),
        "disable, enable or force structured sparsity",
        "none",
    ),
    Option(
        "--profilingVerbosity",
        "Build",
        "mode",
        _choice("profilingVerbosity", "layer_names_only", "none", "detailed", "default", "verbose"),
        "layer_names_only, detailed or none",
        "none",
    ),
    Option("--loadEngine", "Build", "<file>", str, "run this engine instead of building one"),
    Option("--saveEngine", "Build", "<file>", str, "write the engine here"),
    Option("--tacticSources", "Build", "spec", str, "+SOURCE,-SOURCE,…", "none"),
    Option("--timingCacheFile", "Build", "<file>", str, "read and update this timing cache"),
    Option("--preview", "Build", "spec", str, "+feature,-feature,…", "none"),
    Option("--builderOptimizationLevel", "Build", "N", stoi, "how long to search; -1 is TensorRT's choice"),
    Option("--maxTactics", "Build", "N", stoi, "most tactics to try per layer", "none"),
    Option("--maxAuxStreams", "Build", "N", stoi, "most auxiliary streams", "none"),
    Option("--tilingOptimizationLevel", "Build", "N", stoi, "tiling search effort", "none"),
    Option(
        "--hardwareCompatibilityLevel",
        "Build",
        "mode",
        _choice("hardwareCompatibilityLevel", "none", "ampere+", "sameComputeCapability", ignore_case=True),
        "none, ampere+ or sameComputeCapability",
        "none",
    ),
    *_flags(
        "Build",
        "used",
        [
            ("--fp16", "allow FP16 kernels"),
            ("--bf16", "allow BF16 kernels"),
            ("--int8", "allow INT8 kernels"),
            ("--fp8", "allow FP8 kernels"),
            ("--int4", "allow INT4 kernels"),
            ("--best", "allow every precision"),
            ("--stronglyTyped", "take the types of the network as they are"),
            ("--noTF32", "do not use TF32"),
            ("--skipInference", "build or load only, do not measure"),
            ("--noBuilderCache", "neither read nor write a timing cache"),
        ],
    ),
    *_flags(
        "Build",
        "none",
        [
            ("--versionCompatible", "engine runs on other TensorRT versions"),
            ("--vc", "same as --versionCompatible"),
            ("--excludeLeanRuntime", "leave the lean runtime out of the engine"),
            ("--noCompilationCache", "no compilation cache"),
            ("--monitorMemory", "report memory use while building"),
            ("--errorOnTimingCacheMiss", "fail where a tactic is not in the timing cache"),
            ("--directIO", "avoid reformatting at network boundaries (deprecated)"),
            ("--distributiveIndependence", "keep results independent of the distribution axis"),
        ],
    ),
]

_INFERENCE = [
    Option("--shapes", "Inference", "spec", _shapes("--shapes"), "shapes to run; at build time, min = opt = max"),
    Option("--iterations", "Inference", "N", stoi, "fewest queries to measure (default 10)"),
    Option("--warmUp", "Inference", "N", stof, "milliseconds before the measurement (default 200)"),
    Option("--duration", "Inference", "N", stof, "fewest seconds to measure (default 3; -1 until interrupted)"),
    Option("--sleepTime", "Inference", "N", stof, "milliseconds between launch and compute", "none"),
    Option("--idleTime", "Inference", "N", stof, "milliseconds to pause between queries (default 0)"),
    Option("--infStreams", "Inference", "N", stoi, "streams in parallel; the reference runs one", "none"),
    Option("--streams", "Inference", "N", stoi, "deprecated name of --infStreams", "none"),
    Option("--persistentCacheRatio", "Inference", "R", stof, "share of the persistent cache", "none"),
    Option(
        "--allocationStrategy",
        "Inference",
        "spec",
        _choice("allocationStrategy", "static", "profile", "runtime"),
        "how activation memory is sized",
        "none",
    ),
    *_flags(
        "Inference",
        "used",
        [
            ("--noDataTransfers", "do not copy inputs and outputs for every query"),
            ("--separateProfileRun", "profile layers in a run of their own"),
        ],
    ),
    *_flags(
        "Inference",
        "none",
        [
            ("--exposeDMA", "do not overlap copies with compute"),
            ("--useManagedMemory", "managed instead of separate memory"),
            ("--useSpinWait", "spin while waiting for the GPU"),
            ("--threads", "one host thread per stream"),
            ("--useCudaGraph", "launch queries as a CUDA graph"),
        ],
    ),
]

_REPORTING = [
    Option("--avgRuns", "Reporting", "N", stoi, "queries per line of the trace details (default 10)"),
    Option("--percentile", "Reporting", "P1,P2,…", percentiles, "percentiles to print, 0 to 100 (default 90,95,99)"),
    Option("--exportTimes", "Reporting", "<file>", str, "write the time of every query as JSON"),
    Option("--exportProfile", "Reporting", "<file>", str, "write the time of every layer as JSON"),
    *_flags(
        "Reporting", "used", [("--verbose", "explain the metrics"), ("--dumpProfile", "print the time of every layer")]
    ),
]

_SYSTEM = [
    Option("--device", "System", "N", stoi, "CUDA device", "none"),
    Option("--staticPlugins", "System", "<file>", str, "plugin library; repeatable", "none", repeatable=True),
    Option("--useDLACore", "System", "N", stoi, "core of the deep learning accelerator to run on", "none"),
    *_flags("System", "none", [("--allowGPUFallback", "layers that the accelerator cannot run go to the GPU")]),
    Option("--plugins", "System", "<file>", str, "deprecated name of --staticPlugins", "none", repeatable=True),
    *_flags("System", "none", [("--ignoreParsedPluginLibs", "no plugin libraries of the model's own")]),
]

_HELP = _flags("Help", "used", [("--help", "print this text"), ("-h", "same as --help")])

OPTIONS: tuple[Option, ...] = (*_MODEL, *_BUILD, *_INFERENCE, *_REPORTING, *_SYSTEM, *_HELP)

NOT_IMPLEMENTED = frozenset(
    (
        *(
            "--adjustForDLA",
            "--allowWeightStreaming",
            "--asyncFileReader",
        ),
        *(
            "--buildDLAStandalone",
            "--calibProfile",
            "--consistency",
            "--cpuOnly",
        ),
        *(
            "--decomposableAttentions",
            "--dumpKernelText",
            "--dumpLayerInfo",
            "--dumpOptimizationProfile",
        ),
        *(
            "--dumpOutput",
            "--dumpRawBindingsToFile",
            "--dumpRefit",
            "--dynamicPlugins",
        ),
        *(
            "--enablePluginOverride",
            "--exportLayerInfo",
            "--exportOutput",
            "--getPlanVersionOnly",
        ),
        *(
            "--l2LimitForTiling",
            "--layerDeviceTypes",
            "--leanDLLPath",
            "--loadInputs",
        ),
        *(
            "--markDebug",
            "--markUnfusedTensorsAsDebugTensors",
            "--maxShapesCalib",
            "--minShapesCalib",
        ),
        *(
            "--optShapesCalib",
            "--pi",
            "--pluginInstanceNorm",
            "--profile",
        ),
        *(
            "--refit",
            "--refitFromOnnx",
            "--remoteAutoTuningConfig",
            "--reportCapabilityDLA",
        ),
        *(
            "--restricted",
            "--runtimePlatform",
            "--safe",
            "--safetyPlugins",
        ),
        *(
            "--saveAllDebugTensors",
            "--saveDebugTensors",
            "--setPluginsToSerialize",
            "--stripAllWeights",
        ),
        *(
            "--stripWeights",
            "--tempdir",
            "--tempfileControls",
            "--timeDeserialize",
        ),
        *(
            "--timeRefit",
            "--uint8AsymmetricQuantizationDLA",
            "--useProfile",
        ),
        *(
            "--useRuntime",
            "--weightStreamingBudget",
            "--weightless",
        ),
    )
)
"""Options of the real trtexec that the reference refuses by name, so that none is silently left out."""


def help_text() -> list[str]:
    """What `--help` prints, line by line."""
    lines = ["Reference implementation of trtexec: TensorRT 10.16's command line on ONNX Runtime and the CPU.", ""]
    group = ""
    for option in OPTIONS:
        if option.group != group:
            group = option.group
            lines.append(f"=== {group} Options ===")
        usage = f"{option.name}={option.value}" if option.value else option.name
        note = f" ({_NO_EFFECT_TEXT})" if option.effect == "none" else ""
        lines.append(f"  {usage:<34} {option.help}{note}")
    return lines

"""What trtexec and TensorRT say, in builds and when an engine is loaded."""

from __future__ import annotations

from dsimport.compiler.diagnostics import Severity
from dsimport.runtime.diagnose.rule import Rule, rule
from dsimport.runtime.formats.tensorrt_texts import (
    FOREIGN_NODE,
    GPU_MEMORY,
    MISSING_OPERATOR,
    NO_KERNEL,
    NOT_PARSED,
    OTHER_GPU,
    OTHER_VERSION,
    STATIC_MODEL,
    WORKSPACE,
)

__all__ = ["TENSORRT_RULES"]

_WEAK = "fp16|int8|best|bf16|fp8|int4|calib|precisionConstraints|layerPrecisions|layerOutputTypes"
_NEW = "includeDataTransfers|noSpinWait|noCudaGraph"
_OLD = "buildOnly|workspace|heuristic"

_ENGINE: tuple[Rule, ...] = (
    rule(
        "T0704",
        r"not compatible with this version of TensorRT, expecting library version (?P<have>\S+) got (?P<made>[^\s,]+)",
        "the engine was built with TensorRT {made}, and this is {have}",
        "build the engine again on this host: `dsimport apply` does when TensorRT has moved",
        cause="an engine belongs to one TensorRT version",
    ),
    rule(
        "T0704",
        OTHER_VERSION,
        "the engine file is damaged, or was built with another TensorRT",
        "build the engine again on this host",
        cause="an engine belongs to one TensorRT version",
    ),
    rule(
        "T0705",
        OTHER_GPU,
        "the engine was built for another GPU",
        "build the engine again on this GPU",
        cause="an engine belongs to one GPU model; elsewhere it is slow, fails or hangs",
    ),
)

_COMMAND: tuple[Rule, ...] = (
    rule(
        "T0772",
        rf"Unknown option: --(?P<option>{_WEAK})\b",
        "this trtexec has no --{option}: TensorRT 11 removed weak typing",
        "set pipeline.tensorrt to the version that is installed: the plan then converts the graph instead",
    ),
    rule(
        "T0771",
        rf"Unknown option: --(?P<option>{_NEW})\b",
        "this trtexec has no --{option}, which is new in TensorRT 11",
        "leave it out, or set pipeline.tensorrt to the version that is installed",
    ),
    rule(
        "T0771",
        rf"Unknown option: --(?P<option>{_OLD})\b",
        "this trtexec has no --{option}, which TensorRT 10 removed",
        "use --skipInference for --buildOnly, and --memPoolSize=workspace:SIZE for --workspace",
    ),
    rule(
        "T0771",
        r"Unknown option: (?P<word>[^-\s].*)$",
        "trtexec takes '{word}' for an option of its own",
        "write options and values in one word: --onnx=model.onnx; repeating an option leaves the second one over, too",
    ),
    rule(
        "T0771",
        rf"Unknown option: (?P<option>-(?!-(?:{_WEAK}|{_NEW}|{_OLD})\b)\S+)",
        "this trtexec has no option {option}",
        "compare pipeline.tensorrt with the version that is installed (`dsimport doctor RECIPE`)",
    ),
    rule(
        "T0773",
        r"[Ww]eakly[- ]typed networks have been deprecated",
        "precision flags such as --fp16 go away with TensorRT 11",
        "nothing to do with this TensorRT; for 11 set pipeline.tensorrt, and the graph is converted instead",
        severity=Severity.NOTE,
    ),
    rule(
        "T0785",
        rf"&&&& RUNNING .*--(?P<option>{_WEAK})=(?P<value>false|0|no|off)\b",
        "--{option}={value} turns {option} on",
        "leave the option out",
        cause="trtexec takes any value of a switch for true",
    ),
    rule(
        "T0770",
        r"[Ww]orkspace: 0?\.0\d+ MiB",
        "the workspace is a few bytes",
        "write --memPoolSize=workspace:32768M",
        cause="trtexec looks at the last letter only: MiB and GB end in B, which means bytes",
    ),
    rule(
        "T0777",
        STATIC_MODEL,
        "shapes were given for an ONNX whose dimensions are all fixed",
        "give the ONNX a dynamic batch: graph.dynamic-batch, or export it with dynamic axes",
    ),
    rule(
        "T0778",
        r"Shape missing for input with dynamic shape: ?(?P<tensor>[\w./:-]+)",
        "the engine ran at batch 1, because no --shapes was given for {tensor}",
        "add --shapes=NAME:NxCxHxW; images per second are queries per second times the batch that really ran",
    ),
    rule(
        "T0778",
        r"Dynamic dimensions required for input: ?(?P<tensor>[\w./:-]+)",
        "the open dimensions of {tensor} were replaced by 1, because no shapes were given",
        "add --minShapes, --optShapes and --maxShapes",
    ),
    rule(
        "T0787",
        r"&&&& RUNNING TensorRT\.trtexec \[TensorRT v(?:8\d{3}|10\d{4})\](?=.*--loadEngine)(?!.*--noDataTransfers)",
        "the benchmark includes copies between host and GPU",
        "add --noDataTransfers: in DeepStream frames are on the GPU already",
        severity=Severity.WARNING,
    ),
    rule(
        "T0782",
        r"Starting inference",
        "trtexec measured without printing a summary",
        "add --separateProfileRun, or leave --dumpProfile and --exportProfile out",
        cause="TensorRT 8 to 10 profile layers instead of measuring the whole",
        also=r"--(?:dump|export)Profile",
        without=r"Throughput: |&&&& FAILED",
    ),
)

_BUILD: tuple[Rule, ...] = (
    rule(
        "T0774",
        FOREIGN_NODE,
        "TensorRT finds no implementation for a fused part of the graph ({node})",
        "set graph.simplify: true, then engine.optimization_level: 2; or export with the other exporter",
        cause="usual with attention masks of DETR exports",
    ),
    rule(
        "T0775",
        NO_KERNEL,
        "TensorRT finds no implementation for {node}",
        "set graph.simplify: true, raise engine.workspace, or set engine.optimization_level: 2",
    ),
    rule(
        "T0776",
        WORKSPACE,
        "the workspace is too small for some tactics",
        "raise engine.workspace (deformable attention at batch 64 wants 32768M)",
        severity=Severity.WARNING,
    ),
    rule(
        "T0761",
        GPU_MEMORY,
        "the GPU's memory is used up",
        "lower engine.max_batch or benchmark streams, or end what else uses the GPU (nvidia-smi)",
    ),
    rule(
        "T0780",
        MISSING_OPERATOR,
        "the model uses the operator {op}, which TensorRT does not have",
        "export with another opset or exporter; `dsimport check RECIPE` names all such nodes without a GPU",
    ),
    rule(
        "T0783",
        NOT_PARSED,
        "TensorRT cannot parse the model",
        "the lines before name the node; `dsimport check RECIPE` repeats it without a GPU",
    ),
    rule(
        "T0781",
        r"GPU compute time is unstable, with coefficient of variance = (?P<percent>[\d.]+)%",
        "GPU times vary by {percent} %: clocks move, or something else uses the GPU",
        "fix the clocks (nvidia-smi -lgc) and repeat the run",
        severity=Severity.WARNING,
    ),
    rule(
        "T0781",
        r"Throughput may be bound by Enqueue Time",
        "the CPU cannot enqueue as fast as the GPU computes",
        "add --useCudaGraph, or read GPU Compute Time instead of the throughput",
        severity=Severity.WARNING,
    ),
)

TENSORRT_RULES = (*_ENGINE, *_COMMAND, *_BUILD)

"""Why a TensorRT builder or engine failed, by what its log says: one table, for recovery and for diagnosis.

The texts are those that TensorRT 8.5 to 11 print. Many of them also stand in logs of builds that end well (a builder
drops kernels that do not fit), so the table only means something for a log of a run that failed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dsimport.compiler.escape import single_line

__all__ = ["FAILURES", "Found", "KnownFailure", "known_failure"]

MAX_TEXT = 16 << 20  # characters of a log that are looked at, from its end: the failure is the last thing in it
MAX_DETAIL = 120


@dataclass(frozen=True)
class KnownFailure:
    """One cause. kind: its name; patterns: all must be found; the first group of the first one is the detail (a node,
    an option). cause: in words, `{detail}` in it. fix: what to do about it."""

    kind: str
    patterns: tuple[str, ...]
    cause: str
    fix: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """A known failure in a log, with the detail put in."""

    kind: str
    cause: str
    fix: tuple[str, ...]
    detail: str = ""


_FOREIGN = r"Could not find any implementation for node \{?(ForeignNode\[[^\n}]{1,400}\])"
_NO_KERNEL = r"Could not find any implementation for node \{?([^\n}]{1,400}?)(?:\}|\.[) ]| due to |\.?$)"
_WORKSPACE = r"insufficient workspace|ncreas(?:e|ing) (?:the )?workspace|insuff?icient memory on requested size"
_GPU_MEMORY = (
    r"OutOfMemory|Cuda Runtime \(out of memory\)|cudaErrorMemoryAllocation|CUDA error 2 |CUDA_ERROR_OUT_OF_MEMORY|"
    r"GPU memory \(\d+ bytes\) could not be allocated"
)
# By the parser of 8.6 to 11, by that of 8.5, and where a plugin was looked for in vain.
_NODE = (
    r"(?:While parsing node number \d+ \[|No importer registered for op: |could not find plugin:? )"
    r"([A-Za-z0-9_]{1,100})"
)
# The first one that fits counts: a cause stands before what follows from it.
FAILURES: tuple[KnownFailure, ...] = (
    KnownFailure(
        "unknown-option",
        (r"\[E\] Unknown option: ([^\n]{1,200})",),
        "this trtexec does not know the option {detail}",
        ("let pipeline.tensorrt name the TensorRT of this host: options differ between versions",),
    ),
    KnownFailure(
        "not-saved",
        (r"(?:No space left on device|Saving engine to file failed|Cannot open engine file[^\n]{0,200})",),
        "the engine could not be written",
        ("free some space, or give this user the right to the folder; apply goes on where it stopped",),
    ),
    KnownFailure(
        "unsupported-node",
        (_NODE, r"Failed to parse onnx file|Parsing model failed"),
        "TensorRT has no implementation of the operator {detail}",
        (
            "`dsimport check` names every such node",
            "set graph.simplify: true; it may be part of what can be worked out beforehand",
            "export the model without it, e.g. without post-processing in the graph",
        ),
    ),
    KnownFailure(
        "not-parsed",
        (r"Failed to parse onnx file|Parsing model failed|Could not open file [^\n]{0,200}\.onnx",),
        "TensorRT's parser does not take the ONNX model",
        ("`dsimport check` names the node", "set graph.simplify: true, or export with another opset"),
    ),
    KnownFailure(
        "static-model",
        (r"Static model does not take explicit shapes",),
        "the model's batch is fixed, and the command asks for a range of batches",
        ("leave graph.dynamic-batch on, or export the model with a dynamic batch",),
    ),
    KnownFailure(
        "top-k",
        (r"ITopKLayer ([^\s:]{1,200}):[^\n]{0,300}K exceeds the maximum value allowed",),
        "{detail} asks for more values than TensorRT's TopK gives (3840)",
        ("export the model with fewer candidates before the selection, or without post-processing in the graph",),
    ),
    KnownFailure(
        "no-runner",
        (r"layerImpls.empty\(\) failed\. ([^\n]{1,200}?) has no runners that implement it",),
        "TensorRT has nothing that runs {detail}",
        ("export the model without post-processing in the graph, and name the family whose head is raw",),
    ),
    KnownFailure(
        "other-version",
        (r"Version tag does not match|not compatible with this version of TensorRT|Serialized Engine Version",),
        "the engine was built by another version of TensorRT",
        ("build it again on this host: `dsimport plan` says what moved",),
    ),
    KnownFailure(
        "other-gpu",
        (r"generated on an incompatible device|(?:expecting|expected) compute [^\n]{0,80}",),
        "the engine was built for another GPU",
        ("build it again on this host: `dsimport plan` says what moved",),
    ),
    KnownFailure(
        "gpu-memory",
        (_GPU_MEMORY,),
        "the GPU has not enough memory",
        (
            "end what else uses the GPU (nvidia-smi shows it)",
            "lower engine.max_batch or engine.batch_limit",
            "lower engine.workspace if it is more than the GPU has",
        ),
    ),
    KnownFailure(
        "host-memory",
        (r"std::bad_alloc|Cannot allocate memory",),
        "the host has not enough memory",
        ("end what else uses memory, or lower engine.max_batch",),
    ),
    KnownFailure(
        "foreign-workspace",
        (_FOREIGN, _WORKSPACE),
        "the workspace is too small for the part {detail} of the graph",
        ("raise engine.workspace", "set graph.simplify: true", "set engine.optimization_level: 2"),
    ),
    KnownFailure(
        "workspace",
        (_NO_KERNEL, _WORKSPACE),
        "the workspace is too small for {detail}",
        ("raise engine.workspace",),
    ),
    KnownFailure(
        "foreign-node",
        (_FOREIGN,),
        "TensorRT cannot compile the part {detail} of the graph",
        (
            "set graph.simplify: true",
            "set engine.optimization_level: 2",
            "export the model another way (for transformers: dynamo)",
        ),
    ),
    KnownFailure(
        "no-kernel",
        (_NO_KERNEL,),
        "TensorRT has no kernel for {detail}",
        ("raise engine.workspace", "set engine.optimization_level: 2"),
    ),
    KnownFailure(
        "no-gpu",
        (r"no CUDA-capable device|CUDA driver version is insufficient|Cuda failure: (?:100|35)\b|cudaErrorNoDevice",),
        "there is no GPU that this CUDA can use",
        ("`nvidia-smi` must show a GPU, in a container too (--gpus all)", "use --toolchain reference without one"),
    ),
)
_COMPILED = tuple((item, tuple(re.compile(pattern, re.MULTILINE) for pattern in item.patterns)) for item in FAILURES)


def known_failure(log: str, among: Sequence[str] | None = None) -> Found | None:
    """The cause that the log of a failed run shows; None where none of the table fits. `among`: kinds to look for."""
    text = log[-MAX_TEXT:]
    for item, patterns in _COMPILED:
        if among is not None and item.kind not in among:
            continue
        matches = [pattern.search(text) for pattern in patterns]
        first = matches[0]
        if first is None or not all(matches):
            continue
        detail = _cut(single_line(first[1].strip())) if first.re.groups and first[1] else ""
        return Found(item.kind, item.cause.format(detail=detail), item.fix, detail)
    return None


def _cut(text: str) -> str:
    return text if len(text) <= MAX_DETAIL else text[: MAX_DETAIL - 1] + "…"

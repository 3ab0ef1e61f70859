"""Why a TensorRT builder or engine failed, by what its log says: one table, for recovery and for diagnosis.

Many of these texts (`tensorrt_texts`) also stand in logs of builds that end well, so the table only means something for
a log of a run that failed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dsimport.compiler.escape import single_line
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

__all__ = ["FAILURES", "Found", "KnownFailure", "known_failure"]

MAX_TEXT = 16 << 20  # characters of a log that are looked at, from its end: the failure is the last thing in it
MAX_DETAIL = 120


@dataclass(frozen=True)
class KnownFailure:
    """One cause. kind: its name; patterns: all must be found; what a group of the first one holds is the detail (a
    node, an option). cause: in words, `{detail}` in it. fix: what to do about it."""

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


# By the parser of 8.6 to 11 any node it stopped at, besides those it has no importer for.
_NODE = rf"(?:While parsing node number \d+ \[(?P<stopped>[A-Za-z0-9_]{{1,100}})|{MISSING_OPERATOR})"
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
        (_NODE, NOT_PARSED),
        "TensorRT has no implementation of the operator {detail}",
        (
            "`dsimport check` names every such node",
            "set graph.simplify: true; it may be part of what can be worked out beforehand",
            "export the model without it, e.g. without post-processing in the graph",
        ),
    ),
    KnownFailure(
        "not-parsed",
        (rf"{NOT_PARSED}|Could not open file [^\n]{{0,200}}\.onnx",),
        "TensorRT's parser does not take the ONNX model",
        ("`dsimport check` names the node", "set graph.simplify: true, or export with another opset"),
    ),
    KnownFailure(
        "static-model",
        (STATIC_MODEL,),
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
        (OTHER_VERSION,),
        "the engine was built by another version of TensorRT",
        ("build it again on this host: `dsimport plan` says what moved",),
    ),
    KnownFailure(
        "other-gpu",
        (OTHER_GPU,),
        "the engine was built for another GPU",
        ("build it again on this host: `dsimport plan` says what moved",),
    ),
    KnownFailure(
        "gpu-memory",
        (GPU_MEMORY,),
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
        (FOREIGN_NODE, WORKSPACE),
        "the workspace is too small for the part {detail} of the graph",
        ("raise engine.workspace", "set graph.simplify: true", "set engine.optimization_level: 2"),
    ),
    KnownFailure(
        "workspace",
        (NO_KERNEL, WORKSPACE),
        "the workspace is too small for {detail}",
        ("raise engine.workspace",),
    ),
    KnownFailure(
        "foreign-node",
        (FOREIGN_NODE,),
        "TensorRT cannot compile the part {detail} of the graph",
        (
            "set graph.simplify: true",
            "set engine.optimization_level: 2",
            "export the model another way (for transformers: dynamo)",
        ),
    ),
    KnownFailure(
        "no-kernel",
        (NO_KERNEL,),
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
        detail = _cut(single_line(next((text for text in first.groups() if text), "").strip()))
        return Found(item.kind, item.cause.format(detail=detail), item.fix, detail)
    return None


def _cut(text: str) -> str:
    return text if len(text) <= MAX_DETAIL else text[: MAX_DETAIL - 1] + "…"

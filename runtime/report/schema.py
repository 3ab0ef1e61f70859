"""`benchmark_data.json` as a typed value: its fields, their units, and the JSON Schema made from them.

Null stands for what was not measured or is not known. Times of day are UTC, ISO 8601. Paths are relative to the root.
"""

from __future__ import annotations

import json
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from dsimport.compiler.plan import Value

__all__ = [
    "DATA_FORMAT",
    "Bench",
    "BenchmarkData",
    "Built",
    "ClassCount",
    "Command",
    "DeepStream",
    "Ended",
    "EngineFile",
    "Failed",
    "Kitti",
    "Note",
    "Run",
    "SourceFile",
    "Spread",
    "StepLine",
    "StepState",
    "System",
    "Trtexec",
    "VerifyResult",
    "Visual",
    "data_schema_text",
    "data_text",
    "real",
    "whole",
]

DATA_FORMAT: Literal[1] = 1
StepState: TypeAlias = Literal["ok", "failed", "ended", "outdated", "not run", "not needed"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Spread(_Part):
    """How the compute time of one query varied, in milliseconds, as trtexec's log gives it."""

    min_ms: float
    median_ms: float
    mean_ms: float
    p99_ms: float | None
    max_ms: float


class Bench(_Part):
    """One trtexec run. One query is one batch, so imgs_per_sec is qps x batch.

    unstable_percent: coefficient of variance of the compute time where trtexec warned of it, else 0. enqueue_bound:
    trtexec suspects that the CPU could not enqueue fast enough, so that the GPU could do more. yardsticks: what a
    query costs on one thread, in queries of a fixed network; only the reference toolchain tells.
    """

    batch: int | None
    qps: float | None
    gpu_mean_ms: float | None
    p99_ms: float | None
    imgs_per_sec: float | None
    spread: Spread | None
    unstable_percent: float | None
    enqueue_bound: bool | None
    yardsticks: float | None


class Built(_Part):
    """An engine that was measured on the way to the largest batch."""

    batch: int
    imgs_per_sec: float
    peak_gpu_streams: int | None


class Ended(_Part):
    """The step that ended the doubling by failing, and why."""

    step: str
    why: str


class Trtexec(_Part):
    """Batch 1 and the largest batch on the final engine; every engine built before it. ended: null where the throughput
    or the limit ended the doubling."""

    bs1: Bench
    bsmax: Bench
    built: list[Built]
    ended: Ended | None


class Run(_Part):
    """One deepstream-app benchmark; streams and batch size are the same number."""

    streams: int | None
    total_fps: float | None
    fps_per_stream: float | None


class DeepStream(_Part):
    """run2 is the run that counts: where run 2 stayed below the target, the one with half its streams, and run2_full
    is the one before."""

    run1: Run
    run2: Run
    run2_halved: bool
    run2_full: Run | None

    def named(self) -> list[tuple[str, Run]]:
        """The runs that gave a rate, in order, by the names that documents call them."""
        last = "run 2 (halved)" if self.run2_halved else "run 2"
        runs = (("run 1", self.run1), ("run 2", self.run2_full), (last, self.run2))
        return [(name, run) for name, run in runs if run is not None and run.total_fps is not None]


class VerifyResult(_Part):
    """The parser against an independent post-processing. boxes, matched: on frames; rate: 0..1, of frames and random
    tensors together; worst_iou, worst_score: the worst pair's overlap and score difference."""

    boxes: int
    matched: int
    rate: float
    worst_iou: float
    worst_score: float


class ClassCount(_Part):
    """Detections of one label."""

    label: str
    count: int


class Kitti(_Part):
    """Detections of one stream. rate: share of frames with a detection, 0..1; passed: the gate's verdict."""

    frames: int
    frames_with_detections: int
    detections: int
    rate: float
    passed: bool
    top_classes: list[ClassCount]


class Visual(_Part):
    """The clip with boxes drawn. mode: nvenc-primary, theoraenc-fallback, skipped or reference; frames: names of
    pictures beside the clip."""

    mode: str
    output: str | None
    frames: list[str]


class EngineFile(_Part):
    """Where the final engine comes from. sha256 of the file; built_s: seconds of its build step; tool: the builder
    and its version; log: the build's log; onnx_sha256: of the ONNX it was built from."""

    path: str
    bytes: int | None
    sha256: str | None
    built_s: float | None
    built_at: str | None
    tool: str | None
    log: str | None
    onnx_sha256: str | None


class SourceFile(_Part):
    """Where the model comes from. commit and files are what the lock file pins; sha256 is that of the ONNX that
    engines are built from, after the graph passes."""

    kind: str
    where: str
    revision: str | None
    commit: str | None
    onnx: str | None
    files: int
    sha256: str | None
    passes: str | None
    max_abs_diff: float | None


class System(_Part):
    """The machine the figures were measured on, in words. others: machines that gave some of the results."""

    gpu: str | None
    gpu_memory: str | None
    driver: str | None
    cuda: str | None
    tensorrt: str | None
    deepstream: str | None
    os: str | None
    processor: str | None
    cores: str | None
    memory: str | None
    python: str | None
    torch: str | None
    onnx: str | None
    onnxruntime: str | None
    others: list[str]


class StepLine(_Part):
    """One step of the plan. ended: it failed, which is a result: the doubling ended there. outdated: it ended well,
    and what it rests on has changed since."""

    id: str
    kind: str
    state: StepState
    seconds: float | None
    started: str | None
    summary: str


class Failed(_Part):
    """The latest attempt of a step, where that failed."""

    step: str
    code: str
    message: str
    when: str


class Note(_Part):
    """What a step said while it ran. code is null for what a tool said."""

    step: str
    code: str | None
    text: str


class Command(_Part):
    """A command that ran: its words, with absolute paths."""

    step: str
    argv: list[str]


class Pdf(_Part):
    """made_by: the program that made the PDF; null where there is none."""

    made_by: str | None


class BenchmarkData(_Part):
    """Every figure of a model's run. `seconds`: by step; `settings`: every resolved value of the recipe by dotted key;
    measured_from, measured_to: when the first and the last of the steps started."""

    format: Literal[1] = Field(description="Version of this format.")
    model_name: str
    toolchain: Literal["reference", "deepstream"]
    hardware: str
    compiler: str
    recipe: str
    plan: str
    measured_from: str | None
    measured_to: str | None
    complete: bool
    engine: str | None
    engine_bytes: int | None
    engine_file: EngineFile | None
    onnx_bytes: int | None
    source: SourceFile
    max_bs: int | None
    trtexec: Trtexec
    peak_gpu_streams: int | None
    deepstream: DeepStream
    verify: VerifyResult | None
    kitti: Kitti | None
    visual: Visual | None
    settings: dict[str, Any]
    steps: list[StepLine]
    failures: list[Failed]
    notes: list[Note]
    seconds: dict[str, float]
    total_seconds: float
    commands: list[Command]
    system: System
    pdf: Pdf


def data_text(data: BenchmarkData) -> str:
    """The text of `benchmark_data.json`. A number JSON cannot express is an error (ValueError), never bad JSON."""
    return json.dumps(data.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def data_schema_text() -> str:
    """The JSON Schema of `benchmark_data.json`."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **BenchmarkData.model_json_schema()}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def whole(value: Value) -> int | None:
    """A recorded value as a whole number; None where it is none."""
    return int(value) if isinstance(value, (int, float)) else None


def real(value: Value) -> float | None:
    """A recorded value as a number; None where it is none."""
    return float(value) if isinstance(value, (int, float)) else None

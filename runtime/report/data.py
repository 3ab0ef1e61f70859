"""The report's data, collected from the records and logs of a model."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dsimport.compiler.defaults import DEFAULTS
from dsimport.compiler.layout import Layout
from dsimport.compiler.plan import Plan, Value
from dsimport.compiler.record import ModelState, StepRecord
from dsimport.compiler.steps.engine import bench_id
from dsimport.runtime.formats.kitti import read_folder
from dsimport.runtime.formats.trtexec import parse_trtexec_log
from dsimport.runtime.report.commands import commands_that_ran
from dsimport.runtime.report.history import History, history_of, said_by
from dsimport.runtime.report.schema import (
    DATA_FORMAT,
    Bench,
    BenchmarkData,
    Built,
    ClassCount,
    DeepStream,
    Ended,
    EngineFile,
    Kitti,
    Pdf,
    Run,
    SourceFile,
    Spread,
    System,
    Trtexec,
    VerifyResult,
    Visual,
    real,
    whole,
)

__all__ = ["collect"]

TOP_CLASSES = 10
MEASURING = ("engine", "bench", "kitti", "ds-run", "verify")


def collect(plan: Plan, root: Path, state: ModelState, report_seconds: float | None = None) -> BenchmarkData:
    """The data of a report on `plan`, from its records and what lies below `root`. DsimportError (H codes) where a
    file is there and cannot be read. report_seconds: of the report's own step, where no record tells it."""
    history = history_of(plan, state)
    layout, values = Layout(plan.name), history.values
    batch = whole(values.get("max_batch"))
    seconds = _seconds(history, state, report_seconds)
    said = said_by(root / plan.home, [line.id for line in history.steps if line.state in ("ok", "ended", "failed")])
    started = sorted(line.started for line in history.steps if line.state == "ok" and line.started)
    engine = f"{plan.name}_dynamic_b{batch}.engine" if batch is not None else None
    return BenchmarkData(
        format=DATA_FORMAT,
        model_name=plan.name,
        toolchain=plan.toolchain,
        hardware=_hardware(plan.toolchain, _hosts(history)),
        compiler=plan.compiler,
        recipe=plan.recipe,
        plan=plan.digest(),
        measured_from=started[0] if started else None,
        measured_to=started[-1] if started else None,
        complete=history.complete,
        engine=engine,
        engine_bytes=None if batch is None else _size(root / str(layout.engine(batch))),
        engine_file=None if batch is None else _engine_file(layout, root, history, batch),
        onnx_bytes=_size(root / layout.onnx) if "graph" in history.current else None,
        source=_source(plan, layout, history),
        max_bs=batch,
        trtexec=Trtexec(
            bs1=_bench(history, root, "bench-b1", 1, "b1"),
            bsmax=_bench(history, root, bench_id(batch or 0), batch, f"peak.b{batch}"),
            built=_built(plan, values),
            ended=_ended(plan, values),
        ),
        peak_gpu_streams=whole(values.get("peak_gpu_streams")),
        deepstream=_deepstream(values),
        verify=_verify(values),
        kitti=_kitti(plan, root, state, history),
        visual=_visual(root / layout.home / "samples/single_stream.json") if "visual" in history.current else None,
        # A plan kept by an earlier dsimport lacks settings that came later; it did what their defaults say.
        settings=DEFAULTS | {key: setting.value for key, setting in plan.settings.items()},
        steps=list(history.steps),
        failures=list(history.failures),
        notes=said.notes,
        seconds=seconds,
        total_seconds=round(math.fsum(seconds.values()), 3),
        commands=commands_that_ran(plan, history.current, said.commands, root),
        system=_system(history),
        pdf=Pdf(made_by=None),
    )


def _seconds(history: History, state: ModelState, report_seconds: float | None) -> dict[str, float]:
    """How long each step took when it last ran, in the order of the plan; last the report's own."""
    ran = (line for line in history.steps if line.state in ("ok", "ended"))
    seconds = {line.id: line.seconds for line in ran if line.seconds is not None}
    record = state.steps.get("report")
    own = record.seconds if report_seconds is None and record is not None else report_seconds
    return seconds if own is None else {**seconds, "report": round(own, 3)}


def _hosts(history: History) -> list[dict[str, str]]:
    """The machines that measured, latest first; without figures, those of whatever ran."""
    records = sorted(history.current.values(), key=lambda record: record.started, reverse=True)
    measured = [record for record in records if record.kind in MEASURING] or records
    hosts: list[dict[str, str]] = []
    for record in measured:
        if record.host and record.host not in hosts:
            hosts.append(record.host)
    return hosts


def _machine(host: Mapping[str, str], gpu_first: bool) -> str:
    names = ("gpu", "processor", "os") if gpu_first else ("processor", "os")
    parts = [host[name] for name in names if name in host]
    return ", ".join(parts) or "a machine that is not on record"


def _hardware(toolchain: str, hosts: Sequence[Mapping[str, str]]) -> str:
    reference = toolchain == "reference"
    machines = "; and ".join(_machine(host, not reference) for host in hosts[:2] or [{}])
    if reference:
        return f"a CPU through ONNX Runtime ({machines}); these are not TensorRT figures"
    return f"TensorRT and DeepStream ({machines})"


def _system(history: History) -> System:
    hosts = _hosts(history)
    host = hosts[0] if hosts else {}
    fields = [name for name in System.model_fields if name not in ("others", "tensorrt", "deepstream")]
    return System(
        **{name: host.get(name) for name in fields},
        tensorrt=_tool(history, ("trtexec", "ref-trtexec")),
        deepstream=_tool(history, ("deepstream-app", "ref-deepstream-app")),
        others=[_machine(other, True) for other in hosts[1:]],
    )


def _tool(history: History, names: tuple[str, ...]) -> str | None:
    """Name and version of the program that the steps ran."""
    for record in history.current.values():
        for name in names:
            version = record.facts.get(f"tool {name}")
            if version is not None and record.kind != "preflight":
                return f"{name} {version}"
    return None


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _engine_file(layout: Layout, root: Path, history: History, batch: int) -> EngineFile | None:
    record = history.current.get(f"engine-b{batch}")
    if record is None:
        return None
    path = str(layout.engine(batch))
    return EngineFile(
        path=path,
        bytes=_size(root / path),
        sha256=record.outputs.get(path),
        built_s=record.seconds,
        built_at=record.started or None,
        tool=_tool(history, ("trtexec", "ref-trtexec")),
        log=record.log,
        onnx_sha256=record.facts.get(f"input {layout.onnx}"),
    )


def _source(plan: Plan, layout: Layout, history: History) -> SourceFile:
    def setting(name: str) -> Any:
        found = plan.settings.get(f"source.{name}")
        return None if found is None else found.value

    graph = history.current.get("graph")
    return SourceFile(
        kind=setting("kind"),
        where=setting("where"),
        revision=setting("revision"),
        commit=setting("commit"),
        onnx=setting("onnx"),
        files=len(setting("files") or ()),
        sha256=None if graph is None else graph.outputs.get(layout.onnx),
        passes=None if graph is None else plan.step("graph").title,
        max_abs_diff=real(history.values.get("graph.max_abs_diff")),
    )


def _bench(history: History, root: Path, step: str, batch: int | None, prefix: str) -> Bench:
    values = history.values
    record = history.current.get(step)
    qps = real(values.get(f"{prefix}.qps"))
    bound = whole(values.get(f"{prefix}.enqueue_bound"))
    return Bench(
        batch=batch if qps is not None else None,
        qps=qps,
        gpu_mean_ms=real(values.get(f"{prefix}.gpu_mean_ms")),
        p99_ms=real(values.get(f"{prefix}.gpu_p99_ms")),
        imgs_per_sec=real(values.get(f"{prefix}.images_per_s")),
        spread=None if record is None else _spread(record, root),
        unstable_percent=real(values.get(f"{prefix}.unstable_percent")),
        enqueue_bound=None if bound is None else bool(bound),
        yardsticks=real(values.get(f"{prefix}.yardsticks")),
    )


def _spread(record: StepRecord, root: Path) -> Spread | None:
    try:
        found = parse_trtexec_log((root / (record.log or "")).read_text("utf-8", "replace"))
    except OSError:
        return None
    low, middle, mean, high = found.gpu_min_ms, found.gpu_median_ms, found.gpu_mean_ms, found.gpu_max_ms
    if low is None or middle is None or mean is None or high is None:
        return None
    return Spread(min_ms=low, median_ms=middle, mean_ms=mean, p99_ms=found.gpu_p99_ms, max_ms=high)


def _built(plan: Plan, values: Mapping[str, Value]) -> list[Built]:
    """One entry per engine that was measured on the way to the largest batch."""
    batches = [int(step.params["batch"]) for step in plan.steps if step.kind == "bench" and step.id != "bench-b1"]
    found = []
    for batch in batches:
        images = real(values.get(f"peak.b{batch}.images_per_s"))
        streams = whole(values.get(f"peak.b{batch}.peak_gpu_streams"))
        if images is not None:
            found.append(Built(batch=batch, imgs_per_sec=images, peak_gpu_streams=streams))
    return found


def _ended(plan: Plan, values: Mapping[str, Value]) -> Ended | None:
    failed = (step for step in plan.steps if step.may_fail is not None and values.get(step.may_fail) is not None)
    return next((Ended(step=step.id, why=str(values[str(step.may_fail)])) for step in failed), None)


def _deepstream(values: Mapping[str, Value]) -> DeepStream:
    halved = values.get("run2_retry.total_fps") is not None
    return DeepStream(
        run1=_run(values, "run1"),
        run2=_run(values, "run2_retry" if halved else "run2"),
        run2_halved=halved,
        run2_full=_run(values, "run2") if halved else None,
    )


def _run(values: Mapping[str, Value], run: str) -> Run:
    total = real(values.get(f"{run}.total_fps"))
    return Run(
        streams=whole(values.get(f"{run}.streams")) if total is not None else None,
        total_fps=total,
        fps_per_stream=real(values.get(f"{run}.fps_per_stream")),
    )


def _verify(values: Mapping[str, Value]) -> VerifyResult | None:
    if values.get("verify.boxes") is None:
        return None
    return VerifyResult(**{name: values[f"verify.{name}"] for name in VerifyResult.model_fields})


def _kitti(plan: Plan, root: Path, state: ModelState, history: History) -> Kitti | None:
    """What the folder holds if it is of the current plan; also after a failed gate, where it is the evidence."""
    record = state.steps.get("kitti")
    failed = record is not None and record.failure is not None and record.failure.code == "G0401"
    if "kitti" not in history.current and not (failed and record is not None and record.status == "failed"):
        return None
    try:
        summary = read_folder(root / Layout(plan.name).kitti_folder)
    except OSError:
        return None
    classes = sorted(summary.class_counts.items(), key=lambda item: (-item[1], item[0]))[:TOP_CLASSES]
    return Kitti(
        frames=summary.frames,
        frames_with_detections=summary.frames_with_detections,
        detections=summary.detections,
        rate=summary.frames_with_detections / summary.frames if summary.frames else 0.0,
        passed="kitti" in history.current,
        top_classes=[ClassCount(label=_clean(label), count=count) for label, count in classes],
    )


def _clean(label: str) -> str:
    """A label from a KITTI file, whose bytes may be anything, as text that JSON can carry."""
    return label.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _visual(path: Path) -> Visual | None:
    try:
        found = json.loads(path.read_text("utf-8"))
        return Visual.model_validate(found)
    except (OSError, ValueError):
        return None

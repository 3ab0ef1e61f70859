"""`benchmark_report.md`: twelve sections, every value escaped, no placeholder possible."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dsimport.compiler.escape import markdown_text, single_line, uri_path
from dsimport.compiler.layout import CHARTS, Layout
from dsimport.compiler.parsers.names import parser_names
from dsimport.compiler.plan import Plan, fill
from dsimport.compiler.templating import Raw, render
from dsimport.runtime.report.analysis import analysis_lines, efficiency
from dsimport.runtime.report.commands import command_line
from dsimport.runtime.report.schema import Bench, BenchmarkData, Run, StepLine
from dsimport.runtime.steps.visual import MODES

__all__ = ["report_markdown"]

UNKNOWN = "not measured"

# The seed's phases, by kind of step; benchmarks of the pipeline and the report have one for each step.
PHASES = {
    "1-3 acquire, graph, inspect": ("preflight", "acquire", "export", "graph", "inspect", "check"),
    "4 engine build": ("engine",),
    "5 trtexec": ("bench", "scale"),
    "6 parser, configuration, validation": ("emit", "build-parser", "visual", "verify", "kitti"),
}
RUN_PHASES = {"ds-run1": "7 run 1", "ds-run2": "7 run 2", "ds-run2-retry": "7 run 2, halved", "report": "8 report"}


def report_markdown(plan: Plan, data: BenchmarkData, root: Path, folder: Path, charts: bool) -> str:
    """The report's Markdown source. folder: where it will lie, for its links; charts: whether they could be drawn."""
    settings, layout = data.settings, Layout(data.model_name)
    clip, pictures = (data.visual.output, data.visual.frames) if data.visual is not None else (None, [])
    runs = data.deepstream.named()
    return render(
        "markdown",
        "report/benchmark_report.md.j2",
        d=data,
        s=settings,
        reference=data.toolchain == "reference",
        no_gpu="none: measured on a CPU" if data.toolchain == "reference" else "not on record",
        unknown="not on record",
        why=lambda step: _why(step, data),
        reason=lambda kind: _reason(kind, data),
        lock=f"{data.source.files} files pinned" if data.source.files else "none",
        outputs=[(name, _shape(shape)) for name, shape in settings["model.outputs"].items()],
        parser=parser_names(data.model_name).function,
        cluster=_cluster(settings),
        profile=_profile(data),
        offsets=_offsets(settings),
        mean=_numbers(settings["preprocess.mean"]),
        std=_numbers(settings["preprocess.std"]),
        difference=_difference(data),
        timing_cache=layout.timing_cache,
        benches=[(n, b) for n, b in (("", data.trtexec.bs1), ("(largest)", data.trtexec.bsmax)) if b.qps],
        per_image=_per_image,
        doubling=lambda index: _doubling(index, data),
        kitti_folder=layout.kitti_folder,
        visual=MODES.get(data.visual.mode, data.visual.mode) if data.visual else "not run",
        clip=None if not clip else Raw(uri_path(os.path.relpath(root / clip, folder))),
        clip_name="" if not clip else Path(clip).name,
        clip_frames=f"; pictures beside it: {', '.join(pictures)}" if pictures else "",
        runs=runs,
        real_time=lambda run: _real_time(run, settings),
        halved="; it stayed below that and ran once more with half of them" if data.deepstream.run2_halved else "",
        columns=Raw(" | ".join(["trtexec", *(markdown_text(name) for name, _ in runs)])),
        rule=Raw("---|" * (1 + len(runs))),
        comparison=list(_comparison(data)),
        analysis=analysis_lines(data),
        phases=list(_phases(data)),
        skipped=", ".join(step.id for step in data.steps if step.state == "not needed"),
        commands=[(command.step, Raw(command_line(command))) for command in data.commands],
        nvinfer=_nvinfer_lines(plan, layout, data),
        nvinfer_path=layout.nvinfer_config,
        chart=lambda index, alt: _chart(CHARTS[index], alt, charts),
        number=_number,
        switch=lambda value: {True: "yes", False: "no"}.get(value, str(value)),
        when=lambda text: "never" if text is None else text[:19].replace("T", " "),
        precise=lambda value: UNKNOWN if value is None else f"{value:.4f}",
        seconds=lambda value: UNKNOWN if value is None else f"{value:,.1f}",
        known=lambda value, otherwise=UNKNOWN: otherwise if value is None else str(value),
        percent=lambda value: f"{value:.1%}",
        megabytes=lambda value: UNKNOWN if value is None else f"{value / 1e6:,.1f} MB ({value:,} bytes)",
    )


def _chart(name: str, alt: str, drawn: bool) -> Raw:
    return Raw(f"![{markdown_text(alt)}](charts/{name})" if drawn else f"*No chart of {markdown_text(alt)}.*")


def _why(step: StepLine, data: BenchmarkData) -> str:
    if step.state == "outdated":
        return "its recipe, inputs or tools have changed since it ran"
    if step.state == "failed":
        return step.summary or "it ended with an error"
    failed = next((item.id for item in data.steps if item.state == "failed"), None)
    return f"apply stopped at {failed}" if failed else "not reached yet"


def _reason(kind: str, data: BenchmarkData) -> str:
    """Why no step of this kind gave a result, as a sentence."""
    for step in data.steps:
        if step.kind == kind and step.state not in ("ok", "not needed"):
            return f"Step {step.id}: {step.state}, {_why(step, data)}."
    return ""


def _cluster(settings: Mapping[str, Any]) -> str:
    if settings["parser.cluster"] == "none":
        return "4 (none: the head gives each object once)"
    return f"2 (NMS, IoU {settings['parser.nms_iou']:g})"


def _profile(data: BenchmarkData) -> str:
    if data.max_bs is None:
        return "not built"
    return f"batch 1 (min), {data.max_bs} (opt), {data.max_bs} (max)"


def _offsets(settings: Mapping[str, Any]) -> str:
    scale = float(settings["preprocess.scale"])
    return _numbers([float(mean) / scale for mean in settings["preprocess.mean"]])


def _numbers(values: list[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _shape(shape: list[int]) -> str:
    return " x ".join(map(str, shape))


def _difference(data: BenchmarkData) -> str:
    found = data.source.max_abs_diff
    return "outputs not compared" if found is None else f"outputs before and after differ by at most {found:.1e}"


def _per_image(bench: Bench) -> str:
    return UNKNOWN if bench.gpu_mean_ms is None or not bench.batch else _number(bench.gpu_mean_ms / bench.batch)


def _doubling(index: int, data: BenchmarkData) -> str:
    built = data.trtexec.built[index]
    if index + 1 == len(data.trtexec.built) and data.trtexec.ended is not None:
        return ""
    if index + 1 < len(data.trtexec.built):
        return f", more than the batch: doubled to {data.trtexec.built[index + 1].batch}"
    streams, limit = built.peak_gpu_streams, data.settings["engine.batch_limit"]
    if streams is not None and streams > built.batch:
        return f", more than the batch, but {2 * built.batch} is beyond the limit of {limit}"
    return ", not more than the batch: no larger engine is needed"


def _real_time(run: Run, settings: Mapping[str, Any]) -> str:
    if run.fps_per_stream is None:
        return UNKNOWN
    return "yes" if run.fps_per_stream >= settings["benchmark.target_fps"] else "no"


def _comparison(data: BenchmarkData) -> Iterator[tuple[str, Raw]]:
    """Rows of the comparison: trtexec first, then a cell for every run."""
    bench, runs = data.trtexec.bsmax, [run for _, run in data.deepstream.named()]
    peak = bench.imgs_per_sec

    def row(first: str, others: list[str]) -> Raw:
        return Raw(" | ".join(markdown_text(cell) for cell in (first, *others)))

    engine = data.engine or "not built"
    yield "Engine", row(engine, [engine for _ in runs])
    yield "Batch or streams", row(_count(bench.batch), [_count(run.streams) for run in runs])
    yield "Total img/s", row(_number(peak), [_number(run.total_fps) for run in runs])
    target = float(data.settings["benchmark.target_fps"])
    shared = None if peak is None or not data.peak_gpu_streams else peak / data.peak_gpu_streams
    yield "FPS per stream", row("-" if shared is None else _number(shared), [_number(r.fps_per_stream) for r in runs])
    able = "-" if data.peak_gpu_streams is None else "yes" if data.peak_gpu_streams else "no"
    yield f"Real time ({target:g} fps)", row(able, [_real_time(run, data.settings) for run in runs])
    yield "Efficiency", row("100 %" if peak else "-", [efficiency(run, data) for run in runs])


def _count(value: int | None) -> str:
    return UNKNOWN if value is None else str(value)


def _phases(data: BenchmarkData) -> Iterator[tuple[str, float]]:
    """Seconds by phase of the seed, those in which something ran."""
    kinds = {step.id: step.kind for step in data.steps}
    for name, members in PHASES.items():
        times = [value for step, value in data.seconds.items() if kinds.get(step) in members]
        if times:
            yield name, math.fsum(times)
    for step, name in RUN_PHASES.items():
        if step in data.seconds:
            yield name, data.seconds[step]


def _nvinfer_lines(plan: Plan, layout: Layout, data: BenchmarkData) -> list[Raw]:
    """The emitted configuration without comments; empty while it depends on something that was not measured."""
    values = {"max_batch": data.max_bs}
    for file in plan.files():
        if file.path == layout.nvinfer_config:
            text = fill(file.content, values)
            lines = (text or "").splitlines()
            return [Raw(single_line(line)) for line in lines if line and not line.startswith("#")]
    return []


def _number(value: float | None) -> str:
    if value is None:
        return UNKNOWN
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:.3g}"

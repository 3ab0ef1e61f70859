"""The deepstream-app configuration files: KITTI, visual check, and the benchmark runs."""

from __future__ import annotations

from dsimport.compiler import escape, paths
from dsimport.compiler.layout import Layout, SweepLayout
from dsimport.compiler.model import Model
from dsimport.compiler.plan import Hole, Text
from dsimport.compiler.templating import render_text

__all__ = ["emit_kitti_app", "emit_run_app", "emit_sweep_app", "emit_visual_app", "perf_interval_s"]


def perf_interval_s(run_s: float) -> int:
    """Seconds between PERF rows of a run of `run_s` seconds: the seed's 2, or 1 where that would give too few rows."""
    return 2 if run_s >= 30 else 1


def _emit(
    model: Model,
    purpose: str,
    config: str,
    nvinfer_config: str,
    video: str,
    streams: int | Hole,
    *,
    many: bool = False,
    perf_interval: int | None = None,
    kitti_folder: str | None = None,
    output_file: str | None = None,
    file_loop: bool = False,
) -> Text:
    here = paths.directory(config)
    uri_path = paths.relative(video, here)
    return render_text(
        "ini",
        "deepstream/deepstream_app.txt.j2",
        name=model.name,
        purpose=purpose,
        perf_interval=perf_interval,
        kitti_folder=kitti_folder and paths.relative(kitti_folder, here),
        source_type=3 if many else 2,
        video=escape.printf_path(uri_path) if many else uri_path,
        streams=streams,
        many=many,
        output_file=output_file,  # deepstream-app takes this one as written: relative to the working directory
        osd=output_file is not None,
        muxer_width=model.pipeline.muxer.width,
        muxer_height=model.pipeline.muxer.height,
        nvinfer_config=paths.relative(nvinfer_config, here),
        file_loop=file_loop,
    )


def emit_kitti_app(model: Model) -> Text:
    """One stream, once through the clip, KITTI files on."""
    layout = Layout(model.name)
    return _emit(
        model,
        "KITTI detections of one stream",
        layout.app_kitti_config,
        layout.nvinfer_config,
        model.pipeline.video,
        1,
        kitti_folder=layout.kitti_folder,
    )


def emit_visual_app(model: Model, output_file: str) -> Text:
    """One stream, once through the clip, boxes drawn into a video file."""
    layout = Layout(model.name)
    config, nvinfer = layout.app_visual_config, layout.nvinfer_config
    return _emit(model, "boxes on video", config, nvinfer, model.pipeline.video, 1, output_file=output_file)


def emit_run_app(model: Model, run: str, streams: Hole) -> Text:
    """A benchmark run: `streams` copies of the clip in an endless loop, PERF rows on, nothing else in the pipeline."""
    layout = Layout(model.name)
    return _emit_run(model, f"benchmark {run}", layout.app_run_config(run), layout.nvinfer_bench_config, streams)


def emit_sweep_app(model: Model, batch: int, streams: int) -> Text:
    """A benchmark run of a sweep: the same on the engine of one batch."""
    layout = SweepLayout(model.name)
    config, nvinfer = layout.app_config(batch, streams), layout.config(batch, streams)
    return _emit_run(model, f"sweep, engine of batch {batch}", config, nvinfer, streams)


def _emit_run(model: Model, purpose: str, config: str, nvinfer: str, streams: int | Hole) -> Text:
    return _emit(
        model,
        purpose,
        config,
        nvinfer,
        model.benchmark.video,
        streams,
        many=True,
        perf_interval=perf_interval_s(model.benchmark.run_s),
        file_loop=True,
    )

"""Steps that run the pipeline: boxes for the eye, for comparison and for KITTI, and the benchmarks."""

from __future__ import annotations

from dsimport.compiler.emit.deepstream import emit_kitti_app, emit_run_app, emit_visual_app
from dsimport.compiler.emit.nvinfer import per_class
from dsimport.compiler.emit.scripts import FRAMES, emit_extract_script, emit_single_stream_script
from dsimport.compiler.graphpasses import Deployed, input_constants
from dsimport.compiler.layout import MAX_BATCH, Layout
from dsimport.compiler.model import Model, Toolchain
from dsimport.compiler.parsers.binding import Binding
from dsimport.compiler.parsers.head import head_data
from dsimport.compiler.parsers.names import ParserNames
from dsimport.compiler.plan import Condition, GeneratedFile, Hole, Step, Text
from dsimport.compiler.steps.limits import HOUR
from dsimport.compiler.tools import Tools

__all__ = [
    "ds_run",
    "kitti",
    "timed_argv",
    "verify",
    "visual",
]

VERIFY_FRAMES = 25  # spread over the frames of the KITTI run


def _pipeline_inputs(model: Model, names: ParserNames, config: str) -> tuple[Text, ...]:
    layout = Layout(model.name)
    library = layout.parser(names.library)
    return (layout.onnx, layout.engine(MAX_BATCH), library, layout.labels, config)


def visual(model: Model, names: ParserNames, tools: Tools, toolchain: Toolchain) -> Step:
    """Boxes drawn on the clip, for the eye; skipped with a word where nothing can encode."""
    layout = Layout(model.name)
    marker = f"{layout.home}/samples/single_stream.json"
    base = f"{layout.home}/samples/{model.name}_single_stream"
    params = {"mode": "script", "marker": marker, "folder": f"{layout.home}/samples", "base": base}
    argv: tuple[Text, ...]
    if toolchain == "reference":
        video = f"{base}.mp4"
        files = [GeneratedFile(path=layout.app_visual_config, content=emit_visual_app(model, video))]
        argv = (tools.deepstream_app, "-c", layout.app_visual_config)
        params |= {"mode": "reference", "video": video}
    else:
        script, extract = (f"{layout.home}/scripts/{name}.sh" for name in ("ds-single-stream", "extract-frames"))
        texts = {script: emit_single_stream_script(model, base), extract: emit_extract_script()}
        files = [GeneratedFile(path=path, content=text, executable=True) for path, text in texts.items()]
        params |= {"extract": extract}
        argv = ("sh", script)
    return Step(
        id="visual",
        kind="visual",
        title="boxes on video",
        needs=("graph", "build-parser", "emit-config"),
        files=tuple(files),
        inputs=(*_pipeline_inputs(model, names, layout.nvinfer_config), model.pipeline.video),
        outputs=(marker,),
        leaves=(f"{base}.mp4", f"{base}.ogv", *(f"{layout.home}/samples/frame_{n}.png" for n in range(1, FRAMES + 1))),
        argv=argv,
        log=f"{layout.home}/samples/single_stream.log",
        params=params,
        tools=(tools.deepstream_app,),
        timeout_s=HOUR,
    )


def verify(model: Model, names: ParserNames, binding: Binding, after: Deployed) -> Step:
    """The emitted config and the compiled parser against an independent post-processing of the family, and the gate."""
    layout = Layout(model.name)
    net, pre = model.model.input, model.preprocess
    config = layout.nvinfer_config
    library = layout.parser(names.library)
    params = {
        "config": config,
        "onnx": layout.onnx,
        "source": layout.source_onnx,
        "video": model.pipeline.video,
        "frames": model.pipeline.frames,
        "sample": min(model.pipeline.frames, VERIFY_FRAMES),
        "muxer": [model.pipeline.muxer.width, model.pipeline.muxer.height],
        "input": {"name": net.name, "channels": net.channels, "height": net.height, "width": net.width},
        "preprocess": {
            "color": pre.color,
            "scale": pre.scale,
            "mean": list(pre.mean),
            "std": list(pre.std),
            "resize": pre.resize,
            "filter": pre.filter,
        },
        "classes": model.model.classes,
        "parser": {
            "threshold": model.parser.threshold,
            "top_k": model.parser.top_k,
            "nms_iou": model.parser.nms_iou,
            "cluster": model.parser.cluster,
            "select": model.parser.select,
            "per_class": per_class(model),
        },
        "head": head_data(binding),
        **({"emitted": head_data(after.binding)} if after.fused else {}),
        "constants": input_constants(binding),
        "min_match": model.verify.min_match,
    }
    return Step(
        id="verify",
        kind="verify",
        title=f"parser against an independent {binding.family.family}",
        needs=("graph", "build-parser", "emit-config"),
        inputs=(layout.source_folder, layout.onnx, library, layout.labels, config, model.pipeline.video),
        outputs=(layout.verify_data,),
        params=params,
        log=f"{layout.home}/reports/verify.log",
        gives=tuple(f"verify.{item}" for item in ("boxes", "matched", "rate", "worst_iou", "worst_score")),
        timeout_s=HOUR,
    )


def kitti(model: Model, names: ParserNames, tools: Tools) -> Step:
    """Detections of one stream as KITTI files, and the gate: frames with a detection."""
    layout = Layout(model.name)
    return Step(
        id="kitti",
        kind="kitti",
        title=f"{model.pipeline.frames} frames",
        needs=("graph", "build-parser", "emit-config"),
        files=(GeneratedFile(path=layout.app_kitti_config, content=emit_kitti_app(model)),),
        inputs=(*_pipeline_inputs(model, names, layout.nvinfer_config), model.pipeline.video),
        outputs=(layout.kitti_folder,),
        argv=(tools.deepstream_app, "-c", layout.app_kitti_config),
        log=f"{layout.home}/benchmarks/ds/kitti.log",
        params={
            "folder": layout.kitti_folder,
            "frames": model.pipeline.frames,
            "min_detection_rate": model.pipeline.min_detection_rate,
        },
        gives=("kitti.frames", "kitti.frames_with_detections", "kitti.detections", "kitti.rate"),
        tools=(tools.deepstream_app,),
        timeout_s=2 * HOUR,
    )


def timed_argv(model: Model, tools: Tools, config: str) -> tuple[str, ...]:
    """deepstream-app for the length of a benchmark run: file-loop never ends by itself, and SIGINT is how it is asked
    to finish."""
    stop = ("timeout", "--foreground", "--preserve-status", "-s", "INT", "-k", "30", f"{model.benchmark.run_s:g}")
    return (*stop, tools.deepstream_app, "-c", config)


def ds_run(
    model: Model, names: ParserNames, tools: Tools, run: str, streams: Hole, conditions: tuple[Condition, ...] = ()
) -> Step:
    """One multi-stream benchmark: batch size and number of streams are the same."""
    layout = Layout(model.name)
    config = layout.app_run_config(run)
    log = layout.run_log(streams, "run2" if run == "run2_retry" else run)
    return Step(
        id=f"ds-{run.replace('_', '-')}",
        kind="ds-run",
        title=f"{model.benchmark.run_s:g} s",
        needs=("graph", "build-parser", "emit-config"),
        files=(GeneratedFile(path=config, content=emit_run_app(model, run, streams)),),
        inputs=(*_pipeline_inputs(model, names, layout.nvinfer_bench_config), model.benchmark.video),
        outputs=(log,),
        argv=timed_argv(model, tools, config),
        log=log,
        params={
            "run": run,
            "streams": streams.value,
            "target_fps": model.benchmark.target_fps,
            "values": [streams.value, "max_batch"],
        },
        when=conditions,
        gives=tuple(f"{run}.{item}" for item in ("total_fps", "fps_per_stream"))
        + {"run1": ("run2.streams",), "run2": ("run2.below_target", "run2_retry.streams")}.get(run, ()),
        tools=(tools.deepstream_app,),
        timeout_s=model.benchmark.run_s + HOUR / 2,
    )

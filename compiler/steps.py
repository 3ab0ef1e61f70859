"""The steps of a plan, one function each: what runs, with which words, on which files.

Each function reads settings through its own tracking view, so a step's `uses` are the settings that shaped it.
Order in the plan is order of execution, and a failed step ends the run; `needs` names only steps whose files a step
consumes, and holes name values, so a change re-runs what depends on it and nothing else.
"""

from __future__ import annotations

from dsimport.compiler import paths
from dsimport.compiler.emit.deepstream import emit_kitti_app, emit_run_app, emit_visual_app
from dsimport.compiler.emit.nvinfer import per_class
from dsimport.compiler.emit.scripts import emit_single_stream_script
from dsimport.compiler.escape import trtexec_shape
from dsimport.compiler.graphpasses import Deployed, graph_passes, input_constants, pixel_values
from dsimport.compiler.layout import MAX_BATCH, Layout
from dsimport.compiler.model import Model, Toolchain
from dsimport.compiler.parsers.binding import Binding
from dsimport.compiler.parsers.head import head_data
from dsimport.compiler.parsers.names import ParserNames
from dsimport.compiler.plan import Condition, GeneratedFile, Hole, Step, Text, joined, parts_of
from dsimport.compiler.tools import Tools

__all__ = [
    "acquire",
    "bench",
    "bench_latency",
    "build_parser",
    "ds_run",
    "engine",
    "graph",
    "inspect",
    "kitti",
    "preflight",
    "report",
    "scale",
    "verify",
    "visual",
]

HOUR = 3600.0
VERIFY_FRAMES = 25  # spread over the frames of the KITTI run


def preflight(model: Model, tools: Tools) -> Step:
    """Everything that can be known to be missing before minutes are spent."""
    return Step(
        id="preflight",
        kind="preflight",
        title="programs, video, disk",
        params={
            "programs": list(tools.programs),
            "videos": sorted({model.pipeline.video, model.benchmark.video}),
            "modules": list(tools.modules),
        },
        tools=tools.programs,
        timeout_s=60,
    )


def acquire(model: Model) -> Step:
    """The model as its source has it, into `model/source/`; labels too where only the model knows them."""
    layout = Layout(model.name)
    source = model.source
    files = [item.model_dump() for item in source.files]
    lock = {"commit": source.commit, "onnx": source.onnx, "files": files} if files else None
    outputs: tuple[Text, ...] = (layout.source_folder,)
    if model.model.labels == "config":
        outputs = (*outputs, layout.labels)
    return Step(
        id="acquire",
        kind="acquire",
        title=f"{source.kind} {source.where}",
        inputs=_local_files(model) if source.kind == "file" else (),
        outputs=outputs,
        params={
            "kind": source.kind,
            "where": source.where,
            "revision": source.revision,
            "sha256": source.sha256,
            "variant": source.variant,
            "file": source.file,
            "token_env": source.token_env,
            "fp16": model.graph.fp32_io is not False,
            "lock": lock,
            "target": layout.source_onnx,
            "labels": layout.labels if model.model.labels == "config" else None,
            "classes": model.model.classes,
        },
        timeout_s=2 * HOUR,
    )


def _local_files(model: Model) -> tuple[str, ...]:
    """A local model and what may lie beside it: its config, its labels, its weights under the names exporters use.
    Whether they are there is for apply to see; coming, going or changing, they are a reason to acquire again."""
    where = model.source.where
    names = ("config.json", "labels.txt") if model.model.labels == "config" else ("config.json",)
    return (where, *(paths.join(paths.directory(where), name) for name in names), f"{where}.data", f"{where}_data")


def graph(model: Model, binding: Binding, after: Deployed) -> Step:
    """The passes over the ONNX graph, each checked by running the model before and after."""
    layout = Layout(model.name)
    net = model.model.input
    passes = graph_passes(model, binding, after)
    return Step(
        id="graph",
        kind="graph",
        title=", ".join(item["pass"] for item in passes) or "no passes",
        needs=("acquire",),
        inputs=(layout.source_folder,),
        outputs=(layout.onnx,),
        params={
            "source": layout.source_onnx,
            "target": layout.onnx,
            "input": net.name,
            "image": [net.channels, net.height, net.width],
            "passes": passes,
        },
        # Passes are checked on pixels as the network gets them; the graph they make does not depend on that.
        hints={"pixels": pixel_values(model)},
        log=f"{layout.home}/model/graph.log",
        gives=("graph.max_abs_diff", "graph.pass_diff"),
        timeout_s=HOUR,
    )


def inspect(model: Model, after: Deployed) -> Step:
    """Hold the real model against what the recipe declares, before an engine is built from it."""
    layout = Layout(model.name)
    net = model.model
    return Step(
        id="inspect",
        kind="inspect",
        title="tensors as the recipe declares them",
        needs=("graph",),
        inputs=(layout.onnx,),
        params={
            "onnx": layout.onnx,
            "input": {"name": net.input.name, "shape": [net.input.channels, net.input.height, net.input.width]},
            "outputs": {name: list(shape) for name, shape in after.outputs.items()},
        },
        gives=("onnx.bytes", "onnx.opset"),
        timeout_s=HOUR,
    )


def build_parser(model: Model, names: ParserNames, sources: tuple[str, ...]) -> Step:
    """Compile the emitted parser; `check` looks for the symbol nvinfer will ask for. `sources`: all emitted files."""
    layout = Layout(model.name)
    folder, library = layout.parser(), layout.parser(names.library)
    return Step(
        id="build-parser",
        kind="build-parser",
        title=names.library,
        needs=("emit-parser",),
        inputs=sources,
        outputs=(library,),
        argv=("make", "-C", folder, "all", "check"),
        log=f"{folder}/build.log",
        params={"library": library, "symbol": names.function},
        tools=("g++", "make"),
        timeout_s=600,
    )


def engine(model: Model, tools: Tools, n: int, conditions: tuple[Condition, ...]) -> Step:
    """A dynamic engine: batch 1 to n, tuned for n."""
    layout = Layout(model.name)
    net, settings = model.model.input, model.engine

    def shape(batch: int) -> str:
        return trtexec_shape(net.name, (batch, net.channels, net.height, net.width))

    argv = [
        tools.trtexec,
        f"--onnx={layout.onnx}",
        f"--minShapes={shape(1)}",
        f"--optShapes={shape(n)}",
        f"--maxShapes={shape(n)}",
        *(["--fp16"] if settings.precision == "fp16" else []),
        "--skipInference",
        f"--memPoolSize=workspace:{settings.workspace}",
        f"--timingCacheFile={layout.timing_cache}",
        *([] if settings.optimization_level is None else [f"--builderOptimizationLevel={settings.optimization_level}"]),
        f"--saveEngine={layout.engine(n)}",
    ]
    return Step(
        id=f"engine-b{n}",
        kind="engine",
        title=f"{settings.precision}, batch 1 to {n}",
        needs=("graph",),
        inputs=(layout.onnx,),
        outputs=(layout.engine(n),),
        leaves=(layout.timing_cache,),
        argv=tuple(argv),
        log=layout.engine_log(n),
        params={"engine": layout.engine(n)},
        when=conditions,
        tools=(tools.trtexec,),
        timeout_s=4 * HOUR,
    )


def _bench_argv(model: Model, tools: Tools, engine: Text, batch: int) -> tuple[Text, ...]:
    net = model.model.input
    shapes = trtexec_shape(net.name, (batch, net.channels, net.height, net.width))
    load = joined(("--loadEngine=", *parts_of(engine)))
    return (
        tools.trtexec,
        load,
        # Without --shapes trtexec runs a dynamic engine at batch 1, whatever its profile says.
        f"--shapes={shapes}",
        # 10.x and 11.x differ in these defaults; written out, their numbers compare.
        "--noDataTransfers",
        "--useSpinWait",
        "--useCudaGraph",
        f"--warmUp={model.benchmark.warmup_ms}",
        f"--duration={model.benchmark.duration_s:g}",
    )


def bench_id(n: int) -> str:
    """The step that measures throughput at batch n; `bench-b1` is the latency at batch 1 on the final engine."""
    return f"bench-b{n}" if n > 1 else "bench-b1-peak"


def bench(model: Model, tools: Tools, n: int, conditions: tuple[Condition, ...]) -> Step:
    """Throughput at the engine's largest batch; gives the streams the GPU could carry at the target rate."""
    layout = Layout(model.name)
    log = layout.bench_log(n) if n > 1 else f"{layout.home}/benchmarks/b1/trtexec_b1_peak.log"
    return Step(
        id=bench_id(n),
        kind="bench",
        title=f"batch {n}",
        needs=(f"engine-b{n}",),
        inputs=(layout.engine(n),),
        argv=_bench_argv(model, tools, layout.engine(n), n),
        log=log,
        outputs=(log,),
        params={"batch": n, "prefix": f"peak.b{n}", "target_fps": model.benchmark.target_fps},
        when=conditions,
        gives=tuple(
            f"peak.b{n}.{item}" for item in ("images_per_s", "peak_gpu_streams", "qps", "gpu_mean_ms", "gpu_p99_ms")
        ),
        tools=(tools.trtexec,),
        timeout_s=model.benchmark.duration_s + HOUR,
    )


def scale(model: Model, batches: tuple[int, ...]) -> Step:
    """The end of the doubling: the largest batch measured, and the streams of run 1."""
    return Step(
        id="scale",
        kind="scale",
        title="largest batch and streams",
        needs=tuple(bench_id(n) for n in batches),
        params={"batches": list(batches), "target_fps": model.benchmark.target_fps},
        gives=("max_batch", "images_per_s", "peak_gpu_streams", "run1.streams"),
    )


def bench_latency(model: Model, tools: Tools) -> Step:
    """Batch 1 on the engine that the pipeline will run."""
    layout = Layout(model.name)
    log = layout.bench_log(1)
    return Step(
        id="bench-b1",
        kind="bench",
        title="batch 1",
        inputs=(layout.engine(MAX_BATCH),),
        outputs=(log,),
        argv=_bench_argv(model, tools, layout.engine(MAX_BATCH), 1),
        log=log,
        params={"batch": 1, "prefix": "b1", "target_fps": model.benchmark.target_fps},
        gives=tuple(f"b1.{item}" for item in ("images_per_s", "qps", "gpu_mean_ms", "gpu_p99_ms")),
        tools=(tools.trtexec,),
        timeout_s=model.benchmark.duration_s + HOUR,
    )


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
        file = GeneratedFile(path=layout.app_visual_config, content=emit_visual_app(model, video))
        argv = (tools.deepstream_app, "-c", layout.app_visual_config)
        params |= {"mode": "reference", "video": video}
    else:
        script = f"{layout.home}/scripts/ds-single-stream.sh"
        file = GeneratedFile(path=script, content=emit_single_stream_script(model, base), executable=True)
        argv = ("sh", script)
    return Step(
        id="visual",
        kind="visual",
        title="boxes on video",
        needs=("graph", "build-parser", "emit-config"),
        files=(file,),
        inputs=(*_pipeline_inputs(model, names, layout.nvinfer_config), model.pipeline.video),
        outputs=(marker,),
        leaves=(f"{base}.mp4", f"{base}.ogv", *(f"{layout.home}/samples/frame_{n}.png" for n in (1, 2, 3))),
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


def ds_run(
    model: Model, names: ParserNames, tools: Tools, run: str, streams: Hole, conditions: tuple[Condition, ...] = ()
) -> Step:
    """One multi-stream benchmark: batch size and number of streams are the same."""
    layout = Layout(model.name)
    config = layout.app_run_config(run)
    app = (tools.deepstream_app, "-c", config)
    # file-loop never ends by itself; SIGINT is how deepstream-app is asked to finish.
    stop = ("timeout", "--foreground", "--preserve-status", "-s", "INT", "-k", "30", f"{model.benchmark.run_s:g}")
    log = layout.run_log(streams, "run2" if run == "run2_retry" else run)
    return Step(
        id=f"ds-{run.replace('_', '-')}",
        kind="ds-run",
        title=f"{model.benchmark.run_s:g} s",
        needs=("graph", "build-parser", "emit-config"),
        files=(GeneratedFile(path=config, content=emit_run_app(model, run, streams)),),
        inputs=(*_pipeline_inputs(model, names, layout.nvinfer_bench_config), model.benchmark.video),
        outputs=(log,),
        argv=(*stop, *app),
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


def report(model: Model) -> Step:
    """What was measured, for programs and for people."""
    layout = Layout(model.name)
    folder = f"{layout.home}/reports"
    return Step(
        id="report",
        kind="report",
        title=", ".join(model.report.formats),
        outputs=(f"{folder}/benchmark_data.json", f"{folder}/benchmark_report.md"),
        params={"folder": folder, "formats": list(model.report.formats)},
    )

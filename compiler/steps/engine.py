"""Steps that compile and measure: the parser, engines, the doubling of their batch."""

from __future__ import annotations

from typing import Any

from dsimport.compiler.emit.trtexec import bench_argv, build_argv
from dsimport.compiler.graphpasses import pixel_values
from dsimport.compiler.layout import MAX_BATCH, Layout
from dsimport.compiler.model import Model
from dsimport.compiler.normalise import normalisation
from dsimport.compiler.parsers.names import ParserNames
from dsimport.compiler.plan import Condition, Step
from dsimport.compiler.steps.limits import HOUR
from dsimport.compiler.steps.recovery import ladder
from dsimport.compiler.tools import BUILD_ENGINE, Tools

__all__ = [
    "bench",
    "bench_latency",
    "build_parser",
    "check",
    "engine",
    "scale",
]

# Of every trtexec run.
_DOUBTS = ("unstable_percent", "enqueue_bound")  # about the others
_RELATIVE = "yardsticks"  # in queries of a fixed network; none where trtexec does not tell
FIGURES = ("images_per_s", "qps", "gpu_mean_ms", "gpu_min_ms", "gpu_p99_ms", *_DOUBTS, _RELATIVE)


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


def check(model: Model) -> Step:
    """NVIDIA's parser and builder, on the CPU, on the graph that engines are built from."""
    layout = Layout(model.name)
    return Step(
        id="check",
        kind="check",
        title="TensorRT-RTX on the CPU",
        needs=("graph",),
        inputs=(layout.onnx,),
        outputs=(layout.check_data,),
        params={
            "onnx": layout.onnx,
            "profile": {model.model.input.name: _profile(model, model.engine.max_batch)},
            "gate": model.engine.check is True,
            "simplified": model.graph.simplify is True,
        },
        log=f"{layout.home}/reports/tensorrt_check.log",
        gives=("check.refused",),
        tools=("TensorRT-RTX",),
        timeout_s=HOUR,
    )


def engine(
    model: Model,
    tools: Tools,
    n: int,
    before: int | None = None,
    conditions: tuple[Condition, ...] = (),
    layout: Layout | None = None,
) -> Step:
    """A dynamic engine: batch 1 to n, tuned for n. One with a smaller one before it may fail: that ends the doubling,
    and what that one's recovery changed is how this one begins. layout: where it goes, the model's own by default."""
    layout = layout or Layout(model.name)
    net, settings = model.model.input, model.engine
    by_api = _by_api(model, tools)
    hints = _engine_hints(model, tools, n, before, layout)
    simplified = [rung["simplify"] for rung in hints["recovery"] if "simplify" in rung]
    return Step(
        id=f"engine-b{n}",
        kind="engine",
        title=f"{settings.precision}, batch 1 to {n}",
        needs=("graph",),
        inputs=(layout.onnx,),
        outputs=(layout.engine(n), layout.engine_sidecar(n)),
        leaves=(layout.timing_cache, *simplified, *hints["logs"]),
        argv=build_argv(model, BUILD_ENGINE if by_api else tools.trtexec, n, layout),
        log=layout.engine_log(n),
        params={
            "engine": layout.engine(n),
            "sidecar": layout.engine_sidecar(n),
            "onnx": layout.onnx,
            "precision": settings.precision,
            "profile": {net.name: _profile(model, n)},
        },
        hints=hints,
        when=conditions,
        gives=(engine_bytes(n), engine_changed(n)),
        may_fail=None if before is None else f"engine.b{n}.failed",
        tools=("TensorRT for Python", *tools.engine[1:]) if by_api else tools.engine,
        timeout_s=4 * HOUR,
    )


def _by_api(model: Model, tools: Tools) -> bool:
    return tools.has_api and model.engine.builder == "python"


def _profile(model: Model, n: int) -> dict[str, list[int]]:
    """Least, best and largest shape of the image input."""
    return {key: _shape(model, batch) for key, batch in (("min", 1), ("opt", n), ("max", n))}


def _shape(model: Model, batch: int) -> list[int]:
    net = model.model.input
    return [batch, net.channels, net.height, net.width]


def _engine_hints(model: Model, tools: Tools, n: int, before: int | None, layout: Layout) -> dict[str, Any]:
    """What a failed build may try, and where. An engine that was built is as good as it is, whatever stands here."""
    rungs = ladder(model)
    return {
        "recovery": rungs,
        "logs": [layout.attempt_log(n, attempt) for attempt in range(2, len(rungs) + 2)],
        "input": model.model.input.name,
        "image": _shape(model, 1)[1:],
        "pixels": _graph_pixels(model),
        **({} if before is None else {"begin": engine_changed(before)}),
        **({"instead": BUILD_ENGINE} if tools.has_api and model.engine.builder == "auto" else {}),
    }


def engine_bytes(n: int) -> str:
    """The value that says how large the engine of batch n is; without an engine there is none."""
    return f"engine.b{n}.bytes"


def engine_changed(n: int) -> str:
    """The value that says what recovery changed to get the engine of batch n built: recipe keys, `;` between them."""
    return f"engine.b{n}.changed"


def _graph_pixels(model: Model) -> dict[str, list[float]]:
    """What the graph of the engine takes: pixels as they are where the normalisation has moved into it."""
    if normalisation(model).graph_scale is None:
        return pixel_values(model)
    channels = model.model.input.channels
    return {"scale": [1.0] * channels, "bias": [0.0] * channels}


def _without(model: Model, tools: Tools) -> dict[str, bool]:
    """Whether a host without trtexec is served all the same, with nothing measured by it."""
    return {"optional": True} if tools.has_api and model.engine.builder != "trtexec" else {}


def bench_id(n: int) -> str:
    """The step that measures throughput at batch n; `bench-b1` is the latency at batch 1 on the final engine."""
    return f"bench-b{n}" if n > 1 else "bench-b1-peak"


def bench(
    model: Model, tools: Tools, n: int, conditions: tuple[Condition, ...] = (), layout: Layout | None = None
) -> Step:
    """Throughput at the engine's largest batch; gives the streams the GPU could carry at the target rate."""
    layout = layout or Layout(model.name)
    log = layout.peak_log(n)
    return Step(
        id=bench_id(n),
        kind="bench",
        title=f"batch {n}",
        needs=(f"engine-b{n}",),
        inputs=(layout.engine(n),),
        argv=bench_argv(model, tools, layout.engine(n), n),
        log=log,
        outputs=(log,),
        params={"batch": n, "prefix": f"peak.b{n}", "target_fps": model.benchmark.target_fps},
        hints=_without(model, tools),
        when=(*conditions, Condition(value=engine_bytes(n), than=0)) if conditions else (),
        may_fail=f"peak.b{n}.failed" if conditions else None,
        gives=tuple(f"peak.b{n}.{item}" for item in ("peak_gpu_streams", *FIGURES)),
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
        title="batch 1, on the engine tuned for the largest",
        inputs=(layout.engine(MAX_BATCH),),
        outputs=(log,),
        argv=bench_argv(model, tools, layout.engine(MAX_BATCH), 1),
        log=log,
        params={"batch": 1, "prefix": "b1", "target_fps": model.benchmark.target_fps},
        hints=_without(model, tools),
        gives=tuple(f"b1.{item}" for item in FIGURES),
        tools=(tools.trtexec,),
        timeout_s=model.benchmark.duration_s + HOUR,
    )

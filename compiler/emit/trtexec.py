"""Command lines of trtexec, as the TensorRT version they are for takes them."""

from __future__ import annotations

from dsimport.compiler.escape import trtexec_shape
from dsimport.compiler.layout import Layout
from dsimport.compiler.model import Model
from dsimport.compiler.plan import Text, joined, parts_of
from dsimport.compiler.tools import Tools
from dsimport.compiler.versions import TensorRt

__all__ = ["bench_argv", "build_argv"]


def _shape(model: Model, batch: int) -> str:
    net = model.model.input
    return trtexec_shape(net.name, (batch, net.channels, net.height, net.width))


def build_argv(model: Model, program: str, n: int, layout: Layout) -> tuple[Text, ...]:
    """Build a dynamic engine: batch 1 to n, tuned for n. program: trtexec, or what takes the same words; layout: where
    the engine goes."""
    settings = model.engine
    version = TensorRt.of(model.pipeline.tensorrt)
    level = settings.optimization_level
    return (
        program,
        f"--onnx={layout.onnx}",
        f"--minShapes={_shape(model, 1)}",
        f"--optShapes={_shape(model, n)}",
        f"--maxShapes={_shape(model, n)}",
        *_precision(model, version),
        *_device(model),
        "--skipInference" if version.skip_inference else "--buildOnly",
        f"--memPoolSize=workspace:{settings.workspace}",
        f"--timingCacheFile={layout.timing_cache}",
        *([] if level is None else [f"--builderOptimizationLevel={level}"]),
        f"--saveEngine={layout.engine(n)}",
    )


def _precision(model: Model, version: TensorRt) -> tuple[str, ...]:
    """A strongly typed network has its precision in the graph."""
    if model.engine.strongly_typed:
        return () if version.strong_typing_is_default else ("--stronglyTyped",)
    return ("--fp16",) if model.engine.precision == "fp16" else ()


def _device(model: Model) -> tuple[str, ...]:
    core = model.engine.dla
    return () if core is None else (f"--useDLACore={core}", "--allowGPUFallback")


def bench_argv(model: Model, tools: Tools, engine: Text, batch: int) -> tuple[Text, ...]:
    """Measure an engine at one batch: compute only, back to back."""
    version = TensorRt.of(model.pipeline.tensorrt)
    core = model.engine.dla
    return (
        tools.trtexec,
        joined(("--loadEngine=", *parts_of(engine))),
        # Without --shapes trtexec runs a dynamic engine at batch 1, whatever its profile says.
        f"--shapes={_shape(model, batch)}",
        *([] if core is None else [f"--useDLACore={core}"]),
        # Versions differ in these defaults; written out where they are not, the numbers compare.
        *([] if version.measures_compute_only else ["--noDataTransfers", "--useSpinWait", "--useCudaGraph"]),
        f"--warmUp={model.benchmark.warmup_ms}",
        f"--duration={model.benchmark.duration_s:g}",
    )

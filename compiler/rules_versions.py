"""What the releases of DeepStream and TensorRT, and the platform, allow a recipe to ask for."""

from __future__ import annotations

from dsimport.compiler.diagnostics import Report
from dsimport.compiler.load import Spans
from dsimport.compiler.model import Model
from dsimport.compiler.versions import RELEASES, TensorRt, release

__all__ = ["check_versions"]


def check_versions(model: Model, spans: Spans, report: Report) -> None:
    """Add an error for every combination that cannot work, with those that do."""
    _pair(model, spans, report)
    _typing(model, spans, report)
    _optimization_level(model, spans, report)
    _dla(model, spans, report)
    _march(model, spans, report)


def _pair(model: Model, spans: Spans, report: Report) -> None:
    """nvinfer is linked against one major version of TensorRT, and needs what its own minor version had."""
    pipeline = model.pipeline
    found = TensorRt.of(pipeline.tensorrt)
    built_for = TensorRt.of(release(pipeline.deepstream).host(pipeline.platform).tensorrt)
    span = spans.value("pipeline.tensorrt")
    if found.major != built_for.major:
        fitting = [
            item.deepstream
            for item in RELEASES.values()
            if TensorRt.of(item.host(pipeline.platform).tensorrt).major == found.major
        ]
        report.error(
            "N0306",
            f"DeepStream {pipeline.deepstream} does not work with TensorRT {pipeline.tensorrt}",
            span,
            help=(
                f"use TensorRT {built_for.major}.x; it is built for {built_for}",
                f"releases for TensorRT {found.major}: {', '.join(fitting) or 'none'}",
            ),
        )
    elif found < built_for:
        report.warning(
            "N0306",
            f"DeepStream {pipeline.deepstream} is built for TensorRT {built_for}, and {found} is older",
            span,
            help=f"install TensorRT {built_for}, or a later {built_for.major}.x",
        )


def _typing(model: Model, spans: Spans, report: Report) -> None:
    version = TensorRt.of(model.pipeline.tensorrt)
    if model.engine.strongly_typed and not version.strong_typing:
        report.error(
            "N0340",
            f"TensorRT {version} has no strongly typed networks in trtexec",
            spans.value("engine.strongly_typed"),
            help=f"remove the key: precision {model.engine.precision} is a flag there",
        )
    elif not model.engine.strongly_typed and not version.weak_typing:
        report.error(
            "N0340",
            f"TensorRT {version} has only strongly typed networks",
            spans.value("engine.strongly_typed"),
            help="remove the key; fp16 then converts the graph",
        )


def _optimization_level(model: Model, spans: Spans, report: Report) -> None:
    version = TensorRt.of(model.pipeline.tensorrt)
    if model.engine.optimization_level is not None and not version.optimization_levels:
        report.error(
            "N0341",
            f"TensorRT {version} has no builder optimization level",
            spans.value("engine.optimization_level"),
            help="remove the key",
        )


def _dla(model: Model, spans: Spans, report: Report) -> None:
    engine, pipeline = model.engine, model.pipeline
    if engine.dla is None:
        return
    version = TensorRt.of(pipeline.tensorrt)
    places = [item.deepstream for item in RELEASES.values() if TensorRt.of(item.jetson.tensorrt).dla]
    for broken, problem, advice in (
        (pipeline.platform != "jetson", "only Jetsons have a DLA", "set pipeline.platform to jetson"),
        (not version.dla, f"TensorRT {version} cannot build for the DLA", f"use DeepStream {', '.join(places)}"),
        (engine.precision == "fp32", "the DLA does not compute in fp32", "set engine.precision to fp16"),
        (engine.strongly_typed, "a strongly typed network cannot run on the DLA", "remove engine.strongly_typed"),
        (
            (engine.max_batch, engine.batch_limit) != (1, 1),
            "the DLA needs one fixed shape, so the engine can have one batch only",
            "set engine.max_batch and engine.batch_limit to 1",
        ),
    ):
        if broken:
            report.error("N0342", problem, spans.value("engine.dla"), help=(advice, "or remove engine.dla"))


def _march(model: Model, spans: Spans, report: Report) -> None:
    march = model.parser.march
    if model.pipeline.platform == "jetson" and march is not None and march.startswith("x86"):
        report.error(
            "N0343",
            f"a Jetson's compiler does not know -march={march}",
            spans.value("parser.march"),
            help="remove the key, or name an ARM architecture, e.g. armv8.2-a",
        )

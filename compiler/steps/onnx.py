"""Steps that bring the model in: what must be there, its files, the passes over its graph, its tensors."""

from __future__ import annotations

from dsimport.compiler import paths
from dsimport.compiler.exportenv import LAYERS, pins_digest
from dsimport.compiler.graphpasses import Deployed, graph_passes, pixel_values
from dsimport.compiler.layout import Layout
from dsimport.compiler.model import Model
from dsimport.compiler.parsers.binding import Binding
from dsimport.compiler.plan import Step, Text
from dsimport.compiler.steps.limits import HOUR
from dsimport.compiler.tools import Tools

__all__ = [
    "acquire",
    "export",
    "graph",
    "inspect",
    "preflight",
]

EXPORT_BATCH = 4  # the larger of the two batches at which an export must equal its model


def _report_modules(model: Model) -> list[str]:
    """Python modules without which the report lacks parts: charts; HTML and with it PDF."""
    return ["matplotlib", "markdown"] if {"html", "pdf"} & set(model.report.formats) else ["matplotlib"]


def preflight(model: Model, tools: Tools) -> Step:
    """Everything that can be known to be missing before minutes are spent."""
    builder = model.engine.builder if tools.has_api else "trtexec"
    return Step(
        id="preflight",
        kind="preflight",
        title="programs, video, disk",
        params={
            "programs": list(tools.programs),
            "videos": sorted({model.pipeline.video, model.benchmark.video}),
            "modules": [*tools.modules, *(["tensorrt"] if builder == "python" else [])],
            # What the host's own are held against, before anything is built.
            "deepstream": model.pipeline.deepstream,
            "tensorrt": model.pipeline.tensorrt,
        },
        hints={
            **({} if builder == "trtexec" else {"instead": {tools.trtexec: "tensorrt"}}),
            # What the report can do without is said early, and stops nothing.
            "report_modules": _report_modules(model),
        },
        tools=tools.programs,
        timeout_s=60,
    )


def acquire(model: Model) -> Step:
    """The model as its source has it: an ONNX file into `model/source/`, a checkpoint into `model/checkpoint/`; labels
    too where only the model knows them."""
    layout = Layout(model.name)
    source = model.source
    checkpoint = source.export is not None
    files = [item.model_dump() for item in source.files]
    lock = {"commit": source.commit, "onnx": source.onnx, "files": files} if files else None
    outputs: tuple[Text, ...] = (layout.checkpoint_folder if checkpoint else layout.source_folder,)
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
            "target": layout.checkpoint_folder if checkpoint else layout.source_onnx,
            "labels": layout.labels if model.model.labels == "config" else None,
            "classes": model.model.classes,
            **({"checkpoint": True} if checkpoint else {}),
        },
        timeout_s=2 * HOUR,
    )


def _local_files(model: Model) -> tuple[str, ...]:
    """A local model and what may lie beside it: its config, its labels, its weights under the names exporters use.
    Whether they are there is for apply to see; coming, going or changing, they are a reason to acquire again."""
    where = model.source.where
    if model.source.export is not None:
        pinned = tuple(paths.join(where, item.path) for item in model.source.files)
        return pinned or (where.rstrip("/") + "/",)
    names = ("config.json", "labels.txt") if model.model.labels == "config" else ("config.json",)
    return (where, *(paths.join(paths.directory(where), name) for name in names), f"{where}.data", f"{where}_data")


def export(model: Model, binding: Binding) -> Step:
    """The checkpoint as an ONNX file at the network's size, checked against the model itself before it is accepted."""
    layout = Layout(model.name)
    settings, net, family = model.source.export, model.model.input, binding.family
    assert settings is not None
    exporters = {kind: item.model_dump(mode="json") for kind, item in sorted(family.exported.items())}
    layers = {"transformers-4", "timm", *(item.stack for item in family.exported.values())}
    return Step(
        id="export",
        kind="export",
        title="checkpoint to ONNX" if settings.exporter == "auto" else f"checkpoint to ONNX with {settings.exporter}",
        needs=("acquire",),
        inputs=(layout.checkpoint_folder,),
        outputs=(layout.source_folder,),
        leaves=(layout.export_report,),
        params={
            "source": layout.checkpoint_folder,
            "target": layout.source_onnx,
            "report": layout.export_report,
            "family": family.family,
            "task": settings.task,
            "exporter": settings.exporter,
            "opset": settings.opset,
            "first_opset": family.export.opset,
            "models": exporters,
            "prompts": list(settings.frozen_prompt),
            "input": {"name": net.name, "shape": [net.channels, net.height, net.width]},
            "outputs": {item.role: {"of": item.spec.names[item.level], "name": item.name} for item in binding.tensors},
            "batch": EXPORT_BATCH,
            "pins": {layer: pins_digest(layer) for layer in LAYERS if layer in layers},
        },
        log=layout.export_log,
        gives=("export.max_abs_diff", "export.exporter", "export.opset", "export.attempts"),
        timeout_s=2 * HOUR,
    )


def graph(model: Model, binding: Binding, after: Deployed) -> Step:
    """The passes over the ONNX graph, each checked by running the model before and after."""
    layout = Layout(model.name)
    net = model.model.input
    passes = graph_passes(model, binding, after)
    return Step(
        id="graph",
        kind="graph",
        title=", ".join(item["pass"] for item in passes) or "no passes",
        needs=("acquire",) if model.source.export is None else ("export",),
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

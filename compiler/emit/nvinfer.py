"""The nvinfer configuration files: one for single-stream use, one for benchmarks."""

from __future__ import annotations

from typing import Any

from dsimport.compiler import escape, paths
from dsimport.compiler.layout import MAX_BATCH, Layout
from dsimport.compiler.model import Model
from dsimport.compiler.normalise import normalisation
from dsimport.compiler.numbers import float32_text
from dsimport.compiler.parsers.names import ParserNames
from dsimport.compiler.plan import Hole, Text
from dsimport.compiler.templating import Raw, render_text

__all__ = ["emit_nvinfer", "per_class"]

_NETWORK_MODE = {"fp32": 0, "int8": 1, "fp16": 2, "best": 3}
_COLOR_FORMAT = {"rgb": 0, "bgr": 1, "gray": 2}
_SCALING_FILTER = {"nearest": 0, "bilinear": 1, "cubic": 2, "lanczos": 4}
_CLUSTER_MODE = {"nms": 2, "none": 4}


def emit_nvinfer(
    model: Model,
    names: ParserNames,
    folder: str,
    batch_size: int | Hole,
    *,
    engine: int | Hole = MAX_BATCH,
    layout: Layout | None = None,
) -> Text:
    """The nvinfer config that stands in `folder`. engine: its largest batch, by default that of the largest built."""
    layout = layout or Layout(model.name)
    here = folder
    norm = normalisation(model)
    net, pre = model.model, model.preprocess
    return render_text(
        "ini",
        "nvinfer/config_infer_primary.txt.j2",
        name=model.name,
        # A strongly typed network has its precision in the graph; 0 is what nvinfer adds nothing to.
        network_mode=0 if model.engine.strongly_typed else _NETWORK_MODE[model.engine.precision],
        strongly_typed=model.engine.strongly_typed,
        dla=model.engine.dla,
        onnx_file=paths.relative(layout.onnx, here),
        engine_prefix=paths.relative(f"{layout.home}/{layout.engines}/{model.name}_dynamic_b", here),
        max_batch=engine,
        labels=paths.relative(layout.labels, here),
        batch_size=batch_size,
        interval=model.pipeline.interval,
        channels=net.input.channels,
        height=net.input.height,
        width=net.input.width,
        color_format=_COLOR_FORMAT[pre.color],
        net_scale_factor=norm.net_scale_factor,
        offsets=Raw(";".join(float32_text(value) for value in norm.offsets)) if norm.offsets else None,
        keep_aspect=pre.resize != "stretch",
        symmetric=pre.resize == "letterbox-center",
        scaling_filter=_SCALING_FILTER[pre.filter],
        classes=net.classes,
        cluster_mode=_CLUSTER_MODE[model.parser.cluster],
        output_names=Raw(";".join(escape.ini_list_item(name) for name in net.outputs)),
        parser_library=paths.relative(layout.parser(names.library), here),
        parser_function=names.function,
        threshold=model.parser.threshold,
        nms_iou=model.parser.nms_iou if model.parser.cluster == "nms" else None,
        top_k=model.parser.top_k,
        per_class=per_class(model),
    )


def per_class(model: Model) -> list[dict[str, Any]]:
    """Overrides of single classes: index, threshold, nms_iou (where NMS runs), top_k; None is the model-wide one."""
    labels = model.model.labels
    if labels == "config":
        return []
    nms = model.parser.cluster == "nms"
    overrides = model.parser.per_class
    return [
        {
            "index": index,
            "threshold": overrides[label].threshold,
            "nms_iou": overrides[label].nms_iou if nms else None,
            "top_k": overrides[label].top_k,
        }
        for index, label in enumerate(labels)
        if label in overrides
    ]

"""Which passes a model's graph goes through, and what its outputs are afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dsimport.compiler.expr import evaluate
from dsimport.compiler.model import Model
from dsimport.compiler.normalise import normalisation
from dsimport.compiler.parsers.binding import Binding, BoundTensor
from dsimport.compiler.parsers.blocks import blocks_of
from dsimport.compiler.parsers.head import head_data
from dsimport.compiler.preset import CandidatesDecode, Family

__all__ = [
    "FUSED_OUTPUT",
    "FUSED_ROWS",
    "Deployed",
    "applied",
    "can_fuse",
    "deployed",
    "graph_passes",
    "input_constants",
    "pixel_values",
]

FUSED_OUTPUT = "dsimport_detections"
FUSED_ROWS = 300  # 7 KB per frame; where the family says how many it reports, that many
MOST_ROWS = 3839  # TensorRT's TopK takes less than 3840


@dataclass(frozen=True)
class Deployed:
    """What the applied model's outputs mean to its parser: the family's own binding, or the fused head's rows."""

    binding: Binding
    fused: bool

    @property
    def outputs(self) -> dict[str, tuple[int, ...]]:
        """Shapes without the batch, by name."""
        return {tensor.name: tensor.shape for tensor in self.binding.tensors}


def can_fuse(family: Family) -> bool:
    """Whether the pass fuse-head knows this kind of head: candidates with a box and class scores each."""
    return isinstance(family.decode, CandidatesDecode)


def deployed(model: Model, binding: Binding) -> Deployed:
    """The binding of the graph after its passes.

    fuse-head is off unless asked for: its rows bound how many candidates enter NMS, and an FP16 engine that decodes
    boxes in pixels rounds them to half a pixel and more.
    """
    if model.graph.fuse_head is not True or not can_fuse(binding.family):
        return Deployed(binding, False)
    rows = _rows(binding, model.parser.select)
    family = _rows_family(binding.family, rows)
    spec = family.tensors["rows"]
    tensor = BoundTensor("rows", 0, FUSED_OUTPUT, (rows, 6), spec)
    dims = {"height": binding.height, "width": binding.width, "classes": binding.classes, "results": rows}
    return Deployed(Binding(family, binding.height, binding.width, binding.classes, (tensor,), (), dims), True)


def applied(model: Model, after: Deployed) -> Model:
    """The model as its parser and nvinfer see it: with the outputs of the graph after its passes."""
    if not after.fused:
        return model
    return model.model_copy(update={"model": model.model.model_copy(update={"outputs": after.outputs})})


def graph_passes(model: Model, binding: Binding, after: Deployed) -> list[dict[str, Any]]:
    """The passes in order, each with its reason; one that finds nothing to do changes nothing."""
    net, graph = model.model.input, model.graph
    passes: list[dict[str, Any]] = []

    def add(name: str, reason: str, **values: Any) -> None:
        passes.append({"pass": name, "reason": reason, **values})

    constants = input_constants(binding)
    if constants and graph.fold_inputs is not False:
        add("fold-inputs", "nvinfer feeds the image only", constants=constants)
    if graph.strip_outputs is not False:
        names = [tensor.name for tensor in binding.tensors]
        add("strip-outputs", "nvinfer copies every output of every frame", outputs=names)
    if graph.dynamic_batch is not False:
        dims = {"channels": net.channels, "height": net.height, "width": net.width}
        add("dynamic-batch", "nvinfer and trtexec choose the batch", **dims)
    if graph.fp32_io is not False:
        add("fp32-io", "nvinfer writes float32 into the input, whatever its type")
    norm = normalisation(model)
    if norm.graph_scale is not None and norm.graph_bias is not None:
        reason = "one net-scale-factor cannot hold a std per channel"
        add("fold-normalize", reason, scale=list(norm.graph_scale), bias=list(norm.graph_bias))
    if after.fused:
        rows = after.binding.tensors[0].shape[0]
        values = {"head": head_data(binding), "select": model.parser.select, "rows": rows, "output": FUSED_OUTPUT}
        add("fuse-head", f"{rows} rows per frame instead of the raw head", **values)
    if graph.simplify is True:
        add("simplify", "constants folded, dead nodes removed")
    if model.engine.strongly_typed and model.engine.precision == "fp16":
        add("to-fp16", "a strongly typed network has its precision in the graph")
    return passes


def pixel_values(model: Model) -> dict[str, list[float]]:
    """What the network wants from pixels of 0..255, per channel: `scale` * pixel + `bias`."""
    pre = model.preprocess
    return {
        "scale": [pre.scale / std for std in pre.std],
        "bias": [-mean / std for mean, std in zip(pre.mean, pre.std, strict=True)],
    }


def input_constants(binding: Binding) -> dict[str, Any]:
    """Values of inputs besides the image, by name: `value` of one image and `dtype`. Raises ExprError."""
    return {
        name: {"value": [_plain(evaluate(value, binding.dims)) for value in item.value], "dtype": item.dtype}
        for name, item in binding.family.inputs.items()
    }


def _plain(value: float) -> int | float:
    return int(value) if value == int(value) else value


def _rows(binding: Binding, select: str | None) -> int:
    """Rows of the fused head: what the family reports at most, else FUSED_ROWS, and never more than there are."""
    decode = binding.family.decode
    assert isinstance(decode, CandidatesDecode)
    count = sum(block.count for block in blocks_of(binding))
    if (select or decode.select) == "pairs":
        count *= binding.classes
    wanted = FUSED_ROWS if decode.topk is None else int(evaluate(decode.topk, binding.dims))
    return min(wanted, MOST_ROWS, count)


def _rows_family(family: Family, rows: int) -> Family:
    """A family of finished rows that keeps this one's way to compare scores."""
    data = family.model_dump(
        mode="json", exclude_defaults=True, include={"family", "title", "origin", "defaults", "needs_nms"}
    )
    return Family.model_validate(
        data
        | {
            "template": "detections",
            "tensors": {"rows": {"name": FUSED_OUTPUT, "shape": ["results", 6], "axes": ["candidate", "channel"]}},
            "dims": {"results": rows},
            "decode": {
                "boxes": {"tensor": "rows", "at": 0, "format": "xyxy", "units": "pixels"},
                "scores": {"tensor": "rows", "at": 4},
                "classes": {"tensor": "rows", "at": 5},
            },
        }
    )

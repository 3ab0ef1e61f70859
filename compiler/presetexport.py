"""The part of a family preset about its models in transformers: what their config.json means, and how checkpoints
become ONNX.

Measured with the pinned versions of `templates/export`: an exporter is listed for a model where its file equals the
model at batch 1 and 4.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from dsimport.compiler.expr import ExprError, names_in

__all__ = ["Exporter", "FamilyExport", "KnownModel", "Layer", "ModelExport", "ModelType", "Stack"]

Exporter: TypeAlias = Literal["optimum", "torch", "dynamo"]
Stack: TypeAlias = Literal["transformers-4", "transformers-5"]
Layer: TypeAlias = Stack | Literal["timm"]
ModelType: TypeAlias = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=60)]


def _check_arithmetic(text: int | str) -> int | str:
    try:
        names_in(text)
    except ExprError as error:
        raise ValueError(str(error)) from None
    return text


ConfigNumber: TypeAlias = Annotated[int | str, Field(union_mode="smart"), AfterValidator(_check_arithmetic)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class ModelExport(_Part):
    """How checkpoints of one model type are exported.

    exporters: in the order tried: optimum, torch (by tracing), dynamo (torch.export).
    square: those of them that are right for inputs whose height and width are the same, and for no others.
    stack: the transformers release for the torch exporters; optimum only works with transformers-4.
    strategy: what the exported graph computes:
        heads           the model's output tensors for an image
        last-layer      the same of the decoder's last layer, before queries are sorted into an order of reading
        frozen-text     OWL-ViT's for an image, with the text embeddings of the prompts as constants
        frozen-prompt   Grounding DINO's, with the tokens of the prompts as constants and a column per prompt
        frozen-classes  OmDet-Turbo's, with the embeddings of the classes and of the task that names them as constants
    quirks: changes to the loaded model that exporters need, by name:
        fixed-position-embeddings   position embeddings resized once, at the network's size
    """

    exporters: tuple[Exporter, ...] = Field(min_length=1, max_length=3)
    square: tuple[Exporter, ...] = ()
    stack: Stack = "transformers-5"
    strategy: Literal["heads", "last-layer", "frozen-text", "frozen-prompt", "frozen-classes"] = "heads"
    quirks: tuple[Literal["fixed-position-embeddings"], ...] = ()


class KnownModel(_Part):
    """One `model_type` of config.json.

    dims: the family's free dimensions, as arithmetic over numbers of config.json (`num_queries`; of a section,
        `vision_config_patch_size`), `height` and `width`. multiple: height and width are rounded down to it.
    export: how its checkpoints become ONNX; None where no exporter does.
    """

    dims: dict[str, ConfigNumber] = Field(default={}, max_length=8)
    multiple: int = Field(default=1, ge=1, le=1024)
    export: ModelExport | None = None


class FamilyExport(_Part):
    """What exports of a family's checkpoints have in common. prompt: whether classes are text frozen into the graph;
    opset: tried first."""

    prompt: Literal["none", "required"] = "none"
    opset: Annotated[int, Field(ge=13, le=22)] = 17

"""The checkpoints of `live_checkpoints`, for tests that run where torch is not installed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["CASES", "NORMALISED", "PROMPTS", "SQUARE", "TIMM", "Case", "case_of"]

# Letters of the tiny vocabulary only.
PROMPTS = ("hat", "red robot", "lamp", "parrot", "old boat", "rock")

_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
# Mean and standard deviation in preprocessor_config.json, by family; the others have none.
NORMALISED = dict.fromkeys(("detr", "deformable-detr", "rf-detr", "grounding-dino", "omdet-turbo"), _IMAGENET)
NORMALISED |= dict.fromkeys(("owlvit", "owlv2"), _CLIP)


@dataclass(frozen=True)
class Case:
    """A model type with its family. height, width: of the input, pixels; rule: `size` in preprocessor_config.json, from
    which they follow for a 16:9 camera (None: themselves); columns: values per query in logits; run_s: of the
    pipeline's runs, which must outlast the loading of the engine by a second; model_type: where the name is another;
    tensors: names of scores and boxes."""

    name: str
    family: str
    height: int = 64
    width: int = 96
    rule: tuple[tuple[str, int], ...] | None = None
    queries: int = 30
    classes: int = 6
    background: bool = False
    prompts: bool = False
    run_s: int = 4
    model_type: str = ""
    tensors: tuple[str, str] = ("logits", "pred_boxes")

    @property
    def kind(self) -> str:
        """`model_type` of config.json."""
        return self.model_type or self.name

    @property
    def size(self) -> dict[str, int]:
        """`size` of preprocessor_config.json."""
        return dict(self.rule or (("height", self.height), ("width", self.width)))

    @property
    def columns(self) -> int:
        return self.classes + self.background

    @property
    def plain_name(self) -> str:
        """A name that a recipe can have."""
        return self.name.replace("_", "-")

    def expected(self) -> dict[str, Any]:
        """What has to stand in the recipe that init writes."""
        mean, std = NORMALISED.get(self.family, ((0, 0, 0), (1, 1, 1)))
        labels = {"model.labels": list(PROMPTS), "source.export.frozen_prompt": list(PROMPTS)}
        return {
            "model.family": self.family,
            "model.input.name": "pixel_values",
            "model.input.height": self.height,
            "model.input.width": self.width,
            "model.outputs": {self.tensors[0]: [self.queries, self.columns], self.tensors[1]: [self.queries, 4]},
            "model.classes": self.classes,
            "preprocess.color": "rgb",
            "preprocess.scale": "1/255",
            "preprocess.mean": list(mean),
            "preprocess.std": list(std),
            "preprocess.resize": "letterbox" if self.family == "owlv2" else "stretch",
            **(labels if self.prompts else {"model.labels": "config"}),
        }


CASES = (
    Case("detr", "detr", 54, 96, (("shortest_edge", 54), ("longest_edge", 96)), background=True),
    Case("table-transformer", "detr", 54, 96, (("shortest_edge", 96), ("longest_edge", 96)), background=True),
    Case("yolos", "detr", 48, 112, (("shortest_edge", 64), ("longest_edge", 112)), background=True),
    Case("conditional_detr", "deformable-detr", 54, 96, (("max_height", 64), ("max_width", 96))),
    Case("deformable_detr", "deformable-detr", height=96, width=128),
    Case("dab-detr", "deformable-detr"),
    Case("lw_detr", "deformable-detr", width=64, queries=16),
    Case("rt_detr", "rt-detr"),
    Case("rt_detr_v2", "rt-detr"),
    Case("d_fine", "rt-detr"),
    Case("deimv2", "rt-detr"),
    Case("rf_detr", "rf-detr", width=64, queries=16),
    Case("pp_doclayout_v2", "pp-doclayout"),
    Case("pp_doclayout_v3", "pp-doclayout"),
    Case("owlvit", "owlvit", height=96, queries=36, prompts=True),
    Case("owlv2", "owlv2", height=96, queries=36, prompts=True),
    Case("grounding-dino", "grounding-dino", height=96, width=128, prompts=True, run_s=8),
    Case("mm-grounding-dino", "grounding-dino", height=96, width=128, prompts=True, run_s=8),
    Case(
        "omdet-turbo",
        "omdet-turbo",
        height=96,
        width=128,
        prompts=True,
        tensors=("decoder_class_logits", "decoder_coord_logits"),
    ),
)
# As most DETRs on the hub are: the backbone is one of the package timm.
TIMM = Case("detr-timm", "detr", background=True, model_type="detr")
# Height and width, pixels, of a second input size that is tried with these.
SQUARE = dict.fromkeys(("rt_detr", "rt_detr_v2", "d_fine"), 96)


def case_of(name: str) -> Case:
    """The case with this name."""
    return next(case for case in (*CASES, TIMM) if case.name == name)

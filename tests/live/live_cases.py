"""The checkpoints of `live_checkpoints`, for tests that run where torch is not installed."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CASES", "PROMPTS", "Case"]

# Letters of the tiny vocabulary only.
PROMPTS = ("hat", "red robot", "lamp", "parrot", "old boat", "rock")


@dataclass(frozen=True)
class Case:
    """A model type with its family. height, width: of the input, pixels; columns: values per query in logits; run_s: of
    the pipeline's runs, which must outlast the loading of the engine."""

    name: str
    family: str
    height: int = 64
    width: int = 96
    queries: int = 30
    classes: int = 6
    background: bool = False
    prompts: bool = False
    run_s: int = 8

    @property
    def columns(self) -> int:
        return self.classes + self.background

    @property
    def plain_name(self) -> str:
        """A name that a recipe can have."""
        return self.name.replace("_", "-")


CASES = (
    Case("detr", "detr", background=True),
    Case("table-transformer", "detr", background=True),
    Case("yolos", "detr", background=True),
    Case("conditional_detr", "deformable-detr"),
    Case("deformable_detr", "deformable-detr", height=96, width=128),
    Case("dab-detr", "deformable-detr"),
    Case("lw_detr", "deformable-detr", width=64, queries=16),
    Case("rt_detr", "rt-detr"),
    Case("rt_detr_v2", "rt-detr"),
    Case("d_fine", "rt-detr"),
    Case("deimv2", "rt-detr"),
    Case("rf_detr", "rf-detr", width=64, queries=16),
    Case("owlvit", "owlvit", height=96, queries=36, prompts=True),
    Case("owlv2", "owlv2", height=96, queries=36, prompts=True),
    Case("grounding-dino", "grounding-dino", height=96, width=128, prompts=True, run_s=30),
    Case("mm-grounding-dino", "grounding-dino", height=96, width=128, prompts=True, run_s=30),
)

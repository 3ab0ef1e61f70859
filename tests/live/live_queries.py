"""More detectors whose heads give queries: what an export of ours makes of them, and models of other projects."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import transformers
from live_borrowed import Wheel
from live_cases import PROMPTS, case_of
from live_checkpoints import omdet_turbo, pp_doclayout, write
from live_imported import imported, unpacked
from live_models import CLASSES, ENCODER_DECODER, Detector, Heads, detr_like, resnet, spread
from torch import Tensor, nn

from dsimport.runtime.export.worker.strategies import STRATEGIES

__all__ = ["QUERIES"]


def as_exported(detector: Detector, strategy: str) -> nn.Module:
    """The module that a strategy of our export makes of the detector's checkpoint."""
    with tempfile.TemporaryDirectory() as folder:
        write(detector, case_of(detector.name), Path(folder))
        request = {"checkpoint": folder, "prompts": list(PROMPTS), "safetensors": True}
        return STRATEGIES[strategy](request).module


class Ordered(nn.Module):
    """Roboflow's detector: logits and boxes of its export, which has the boxes first."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        boxes, logits = self.model(pixels)[:2]
        return logits, boxes


def roboflow() -> nn.Module:
    """Its smallest model at a fourth of its size, with weights at random."""
    with tempfile.TemporaryDirectory() as folder:
        place = unpacked(Wheel("rfdetr").path, Path(folder))  # it reads files of its own
        build = imported(place, "rfdetr.models.lwdetr").build_model_from_config
        config = imported(place, "rfdetr.config").RFDETRNanoConfig(
            pretrain_weights="none", device="cpu", num_classes=CLASSES - 1, resolution=64, positional_encoding_size=4
        )
        model = spread(build(config))
        model.export()
    return Ordered(model)


def deta() -> nn.Module:
    """From the last transformers that had it, with what this one has."""
    known = {"load_backbone": transformers.backbone_utils.load_backbone}
    with mock.patch.multiple("transformers.utils.backbone_utils", create=True, **known):
        folder = "transformers.models.deprecated.deta"
        place = Wheel("transformers").path
        config = imported(place, f"{folder}.configuration_deta").DetaConfig
        model = imported(place, f"{folder}.modeling_deta").DetaForObjectDetection
    small: dict[str, Any] = {"d_model": 32, "two_stage": False, "with_box_refine": False, "assign_first_stage": False}
    return Heads(spread(model(config(backbone_config=resnet(2, 3, 4), **ENCODER_DECODER, **small))))


OMDET = Detector("omdet-turbo", "omdet-turbo", omdet_turbo, height=96, width=128)
DOCLAYOUT = Detector("pp_doclayout_v2", "pp-doclayout", lambda: pp_doclayout(2))
QUERIES = (
    Detector(
        "omdet-turbo",
        "omdet-turbo",
        lambda: as_exported(OMDET, "frozen-classes"),
        height=96,
        width=128,
        columns=len(PROMPTS),
    ),
    Detector("pp_doclayout_v2", "pp-doclayout", lambda: as_exported(DOCLAYOUT, "last-layer")),
    Detector("deta", "deta", deta, height=96, width=128),
    Detector("rfdetr", "rf-detr-roboflow", roboflow, width=64, queries=300),
    # TAO's own models are not published as code: this is the architecture that its Deformable DETR is.
    Detector("tao", "tao-detr", lambda: detr_like("DeformableDetr", 2, 3, 4, d_model=32), height=96, width=128),
)

"""torchvision's own post-processing of its heads' raw outputs, and its models with raw outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch
import torchvision
from live_processors import Objects
from live_source import Roles, Shape, Source, objects
from live_weights import spread
from torch import Tensor, nn
from torchvision.models import detection
from torchvision.models.detection import _utils, anchor_utils
from torchvision.models.detection.image_list import ImageList

__all__ = ["HEADS", "TITLE", "raw_model"]

TITLE = f"torchvision {torchvision.__version__.partition('+')[0]}"
STRIDES = (8, 16, 32, 64, 128)
EVERYTHING = 10**9


def without_suppression(call: Callable[[], Any]) -> Any:
    """The call's value, with every box kept."""
    with mock.patch.object(torchvision.ops.boxes, "batched_nms", lambda boxes, *_: torch.arange(len(boxes))):
        return call()


def anchors_of(generator: nn.Module, shape: Shape, grids: Sequence[tuple[int, int]], frames: int) -> list[Tensor]:
    """Anchors of each frame, for feature maps of these rows and columns."""
    size = (shape.height, shape.width)
    images = ImageList(torch.zeros(frames, 3, *size), [size] * frames)
    found: list[Tensor] = generator(images, [torch.zeros(frames, 1, *grid) for grid in grids])
    return found


def results(found: Sequence[dict[str, Tensor]], first: int = 0) -> list[Objects]:
    return [objects(each["labels"] - first, each["scores"], each["boxes"]) for each in found]


def settings(threshold: float, **others: Any) -> SimpleNamespace:
    """What the post-processing reads from its model."""
    return SimpleNamespace(
        score_thresh=threshold, topk_candidates=EVERYTHING, nms_thresh=1.0, detections_per_img=EVERYTHING, **others
    )


def by_level(shape: Shape, per_cell: int) -> tuple[list[tuple[int, int]], list[int]]:
    """Rows and columns of each level, and its anchors."""
    grids = [(shape.height // stride, shape.width // stride) for stride in STRIDES]
    return grids, [rows * columns * per_cell for rows, columns in grids]


def retinanet(t: Roles, shape: Shape, threshold: float) -> list[Objects]:
    grids, counts = by_level(shape, 9)
    generator = detection.retinanet._default_anchorgen()
    anchors = [list(each.split(counts)) for each in anchors_of(generator, shape, grids, len(t["boxes"]))]
    outputs = {"cls_logits": t["scores"].split(counts, 1), "bbox_regression": t["boxes"].split(counts, 1)}
    head = settings(threshold, box_coder=_utils.BoxCoder(weights=(1.0, 1.0, 1.0, 1.0)))
    sizes = [(shape.height, shape.width)] * len(anchors)
    process = detection.RetinaNet.postprocess_detections
    return results(without_suppression(lambda: process(head, outputs, anchors, sizes)))


def fcos(t: Roles, shape: Shape, threshold: float) -> list[Objects]:
    grids, counts = by_level(shape, 1)
    generator = anchor_utils.AnchorGenerator(tuple((stride,) for stride in STRIDES), ((1.0,),) * len(STRIDES))
    anchors = [list(each.split(counts)) for each in anchors_of(generator, shape, grids, len(t["boxes"]))]
    names = {"cls_logits": "scores", "bbox_regression": "boxes", "bbox_ctrness": "centerness"}
    outputs = {name: t[role].split(counts, 1) for name, role in names.items()}
    head = settings(threshold, box_coder=_utils.BoxLinearCoder(normalize_by_size=True))
    sizes = [(shape.height, shape.width)] * len(anchors)
    process = detection.FCOS.postprocess_detections
    return results(without_suppression(lambda: process(head, outputs, anchors, sizes)))


def ssd(generator: nn.Module, grids: Sequence[int]) -> Callable[[Roles, Shape, float], list[Objects]]:
    def post_process(t: Roles, shape: Shape, threshold: float) -> list[Objects]:
        anchors = anchors_of(generator, shape, [(side, side) for side in grids], len(t["boxes"]))
        outputs = {"cls_logits": t["scores"], "bbox_regression": t["boxes"]}
        head = settings(threshold, box_coder=_utils.BoxCoder(weights=(10.0, 10.0, 5.0, 5.0)))
        sizes = [(shape.height, shape.width)] * len(anchors)
        process = detection.ssd.SSD.postprocess_detections
        return results(without_suppression(lambda: process(head, outputs, anchors, sizes)), 1)

    return post_process


def ssd300() -> nn.Module:
    ratios = [[2], [2, 3], [2, 3], [2, 3], [2], [2]]
    scales = [0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05]
    return anchor_utils.DefaultBoxGenerator(ratios, scales=scales, steps=[8, 16, 32, 64, 100, 300])


def ssdlite() -> nn.Module:
    return anchor_utils.DefaultBoxGenerator([[2, 3] for _ in range(6)], min_ratio=0.2, max_ratio=0.95)


HEADS = {
    source.family: source
    for source in (
        Source("fcos", TITLE, fcos, size=(128, 128)),
        Source("retinanet", TITLE, retinanet, size=(128, 128)),
        Source("ssd-torchvision", TITLE, ssd(ssd300(), (38, 19, 10, 5, 3, 1)), size=(300, 300)),
        Source("ssdlite-torchvision", TITLE, ssd(ssdlite(), (20, 10, 5, 3, 2, 1)), size=(320, 320)),
    )
}


class RawHead(nn.Module):
    """A detector from normalised pixels to what its head gives, in the order of `names`."""

    def __init__(self, model: Any, names: Sequence[str]) -> None:
        super().__init__()
        self.model, self.names = model, names

    def forward(self, pixels: Tensor) -> list[Tensor]:
        found = self.model.head(list(self.model.backbone(pixels).values()))
        return [found[name] for name in self.names]


def raw_model(family: str, classes: int, names: Sequence[str]) -> nn.Module:
    """A torchvision model of the family with random weights; `classes` counts its columns."""
    makers = {
        "fcos": detection.fcos_resnet50_fpn,
        "retinanet": detection.retinanet_resnet50_fpn,
        "ssd-torchvision": detection.ssd300_vgg16,
        "ssdlite-torchvision": detection.ssdlite320_mobilenet_v3_large,
    }
    torch.manual_seed(0)
    model = makers[family](weights=None, weights_backbone=None, num_classes=classes)
    return RawHead(spread(model, ("head.",)), names).eval()

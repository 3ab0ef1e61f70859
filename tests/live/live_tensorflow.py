"""Post-processing of TensorFlow's object detection API, whose few operators numpy has, too."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from live_borrowed import Wheel
from live_processors import Objects
from live_source import PostProcess, Roles, Shape, objects

__all__ = ["ssd_tf"]

Array = npt.NDArray[Any]
GRIDS = ((19, 19), (10, 10), (5, 5), (3, 3), (2, 2), (1, 1))  # of MobileNet's feature maps at 300 x 300

# TensorFlow's names for what numpy does, in float32 like TensorFlow.
NUMPY = SimpleNamespace(
    float32=np.float32,
    cast=lambda value, dtype: np.asarray(value, dtype),
    concat=np.concatenate,
    constant=np.asarray,
    contrib=SimpleNamespace(framework=SimpleNamespace(is_tensor=lambda _: False)),
    exp=np.exp,
    minimum=np.minimum,
    name_scope=lambda *_: nullcontext(),
    ones=np.ones,
    range=np.arange,
    reshape=np.reshape,
    sqrt=lambda value: np.sqrt(np.asarray(value, np.float32)),
    stack=np.stack,
    transpose=np.transpose,
    unstack=list,
)


class Boxes:
    """A list of boxes: ymin, xmin, ymax, xmax."""

    def __init__(self, boxes: Array) -> None:
        self.boxes = boxes

    def get(self) -> Array:
        """[n, 4]."""
        return self.boxes

    def num_boxes_static(self) -> int:
        """How many."""
        return len(self.boxes)

    def add_field(self, *_: Any) -> None:
        """What else is known of the boxes is not asked for."""


def meshgrid(x: Array, y: Array) -> tuple[Array, Array]:
    """The first varies in the last dimensions, the second in the first ones."""
    shape = y.shape + x.shape
    return np.broadcast_to(x, shape), np.broadcast_to(y.reshape(y.shape + (1,) * x.ndim), shape)


def anchors(wheel: Wheel) -> Boxes:
    """Its generator's, as its pipelines of SSD with MobileNet configure it."""
    folder = "object_detection/anchor_generators"
    boxes = SimpleNamespace(BoxList=Boxes)
    functions = ("tile_anchors", "_center_size_bbox_to_corners_bbox")
    grid = wheel.borrowed(
        f"{folder}/grid_anchor_generator.py",
        *functions,
        tf=NUMPY,
        ops=SimpleNamespace(meshgrid=meshgrid),
        box_list=boxes,
    )
    several = wheel.borrowed(
        f"{folder}/multiple_grid_anchor_generator.py",
        *("MultipleGridAnchorGenerator", "create_ssd_anchors"),
        np=np,
        tf=NUMPY,
        grid_anchor_generator=grid,
        anchor_generator=SimpleNamespace(AnchorGenerator=object),
    )
    # The pipelines' files round a third to four digits.
    generator = several.create_ssd_anchors(aspect_ratios=(1.0, 2.0, 0.5, 3.0, 0.3333))
    return Boxes(np.concatenate([each.get() for each in generator._generate(list(GRIDS))]))


def ssd_tf(wheel: Wheel) -> PostProcess:
    """Scores are sigmoids and the background's is left out, which its meta-architecture says in a line each."""
    Boxes.get_center_coordinates_and_sizes = wheel.borrowed(  # type: ignore[attr-defined]
        "object_detection/core/box_list.py", "BoxList.get_center_coordinates_and_sizes", tf=NUMPY
    ).get_center_coordinates_and_sizes
    decode = wheel.borrowed(
        "object_detection/box_coders/faster_rcnn_box_coder.py",
        "FasterRcnnBoxCoder._decode",
        tf=NUMPY,
        box_list=SimpleNamespace(BoxList=Boxes),
    )._decode
    priors = anchors(wheel)
    coder = SimpleNamespace(_scale_factors=[10.0, 10.0, 5.0, 5.0])

    def post_process(t: Roles, shape: Shape, threshold: float) -> list[Objects]:
        unit = np.array([shape.width, shape.height] * 2)
        frames = []
        for codes, logits in zip(t["boxes"][:, :, 0], t["scores"], strict=True):
            boxes = decode(coder, codes.numpy().copy(), priors).get()[:, [1, 0, 3, 2]] * unit
            scores = torch.sigmoid(logits)[:, 1:].numpy()
            prior, label = np.nonzero(scores > np.float32(threshold))
            frames.append(objects(label, scores[prior, label], boxes[prior]))
        return frames

    return post_process

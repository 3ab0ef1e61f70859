"""Detectors with heads that decode, built with random weights from their projects' own code, ready to be exported."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch
from live_borrowed import Wheel
from live_imported import imported, unpacked
from live_models import CLASSES, DETECTORS
from live_models import build as build_queries
from live_processors import center_to_corners_format
from live_source import Shape, torchvision
from live_weights import images, settle, spread
from torch import Tensor, nn

__all__ = ["BUILDS", "Build"]

V3 = (10, 13, 16, 30, 33, 23, 30, 61, 62, 45, 59, 119, 116, 90, 156, 198, 373, 326)
V4 = (12, 16, 19, 36, 40, 28, 36, 75, 76, 55, 72, 146, 142, 110, 192, 243, 459, 401)
V7 = [list(V4[first : first + 6]) for first in range(0, 18, 6)]
SMALL = 0.25  # of the published widths
LIBRE = "libreyolo.models"
DAMO = "modelscope.models.cv.tinynas_detection.damo.base_models"


class Outputs(nn.Module):
    """Modules one after the other, and what an export keeps of their results."""

    def __init__(self, *modules: nn.Module, keep: Callable[[Any], Any] = lambda found: found) -> None:
        super().__init__()
        self.chain = nn.ModuleList(modules)
        self.keep = keep

    def forward(self, pixels: Tensor) -> Any:
        found: Any = pixels
        for module in self.chain:
            found = module(found)
        return self.keep(found)


def libre(module: str, name: str, *args: Any, keep: Callable[[Any], Any] = lambda found: found) -> nn.Module:
    """A model of LibreYOLO."""
    code = imported(Wheel("libreyolo").path, f"{LIBRE}.{module}.nn")
    return Outputs(getattr(code, name)(*args), keep=keep)


def levels(found: tuple[list[Tensor], list[Tensor]]) -> tuple[Tensor, ...]:
    """Maps of scores, then maps of boxes."""
    return (*found[0], *found[1])


def picodet(found: tuple[list[Tensor], list[Tensor]]) -> tuple[Tensor, ...]:
    """The same with a row per cell, and scores that are probabilities."""
    scores, boxes = ([each.flatten(2).transpose(1, 2) for each in maps] for maps in found)
    return (*(each.sigmoid() for each in scores), *boxes)


def decoded(found: Any) -> Any:
    """Boxes and scores; outside of an export there are maps, too."""
    return found[0] if isinstance(found[0], tuple) else found


def transposed(found: Any) -> tuple[Tensor, Tensor]:
    """The same, as Paddle exports them."""
    boxes, scores = decoded(found)
    return boxes, scores.transpose(1, 2)


def joined(found: Any) -> Tensor:
    """The same as one tensor."""
    return torch.cat(decoded(found), -1)


def yolox(shape: Shape, *, raw: bool) -> nn.Module:
    place = Wheel("pixeltable-yolox").path
    head = imported(place, "yolox.models.yolo_head").YoloxHead(shape.classes, width=SMALL, depthwise=True)
    head.decode_in_inference = not raw
    return Outputs(imported(place, "yolox.models.yolo_pafpn").YoloPafpn(0.33, SMALL, depthwise=True), head)


def dense(shape: Shape) -> nn.Module:
    """YOLOX as LibreYOLO exports it for DeepStream."""
    adapter = imported(Wheel("libreyolo").path, "libreyolo.export.deepstream").DeepStreamYOLOXOutput
    wrapped: nn.Module = adapter(yolox(shape, raw=False))
    return wrapped


def nanodet(_: Shape) -> nn.Module:
    """Its exported graph makes probabilities of the scores."""
    place, folder = Wheel("modelscope").path, "modelscope.models.cv.face_human_hand_detection"
    code = imported(place, f"{folder}.one_stage_detector")
    # The same without the batch as a number.
    shuffled: Any = lambda maps, groups: maps.unflatten(1, (groups, -1)).transpose(1, 2).flatten(1, 2)  # noqa: E731
    imported(place, f"{folder}.shufflenetv2").channel_shuffle = shuffled  # type: ignore[attr-defined]

    def keep(found: Tensor) -> Tensor:
        scores, edges = found.split((found.shape[-1] - 32, 32), -1)
        return torch.cat((scores.sigmoid(), edges), -1)

    class Plain(nn.Module):
        """Without its way through an export, which is for one image."""

        def __init__(self) -> None:
            super().__init__()
            self.model = code.OneStageDetector()

        def forward(self, pixels: Tensor) -> Any:
            with mock.patch.object(torch.onnx, "is_in_onnx_export", return_value=False):
                return self.model(pixels)

    return Outputs(Plain(), keep=keep)


def damo_yolo(shape: Shape) -> nn.Module:
    place, widths = Wheel("modelscope").path, [64, 128, 256]
    backbone = imported(place, f"{DAMO}.backbones.darknet").CSPDarknet(0.33, SMALL, act="silu")
    neck = imported(place, f"{DAMO}.necks.giraffe_fpn_btn").GiraffeNeckV2(
        depth=0.33, in_channels=widths, out_channels=widths, block_name="BasicBlock_3x3_Reverse"
    )
    head = imported(place, f"{DAMO}.heads.zero_head").ZeroHead(
        shape.classes, widths, feat_channels=widths, stacked_convs=0, reg_max=16, act="silu", nms=False
    )
    return Outputs(Outputs(backbone, keep=lambda maps: maps[-3:]), neck, head)


def pyramid(nc: int, anchors: list[list[int]]) -> dict[str, Any]:
    """A backbone of five layers as the projects of the YOLO family write a model down, and their own head on it."""
    layers = [[-1, 1, "Conv", [8 * 2**at, 3, 2]] for at in range(5)]
    head = [[2, 3, 4], 1, "Detect", ["nc", "anchors"]]
    sizes = {"depth_multiple": 1, "width_multiple": 1}
    return {"nc": nc, "anchors": anchors, "backbone": layers, "head": [head], **sizes}


def yolov5(shape: Shape) -> nn.Module:
    code = imported(Wheel("yolov5").path, "yolov5.models.yolo")
    anchors = [list(V3[first : first + 6]) for first in range(0, 18, 6)]
    return Outputs(code.DetectionModel(pyramid(shape.classes, anchors)), keep=lambda found: found[0])


def yolov7(shape: Shape, *, raw: bool) -> nn.Module:
    code = imported(Wheel("yolov7-package").path, "yolov7_package.models.yolo")
    return Outputs(code.Model(pyramid(shape.classes, V7)), keep=lambda found: tuple(found[1]) if raw else found[0])


class Settings(dict[str, Any]):
    """A configuration whose keys are attributes, too."""

    def __getattr__(self, name: str) -> Any:
        value = self[name]
        return Settings(value) if isinstance(value, dict) else value


def yolov6(shape: Shape) -> nn.Module:
    """YOLOv6-N, whose sources are a file each for a size."""
    sources = Wheel("yolov6detect")
    scope: dict[str, Any] = {}
    exec(sources.read("yolov6/configs/yolov6n.py"), scope)
    with tempfile.TemporaryDirectory() as folder:
        code = imported(unpacked(sources.path, Path(folder)), "yolov6.models.yolo")
        model = code.Model(Settings(model=scope["model"], training_mode="conv_relu"), num_classes=shape.classes)
    return Outputs(model, keep=lambda found: found[0] if isinstance(found, list) else found)


def darknet(shape: Shape, anchors: Sequence[int], order: Sequence[int], scales: Sequence[float]) -> str:
    """A configuration of Darknet: five layers, and a head on each of the last three. order: heads, by level."""
    text = f"[net]\nwidth={shape.width}\nheight={shape.height}\nchannels=3\n"
    for at in range(5):
        text += f"[convolutional]\nbatch_normalize=1\nfilters={8 * 2**at}\nsize=3\nstride=2\npad=1\nactivation=leaky\n"
    for level, scale in zip(order, scales, strict=True):
        mask = ",".join(str(3 * level + at) for at in range(3))
        text += f"[route]\nlayers={2 + level}\n"
        text += f"[convolutional]\nfilters={3 * (5 + shape.classes)}\nsize=1\nstride=1\npad=1\nactivation=linear\n"
        text += f"[yolo]\nmask={mask}\nanchors={','.join(map(str, anchors))}\nclasses={shape.classes}\nnum=9\n"
        text += f"jitter=.3\nignore_thresh=.7\ntruth_thresh=1\nrandom=0\nscale_x_y={scale}\n"
    return text


def darknet_maps(shape: Shape, *layout: Any) -> nn.Module:
    place = Wheel("libreyolo").path
    options, layers = imported(place, f"{LIBRE}.darknet.cfg").parse_cfg_text(darknet(shape, *layout))
    return Outputs(imported(place, f"{LIBRE}.darknet.net").DarknetNet(options, layers), keep=tuple)


def darknet_boxes(shape: Shape) -> nn.Module:
    code = imported(Wheel("wf-pytorch-yolo-v4").path, "yolov4.tool.darknet2pytorch")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.cfg"
        path.write_text(darknet(shape, V4, (0, 1, 2), (1.2, 1.1, 1.05)))
        return Outputs(code.Darknet(str(path), inference=True), keep=tuple)


def old_rtdetr(shape: Shape) -> nn.Module:
    """Ultralytics' decoder on a small backbone, as it was exported then."""
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, YOLO_CONFIG_DIR=folder):
        place = unpacked(Wheel("ultralytics").path, Path(folder))  # it reads files of its own
        code = imported(place, "ultralytics.nn.modules.head", __version__="8.3.0")
        ops = imported(place, "ultralytics.models.utils.ops")  # which the decoder imports when it runs
    assert ops.get_cdn_group
    decoder = code.RTDETRDecoder(shape.classes, ch=(32, 64, 128), hd=32, nq=30, nh=4, ndl=2, d_ffn=32, eval_idx=-1)
    decoder.export = True
    return Outputs(Backbone(), decoder)


class Backbone(nn.Module):
    """Maps with 32, 64 and 128 channels at an 8th, a 16th and a 32nd of the size."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 8, 16, 32, 64, 128)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Conv2d(one, other, 3, 2, 1, bias=False), nn.BatchNorm2d(other), nn.SiLU())
            for one, other in pairwise(widths)
        )

    def forward(self, pixels: Tensor) -> list[Tensor]:
        maps = [pixels]
        for layer in self.layers:
            maps.append(layer(maps[-1]))
        return maps[-3:]


def detr_rows(shape: Shape) -> nn.Module:
    """D-FINE with its own post-processing in the graph, for the input's size."""
    ops = torchvision().ops
    ops.box_convert = lambda boxes, **_: center_to_corners_format(boxes)
    code = Wheel("d-fine-project").borrowed(
        "zoo/dfine/postprocessor.py",
        *("DFINEPostProcessor", "mod"),
        torch=torch,
        nn=nn,
        F=nn.functional,
        torchvision=SimpleNamespace(ops=ops),
    )
    [detector] = (each for each in DETECTORS if each.name == "d_fine")
    post = code.DFINEPostProcessor(num_classes=CLASSES, num_top_queries=detector.queries).deploy()
    size = torch.tensor([[shape.width, shape.height]])

    def keep(found: tuple[Tensor, Tensor]) -> Any:
        return post({"pred_logits": found[0], "pred_boxes": found[1]}, size)

    return Outputs(build_queries(detector), keep=keep)


@dataclass(frozen=True)
class Build:
    """A detector of a family. of: what it is, for people. make: pixels to the family's tensors in their order.

    heads: parts of the names of layers that score, which get random weights; none where `make` gives them.
    """

    family: str
    of: str
    make: Callable[[Shape], nn.Module]
    heads: tuple[str, ...] = ()
    classes: int = 5
    size: tuple[int, int] = (64, 96)

    def model(self) -> nn.Module:
        """The same random weights every time."""
        torch.manual_seed(0)
        model = self.make(Shape(*self.size, self.classes)).eval()
        if self.heads:
            settle(spread(model, self.heads), images(16, self.size, 0))
        return model


def _builds() -> tuple[Build, ...]:
    return (
        Build("damo-yolo", "DAMO-YOLO", damo_yolo, ("gfl_cls",)),
        Build("deepstream-yolo-dense", "YOLOX", dense, ("cls_preds", "obj_preds")),
        Build("detr-rows", "D-FINE", detr_rows, classes=CLASSES),
        Build("nanodet", "NanoDet-Plus", nanodet, ("gfl_cls",), classes=3),
        Build(
            "picodet",
            "PicoDet-S",
            lambda s: libre("picodet", "LibrePICODETModel", "s", s.classes, keep=picodet),
            ("gfl_cls",),
            size=(64, 128),
        ),
        Build(
            "pp-yoloe",
            "PP-YOLOE-S",
            lambda s: libre("ppyoloe", "LibrePPYOLOEModel", "s", s.classes, keep=transposed),
            ("pred_cls",),
        ),
        Build(
            "pp-yoloe-post",
            "PP-YOLOE-S",
            lambda s: libre("ppyoloe", "LibrePPYOLOEModel", "s", s.classes, keep=joined),
            ("pred_cls",),
        ),
        Build(
            "rtmdet-raw",
            "RTMDet-tiny",
            lambda s: libre("rtmdet", "LibreRTMDetModel", "t", s.classes, keep=levels),
            ("rtm_cls",),
        ),
        Build("ultralytics-rtdetr-old", "RT-DETR", old_rtdetr, ("score_head",), size=(64, 96)),
        Build(
            "yolo-nas",
            "YOLO-NAS-S",
            lambda s: libre("yolonas", "LibreYOLONASModel", "s", s.classes, keep=decoded),
            ("cls_pred",),
        ),
        Build("yolov3-raw", "Darknet", lambda s: darknet_maps(s, V3, (2, 1, 0), (1.0, 1.0, 1.0)), ("conv",)),
        Build("yolov4-boxes", "Darknet", darknet_boxes, ("conv",)),
        Build("yolov4-raw", "Darknet", lambda s: darknet_maps(s, V4, (0, 1, 2), (1.2, 1.1, 1.05)), ("conv",)),
        Build("yolov5", "YOLOv5", yolov5, (".m.",)),
        Build("yolov6", "YOLOv6-N", yolov6, ("cls_preds",)),
        Build("yolov7-one-class", "YOLOv7", lambda s: yolov7(s, raw=False), (".m.",), classes=1, size=(64, 64)),
        Build("yolov7-raw", "YOLOv7", lambda s: yolov7(s, raw=True), (".m.",), size=(64, 64)),
        Build("yolox", "YOLOX", lambda s: yolox(s, raw=False), ("cls_preds", "obj_preds")),
        Build("yolox-raw", "YOLOX", lambda s: yolox(s, raw=True), ("cls_preds", "obj_preds")),
    )


BUILDS = {build.family: build for build in _builds()}

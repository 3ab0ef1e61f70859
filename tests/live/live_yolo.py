"""Models of Ultralytics with random weights, exported by Ultralytics, and its own suppression."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from live_processors import Objects
from live_source import from_rows
from live_weights import spread
from torch import Tensor

os.environ["YOLO_AUTOINSTALL"] = "false"  # read when it is imported: it would install packages

import ultralytics
from ultralytics.models.rtdetr.predict import RTDETRPredictor
from ultralytics.utils.nms import non_max_suppression

__all__ = ["YOLOS", "YOLO_TITLE", "Yolo", "exported", "queries", "suppressed"]

YOLO_TITLE = f"ultralytics {ultralytics.__version__}"
SIZE = (64, 96)  # height, width


@dataclass(frozen=True)
class Yolo:
    """config: Ultralytics' name of an architecture. options: of its export. batches: that the export serves."""

    config: str
    family: str
    options: dict[str, Any] = field(default_factory=dict)
    batches: tuple[int, ...] = (1, 4)
    size: tuple[int, int] = SIZE

    @property
    def name(self) -> str:
        """For people."""
        said = [f"{key}={value}" for key, value in self.options.items() if key == "nms"]
        return " ".join([self.config.removesuffix(".yaml"), *said])


DYNAMIC = {"dynamic": True}
YOLOS = (
    *(
        Yolo(f"{name}.yaml", "yolov8", DYNAMIC)
        for name in ("yolov3-tiny", "yolov5n", "yolov6n", "yolov8n", "yolov9t", "yolo11n", "yolo12n")
    ),
    *(Yolo(f"{name}.yaml", "yolov8", DYNAMIC | {"nms": None}) for name in ("yolov10n", "yolo26n")),
    *(Yolo(f"{name}.yaml", "nms-rows", DYNAMIC | {"nms": False}) for name in ("yolov10n", "yolo26n")),
    # With dynamic=True and batch=1 its suppression serves the first image alone.
    *(Yolo("yolo11n.yaml", "nms-rows", {"nms": True, "batch": batch}, (batch,)) for batch in (1, 4)),
    Yolo("rtdetr-resnet50.yaml", "ultralytics-rtdetr", DYNAMIC, size=(128, 128)),
)


def exported(yolo: Yolo) -> Path:
    """The ONNX file, in the working directory, of the model with the same random weights every time."""
    torch.manual_seed(0)
    kind = ultralytics.RTDETR if "rtdetr" in yolo.config else ultralytics.YOLO
    model = kind(yolo.config)
    spread(model.model, ("cv3.", "score_head"))
    return Path(model.export(format="onnx", imgsz=yolo.size, simplify=False, verbose=False, **yolo.options)).absolute()


def suppressed(output: Tensor, threshold: float, iou: float = 1.0) -> list[Objects]:
    """Its results; with an overlap of 1 allowed nothing is suppressed."""
    return from_rows(non_max_suppression(output.clone(), conf_thres=threshold, iou_thres=iou, max_det=10**6))


def queries(output: Tensor, threshold: float, size: Sequence[int]) -> list[Objects]:
    """Its results for RT-DETR's rows, boxes in pixels of `size` (height, width)."""
    images = [np.zeros((*size, 3), np.uint8)] * len(output)
    predictor = SimpleNamespace(
        args=SimpleNamespace(conf=threshold, classes=None, max_det=10**6),
        batch=[[""] * len(images)],
        model=SimpleNamespace(names={}),
    )
    found = RTDETRPredictor.postprocess(predictor, output.clone(), None, images)
    return from_rows([each.boxes.data for each in found])

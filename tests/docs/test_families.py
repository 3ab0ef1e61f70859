"""The table of families names every model that the package claims to serve."""

from __future__ import annotations

from pathlib import Path

import pytest

TABLE = (Path(__file__).parents[2] / "docs/families.md").read_text("utf-8").replace("\\", "")
# By the preset that serves them.
MODELS = {
    "detr": ("DETR", "Table Transformer", "YOLOS"),
    "deformable-detr": ("Conditional", "Deformable", "DAB-DETR", "LW-DETR"),
    "rt-detr": ("RT-DETR v1 and v2", "D-FINE", "DEIMv2"),
    "rf-detr": ("RF-DETR", "transformers"),
    "rf-detr-roboflow": ("RF-DETR", "rfdetr"),
    "deta": ("DETA",),
    "owlvit": ("OWL-ViT",),
    "owlv2": ("OWLv2",),
    "grounding-dino": ("Grounding DINO",),
    "omdet-turbo": ("OmDet",),
    "pp-doclayout": ("PP-DocLayout",),
    "yolov8": ("YOLOv3u", "v5u", "v6", "v8", "v9", "11", "12", "v10", "26"),
    "nms-rows": ("YOLOv10", "26", "nms=True"),
    "ultralytics-rtdetr": ("RT-DETR of Ultralytics",),
    "ultralytics-rtdetr-old": ("RT-DETR of older Ultralytics",),
    "yolov5": ("YOLOv5", "YOLOv7", "YOLOR"),
    "yolov7-one-class": ("YOLOv7",),
    "yolov6": ("YOLOv6", "Gold-YOLO"),
    "yolov3-raw": ("YOLOv3",),
    "yolov4-raw": ("YOLOv4",),
    "yolov7-raw": ("YOLOv7",),
    "yolov4-boxes": ("YOLOv4", "confs"),
    "yolox": ("YOLOX",),
    "yolox-raw": ("YOLOX", "undecoded"),
    "yolo-nas": ("YOLO-NAS",),
    "damo-yolo": ("DAMO-YOLO",),
    "pp-yoloe": ("PP-YOLOE", "PP-YOLOE+"),
    "rtmdet": ("RTMDet",),
    "nanodet": ("NanoDet-Plus",),
    "picodet": ("PicoDet",),
    "ssd-torchvision": ("SSD", "torchvision"),
    "ssdlite-torchvision": ("SSDlite",),
    "ssd-tf": ("SSD", "TensorFlow"),
    "ssd-rows": ("DetectionOutput",),
    "retinanet": ("RetinaNet",),
    "fcos": ("FCOS",),
    "efficientdet": ("EfficientDet",),
    "efficient-nms": ("EfficientNMS",),
    "batched-nms": ("BatchedNMS",),
    "nms-trt": ("NMS_TRT",),
    "tf-detections": ("TensorFlow object detection API",),
    "paddle-rows": ("PaddleDetection",),
    "detr-rows": ("RT-DETR", "D-FINE", "DEIM"),
    "detectnet": ("DetectNet_v2",),
    "tao-detr": ("TAO Deformable DETR", "DINO", "RT-DETR"),
    "centernet": ("CenterNet",),
    "centerface": ("CenterFace",),
    "blazeface": ("BlazeFace",),
}


@pytest.mark.parametrize("family", MODELS)
def test_every_model_is_named_where_it_is_served(family: str) -> None:
    title = next(line for line in TABLE.splitlines() if line.startswith(f"| `{family}` |")).split(" | ")[1]
    assert [name for name in MODELS[family] if name not in title] == []

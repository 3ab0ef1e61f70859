"""Reading of rows and boxes that networks have finished, as their own projects do it."""

from __future__ import annotations

import sys
import time
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import torch
from live_borrowed import Wheel
from live_processors import Objects
from live_source import PostProcess, Roles, Shape, from_rows, objects
from torch import Tensor

__all__ = [
    "batched_nms",
    "dense_rows",
    "detr_rows",
    "efficient_nms",
    "efficientdet",
    "nms_trt",
    "paddle_rows",
    "ssd_rows",
    "tf_detections",
    "yolov4_boxes",
]


def buffer(tensor: Tensor) -> SimpleNamespace:
    """A tensor as TensorRT's host has it."""
    array = tensor.numpy().copy()
    return SimpleNamespace(host=array.ravel(), numpy_shape=array.shape)


def over(threshold: float, classes: Any, scores: Any, boxes: Any) -> Objects:
    """What the projects keep of a frame's rows after they read them."""
    keep = scores > np.float32(threshold)
    return objects(classes[keep], scores[keep], boxes[keep])


def nms_trt(wheel: Wheel) -> PostProcess:
    path, name = "nvidia_tao_deploy/cv/ssd/inferencer.py", "trt_output_process_fn"
    read = wheel.borrowed(path, name, np=np).trt_output_process_fn

    def post_process(t: Roles, shape: Shape, threshold: float) -> list[Objects]:
        frames = []
        for at in range(len(t["rows"])):
            named = [buffer(t["rows"][at : at + 1]), buffer(t["num"][at : at + 1].int())]
            [rows] = read(named, shape.height, shape.width)
            frames.append(over(threshold, rows[:, 0], rows[:, 1], rows[:, 2:]))
        return frames

    return post_process


def batched_nms(wheel: Wheel) -> PostProcess:
    path, name = "nvidia_tao_deploy/cv/yolo_v3/inferencer.py", "trt_output_process_fn"
    read = wheel.borrowed(path, name, np=np).trt_output_process_fn

    def post_process(t: Roles, shape: Shape, threshold: float) -> list[Objects]:
        unit = np.array([shape.width, shape.height] * 2)
        frames = []
        for at in range(len(t["boxes"])):
            named = [t["num"].int(), t["boxes"], t["scores"], t["classes"]]
            [rows] = read([buffer(each[at : at + 1]) for each in named])
            frames.append(over(threshold, rows[:, 0], rows[:, 1], rows[:, 2:] * unit))
        return frames

    return post_process


def efficient_nms(wheel: Wheel) -> PostProcess:
    path = "super_gradients/conversion/tensorrt/nms.py"
    flat = wheel.borrowed(path, "ConvertTRTFormatToFlatTensor.forward", torch=torch).forward

    def post_process(t: Roles, _: Shape, threshold: float) -> list[Objects]:
        count, results = t["scores"].shape
        reader = SimpleNamespace(batch_size=count, max_predictions_per_image=results)
        table = flat(reader, t["num"].int(), t["boxes"], t["scores"], t["classes"]).numpy()
        frames = [table[table[:, 0] == at] for at in range(count)]
        return [over(threshold, rows[:, 6], rows[:, 5], rows[:, 1:5]) for rows in frames]

    return post_process


def efficientdet(wheel: Wheel) -> PostProcess:
    """It reads all rows: those that do not count have the score 0, as TensorRT leaves them."""
    outputs: list[SimpleNamespace] = []
    infer = wheel.borrowed(
        "nvidia_tao_deploy/cv/efficientdet_tf2/inferencer.py",
        "EfficientDetInferencer.infer",
        np=np,
        do_inference=lambda *_, **__: outputs,
    ).infer
    engine = SimpleNamespace(
        max_detections_per_image=10**6,
        _copy_input_to_host=lambda _: None,
        **dict.fromkeys(("context", "bindings", "inputs", "outputs", "stream", "max_batch_size", "execute_async")),
    )

    def post_process(t: Roles, _: Shape, threshold: float) -> list[Objects]:
        count, results = t["scores"].shape
        scores = t["scores"] * (torch.arange(results) < t["num"])
        outputs[:] = [buffer(each) for each in (t["num"], t["boxes"], scores, t["classes"])]
        found = infer(engine, np.zeros((count, 1)), np.ones(count, np.float32))
        boxes = found["detection_boxes"]
        boxes[..., 2:] += boxes[..., :2]
        classes = found["detection_classes"] - 1
        each_frame = zip(classes, found["detection_scores"], boxes, strict=True)
        return [over(threshold, *frame) for frame in each_frame]

    return post_process


def paddle_rows(wheel: Wheel) -> PostProcess:
    read = wheel.borrowed("ppdet/metrics/json_results.py", "get_det_res").get_det_res

    def post_process(t: Roles, shape: Shape, threshold: float) -> list[Objects]:
        frames = []
        for rows, count in zip(t["rows"].numpy(), t["num"].int().tolist(), strict=True):
            found = read(rows, count, [[0]], range(shape.classes))
            classes, scores = (np.array([each[key] for each in found]) for key in ("category_id", "score"))
            boxes = np.array([each["bbox"] for each in found]).reshape(-1, 4)
            boxes[:, 2:] += boxes[:, :2]
            frames.append(over(threshold, classes, scores, boxes))
        return frames

    return post_process


def ssd_rows(wheel: Wheel) -> PostProcess:
    """DetectionOutput rows as OpenVINO's model API reads them; label 0 is the background."""
    read = wheel.borrowed(
        "model_api/models/ssd.py", "SingleOutputParser", np=np, DetectionResult=SimpleNamespace
    ).SingleOutputParser

    def post_process(t: Roles, shape: Shape, threshold: float) -> list[Objects]:
        unit = np.array([shape.width, shape.height] * 2)
        frames = []
        for rows in t["rows"].numpy():
            outputs = {"detection_out": rows[None]}
            found = read(outputs)(outputs)
            frames.append(over(threshold, found.labels - 1, found.scores, found.bboxes.reshape(-1, 4) * unit))
        return frames

    return post_process


def detr_rows(wheel: Wheel) -> PostProcess:
    """Outputs labels, boxes and scores as OpenVINO's model API reads them."""
    names = ("MultipleOutputParser", "find_layer_by_name")
    read = wheel.borrowed("model_api/models/ssd.py", *names, np=np, DetectionResult=SimpleNamespace)

    def post_process(t: Roles, _: Shape, threshold: float) -> list[Objects]:
        frames = []
        for at in range(len(t["labels"])):
            outputs = {name: t[name][at : at + 1].numpy() for name in ("labels", "boxes", "scores")}
            found = read.MultipleOutputParser(outputs, bboxes_layer="boxes")(outputs)
            frames.append(over(threshold, found.labels, found.scores, found.bboxes))
        return frames

    return post_process


def tf_detections(wheel: Wheel) -> PostProcess:
    """It reads all rows: those that do not count have the score 0, as the exported graph pads them."""
    read = wheel.borrowed("supervision/detection/core.py", "Detections.from_tensorflow").from_tensorflow

    def post_process(t: Roles, shape: Shape, threshold: float) -> list[Objects]:
        frames = []
        for at, count in enumerate(t["num"].int().flatten().tolist()):
            named = {f"detection_{role}": t[role][at : at + 1].clone() for role in ("boxes", "scores", "classes")}
            named["detection_scores"][:, count:] = 0
            found = read(SimpleNamespace, named, (shape.width, shape.height))
            frames.append(over(threshold, found.class_id - 1, found.confidence, found.xyxy))
        return frames

    return post_process


def dense_rows(wheel: Wheel) -> PostProcess:
    """Rows that are decoded and not suppressed yet, as Ultralytics reads rows of six columns."""
    read = wheel.borrowed("ultralytics/utils/ops.py", "non_max_suppression", torch=torch).non_max_suppression
    unused = ModuleType("torchvision")

    def post_process(t: Roles, _: Shape, threshold: float) -> list[Objects]:
        with mock.patch.dict(sys.modules, torchvision=unused):
            return from_rows(read(t["output"].clone(), conf_thres=threshold, max_det=10**6))

    return post_process


def yolov4_boxes(wheel: Wheel) -> PostProcess:
    code = wheel.borrowed(
        "yolov4/tool/utils.py",
        "post_processing",
        np=np,
        time=time,
        nms_cpu=lambda boxes, *_: np.arange(len(boxes)),
    )

    def post_process(t: Roles, shape: Shape, threshold: float) -> list[Objects]:
        unit = np.array([shape.width, shape.height] * 2)
        frames = code.post_processing(None, np.float32(threshold), 1.0, (t["boxes"], t["scores"]))
        tables = [np.array(rows).reshape(-1, 7) for rows in frames]
        return [objects(table[:, 6], table[:, 5], table[:, :4] * unit) for table in tables]

    return post_process

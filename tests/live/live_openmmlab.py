"""Post-processing of detectors of OpenMMLab, and of NanoDet, whose code descends from theirs; without suppression."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import torch
from live_borrowed import Wheel
from live_processors import Objects
from live_source import PostProcess, Roles, Shape, objects, torchvision
from torch import Tensor

__all__ = ["centernet", "nanodet", "rtmdet", "rtmdet_raw"]

EVERYTHING = 10**9


def rtmdet_raw(wheel: Wheel) -> PostProcess:
    single = wheel.borrowed(
        "mmdet/models/dense_heads/base_dense_head.py",
        "_predict_by_feat_single",
        torch=torch,
        copy=SimpleNamespace(deepcopy=lambda value: value),
        cat_boxes=torch.cat,
        InstanceData=SimpleNamespace,
        filter_scores_and_topk=wheel.borrowed(
            "mmdet/models/utils/misc.py", "filter_scores_and_topk", torch=torch
        ).filter_scores_and_topk,
    )._predict_by_feat_single
    points = wheel.borrowed(
        "mmdet/models/task_modules/prior_generators/point_generator.py",
        "MlvlPointGenerator",
        torch=torch,
        _pair=lambda value: (value, value),
        DeviceType=Any,
    ).MlvlPointGenerator
    edges = wheel.borrowed("mmdet/structures/bbox/transforms.py", "distance2bbox", torch=torch).distance2bbox
    head = SimpleNamespace(
        use_sigmoid_cls=True,
        loss_cls=None,
        bbox_coder=SimpleNamespace(encode_size=4, decode=lambda priors, boxes, **_: edges(priors, boxes)),
        _bbox_post_process=lambda results, **_: results,
    )

    def post_process(t: Roles, shape: Shape, threshold: float) -> list[Objects]:
        head.cls_out_channels = shape.classes
        strides = [8, 16, 32]
        sizes = [t[f"scores_{i}"].shape[2:] for i in range(3)]
        priors = points(strides, offset=0).grid_priors(sizes, device="cpu")
        frames = []
        for frame in range(len(t["scores_0"])):
            scores, boxes = ([t[f"{role}_{i}"][frame] for i in range(3)] for role in ("scores", "boxes"))
            settings = {"score_thr": threshold, "nms_pre": 10**9}
            found = single(head, scores, boxes, [None] * 3, priors, {"img_shape": None}, settings)
            frames.append(objects(found.labels, found.scores, found.bboxes))
        return frames

    return post_process


def centernet(wheel: Wheel) -> PostProcess:
    names = ("get_local_maximum", "get_topk_from_heatmap", "gather_feat", "transpose_and_gather_feat")
    tools = wheel.borrowed("mmdet/models/utils/gaussian_target.py", *names, torch=torch, F=torch.nn.functional)
    decode = wheel.borrowed(
        "mmdet/models/dense_heads/centernet_head.py", "_decode_heatmap", torch=torch, **vars(tools)
    )._decode_heatmap

    def post_process(t: Roles, shape: Shape, threshold: float) -> list[Objects]:
        size = (shape.height, shape.width)
        count = min(100, t["heat"][0].numel()) if threshold > 0 else t["heat"][0].numel()
        boxes, labels = decode(None, t["heat"].sigmoid(), t["size"], t["offset"], size, k=count)
        keep = boxes[..., 4] > threshold
        return [
            objects(label[mask], box[mask, 4], box[mask, :4])
            for label, box, mask in zip(labels, boxes, keep, strict=True)
        ]

    return post_process


def rtmdet(wheel: Wheel) -> PostProcess:
    """The rows of an exported model as mmdeploy reads them; it leaves the threshold to whoever asked."""
    path = "mmdeploy/codebase/mmdet/deploy/object_detection_model.py"
    read = wheel.borrowed(
        path,
        "End2EndModel.postprocessing_results",
        torch=torch,
        End2EndModel=wheel.borrowed(path, "__clear_outputs"),
        InstanceData=SimpleNamespace,
    ).postprocessing_results

    def post_process(t: Roles, _: Shape, threshold: float) -> list[Objects]:
        samples = [SimpleNamespace(metainfo={}) for _ in t["rows"]]
        read(SimpleNamespace(model_cfg=None), t["rows"].clone(), t["labels"].clone(), None, samples)
        frames = []
        for found in (sample.pred_instances for sample in samples):
            keep = found.scores > threshold
            frames.append(objects(found.labels[keep], found.scores[keep], found.bboxes[keep]))
        return frames

    return post_process


def nanodet(wheel: Wheel) -> PostProcess:
    """From logits, which its exported graph has made scores of already."""
    path = "modelscope/models/cv/face_human_hand_detection/nanodet_plus_head.py"
    torch_ = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional}
    suppress = wheel.borrowed(path, "multiclass_nms", "batched_nms", **torch_, nms=torchvision().ops.nms).multiclass_nms
    asked: dict[str, float] = {}

    def over_threshold(boxes: Tensor, scores: Tensor, **_: Any) -> tuple[Tensor, Tensor]:
        settings = {"iou_threshold": 1.0, "split_thr": EVERYTHING}
        found: tuple[Tensor, Tensor] = suppress(boxes, scores.float(), asked["threshold"], settings)
        return found

    names = ("NanoDetPlusHead.get_bboxes", "NanoDetPlusHead.get_single_level_center_priors")
    helpers = ("Integral", "distance2bbox")
    code = wheel.borrowed(path, *names, *helpers, **torch_, math=math, multiclass_nms=over_threshold)
    head = SimpleNamespace(
        strides=[8, 16, 32, 64],
        distribution_project=code.Integral(7),
        get_single_level_center_priors=lambda *args, **named: code.get_single_level_center_priors(None, *args, **named),
    )

    def post_process(t: Roles, shape: Shape, threshold: float) -> list[Objects]:
        asked["threshold"] = threshold
        scores, edges = t["output"].double().tensor_split([shape.classes], -1)
        image = torch.zeros(1, 3, shape.height, shape.width)
        found = code.get_bboxes(head, torch.logit(scores), edges, {"img": image})
        return [objects(labels, rows[:, 4], rows[:, :4]) for rows, labels in found]

    return post_process

"""Post-processing of queries: methods of transformers' image processors and of their like, not ours to change."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
import transformers
from live_borrowed import Wheel, extracted
from transformers.image_transforms import center_to_corners_format

__all__ = ["PROCESSORS", "Objects", "Processor"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Objects:
    """One frame's results: classes [n], scores [n], boxes [n, 4] as edges in pixels, not cut to the frame."""

    classes: Array
    scores: Array
    boxes: Array


PostProcess = Callable[[SimpleNamespace, float, list[tuple[int, int]]], list[dict[str, torch.Tensor]]]


@dataclass(frozen=True)
class Processor:
    """A processor as a function of tensors.

    family: of the parser that must agree with it. limit: (query, class) pairs it keeps before the threshold, None where
    it takes one class of each query. softmax: over all columns, the last being no object; otherwise sigmoids.
    inclusive: a score equal to the threshold is a result. clamps: it cuts boxes to the image, and with that makes edges
    out of infinities. source: whose code it is.
    """

    name: str
    family: str
    post_process: PostProcess
    limit: int | Literal["queries"] | None = None
    softmax: bool = False
    inclusive: bool = False
    clamps: bool = False
    source: str = f"transformers {transformers.__version__}"

    def __call__(self, logits: Array, boxes: Array, *, threshold: float, height: int, width: int) -> list[Objects]:
        """Results per frame for logits [N, Q, C] and boxes [N, Q, 4] and frames of `height` x `width` pixels."""
        outputs = SimpleNamespace(logits=torch.from_numpy(logits), pred_boxes=torch.from_numpy(boxes))
        found = self.post_process(outputs, threshold, [(height, width)] * len(logits))
        return [Objects(*(each[key].numpy() for key in ("labels", "scores", "boxes"))) for each in found]


def image_processor(name: str) -> PostProcess:
    """`post_process_object_detection` of a class of transformers."""
    method = getattr(transformers, name)().post_process_object_detection
    return lambda outputs, threshold, sizes: method(outputs, threshold=threshold, target_sizes=sizes)


def borrowed(module: str, *names: str, **others: Any) -> SimpleNamespace:
    """Functions and methods by name from the source of a module of transformers that cannot be imported.

    Those modules want torchvision, which their post-processing does not use. others: further globals for the functions.
    """
    spec = importlib.util.find_spec(f"transformers.models.{module}")
    assert spec is not None
    assert spec.origin is not None
    text = Path(spec.origin).read_text("utf-8")
    known = {"torch": torch, "center_to_corners_format": center_to_corners_format}
    return extracted(text, spec.origin, *names, **known, **others)


def rf_detr() -> PostProcess:
    method = borrowed("rf_detr.image_processing_rf_detr", "post_process_object_detection").post_process_object_detection
    return lambda outputs, threshold, sizes: method(None, outputs, threshold=threshold, target_sizes=sizes)


def pp_doclayout() -> PostProcess:
    """The reading order decides how results are sorted, and not which there are: any will do."""
    names = ("post_process_object_detection", "_get_order_seqs")
    methods = borrowed("pp_doclayout_v2.image_processing_pp_doclayout_v2", *names)
    processor = SimpleNamespace(_get_order_seqs=lambda logits: methods._get_order_seqs(None, logits))

    def post_process(outputs: SimpleNamespace, threshold: float, sizes: list[tuple[int, int]]) -> Any:
        batch, queries, _ = outputs.logits.shape
        outputs.order_logits = torch.zeros(batch, queries, queries)
        return methods.post_process_object_detection(processor, outputs, threshold=threshold, target_sizes=sizes)

    return post_process


def omdet() -> PostProcess:
    """Without its non-maximum suppression, which is nvinfer's part and comes after the parser."""
    names = ("post_process_grounded_object_detection", "_post_process_boxes_for_image", "clip_boxes", "compute_score")
    methods = borrowed(
        "omdet_turbo.processing_omdet_turbo", *names, batched_nms=lambda boxes, *_: torch.arange(len(boxes))
    )

    def post_process(outputs: SimpleNamespace, threshold: float, sizes: list[tuple[int, int]]) -> Any:
        named = SimpleNamespace(
            decoder_class_logits=outputs.logits,
            decoder_coord_logits=outputs.pred_boxes,
            classes_structure=[outputs.logits.shape[2]] * len(outputs.logits),
        )
        return methods.post_process_grounded_object_detection(None, named, threshold=threshold, target_sizes=sizes)

    return post_process


class Everything:
    """What a non-maximum suppression that suppresses nothing returns, however it is cut to a number of results."""

    def __init__(self, boxes: torch.Tensor, *_: Any) -> None:
        self.all = torch.arange(len(boxes))

    def __getitem__(self, _: slice) -> torch.Tensor:
        return self.all


def deta(wheel: Wheel) -> PostProcess:
    """Without its non-maximum suppression and the cut to 100 results after it, which are nvinfer's part."""
    method = wheel.borrowed(
        "transformers/models/deprecated/deta/image_processing_deta.py",
        "post_process_object_detection",
        torch=torch,
        center_to_corners_format=center_to_corners_format,
        batched_nms=Everything,
    ).post_process_object_detection
    return lambda outputs, threshold, sizes: method(None, outputs, threshold=threshold, target_sizes=sizes)


def over(threshold: float, labels: Any, scores: Any, boxes: Any) -> dict[str, torch.Tensor]:
    """One frame's results as far as they exceed the threshold."""
    labels, scores, boxes = (torch.as_tensor(each) for each in (labels, scores, boxes))
    keep = scores > threshold
    return {"labels": labels[keep], "scores": scores[keep], "boxes": boxes[keep]}


def roboflow(wheel: Wheel) -> PostProcess:
    boxes = wheel.borrowed("rfdetr/utilities/box_ops.py", "box_cxcywh_to_xyxy", torch=torch)
    made = wheel.borrowed("rfdetr/models/postprocess.py", "PostProcess", torch=torch, nn=torch.nn, box_ops=boxes)

    def post_process(outputs: SimpleNamespace, threshold: float, sizes: list[tuple[int, int]]) -> Any:
        named = {"pred_logits": outputs.logits, "pred_boxes": outputs.pred_boxes}
        found = made.PostProcess(num_select=outputs.logits.shape[1])(named, torch.tensor(sizes))
        return [over(threshold, each["labels"], each["scores"], each["boxes"]) for each in found]

    return post_process


def tao(wheel: Wheel) -> PostProcess:
    functions = ("box_cxcywh_to_xyxy", "sigmoid", "post_process")
    code = wheel.borrowed("nvidia_tao_deploy/cv/deformable_detr/utils.py", *functions, np=np)

    def post_process(outputs: SimpleNamespace, threshold: float, sizes: list[tuple[int, int]]) -> Any:
        logits, boxes = outputs.logits.numpy(), outputs.pred_boxes.numpy()
        targets = [(width, height, width, height) for height, width in sizes]
        with np.errstate(all="ignore"):
            found = code.post_process(logits, boxes, targets, num_select=logits.shape[1])
        return [over(threshold, *each) for each in zip(*found, strict=True)]

    return post_process


def _processors() -> tuple[Processor, ...]:
    conditional, deformable = (
        image_processor(f"{kind}DetrImageProcessorPil") for kind in ("Conditional", "Deformable")
    )
    detr, rtdetr = image_processor("DetrImageProcessorPil"), image_processor("RTDetrImageProcessorPil")
    old, rfdetr, deploy = Wheel("transformers"), Wheel("rfdetr"), Wheel("nvidia-tao-deploy")
    return (
        Processor("detr", "detr", detr, softmax=True),
        Processor("table-transformer", "detr", detr, softmax=True),
        Processor("yolos", "detr", image_processor("YolosImageProcessorPil"), softmax=True),
        Processor("conditional_detr", "deformable-detr", conditional, 100),
        Processor("deformable_detr", "deformable-detr", deformable, 100),
        Processor("dab-detr", "deformable-detr", conditional, 100),
        Processor("lw_detr", "deformable-detr", deformable, 100),
        Processor("rt_detr", "rt-detr", rtdetr, "queries"),
        Processor("rt_detr_v2", "rt-detr", rtdetr, "queries"),
        Processor("d_fine", "rt-detr", rtdetr, "queries"),
        Processor("deimv2", "rt-detr", rtdetr, "queries"),
        Processor("rf_detr", "rf-detr", rf_detr(), "queries"),
        Processor("owlvit", "owlvit", image_processor("OwlViTImageProcessorPil")),
        Processor("owlv2", "owlv2", image_processor("Owlv2ImageProcessorPil")),
        Processor("grounding-dino", "grounding-dino", image_processor("GroundingDinoImageProcessorPil")),
        Processor("omdet-turbo", "omdet-turbo", omdet(), "queries"),
        Processor("pp_doclayout_v2", "pp-doclayout", pp_doclayout(), "queries", inclusive=True),
        Processor("deta", "deta", deta(old), 10000, source=old.title),
        Processor("rfdetr", "rf-detr-roboflow", roboflow(rfdetr), "queries", clamps=True, source=rfdetr.title),
        Processor("tao", "tao-detr", tao(deploy), "queries", clamps=True, source=deploy.title),
    )


PROCESSORS = {processor.name: processor for processor in _processors()}

"""From a parser's objects to nvinfer's detections, in the network's pixels: filter, split by class, cluster, top-k."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .nvinfer_config import ClassParams

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["NMS_MODES", "cluster", "nms", "overlaps"]

NMS_MODES = (2, 3)  # 3 is DBSCAN, switched off by minBoxes=0, and then NMS
_MATRIX = 512  # up to so many candidates all overlaps are computed at once, which beats a loop


def cluster(objects: NDArray[Any], classes: Sequence[ClassParams], mode: int) -> NDArray[Any]:
    """Detections in ascending class order.

    objects: structured array with class_id, left, top, width, height, confidence (float32), in the parser's order.
    mode: 2 or 3 for NMS, 4 for none.
    """
    import numpy as np

    ids = objects["class_id"]
    known = ids < len(classes)
    if not known.all():
        objects, ids = objects[known], ids[known]
    thresholds = np.array([params.pre_threshold for params in classes], np.float32)
    kept = ~(objects["confidence"] < thresholds[ids])  # keeps equality, and NaN
    objects, ids = objects[kept], ids[kept]
    parts = [_one_class(objects[ids == index], classes[index], mode) for index in np.unique(ids)]
    return np.concatenate(parts) if parts else objects


def _one_class(objects: NDArray[Any], params: ClassParams, mode: int) -> NDArray[Any]:
    if mode in NMS_MODES:
        objects = objects[nms(objects, params.nms_iou)]
        objects = objects[objects["confidence"] > _float32(params.post_threshold)]
    if params.topk >= 0:
        objects = objects[_by_confidence(objects)][: params.topk]
    return objects


def nms(objects: NDArray[Any], threshold: float) -> NDArray[Any]:
    """Indices of the kept boxes by descending confidence, ties in the given order. A candidate is kept iff its overlap
    with every kept box is at most `threshold`; float32 throughout."""
    import numpy as np

    order = _by_confidence(objects)
    boxes = [objects[name][order] for name in ("left", "top", "width", "height")]
    limit = _float32(threshold)
    count = len(order)
    alive = np.ones(count, bool)
    matrix = None
    if count <= _MATRIX:
        matrix = overlaps([box[:, None] for box in boxes], [box[None, :] for box in boxes]) <= limit
    for index in range(count):
        if not alive[index]:
            continue
        rest = slice(index + 1, None)
        if matrix is not None:
            alive[rest] &= matrix[index, rest]
        else:
            alive[rest] &= overlaps([box[index] for box in boxes], [box[rest] for box in boxes]) <= limit
    kept: NDArray[Any] = order[alive]
    return kept


def overlaps(first: Sequence[Any], second: Sequence[Any]) -> NDArray[Any]:
    """Intersection over union of boxes (left, top, width, height; float32, broadcast against each other)."""
    import numpy as np

    with np.errstate(all="ignore"):
        inter = _overlap(first[0], first[2], second[0], second[2]) * _overlap(first[1], first[3], second[1], second[3])
        union = (first[2] * first[3] + second[2] * second[3]) - inter
        result: NDArray[Any] = np.where(union == 0, np.float32(0), inter / union)
    return result


def _overlap(start1: Any, length1: Any, start2: Any, length2: Any) -> Any:
    """Overlap of two intervals, the one that starts first taken first."""
    import numpy as np

    end1, end2 = start1 + length1, start2 + length2
    swap = start1 > start2
    first_end, last_start = np.where(swap, end2, end1), np.where(swap, start1, start2)
    last_end = np.where(swap, end1, end2)
    smaller = np.where(last_end < first_end, last_end, first_end)
    return np.where(first_end < last_start, np.float32(0), smaller - last_start)


def _by_confidence(objects: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    order: NDArray[Any] = np.argsort(-objects["confidence"], kind="stable")
    return order


def _float32(value: float) -> Any:
    import numpy as np

    return np.float32(value)

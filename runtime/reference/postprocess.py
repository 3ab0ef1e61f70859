"""From nvinfer's detections to the objects of a frame: rescaling, clamping, the filters, the labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dsimport.compiler.labelrules import MAX_LABEL_BYTES
from dsimport.compiler.nvinfer_keys import MODE_ZERO

from .cluster import cluster
from .nvinfer_config import ClassParams, NvinferConfig
from .preprocess import Geometry

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Postprocessor", "effective_clustering", "parse_labels", "to_frame"]


def effective_clustering(config: NvinferConfig) -> tuple[int, tuple[ClassParams, ...]]:
    """Cluster mode and class parameters after nvinfer's silent change: mode 0, also when the key is absent, is NMS
    with fixed numbers, whatever the [class-attrs-…] say."""
    if config.cluster_mode != 0:
        return config.cluster_mode, config.classes
    iou, topk = MODE_ZERO
    return 2, tuple(replace(params, nms_iou=iou, topk=topk) for params in config.classes)


def parse_labels(data: bytes) -> tuple[str, ...]:
    """Labels of a file: one line per class, text before the first ';'. Empty lines are skipped, so that later labels
    move up; blanks and carriage returns stay."""
    lines = (line.split(b";")[0] for line in data.split(b"\n") if line)
    return tuple(line[:MAX_LABEL_BYTES].decode("utf-8", "surrogateescape") for line in lines)


class Postprocessor:
    """The per-frame steps for one stream size."""

    def __init__(self, config: NvinferConfig, place: Geometry, frame: tuple[int, int]) -> None:
        """frame: width, height of the muxed frame."""
        self._mode, self._classes = effective_clustering(config)
        self._config = config
        self._place = place
        self._frame = frame

    def __call__(self, objects: NDArray[Any]) -> NDArray[Any]:
        """A parser's objects (network pixels) as the frame's detections (pixels of the muxed frame)."""
        if len(objects) == 0:
            return objects
        found = cluster(objects, self._classes, self._mode)
        return to_frame(
            found,
            self._classes,
            self._place,
            self._frame,
            filter_out=self._config.filter_out,
            crop=self._config.crop_to_frame,
        )


def to_frame(
    objects: NDArray[Any],
    classes: Sequence[ClassParams],
    place: Geometry,
    frame: tuple[int, int],
    *,
    filter_out: frozenset[int] = frozenset(),
    crop: bool = False,
) -> NDArray[Any]:
    """Rescale to the frame, then clamp and filter in nvinfer's order. float32, with double for the division only."""
    import numpy as np

    objects = objects.copy()
    with np.errstate(all="ignore"):
        for name, offset, ratio in (("left", place.left, place.ratio_x), ("top", place.top, place.ratio_y)):
            moved = objects[name] - np.float32(offset)
            objects[name] = (moved.astype(np.float64) / ratio).astype(np.float32)
        for name, ratio in (("width", place.ratio_x), ("height", place.ratio_y)):
            objects[name] = (objects[name].astype(np.float64) / ratio).astype(np.float32)
        for name in ("top", "left"):  # the size is not reduced: the box moves
            objects[name] = np.where(objects[name] < 0, np.float32(0), objects[name])
        limits = _Limits(objects["class_id"], classes, frame)
        kept = limits.accept_size(objects)
        if filter_out:
            kept &= ~np.isin(objects["class_id"], list(filter_out))
        if crop:
            limits.crop(objects)
        else:
            kept &= limits.accept_place(objects)
    result: NDArray[Any] = objects[kept]
    return result


class _Limits:
    """The limits of each object's class, as float32 columns (C compares a float with an unsigned in float)."""

    def __init__(self, ids: NDArray[Any], classes: Sequence[ClassParams], frame: tuple[int, int]) -> None:
        import numpy as np

        present, place = np.unique(ids, return_inverse=True)
        own = [classes[index] for index in present]

        def column(values: list[int]) -> NDArray[Any]:
            return np.array(values, np.float32)[place]

        self.width = np.float32(frame[0])
        self.min_width = column([params.min_width for params in own])
        self.min_height = column([params.min_height for params in own])
        self.max_width = column([params.max_width for params in own])
        self.max_height = column([params.max_height for params in own])
        self.top = column([params.roi_top for params in own])
        # unsigned arithmetic: an offset beyond the height wraps to a huge limit
        self.bottom = column([(frame[1] - params.roi_bottom) % (1 << 32) for params in own])

    def accept_size(self, objects: NDArray[Any]) -> NDArray[Any]:
        width, height = objects["width"], objects["height"]
        kept: NDArray[Any] = ~(width < self.min_width) & ~(height < self.min_height)
        kept &= ~((self.max_width > 0) & (width > self.max_width))
        kept &= ~((self.max_height > 0) & (height > self.max_height))
        return kept

    def accept_place(self, objects: NDArray[Any]) -> NDArray[Any]:
        top = objects["top"]
        kept: NDArray[Any] = ~(top < self.top) & ~(top + objects["height"] > self.bottom)
        return kept

    def crop(self, objects: NDArray[Any]) -> None:
        import numpy as np

        objects["top"] = np.where(objects["top"] < self.top, self.top, objects["top"])
        left, top = objects["left"], objects["top"]
        objects["width"] = np.where(left + objects["width"] >= self.width, self.width - left, objects["width"])
        objects["height"] = np.where(top + objects["height"] > self.bottom, self.bottom - top, objects["height"])

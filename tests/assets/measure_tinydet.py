"""Measures the tiny detector on generated clips: recall, precision, time per frame. Needs onnxruntime and PyAV."""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import onnxruntime
from make_clip import Truth, make_clip
from numpy.typing import NDArray
from tinydet import HEIGHT, WEIGHTS, WIDTH, build, labels

THRESHOLD = 0.4
NMS_IOU = 0.45
MATCH_IOU = 0.5


class Detection(NamedTuple):
    """A detected box, in the units of the boxes it was decoded from."""

    score: float
    label: str
    left: float
    top: float
    right: float
    bottom: float


class Quality(NamedTuple):
    """Shapes shown, boxes detected, and how many of them match one another."""

    shown: int
    detected: int
    matched: int

    @property
    def recall(self) -> float:
        """Share of the shapes that were detected."""
        return self.matched / max(self.shown, 1)

    @property
    def precision(self) -> float:
        """Share of the detections that are shapes."""
        return self.matched / max(self.detected, 1)


def frames(clip: Path) -> list[NDArray[np.uint8]]:
    """All frames of a clip as [height, width, 3] RGB."""
    with av.open(str(clip)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def network_input(frame: NDArray[np.uint8], height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.float32]:
    """A frame stretched to the network's size (bilinear, pixel centres, no antialias): [3, height, width] of 0..1."""
    image = frame.astype(np.float32)
    for axis, side in enumerate((height, width)):
        length = image.shape[axis]
        position = np.clip((np.arange(side) + 0.5) * length / side - 0.5, 0, length - 1)
        first = np.minimum(position.astype(int), length - 2)
        share = (position - first).astype(np.float32).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        image = image.take(first, axis) * (1 - share) + image.take(first + 1, axis) * share
    return np.ascontiguousarray(image.transpose(2, 0, 1) / 255, np.float32)


def iou(a: Detection | Truth, b: Detection | Truth) -> float:
    """Intersection over union of two boxes."""
    width = max(0.0, min(a.right, b.right) - max(a.left, b.left))
    height = max(0.0, min(a.bottom, b.bottom) - max(a.top, b.top))
    areas = sum((box.right - box.left) * (box.bottom - box.top) for box in (a, b))
    return width * height / (areas - width * height)


def suppress(candidates: Sequence[Detection], limit: float = NMS_IOU) -> list[Detection]:
    """Greedy non-maximum suppression per class; best score first."""
    kept: list[Detection] = []
    for candidate in sorted(candidates, reverse=True):
        if all(candidate.label != other.label or iou(candidate, other) <= limit for other in kept):
            kept.append(candidate)
    return kept


def decode_yolov8(rows: NDArray[np.float32], names: Sequence[str], threshold: float = THRESHOLD) -> list[Detection]:
    """One image's output0 [4 + C, A] to boxes in network pixels, best class per cell, before suppression."""
    best = rows[4:].max(axis=0)
    found = []
    for cell in np.flatnonzero(best >= threshold):
        x, y, width, height = (float(value) for value in rows[:4, cell])
        label = names[int(rows[4:, cell].argmax())]
        box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        found.append(Detection(float(best[cell]), label, *box))
    return found


def compare(truth: Sequence[Truth], detections: Sequence[Detection], size: tuple[int, int]) -> Quality:
    """Matches detections, best first, with truth in a clip of `size`: same class and IoU of at least MATCH_IOU."""
    scale_x, scale_y = size[0] / WIDTH, size[1] / HEIGHT
    left = list(truth)
    for found in sorted(detections, reverse=True):
        box = Truth(
            found.label, found.left * scale_x, found.top * scale_y, found.right * scale_x, found.bottom * scale_y
        )
        match = max((one for one in left if one.label == box.label), key=lambda one: iou(one, box), default=None)
        if match is not None and iou(match, box) >= MATCH_IOU:
            left.remove(match)
    return Quality(len(truth), len(detections), len(truth) - len(left))


def session(model: bytes) -> onnxruntime.InferenceSession:
    """ONNX Runtime on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def measure(clip: Path, truth: Sequence[Sequence[Truth]], size: tuple[int, int]) -> tuple[Quality, float]:
    """Quality over all frames of a clip, and the median milliseconds that inference of one frame took."""
    runner, names = session(build("yolov8").SerializeToString()), labels()
    counts, times = [], []
    for frame, boxes in zip(frames(clip), truth, strict=True):
        image = network_input(frame)[None]
        start = time.perf_counter()
        (output,) = runner.run(None, {"images": image})
        times.append((time.perf_counter() - start) * 1e3)
        counts.append(compare(boxes, suppress(decode_yolov8(output[0], names)), size))
    return Quality(*(sum(column) for column in zip(*counts, strict=True))), statistics.median(times)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--size", type=int, nargs=2, default=(256, 192), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--shapes", type=int, default=4)
    options = parser.parse_args(argv)
    size = (options.size[0], options.size[1])
    print(f"weights {WEIGHTS.stat().st_size / 1024:.0f} KiB, clips of {options.frames} frames {size[0]}x{size[1]}")
    try:
        for seed in options.seeds:
            print(_line(seed, options.frames, size, options.shapes))
    except (OSError, ValueError) as error:
        print(f"measure_tinydet: {error}", file=sys.stderr)
        return 1
    return 0


def _line(seed: int, count: int, size: tuple[int, int], shapes: int) -> str:
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        truth = make_clip(clip, count, size, seed, shapes=shapes)
        quality, milliseconds = measure(clip, truth, size)
    return (
        f"seed {seed}: recall {quality.recall:.3f}, precision {quality.precision:.3f} "
        f"({quality.shown} shapes, {quality.detected} boxes), {milliseconds:.2f} ms per frame"
    )


if __name__ == "__main__":
    sys.exit(main())

"""Scenes of coloured shapes: single images to train the tiny detector on, and clips of moving ones with their truth.

Importing needs numpy only; writing a clip needs PyAV. Coordinates are continuous pixels: pixel (0, 0) covers 0..1.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LABELS = ("square", "circle", "triangle")
"""Class names in class-id order; training stores them with the weights, so that every consumer reads the same list."""

MAX_OVERLAP = 0.25
"""Largest intersection of two shapes as a share of the smaller box: overlaps happen, but NMS must not merge them."""

MARGIN = 2.0
"""Pixels that shapes keep from the frame's edges, so that a box predicted half a pixel too large is still in frame."""

_CONTAINERS = {"mpeg4": ".mp4", "mjpeg": ".mkv"}
_PIXEL_FORMATS = {"mpeg4": "yuv420p", "mjpeg": "yuvj420p"}


class Truth(NamedTuple):
    """One shape in one frame: class name and box edges in clip pixels."""

    label: str
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Shape:
    """A shape in a frame: centre, full size and velocity (pixels, pixels per frame), RGB colour 0..255."""

    label: str
    x: float
    y: float
    width: float
    height: float
    colour: tuple[float, float, float]
    dx: float = 0.0
    dy: float = 0.0

    def truth(self) -> Truth:
        """The shape's bounding box, also where another shape covers it."""
        half_width, half_height = self.width / 2, self.height / 2
        return Truth(self.label, self.x - half_width, self.y - half_height, self.x + half_width, self.y + half_height)


def overlap(a: Truth, b: Truth) -> float:
    """Intersection of two boxes as a share of the smaller one, 0..1."""
    width = min(a.right, b.right) - max(a.left, b.left)
    height = min(a.bottom, b.bottom) - max(a.top, b.top)
    if width <= 0 or height <= 0:
        return 0.0
    areas = ((box.right - box.left) * (box.bottom - box.top) for box in (a, b))
    return width * height / min(areas)


def random_shapes(
    rng: np.random.Generator, count: int, size: tuple[int, int], sizes: tuple[float, float], stretch: float = 1.0
) -> list[Shape]:
    """Up to `count` shapes inside a frame of `size` (width, height) that overlap by at most MAX_OVERLAP.

    `sizes` bounds a shape's height as a share of the frame's shorter side; `stretch` widens all shapes, as a resize
    that does not keep the aspect ratio would. A crowded frame gets fewer shapes than asked for.
    """
    width, height = size
    side = min(size)
    shapes: list[Shape] = []
    for _ in range(20 * count):
        if len(shapes) == count:
            break
        share = sizes[0] + (sizes[1] - sizes[0]) * rng.random() ** 1.5
        shape_height = share * side
        shape_width = shape_height * stretch * (0.85 + 0.3 * rng.random())
        angle, speed = 2 * np.pi * rng.random(), (0.004 + 0.012 * rng.random()) * side
        shape = Shape(
            label=LABELS[len(shapes) % len(LABELS)],
            x=MARGIN + shape_width / 2 + rng.random() * (width - 2 * MARGIN - shape_width),
            y=MARGIN + shape_height / 2 + rng.random() * (height - 2 * MARGIN - shape_height),
            width=shape_width,
            height=shape_height,
            colour=_vivid(rng),
            dx=float(speed * np.cos(angle)),
            dy=float(speed * np.sin(angle)),
        )
        if all(overlap(shape.truth(), other.truth()) <= MAX_OVERLAP for other in shapes):
            shapes.append(shape)
    return shapes


def background(rng: np.random.Generator, size: tuple[int, int]) -> NDArray[np.float32]:
    """A dull textured image, float32 [height, width, 3] of 0..255: smooth blotches, oblique stripes and grain."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    knots = 60.0 + 60.0 * rng.random((6, 8, 3))
    rows, columns = y[:, 0] / height * 5, x[0] / width * 7
    top, left = rows.astype(int), columns.astype(int)
    down, across = (rows - top)[:, None, None], (columns - left)[None, :, None]
    upper = knots[top][:, left] * (1 - across) + knots[top][:, left + 1] * across
    lower = knots[top + 1][:, left] * (1 - across) + knots[top + 1][:, left + 1] * across
    image = upper * (1 - down) + lower * down
    angle, period = np.pi * rng.random(), (0.05 + 0.2 * rng.random()) * height
    wave = np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / period)
    image += 15.0 * rng.random() * wave[:, :, None]
    image += 8.0 * (rng.random((height, width, 1)) - 0.5)
    result: NDArray[np.float32] = image.astype(np.float32)
    return result


def paint(canvas: NDArray[np.float32], shapes: Sequence[Shape], softness: float = 1.0) -> NDArray[np.uint8]:
    """Draws shapes, later ones on top, on a copy of a [height, width, 3] canvas; edges blur over `softness` pixels."""
    image = canvas.copy()
    height, width = image.shape[:2]
    y, x = (axis + np.float32(0.5) for axis in np.mgrid[0:height, 0:width].astype(np.float32))
    for shape in shapes:
        inside = np.clip(0.5 + _depth(shape, x, y) / softness, 0, 1)[:, :, None].astype(np.float32)
        image += inside * (np.asarray(shape.colour, np.float32) - image)
    rounded: NDArray[np.uint8] = np.clip(image + 0.5, 0, 255).astype(np.uint8)
    return rounded


def _vivid(rng: np.random.Generator) -> tuple[float, float, float]:
    """A colour far from the backgrounds' greys: one channel bright, one dark, one anything."""
    channels = [200 + 55 * rng.random(), 45 * rng.random(), 255 * rng.random()]
    order = np.argsort(rng.random(3))
    return (channels[order[0]], channels[order[1]], channels[order[2]])


def _depth(shape: Shape, x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    """Distance in pixels from each point to the shape's edge, positive inside (approximate for ellipses)."""
    half_width, half_height = shape.width / 2, shape.height / 2
    across, down = np.abs(x - shape.x), y - shape.y
    depth: NDArray[np.float32]
    if shape.label == "square":
        depth = np.minimum(half_width - across, half_height - np.abs(down))
    elif shape.label == "circle":
        depth = (1 - np.hypot(across / half_width, down / half_height)) * min(half_width, half_height)
    else:
        slope = half_width / shape.height
        flank = (slope * (down + half_height) - across) / np.hypot(1.0, slope)
        depth = np.minimum(flank, half_height - down)
    return depth


def _move(shapes: list[Shape], size: tuple[int, int]) -> list[Shape]:
    """One frame later: shapes turn back at the margins, and from each other before they overlap too much."""
    moved = list(shapes)
    for index, shape in enumerate(shapes):
        dx, dy = shape.dx, shape.dy
        if abs(shape.x + dx - size[0] / 2) > size[0] / 2 - MARGIN - shape.width / 2:
            dx = -dx
        if abs(shape.y + dy - size[1] / 2) > size[1] / 2 - MARGIN - shape.height / 2:
            dy = -dy
        step = replace(shape, x=shape.x + dx, y=shape.y + dy, dx=dx, dy=dy)
        others = moved[:index] + moved[index + 1 :]
        blocked = any(overlap(step.truth(), other.truth()) > MAX_OVERLAP for other in others)
        moved[index] = replace(shape, dx=-dx, dy=-dy) if blocked else step
    return moved


def scenes(
    frames: int, size: tuple[int, int], seed: int = 1, shapes: int = 4, empty: range = range(0)
) -> Iterator[tuple[NDArray[np.uint8], list[Truth]]]:
    """Yields `frames` images ([height, width, 3] uint8 RGB) of moving shapes with their truth.

    Frames whose number is in `empty` show the background alone. Raises ValueError when an argument is out of range.
    """
    width, height = size
    if min(size) < 64 or max(size) > 4096 or width % 2 or height % 2:
        raise ValueError(f"clip size must be two even numbers from 64 to 4096, not {width}x{height}")
    if frames < 1 or shapes < 1:
        raise ValueError(f"a clip needs at least one frame and one shape, not {frames} and {shapes}")
    rng = np.random.default_rng(seed)
    canvas = background(rng, size)
    current = random_shapes(rng, shapes, size, sizes=(0.16, 0.42))
    for number in range(frames):
        visible = [] if number in empty else current
        yield paint(canvas, visible), [shape.truth() for shape in visible]
        current = _move(current, size)


def make_clip(
    path: str | Path,
    frames: int = 60,
    size: tuple[int, int] = (256, 192),
    seed: int = 1,
    *,
    shapes: int = 4,
    empty: range = range(0),
    fps: int = 30,
    codec: str = "mpeg4",
) -> list[list[Truth]]:
    """Writes a clip of moving shapes and returns its truth, a list of boxes per frame.

    `codec` is "mpeg4" (file name ends in .mp4) or "mjpeg" (.mkv). The truth depends on the arguments alone; the
    bytes of the file also on the FFmpeg inside PyAV. Raises ValueError for an argument that makes no clip, OSError
    when the file cannot be written.
    """
    import av

    path = Path(path)
    if codec not in _CONTAINERS:
        raise ValueError(f"codec must be one of {', '.join(_CONTAINERS)}, not {codec!r}")
    if path.suffix != _CONTAINERS[codec]:
        raise ValueError(f"{codec} is written to {_CONTAINERS[codec]} files, not to {path.name!r}")
    pictures = list(scenes(frames, size, seed, shapes, empty))
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps)
        stream.width, stream.height = size
        stream.pix_fmt = _PIXEL_FORMATS[codec]
        stream.bit_rate = size[0] * size[1] * fps  # one bit per pixel: artefacts stay below what moves an edge
        stream.codec_context.thread_count = 1
        for image, _ in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return [truth for _, truth in pictures]


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Write a clip of moving squares, circles and triangles.")
    parser.add_argument("clip", type=Path, help="file to write, .mp4 (mpeg4) or .mkv (mjpeg)")
    parser.add_argument("--truth", type=Path, help="also write the true boxes as JSON: a list of boxes per frame")
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--size", type=int, nargs=2, default=(256, 192), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    options = _arguments(argv)
    codec = "mjpeg" if options.clip.suffix == ".mkv" else "mpeg4"
    try:
        truth = make_clip(options.clip, options.frames, tuple(options.size), options.seed, codec=codec)
        if options.truth is not None:
            options.truth.write_text(json.dumps([[box._asdict() for box in frame] for frame in truth]) + "\n")
    except (OSError, ValueError) as error:
        print(f"make_clip: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Where frames go: KITTI files, encoded files with boxes drawn in, or nowhere (fake)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsimport.runtime.formats.kitti import KittiLine, file_name, format_line

from .appconfig import Overlay, Sink
from .console import BusError, Console
from .nvinfer_config import ClassParams

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["KittiFolder", "VideoSink", "draw", "label_of"]

_BORDER = 3
_TEXT_SCALE = 0.45
_RATE_LIMIT = 1000  # MPEG-4's clock has 16 bits


def label_of(labels: Sequence[str], class_id: int) -> str:
    """A class without a line in the labels file has an empty label."""
    return labels[class_id] if class_id < len(labels) else ""


class KittiFolder:
    """Writes the KITTI file of every frame."""

    def __init__(self, folder: str, instance: int, labels: Sequence[str], console: Console) -> None:
        self._folder = Path(folder)
        self._instance = instance
        self._labels = labels
        self._console = console
        self._warned = False

    def write(self, source: int, frame: int, objects: NDArray[Any]) -> None:
        """Write one frame's file. As in the vendor's program a failure does not end the run; here it is said once."""
        text = "".join(format_line(line) for line in self._lines(objects))
        name = os.fspath(self._folder / file_name(self._instance, source, frame))
        try:
            with open(name, "w", encoding="utf-8", errors="surrogateescape", newline="\n") as file:  # noqa: PTH123
                file.write(text)
        except (OSError, ValueError) as error:
            if not self._warned:
                self._warned = True
                reason = getattr(error, "strerror", None) or error
                self._console.warn("write_kitti_output", f"cannot write {name}: {reason}; frames are skipped silently")

    def _lines(self, objects: NDArray[Any]) -> list[KittiLine]:
        import numpy as np

        if len(objects) == 0:
            return []
        with np.errstate(all="ignore"):
            right, bottom = objects["left"] + objects["width"], objects["top"] + objects["height"]  # in float32
        columns = (objects["left"], objects["top"], right, bottom, objects["confidence"])
        rows = zip(objects["class_id"].tolist(), *(column.tolist() for column in columns), strict=True)
        return [KittiLine(label_of(self._labels, class_id), *box) for class_id, *box in rows]


def draw(
    pixels: NDArray[Any],
    objects: NDArray[Any],
    labels: Sequence[str],
    classes: Sequence[ClassParams],
    overlay: Overlay,
) -> NDArray[Any]:
    """A copy of an RGB frame with boxes and labels as nvdsosd would place them."""
    import cv2

    canvas: NDArray[Any] = pixels.copy()
    limit = 2 * max(canvas.shape[:2])

    def pixel(value: float) -> int:
        return int(min(max(value, -limit), limit)) if value == value else 0

    for item in objects:
        left, top = pixel(item["left"]), pixel(item["top"])
        right, bottom = (
            pixel(float(item[start]) + float(item[size])) for start, size in (("left", "width"), ("top", "height"))
        )
        params = classes[item["class_id"]]
        if overlay.boxes:
            if params.background_color is not None:
                cv2.rectangle(canvas, (left, top), (right, bottom), _rgb(params.background_color), cv2.FILLED)
            cv2.rectangle(canvas, (left, top), (right, bottom), _rgb(params.border_color), _BORDER)
        text = label_of(labels, int(item["class_id"]))
        if overlay.text and text:
            _draw_text(canvas, text, left, top)
    return canvas


def _draw_text(canvas: NDArray[Any], text: str, left: int, top: int) -> None:
    import cv2

    shown = text.encode("ascii", "replace").decode("ascii")
    (width, height), below = cv2.getTextSize(shown, cv2.FONT_HERSHEY_SIMPLEX, _TEXT_SCALE, 1)
    base = max(top - _BORDER, height)
    cv2.rectangle(canvas, (left, base - height), (left + width, base + below), (0, 0, 0), cv2.FILLED)
    cv2.putText(canvas, shown, (left, base), cv2.FONT_HERSHEY_SIMPLEX, _TEXT_SCALE, (255, 255, 255), 1, cv2.LINE_AA)


def _rgb(color: Sequence[float]) -> tuple[int, ...]:
    return tuple(round(255 * min(max(part, 0.0), 1.0)) for part in color[:3])


class VideoSink:
    """Encodes one stream to a file. The reference has MPEG-4 part 2 only, in mp4 or mkv."""

    def __init__(self, sink: Sink, index: int, size: tuple[int, int], rate: Fraction) -> None:
        """size: width, height of the frames. Raises BusError where the file cannot be written."""
        import av

        self._element = f"sink_sub_bin_sink{index + 1}"
        self._path = sink.output_file or ""
        try:
            self._container: Any = av.open(f"file:{self._path}", "w", format=sink.container)
            self._stream: Any = self._container.add_stream("mpeg4", rate=rate.limit_denominator(_RATE_LIMIT))
            self._stream.width, self._stream.height = size[0] & ~1, size[1] & ~1
            self._stream.pix_fmt = "yuv420p"
            if sink.bitrate:
                self._stream.bit_rate = sink.bitrate
            else:
                self._stream.codec_context.qmin = self._stream.codec_context.qmax = 4
        except (OSError, ValueError, av.error.FFmpegError) as error:
            raise self._error(error) from None

    def write(self, pixels: NDArray[Any]) -> None:
        """Encode one RGB frame. Raises BusError."""
        import av
        import numpy as np

        width, height = self._stream.width, self._stream.height
        try:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels[:height, :width]), format="rgb24")
            self._container.mux(self._stream.encode(frame))
        except (OSError, ValueError, av.error.FFmpegError) as error:
            raise self._error(error) from None

    def close(self) -> None:
        """Write what the encoder still holds, and the file's index. Raises BusError."""
        import av

        try:
            self._container.mux(self._stream.encode(None))
            self._container.close()
        except (OSError, ValueError, av.error.FFmpegError) as error:
            raise self._error(error) from None

    def _error(self, error: Exception) -> BusError:
        reason = getattr(error, "strerror", None) or str(error)
        return BusError(self._element, "Could not write to resource.", f"{self._path}: {reason}")

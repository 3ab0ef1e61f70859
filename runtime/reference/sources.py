"""Video files as streams of muxed frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .appconfig import Source
from .console import BusError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Frame", "VideoFile"]

_DEFAULT_RATE = Fraction(30)


@dataclass(frozen=True)
class Frame:
    """A frame as the muxer sends it on: number from 0, seconds since the start, RGB pixels (height, width, 3)."""

    number: int
    seconds: float
    pixels: NDArray[Any]


class VideoFile:
    """One source. `frames` is the stream; `rate` is known once it has been opened. Errors are BusErrors in the name
    of the source's element."""

    def __init__(self, source: Source, index: int, size: tuple[int, int], *, loop: bool) -> None:
        """size: width, height that the muxer scales to."""
        self._source = source
        self._element = f"src_elem{index}"
        self._size = size
        self._loop = loop
        self._container: Any = None
        self.rate = _DEFAULT_RATE

    def open(self) -> None:
        """Open the file and find its video stream."""
        import av

        try:
            # Files only: neither a name like "http:x" nor a playlist inside the file may reach out.
            self._container = av.open(f"file:{self._source.path}", options={"protocol_whitelist": "file"})
        except (OSError, ValueError, av.error.FFmpegError) as error:
            raise self._error("Could not open resource for reading.", error) from None
        if not self._container.streams.video:
            raise self._error("Could not determine type of stream: it has no video.", None)
        stream = self._container.streams.video[0]
        stream.thread_type = "NONE"  # streams run beside each other; threads inside one only add switches
        with suppress(TypeError, ValueError, ZeroDivisionError):
            rate = Fraction(stream.average_rate or stream.guessed_rate or _DEFAULT_RATE)
            self.rate = rate if 0 < rate <= 1000 else _DEFAULT_RATE

    def close(self) -> None:
        if self._container is not None:
            self._container.close()
            self._container = None

    def frames(self, stopped: Callable[[], bool]) -> Iterator[Frame]:
        """All frames, scaled; with `loop` without end, numbers and times going on."""
        number = 0
        while not stopped():
            first = number
            for image in self._decoded(stopped):
                yield Frame(number, float(number / self.rate), self._scaled(image))
                number += 1
            if not self._loop or number == first:
                return
            self._rewind()

    def _decoded(self, stopped: Callable[[], bool]) -> Iterator[Any]:
        import av

        stream = self._container.streams.video[0]
        decoded = 0
        try:
            for packet in self._container.demux(stream):
                for image in packet.decode():
                    if stopped():
                        return
                    if decoded % self._source.keep_every == 0:
                        yield image
                    decoded += 1
        except (OSError, ValueError, av.error.FFmpegError) as error:
            raise self._error(f"Failed to decode the stream after {decoded} frames.", error) from None
        if decoded == 0:
            raise self._error("No frame could be decoded.", None)
        if _ends_early(Path(self._source.path)):
            raise self._error(f"The file is truncated; {decoded} frames could be decoded.", None)

    def _rewind(self) -> None:
        import av

        try:
            self._container.seek(0)
        except (OSError, av.error.FFmpegError) as error:
            raise self._error("Could not seek back to the start.", error) from None

    def _scaled(self, image: Any) -> NDArray[Any]:
        import cv2

        pixels: NDArray[Any] = image.to_ndarray(format="rgb24")
        if pixels.shape[1::-1] == self._size:
            return pixels
        scaled: NDArray[Any] = cv2.resize(pixels, self._size, interpolation=cv2.INTER_LINEAR)
        return scaled

    def _error(self, message: str, error: Exception | None) -> BusError:
        reason = "" if error is None else f": {getattr(error, 'strerror', None) or error}"
        return BusError(self._element, message, f"file://{self._source.path}{reason}")


def _ends_early(path: Path) -> bool:
    """Whether an mp4 file is cut off: one of its outer boxes reaches beyond the end of the file. FFmpeg then simply
    sees fewer frames; a count of frames would not do, since edit lists leave some out of whole files."""
    try:
        end = path.stat().st_size
        with path.open("rb") as file:
            at = 0
            while at + 8 <= end:
                file.seek(at)
                header = file.read(16)
                if at == 0 and header[4:8] != b"ftyp":
                    return False
                size = int.from_bytes(header[:4], "big")
                if size == 1:  # the real size follows the name, in 64 bits
                    size = int.from_bytes(header[8:], "big")
                if size < 8:  # 0: up to the end of the file
                    return False
                at += size
    except OSError:
        return False
    return at > end

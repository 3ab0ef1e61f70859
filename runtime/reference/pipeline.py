"""The running pipeline: sources in threads, batches to the network, results to the sinks.

A batch holds one frame of every source that still runs, so what is written does not depend on timing. Each source
decodes, scales and normalises in its own thread, straight into its place in one of a few batch tensors; inference and
postprocessing are two more threads. Everything waits when the next stage is behind, so memory stays bounded.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Event, Semaphore, Thread
from typing import TYPE_CHECKING, Any, TypeVar

from .appconfig import AppConfig
from .console import BusError, Console, RunFailed
from .inferer import Inferer
from .nvinfer_config import read_nvinfer_config
from .perfmeter import PerfMeter
from .sinks import KittiFolder, VideoSink, draw
from .sources import Frame, VideoFile

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Pipeline"]

T = TypeVar("T")

_TENSORS = 3  # batches under way: one filled, one waiting, one in the network
_POLL_S = 0.1  # how often a waiting thread looks whether it should stop


class Stopped(Exception):
    """The pipeline is being stopped."""


@dataclass(frozen=True)
class _Ready:
    """A frame that stands in its batch tensor. pixels: only where a sink shows them."""

    source: int
    number: int
    seconds: float
    pixels: NDArray[Any] | None


@dataclass(frozen=True)
class _Batch:
    """Frames of one muxed batch and the outputs for them, in pieces; None where inference was skipped."""

    frames: list[_Ready]
    outputs: list[list[NDArray[Any]]] | None


class Pipeline:
    """One configuration file's pipeline. `start`, then `tick` now and then until `finished`, then `close`."""

    def __init__(self, app: AppConfig, index: int, several: bool, console: Console, object_size: int | None) -> None:
        """Reads the nvinfer file, loads the network and opens everything. Raises RunFailed."""
        self._app = app
        self._index = index
        self._console = console
        self._size = (app.width, app.height)
        self._stop = Event()
        self.finished = Event()
        self.failure: RunFailed | None = None
        self.reached_end = False
        self._inferer = self._open_inferer(object_size)
        self._sources = [VideoFile(item, number, self._size, loop=app.loop) for number, item in enumerate(app.sources)]
        self._meter = (
            PerfMeter(len(self._sources), app.perf_interval, index if several else None, console)
            if app.perf_interval
            else None
        )
        self._kitti = (
            KittiFolder(app.kitti_folder, index, self._inferer.labels, console)
            if app.kitti_folder and self._inferer
            else None
        )
        self._videos: dict[int, list[VideoSink]] = {}
        self._synced = any(sink.sync for sink in app.sinks)
        self._shown = {sink.source for sink in app.sinks if sink.output_file}
        self._free = [Semaphore(_TENSORS) for _ in self._sources]
        self._ready: list[queue.Queue[_Ready | BusError | None]] = [queue.Queue() for _ in self._sources]
        self._results: queue.Queue[_Batch | None] = queue.Queue(maxsize=2)
        self._tensors: NDArray[Any] | None = None
        self._threads: list[Thread] = []

    def _open_inferer(self, object_size: int | None) -> Inferer | None:
        chosen = self._app.inference
        if chosen is None:
            return None
        config = read_nvinfer_config(Path(chosen.config_file), self._console)
        changes: dict[str, Any] = {
            "batch_size": chosen.batch_size,
            "interval": chosen.interval,
            "unique_id": chosen.unique_id,
            "engine_file": chosen.engine_file,
        }
        config = replace(config, **{name: value for name, value in changes.items() if value is not None})
        return Inferer(config, self._size, self._console, object_size)

    def start(self) -> None:
        """Open the sources and sinks and let everything run. Raises BusError."""
        import cv2
        import numpy as np

        cv2.setNumThreads(1)  # the streams are the parallel work; threads inside each resize only take turns with them
        for source in self._sources:
            source.open()
        for number, sink in enumerate(self._app.sinks):
            if sink.output_file and 0 <= sink.source < len(self._sources):
                video = VideoSink(sink, number, self._size, self._sources[sink.source].rate)
                self._videos.setdefault(sink.source, []).append(video)
        if self._inferer:
            self._tensors = np.empty((_TENSORS, len(self._sources), *self._inferer.shape), np.float32)
        work: list[Callable[[], None]] = [self._infer_loop, self._finish_loop]
        work += [partial(self._source_loop, number) for number in range(len(self._sources))]
        self._threads = [Thread(target=self._guarded, args=(task,), daemon=True) for task in work]
        for thread in self._threads:
            thread.start()

    def tick(self) -> None:
        """Print a performance row when one is due."""
        if self._meter:
            self._meter.tick()

    def stop(self) -> None:
        """Ask all threads to end; frames under way are dropped."""
        self._stop.set()
        self.finished.set()

    def close(self) -> None:
        """Wait for the threads and close files. A failure to close one is kept as the pipeline's failure."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        for source in self._sources:
            source.close()
        for video in (video for videos in self._videos.values() for video in videos):
            try:
                video.close()
            except BusError as error:
                self.failure = self.failure or error
        if self._inferer:
            self._inferer.parser.close()

    def _guarded(self, task: Callable[[], None]) -> None:
        try:
            task()
        except Stopped:
            pass
        except RunFailed as error:
            self._fail(error)
        except MemoryError:
            self._fail(BusError("pipeline", "Out of memory."))
        except Exception as error:  # a thread that dies without a word would leave the others waiting for ever
            self._fail(BusError("pipeline", f"Internal error: {type(error).__name__}: {error}"))

    def _fail(self, error: RunFailed) -> None:
        self.failure = self.failure or error
        self.stop()

    def _source_loop(self, index: int) -> None:
        """Decode one source into the batch tensors."""
        preprocessor = self._inferer.preprocessor() if self._inferer else None
        try:
            for frame in self._sources[index].frames(self._stop.is_set):
                self._acquire(self._free[index])
                if preprocessor is not None and self._tensors is not None and self._infers(frame.number):
                    preprocessor.write(frame.pixels, self._tensors[frame.number % _TENSORS][index])
                self._ready[index].put(self._as_ready(index, frame))
        except BusError as error:
            self._ready[index].put(error)
        else:
            self._ready[index].put(None)

    def _infers(self, batch: int) -> bool:
        return self._inferer is not None and batch % (self._inferer.config.interval + 1) == 0

    def _as_ready(self, index: int, frame: Frame) -> _Ready:
        return _Ready(index, frame.number, frame.seconds, frame.pixels if index in self._shown else None)

    def _infer_loop(self) -> None:
        """Collect one frame of every running source, infer, pass on."""
        running = list(range(len(self._sources)))
        number = 0
        while True:
            arrived = [self._next_of(self._ready[index]) for index in running]
            for item in arrived:
                if isinstance(item, BusError):
                    raise item
            frames = [item for item in arrived if isinstance(item, _Ready)]
            if not frames:
                break
            running = [frame.source for frame in frames]
            for start in range(0, len(frames), self._app.mux_batch):
                piece = frames[start : start + self._app.mux_batch]
                self._put(_Batch(piece, self._outputs(number, [frame.source for frame in piece])))
            for index in running:
                self._free[index].release()
            number += 1
        self._put(None)

    def _outputs(self, number: int, sources: list[int]) -> list[list[NDArray[Any]]] | None:
        if not self._infers(number) or self._inferer is None or self._tensors is None:
            return None
        tensor = self._tensors[number % _TENSORS]
        first, last = sources[0], sources[-1] + 1
        batch = tensor[first:last] if last - first == len(sources) else tensor[sources]
        return self._inferer.infer(batch)

    def _finish_loop(self) -> None:
        """Parse, filter, write and count the frames of every batch."""
        started: float | None = None
        while (batch := self._next_of(self._results)) is not None:
            for position, frame in enumerate(batch.frames):
                started = self._wait_until_due(frame, started)
                self._finish(batch, position, frame)
        self.reached_end = True
        self.finished.set()

    def _wait_until_due(self, frame: _Ready, started: float | None) -> float | None:
        """With a sink that is synchronised to the clock, frames leave at the video's own pace."""
        if not self._synced:
            return None
        now = time.monotonic()
        start = now if started is None else started
        if self._stop.wait(max(0.0, start + frame.seconds - now)):
            raise Stopped
        return start

    def _finish(self, batch: _Batch, position: int, frame: _Ready) -> None:
        objects: Any = ()
        inferer = self._inferer
        if inferer and batch.outputs is not None:
            piece, index = divmod(position, inferer.config.batch_size)
            objects = inferer.objects(batch.outputs[piece], index)
        if self._kitti:
            self._kitti.write(frame.source, frame.number, objects)
        if frame.pixels is not None:
            pixels = frame.pixels
            if self._app.overlay.enabled and inferer:
                pixels = draw(pixels, objects, inferer.labels, inferer.config.classes, self._app.overlay)
            for video in self._videos.get(frame.source, ()):
                video.write(pixels)
        if self._meter:
            self._meter.count(frame.source)

    def _acquire(self, semaphore: Semaphore) -> None:
        while not semaphore.acquire(timeout=_POLL_S):
            self._check()

    def _next_of(self, source: queue.Queue[T]) -> T:
        while True:
            try:
                return source.get(timeout=_POLL_S)
            except queue.Empty:
                self._check()

    def _put(self, batch: _Batch | None) -> None:
        while True:
            try:
                self._results.put(batch, timeout=_POLL_S)
                return
            except queue.Full:
                self._check()

    def _check(self) -> None:
        if self._stop.is_set():
            raise Stopped

"""The batch search on simulated GPUs, against trying every batch there is."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsimport.runtime.sweep.curve import Point, fit
from dsimport.runtime.sweep.search import MAX_ENGINES, PipelineRun, Sweep, search

Throughput = Callable[[int], float]


@dataclass
class Gpu:
    """A simulated host. alone: images/s of an engine by batch; memory: largest batch that can be built; decode: frames
    per second that decoding allows; efficiency: what the pipeline keeps of the engine's images/s."""

    alone: Throughput
    memory: int = 10_000
    decode: float = math.inf
    efficiency: float = 1.0
    built: list[int] = field(default_factory=list)
    ran: list[tuple[int, int]] = field(default_factory=list)

    def measure(self, batch: int) -> Point | None:
        self.built.append(batch)
        return Point(batch, self.alone(batch)) if batch <= self.memory else None

    def run(self, batch: int, streams: int) -> PipelineRun:
        self.ran.append((batch, streams))
        return PipelineRun(batch, streams, self.total(batch, streams))

    def total(self, batch: int, streams: int) -> float:
        """nvinfer gets one frame per stream in each batch; an engine that is not full loses a little to its tuning."""
        tuned = 1.0 if streams == batch else 0.97
        return min(self.decode, self.efficiency * tuned * self.alone(streams))

    def best_streams(self, limit: int, target: float) -> int:
        """By trying everything: the most streams that some engine carries at the target rate."""
        fed = [n for n in range(1, min(limit, self.memory) + 1) if self.alone(n) >= n * target]
        allowed = limit if self.decode == math.inf else math.floor(self.decode / target)
        return min(max(fed, default=0), allowed)


def saturating(start_ms: float, image_ms: float) -> Throughput:
    return lambda n: n / (start_ms + image_ms * n) * 1000


def bimodal(smooth: Throughput, loss: float) -> Throughput:
    """Batches that are neither powers of two nor multiples of 8 lose a share, as transformer engines do."""
    return lambda n: smooth(n) * (1.0 if n & (n - 1) == 0 or n % 8 == 0 else 1.0 - loss)


def sweep(gpu: Gpu, limit: int = 512, target: float = 30) -> Sweep:
    return search(gpu.measure, gpu.run, limit=limit, target_fps=target)


SATURATING = [(1.2, 0.55), (4.0, 0.62), (0.4, 2.9), (9.0, 0.11), (2.0, 0.061), (0.1, 16.0)]


@pytest.mark.parametrize(("start_ms", "image_ms"), SATURATING)
def test_a_saturating_gpu_gets_the_batch_that_trying_all_would_find(start_ms: float, image_ms: float) -> None:
    gpu = Gpu(saturating(start_ms, image_ms))
    found = sweep(gpu)
    assert found.best is not None
    assert found.best.streams == gpu.best_streams(512, 30)
    assert (found.bad, found.bound) == ((), "engine")
    assert len(set(gpu.built)) == len(gpu.built) <= MAX_ENGINES


@pytest.mark.parametrize(("start_ms", "image_ms"), SATURATING)
@pytest.mark.parametrize("loss", [0.2, 0.4, 0.6])
def test_bad_batches_are_found_and_avoided(start_ms: float, image_ms: float, loss: float) -> None:
    gpu = Gpu(bimodal(saturating(start_ms, image_ms), loss))
    found = sweep(gpu)
    assert found.best is not None
    assert found.best.streams == gpu.best_streams(512, 30)
    good = saturating(start_ms, image_ms)
    assert set(found.bad) == {point.batch for point in found.points if point.images_per_s < 0.9 * good(point.batch)}


@pytest.mark.parametrize("decode", [95.0, 400.0, 1000.0])
def test_where_decoding_is_the_limit_the_streams_are_what_it_allows(decode: float) -> None:
    gpu = Gpu(saturating(1.2, 0.55), decode=decode)
    found = sweep(gpu)
    assert found.best is not None
    assert (found.best.streams, found.bound) == (math.floor(decode / 30), "pipeline")


def test_memory_that_runs_out_bounds_the_search() -> None:
    gpu = Gpu(saturating(2.0, 0.061), memory=100)
    found = sweep(gpu)
    assert found.best is not None
    assert min(found.failed) > 100
    assert 90 <= found.best.streams == found.best.batch <= 100


def test_a_gpu_that_carries_no_stream_says_so() -> None:
    gpu = Gpu(saturating(50.0, 40.0))
    found = sweep(gpu)
    assert (found.best, found.predicted) == (None, 0)
    assert [(run.batch, run.streams) for run in found.runs] == [(1, 1), (4, 1)]


def test_runs_and_engines_that_fail_leave_the_others() -> None:
    gpu = Gpu(saturating(1.2, 0.55))
    broken = {54}
    found = search(
        lambda n: gpu.measure(n),
        lambda batch, streams: None if batch in broken else gpu.run(batch, streams),
        limit=512,
        target_fps=30,
    )
    assert found.best is not None
    assert found.best.batch not in broken
    with pytest.raises(ValueError, match="no engine"):
        search(lambda n: None, gpu.run, limit=8, target_fps=30)


@given(
    start=st.floats(0.05, 20),
    image=st.floats(0.05, 20),
    loss=st.sampled_from([0.0, 0.3, 0.5]),
    limit=st.sampled_from([1, 4, 16, 64, 100, 512, 1024]),
    noise=st.integers(0, 1000),
)
def test_never_far_from_trying_all(start: float, image: float, loss: float, limit: int, noise: int) -> None:
    smooth = bimodal(saturating(start, image), loss)
    gpu = Gpu(lambda n: smooth(n) * (1 + 0.01 * random.Random(noise * 2000 + n).uniform(-1, 1)))
    found = sweep(gpu, limit)
    assert all(1 <= batch <= limit for batch in gpu.built)
    assert len(gpu.built) <= MAX_ENGINES
    wanted = gpu.best_streams(limit, 30)
    got = found.best.streams if found.best else 0
    assert got <= wanted
    assert got >= 0.9 * wanted - 1


@given(points=st.lists(st.tuples(st.integers(1, 1024), st.floats(0.1, 1e5)), min_size=1, max_size=8))
def test_whatever_was_measured_the_curve_is_usable(points: list[tuple[int, float]]) -> None:
    curve = fit([Point(n, images) for n, images in points])
    assert curve.error >= 0
    found = curve.largest_batch(30, 512)
    assert 0 <= found <= 512
    if found:
        assert curve.images_per_s(found) >= 30 * found * (1 - 1e-9)

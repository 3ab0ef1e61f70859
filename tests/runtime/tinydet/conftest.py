"""Makes tests/assets importable and hands out one clip, its truth and its frames as network input."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2] / "assets"))

import make_clip
import measure_tinydet


class Clip(NamedTuple):
    """A clip on disk; `images` are its frames as the network takes them, [frames, 3, 96, 128] of 0..1."""

    path: Path
    size: tuple[int, int]
    truth: list[list[make_clip.Truth]]
    images: NDArray[np.float32]


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """The default clip, five shapes in 40 frames."""
    path = tmp_path_factory.mktemp("tinydet") / "shapes.mp4"
    size = (256, 192)
    truth = make_clip.make_clip(path, 40, size, shapes=5)
    images = np.stack([measure_tinydet.network_input(frame) for frame in measure_tinydet.frames(path)])
    return Clip(path, size, truth, images)

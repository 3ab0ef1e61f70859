"""Makes tests/assets importable and hands out one clip, its truth and its frames as network input."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "assets"))
sys.path.insert(0, str(Path(__file__).parent))

from make_clip import make_clip
from measure_tinydet import frames, network_input
from tinydet_support import Clip


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """The default clip with five shapes in 40 frames."""
    path = tmp_path_factory.mktemp("tinydet") / "shapes.mp4"
    size = (256, 192)
    truth = make_clip(path, 40, size, shapes=5)
    return Clip(path, size, truth, np.stack([network_input(frame) for frame in frames(path)]))

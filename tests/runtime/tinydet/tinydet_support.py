"""What the tiny detector's tests share beside fixtures (every folder's conftest has the same module name)."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from make_clip import Truth
from numpy.typing import NDArray


class Clip(NamedTuple):
    """A clip on disk; `images` are its frames as the network takes them, [frames, 3, 96, 128] of 0..1."""

    path: Path
    size: tuple[int, int]
    truth: list[list[Truth]]
    images: NDArray[np.float32]

"""A made-up host whose programs are the only ones of their names on PATH."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from host_support import MadeUp


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MadeUp:
    """A host with nothing of NVIDIA's on it."""
    up = MadeUp(tmp_path)
    monkeypatch.setenv("PATH", up.path)
    return up

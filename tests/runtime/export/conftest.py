"""A made-up export environment, and no tokens of this machine."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "acquire"))

from export_support import Fake, search_path


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Its `uv` is the one that is found, and its environment lies below tmp_path/root."""
    monkeypatch.delenv("DSIMPORT_EXPORT_ENV", raising=False)
    made = Fake(tmp_path / "root")
    monkeypatch.setenv("PATH", search_path(made))
    return made

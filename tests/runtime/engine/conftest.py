"""A host with TensorRT and a GPU, made of scripts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from engine_support import gpu, trtexec


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder at the head of PATH with `nvidia-smi` and a `trtexec` that always builds."""
    folder = tmp_path / "bin"
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    gpu(folder, "NVIDIA L4", "8.9")
    trtexec(folder)
    return folder

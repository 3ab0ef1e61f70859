"""Scratch folders in memory where there are any: these tests sync small files hundreds of times."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Like pytest's own, on a file system in memory if this host has one."""
    place = MEMORY if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="dsimport-test-", dir=place)).resolve()
    yield folder
    shutil.rmtree(folder)

"""The second stage of CI: what takes minutes, or compilers that a first `make test` does not ask for."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "parsers"))

from parser_build import Workshop


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Where this session's parsers are compiled."""
    return Workshop(tmp_path_factory.mktemp("parsers"))

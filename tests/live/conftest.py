from __future__ import annotations

import sys
from pathlib import Path

# The host and the workshop of the parsers' own tests serve here, too.
for folder in (Path(__file__).parent, Path(__file__).parents[1] / "parsers"):
    sys.path.insert(0, str(folder))

import pytest  # noqa: E402
from parser_build import Workshop  # noqa: E402


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Where this session's parsers are compiled."""
    return Workshop(tmp_path_factory.mktemp("parsers"))

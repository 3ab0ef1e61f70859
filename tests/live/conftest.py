from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import live_paths  # noqa: F401 - the host and the workshop of the parsers' own tests serve here, too
import pytest
from parser_build import workshop

__all__ = ["tallies", "workshop"]


@pytest.fixture(scope="module")
def tallies(request: pytest.FixtureRequest) -> Iterator[Any]:
    """What a module compares, see live_results.Tallies; kept as the PART that the module names.

    Modules about exporters run in an environment without torch.
    """
    import torch
    from live_results import Tallies, keep

    torch.set_num_threads(1)
    found: Tallies = {}
    yield found
    keep(request.module.PART, found)

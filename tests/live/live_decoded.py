"""Generated parsers of decoded heads and of rows against the projects' own post-processing, on the same tensors."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from live_compare import Tally
from live_random import compare_random
from live_results import Tallies, keep
from live_sources import SOURCES
from parser_build import Workshop


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Where this run's parsers are compiled."""
    return Workshop(tmp_path_factory.mktemp("parsers"))


@pytest.fixture(scope="module")
def tallies() -> Iterator[Tallies]:
    """What was compared, by family and whose code."""
    torch.set_num_threads(1)
    found: Tallies = {}
    yield found
    keep("decoded", found)


@pytest.mark.parametrize("family", SOURCES)
@pytest.mark.filterwarnings("ignore:torch.meshgrid")
def test_random_tensors_give_the_same_results(family: str, workshop: Workshop, tallies: Tallies) -> None:
    source = SOURCES[family]
    tally = tallies.setdefault((family, source.title, "random"), Tally())
    compare_random(source, workshop, tally)
    assert tally.tensors >= 200
    assert tally.objects > 1000
    assert (tally.missing, tally.extra) == (0, 0)

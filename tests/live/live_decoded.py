"""Generated parsers of decoded heads and of rows against the projects' own post-processing, on the same tensors."""

from __future__ import annotations

import pytest
from live_compare import Tally
from live_random import compare_random
from live_results import Tallies
from live_sources import SOURCES
from parser_build import Workshop

PART = "decoded"  # of the results that are kept


@pytest.mark.parametrize("family", SOURCES)
@pytest.mark.filterwarnings("ignore:torch.meshgrid")
def test_random_tensors_give_the_same_results(family: str, workshop: Workshop, tallies: Tallies) -> None:
    source = SOURCES[family]
    tally = tallies.setdefault((family, source.title, "random"), Tally())
    compare_random(source, workshop, tally)
    assert tally.tensors >= 200
    assert tally.objects > 1000
    assert (tally.missing, tally.extra) == (0, 0)

"""Generated parsers of decoded heads against the post-processing of the projects they come from, tensor by tensor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from live_compare import Tally
from live_processors import Objects
from live_results import Tallies, keep
from live_sets import Frame, compare_sets
from live_sources import SOURCES, Roles, Shape, Source, roles
from parser_build import FUNCTION, Workshop, bound
from parser_host import Parser
from parser_tensors import STYLES, by_role, tensors

TENSORS = 208  # of each family, in every style and with every number of classes
MANY_CLASSES = {91: 48, 1000: 12}  # fewer of them: a frame may hold 100,000 results
BATCHES = (1, 4)


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
    rng = np.random.default_rng(sum(family.encode()))
    tally = tallies.setdefault((family, source.title, "random"), Tally())
    few = [classes for classes in source.class_counts if classes not in MANY_CLASSES]
    for classes in source.class_counts:
        rest = TENSORS - sum(MANY_CLASSES[each] for each in source.class_counts if each in MANY_CLASSES)
        count = MANY_CLASSES.get(classes, -(-rest // len(few)))
        of_one_shape(source, Shape(*source.size, classes), count, rng, workshop, tally)
    assert tally.tensors >= 200
    assert tally.objects > 1000
    assert (tally.missing, tally.extra) == (0, 0)


def of_one_shape(
    source: Source, shape: Shape, count: int, rng: np.random.Generator, workshop: Workshop, tally: Tally
) -> None:
    """At least `count` frames: batches of 1 and of 4 in turn, all frames of a batch in different styles."""
    binding = bound(source.family, height=shape.height, width=shape.width, classes=shape.classes)
    decode = binding.family.decode
    frame = Frame((shape.height, shape.width), 0.0, rounds=getattr(decode.scores, "activation", "none") != "none")
    styles = [style for style in STYLES if style not in source.without]
    size = {"width": shape.width, "height": shape.height}
    with Parser(workshop.library(binding), FUNCTION) as parser:
        done = 0
        while done < count:
            batch = BATCHES[done % len(BATCHES)]  # 1, 4, 1, 4: the sum's parity alternates
            named = [tensors(binding, rng, styles[(done + i) % len(styles)]) for i in range(batch)]
            done += batch
            threshold = float(np.float32(rng.choice([0.25, 0.5, rng.uniform(0.05, 0.95)])))
            inputs = roles(
                [{key: value.astype(np.float32) for key, value in by_role(binding, each).items()} for each in named]
            )
            wanted = source.post_process(inputs, shape, threshold)
            for at, (each, results) in enumerate(zip(named, wanted, strict=True)):
                found = parser(each, **size, thresholds=[threshold] * shape.classes)
                one = replace(frame, threshold=threshold)
                everything = partial(whole, source, inputs, shape, at)
                tally.add(compare_sets(found, results, everything, one, source.limit))


def whole(source: Source, inputs: Roles, shape: Shape, frame: int) -> Objects:
    """What the source makes of one frame without a threshold."""
    return source.post_process(inputs, shape, 0.0)[frame]

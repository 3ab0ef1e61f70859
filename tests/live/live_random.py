"""Random tensors of a family through its parser and through somebody else's post-processing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from live_compare import Tally, apart, precision
from live_processors import Objects
from live_sets import Frame, compare_sets
from live_source import Roles, Shape, Source, roles
from parser_build import FUNCTION, Workshop, bound
from parser_host import Parser
from parser_tensors import STYLES, by_role, tensors

from dsimport.compiler.parsers.binding import Binding

__all__ = ["compare_random"]

Array = npt.NDArray[Any]
TENSORS = 208  # of each family, in every style and with every number of classes
MANY_CLASSES = {91: 48, 1000: 6}  # fewer of them: a frame may hold a million results
BATCHES = (1, 4)


def compare_random(source: Source, workshop: Workshop, tally: Tally) -> None:
    """TENSORS frames and a few more, of every number of classes that the source knows."""
    rng = np.random.default_rng(sum(source.family.encode()))
    few = [classes for classes in source.class_counts if classes not in MANY_CLASSES]
    rest = TENSORS - sum(MANY_CLASSES.get(classes, 0) for classes in source.class_counts)
    for classes in source.class_counts:
        count = MANY_CLASSES.get(classes, -(-rest // len(few)))
        of_one_shape(source, Shape(*source.size, classes), count, rng, workshop, tally)


def of_one_shape(
    source: Source, shape: Shape, count: int, rng: np.random.Generator, workshop: Workshop, tally: Tally
) -> None:
    """At least `count` frames: batches of 1 and of 4 in turn, all frames of a batch in different styles."""
    binding = bound(source.family, height=shape.height, width=shape.width, classes=shape.classes)
    decode = binding.family.decode
    activation = getattr(decode.scores, "activation", "none")
    kind = precision(shape.classes, softmax=activation == "softmax")
    frame = Frame((shape.height, shape.width), 0.0, rounds=activation != "none")
    styles = [style for style in STYLES if style not in source.without]
    size = {"width": shape.width, "height": shape.height}
    with Parser(workshop.library(binding), FUNCTION) as parser:
        done = 0
        while done < count:
            batch = BATCHES[done % len(BATCHES)]  # 1, 4, 1, 4: the sum's parity alternates
            named = [tensors(binding, rng, styles[(done + i) % len(styles)]) for i in range(batch)]
            done += batch
            threshold = float(np.float32(rng.choice([0.25, 0.5, rng.uniform(0.05, 0.95)])))
            inputs = batch_of(binding, named, kind)
            wanted = source.post_process(inputs, shape, threshold)
            if kind is np.float64:
                usual = source.post_process(batch_of(binding, named, np.float32), shape, threshold)
                tally.own = max(tally.own, apart(usual, wanted))
            for at, (each, results) in enumerate(zip(named, wanted, strict=True)):
                found = parser(each, **size, thresholds=[threshold] * shape.classes)
                one = replace(frame, threshold=threshold)
                everything = partial(whole, source, inputs, shape, at)
                tally.add(compare_sets(found, results, everything, one, source.limit))


def batch_of(binding: Binding, named: Sequence[dict[str, Array]], kind: type[np.floating[Any]]) -> Roles:
    """Frames' tensors by role, in this type."""
    return roles([{key: value.astype(kind) for key, value in by_role(binding, each).items()} for each in named])


def whole(source: Source, inputs: Roles, shape: Shape, frame: int) -> Objects:
    """What the source makes of one frame without a threshold."""
    return source.post_process(inputs, shape, 0.0)[frame]

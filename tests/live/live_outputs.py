"""Outputs of models through a parser and through somebody else's post-processing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from live_compare import Tally
from live_processors import Objects
from live_sets import Frame, compare_sets
from parser_build import FUNCTION
from parser_host import Parser
from parser_tensors import by_role

from dsimport.compiler.parsers.binding import Binding

__all__ = ["by_role_of", "compare_outputs"]

Array = npt.NDArray[Any]
QUANTILES = (0.3, 0.6, 0.95)


def by_role_of(binding: Binding, outputs: dict[str, Array], at: int) -> dict[str, Array]:
    """One frame of a batch, by role."""
    frame = by_role(binding, {name: array[at] for name, array in outputs.items()})
    return {role: array.astype(np.float32) for role, array in frame.items()}


def compare_outputs(
    binding: Binding, outputs: dict[str, Array], process: Callable[[float], list[Objects]], library: Path, tally: Tally
) -> None:
    """A batch of a model's outputs, at the family's threshold and at some that lie between scores."""
    everything = process(0.0)
    scores = np.unique(np.concatenate([each.scores for each in everything]))
    between = [float(np.float32(np.quantile(scores, q))) for q in QUANTILES]
    activation = getattr(binding.family.decode.scores, "activation", "none")
    size = {"width": binding.width, "height": binding.height}
    with Parser(library, FUNCTION) as parser:
        for threshold in (binding.family.defaults.threshold, *between):
            frame = Frame((binding.height, binding.width), float(np.float32(threshold)), rounds=activation != "none")
            for at, wanted in enumerate(process(frame.threshold)):
                named = {name: array[at] for name, array in outputs.items()}
                found = parser(named, **size, thresholds=[frame.threshold] * binding.classes)
                tally.add(compare_sets(found, wanted, partial(everything.__getitem__, at), frame))

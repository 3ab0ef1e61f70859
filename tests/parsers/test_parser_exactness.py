"""Compiled parsers against what the families' own code computed of the same tensors, in tests/live/live_golden.py."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from parser_build import FUNCTION, Workshop, representative
from parser_host import Parser
from parser_tensors import Frozen, tensors

from dsimport.compiler.families import family_names

GOLDEN = Path(__file__).parents[1] / "golden" / "exactness"
TOLERANCE = [0, 1e-6, 1e-3, 1e-3, 1e-3, 1e-3]  # class, score, edges in pixels


def test_every_family_has_results_of_others() -> None:
    assert sorted(path.stem for path in GOLDEN.glob("*.json")) == family_names()


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_parser_returns_what_others_computed(path: Path, workshop: Workshop) -> None:
    binding = representative(path.stem)
    size = {"width": binding.width, "height": binding.height}
    objects = 0
    with Parser(workshop.library(binding), FUNCTION) as parser:
        for frame in json.loads(path.read_text("utf-8"))["frames"]:
            named = tensors(binding, Frozen(frame["seed"]), frame["style"])
            found = parser(named, **size, thresholds=[frame["threshold"]] * binding.classes)
            edges = found["left"], found["top"], found["left"] + found["width"], found["top"] + found["height"]
            got = np.stack([found["class_id"], found["score"], *edges], axis=1)
            wanted = np.array(frame["objects"], float).reshape(-1, 6)
            assert len(got) == len(wanted), frame["style"]
            for row in wanted:
                assert (np.abs(got - row) <= TOLERANCE).all(axis=1).any(), (frame["style"], row)
            objects += len(wanted)
    assert objects > 10

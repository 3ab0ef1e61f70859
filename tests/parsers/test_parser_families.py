"""Every family's compiled parser against its own post-processing in numpy, on the same tensors."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from parser_build import FUNCTION, Workshop, representative
from parser_host import Parser
from parser_reference import KEEPS_EQUAL, REFERENCES, Net, Results, finish
from parser_tensors import STYLES, by_role, tensors

from dsimport.compiler.families import family_names

Array = npt.NDArray[Any]
FRAMES = int(os.environ.get("DSIMPORT_PARSER_FRAMES", "10"))  # per family; 200 and more before a release
TOLERANCE = np.array([0, 1e-6, 1e-3, 1e-3, 1e-3, 1e-3])  # class, score, edges in pixels


def test_every_family_has_a_reference() -> None:
    assert sorted(REFERENCES) == family_names()


def same(found: Array, wanted: Results, unsure: bool, limits: Array) -> str:
    """Empty when every wanted object was found and nothing else; `unsure` forgives scores at the threshold."""
    order, wanted_order = np.argsort(-found["score"], kind="stable"), np.argsort(-wanted.scores, kind="stable")
    got = np.stack([found["class_id"], found["score"], *edges(found)], axis=1)[order]
    want = np.concatenate([wanted.classes[:, None], wanted.scores[:, None], wanted.boxes], axis=1)[wanted_order]
    if len(got) == len(want):
        equal = (np.abs(got - want) <= TOLERANCE).all(axis=1)
        got, want = got[~equal], want[~equal]
    rest = list(got)
    for row in want:  # few: what is left is in another order, at the threshold, or wrong
        match = next((i for i, other in enumerate(rest) if (np.abs(other - row) <= TOLERANCE).all()), None)
        if match is not None:
            rest.pop(match)
        elif not (unsure and abs(row[1] - limits[int(row[0])]) <= 1e-6):
            return f"missing {row}"
    extra = [row for row in rest if min(row[4] - row[2], row[5] - row[3]) > 2e-3]
    if unsure:
        extra = [row for row in extra if abs(row[1] - limits[int(row[0])]) > 1e-6]
    return f"{len(extra)} extra, first {extra[0]}" if extra else ""


def edges(found: Array) -> tuple[Array, Array, Array, Array]:
    """Left, top, right, bottom."""
    return found["left"], found["top"], found["left"] + found["width"], found["top"] + found["height"]


@pytest.mark.parametrize("family", family_names())
def test_parser_returns_what_the_family_returns(family: str, workshop: Workshop) -> None:
    binding = representative(family)
    classes = binding.classes
    net = Net(binding.height, binding.width, classes)
    decode = binding.family.decode
    unsure = getattr(decode.scores, "activation", "none") != "none"
    rng = np.random.default_rng(7)
    objects = 0
    with Parser(workshop.library(binding), FUNCTION) as parser:
        for frame in range(FRAMES):
            style = STYLES[frame % len(STYLES)]
            named = tensors(binding, rng, style)
            limits = np.full(classes, 0.25, np.float32)
            if frame % 2:
                limits = rng.uniform(0.1, 0.9, classes).astype(np.float32)
            found = parser(named, width=net.width, height=net.height, thresholds=limits.tolist())
            wanted = REFERENCES[family](by_role(binding, named), net)
            wanted = finish(wanted, net, limits, family in KEEPS_EQUAL)
            assert same(found, wanted, unsure, limits) == "", (frame, style)
            objects += len(found)
            assert (found["rotation"] == 0).all()
    assert objects > 100

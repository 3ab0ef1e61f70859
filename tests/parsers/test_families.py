"""Every family's compiled parser against its own post-processing in numpy, on the same tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from build import FUNCTION, Workshop, bound
from host import Parser
from reference import KEEPS_EQUAL, REFERENCES, Net, Results, finish
from tensors import STYLES, by_role, tensors

from dsimport.compiler.families import family_names

Array = npt.NDArray[Any]
ONE_CLASS = {"centerface", "blazeface"}
FRAMES = 200


def test_every_family_has_a_reference() -> None:
    assert sorted(REFERENCES) == family_names()


def same(found: Array, wanted: Results, unsure: bool, limits: Array) -> str:
    """Empty when every wanted object was found and nothing else; `unsure` forgives scores at the threshold."""
    left = np.stack([found["left"], found["top"], found["left"] + found["width"], found["top"] + found["height"]], axis=1)
    taken = np.zeros(len(found), bool)
    for class_id, score, box in zip(wanted.classes, wanted.scores, wanted.boxes, strict=True):
        near = ~taken & (found["class_id"] == class_id) & (np.abs(found["score"] - score) <= 1e-6)
        near &= np.abs(left - box).max(axis=1, initial=0) <= 1e-3
        if near.any():
            taken[np.argmax(near)] = True
        elif not (unsure and abs(score - limits[int(class_id)]) <= 1e-6):
            return f"missing {class_id} {score} {box}"
    size = np.minimum(found["width"], found["height"])
    extra = ~taken & (size > 2e-3)
    if unsure:
        extra &= np.abs(found["score"] - limits[np.minimum(found["class_id"], len(limits) - 1)]) > 1e-6
    return f"{extra.sum()} extra, first {found[extra][0]}" if extra.any() else ""


@pytest.mark.parametrize("family", family_names())
def test_parser_returns_what_the_family_returns(family: str, workshop: Workshop) -> None:
    classes = 1 if family in ONE_CLASS else 5
    binding = bound(family, classes=classes)
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

"""Which attempts are made, and that each changes one thing only."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from export_support import params_of
from hypothesis import given
from hypothesis import strategies as st

from dsimport.compiler.families import family_names, load_family
from dsimport.runtime.export.attempts import Attempt, attempts

EXPORTERS = ["optimum", "torch", "dynamo"]


def listed(exporters: list[str], square: tuple[str, ...] = (), **changes: Any) -> list[tuple[str, int, bool]]:
    model = {"exporters": exporters, "stack": "transformers-5", "square": square}
    return [(item.exporter, item.opset, item.post_process) for item in attempts(params_of(**changes), model)]


def test_the_seeds_attempts_in_order() -> None:
    assert listed(EXPORTERS) == [
        ("optimum", 17, True),
        ("optimum", 18, True),
        ("optimum", 18, False),
        ("torch", 17, True),
        ("torch", 18, True),
        ("dynamo", 18, True),
    ]


def test_without_dynamo_the_opset_is_what_can_still_change() -> None:
    assert listed(["torch"]) == [("torch", 17, True), ("torch", 18, True), ("torch", 16, True)]


def test_what_the_recipe_says_is_kept() -> None:
    assert listed(EXPORTERS, opset=16) == [
        ("optimum", 16, True),
        ("optimum", 16, False),
        ("torch", 16, True),
        ("dynamo", 16, True),
    ]
    assert {exporter for exporter, _, _ in listed(EXPORTERS, exporter="torch")} == {"torch"}
    assert listed(["torch"], exporter="dynamo", opset=20) == [("dynamo", 20, True)]


def test_an_exporter_that_is_right_for_square_inputs_is_left_out_for_others() -> None:
    square = {"name": "x", "shape": [3, 640, 640]}
    assert listed(["optimum", "torch"], ("optimum",), input=square)[0] == ("optimum", 17, True)
    assert listed(["optimum", "torch"], ("optimum",)) == listed(["torch"])
    assert listed(["optimum", "torch"], ("optimum",), exporter="optimum") == []


@given(
    exporters=st.lists(st.sampled_from(EXPORTERS), min_size=1, max_size=3, unique=True),
    opset=st.none() | st.integers(9, 30),
    first=st.integers(13, 22),
    exporter=st.sampled_from(["auto", *EXPORTERS]),
)
def test_each_attempt_changes_one_thing_and_says_it(
    exporters: list[str], opset: int | None, first: int, exporter: str
) -> None:
    params = params_of(opset=opset, first_opset=first, exporter=exporter)
    made = attempts(params, {"exporters": exporters, "stack": "transformers-5", "square": []})
    assert sum(item.exporter == "optimum" for item in made) <= 3
    assert sum(item.exporter != "optimum" for item in made) <= 3
    assert len({replace(item, change="") for item in made}) == len(made)
    assert [item.change == "" for item in made] == [index == 0 for index in range(len(made))]
    for before, after in itertools.pairwise(made):
        if before.exporter == after.exporter:
            assert moved(before, after) in (["opset"], ["post_process"])


def moved(before: Attempt, after: Attempt) -> list[str]:
    names = ("stack", "opset", "post_process")
    return [name for name in names if getattr(before, name) != getattr(after, name)]


@pytest.mark.parametrize("name", [name for name in family_names() if load_family(name).exported])
def test_every_preset_leads_to_attempts(name: str) -> None:
    family = load_family(name)
    for item in family.exported.values():
        assert attempts(params_of(first_opset=family.export.opset), item.model_dump(mode="json"))

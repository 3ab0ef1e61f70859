"""What is advised for which refused node."""

from __future__ import annotations

import pytest

from dsimport.compiler.keys import leaf_keys
from dsimport.runtime.trt import advice as table
from dsimport.runtime.trt.advice import advice


def asked(*operators: str, simplified: bool = False) -> list[str]:
    return [line.split(";")[0] for line in advice([{"operator": name} for name in operators], simplified=simplified)]


def test_simplifying_comes_last_unless_it_was_done_or_cannot_help() -> None:
    assert asked("Det")[-1] == "set graph.simplify: true"
    assert asked("Det", simplified=True) == [table.EXPORT]
    assert asked("EfficientNMS_TRT") == [table.PLUGIN]
    assert asked() == []


@pytest.mark.parametrize(
    ("operator", "words"),
    [
        ("NonMaxSuppression", "without post-processing"),
        ("Loop", "fixed height and width"),
        ("ConcatFromSequence", "another exporter"),
        ("StringSplit", "source.export.frozen_prompt"),
        ("EfficientNMS_TRT", "plugin"),
        ("Bernoulli", "source.export.opset"),
    ],
)
def test_each_kind_has_its_own(operator: str, words: str) -> None:
    assert words in asked(operator, operator, simplified=True)[0]
    assert len(asked(operator, operator, simplified=True)) == 1, "each once"


def test_the_keys_that_are_named_exist() -> None:
    lines = {*table.BY_OPERATOR.values(), table.SIMPLIFY, table.EXPORT}
    words = (word.strip("():;,") for line in lines for word in line.split())
    named = {word for word in words if word.startswith(("graph.", "source."))}
    assert len(named) == 4
    assert named - set(leaf_keys()) == set()

"""What is advised for which refused node."""

from __future__ import annotations

import pytest

from dsimport.compiler.keys import leaf_keys
from dsimport.runtime.trt import advice as table
from dsimport.runtime.trt.advice import advice


def asked(*operators: str, simplified: bool = False) -> list[str]:
    return [line.split(";")[0] for line in advice([{"operator": name} for name in operators], simplified=simplified)]


def test_simplifying_comes_first_unless_it_was_done() -> None:
    assert asked("Det")[0] == "set graph.simplify: true"
    assert "set graph.simplify: true" not in asked("Det", simplified=True)
    assert asked(simplified=True) == [table.EXPORT], "there is always something to do"


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
    assert words in asked(operator, operator)[1]
    assert len(asked(operator, operator)) == 2, "each once"


def test_the_keys_that_are_named_exist() -> None:
    lines = {*table.BY_OPERATOR.values(), table.SIMPLIFY, table.EXPORT}
    words = (word.strip("():;,") for line in lines for word in line.split())
    named = {word for word in words if word.startswith(("graph.", "source."))}
    assert len(named) == 4
    assert named - set(leaf_keys()) == set()

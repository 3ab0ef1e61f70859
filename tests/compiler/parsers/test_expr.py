"""Arithmetic texts: Python's own value for what is allowed, ExprError for everything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsimport.compiler.expr import ExprError, evaluate, names_in

NAMES = {"classes": 80, "height": 640, "width": 480}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4 + classes", 84),
        ("1/255", 1 / 255),
        ("1/(255*0.226)", 1 / (255 * 0.226)),
        ("(height // 8) * (width // 8)", 4800),
        ("3 * (5 + classes)", 255),
        ("-2 + +3", 1),
        ("7 % 4", 3),
        (" 2 ", 2),
        ("1e-3", 1e-3),
        (".5", 0.5),
        (17, 17),
        (0.25, 0.25),
    ],
)
def test_values(text: str | float, value: float) -> None:
    assert evaluate(text, NAMES) == value


def test_whole_numbers_stay_whole() -> None:
    assert isinstance(evaluate("height // 8 + 4", NAMES), int)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4 +",
        "2 ** 3",
        "9" * 301,
        "1e15 * 10",
        "1e999",
        "1 / 0",
        "1 // 0",
        "1 % 0",
        "1if",
        "08",
        "f(1)",
        "classes.real",
        "x",
        "[1]",
        "1, 2",
        "a b",
        "'1'",
        "1 if 1 else 2",
        "lambda: 1",
        "1 < 2",
        "~1",
        "not 1",
        "True",
        "__import__('os')",
        "(" * 200 + "1" + ")" * 200,
        "1\0",
        "é",
        "a" * 250 + "!",
        " " * 250 + "!",
        True,
        float("nan"),
        float("inf"),
        1e16,
    ],
)
def test_refused(text: str | float) -> None:
    with pytest.raises(ExprError):
        evaluate(text, NAMES)


def test_an_unknown_name_is_named_with_the_known_ones() -> None:
    with pytest.raises(ExprError, match=r"unknown name 'clases'; known here: classes, height, width"):
        evaluate("4 + clases", NAMES)


def test_names_in() -> None:
    assert names_in("3 * (5 + classes) + anchors") == {"classes", "anchors"}
    assert names_in(4) == frozenset()


@given(st.text(alphabet="0123456789.+-*/%() ehclasx_\n'", max_size=60))
def test_any_text_gives_a_number_or_an_error(text: str) -> None:
    try:
        value = evaluate(text, NAMES)
    except ExprError:
        return
    assert value == eval(text.strip(), {"__builtins__": {}}, dict(NAMES))

"""docs/defects.md is whole: every row is there, every test it names exists, every code is known."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from dsimport.compiler.codes import CODES

REPO = Path(__file__).resolve().parents[2]
TEXT = (REPO / "docs/defects.md").read_text("utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in TEXT.splitlines()
    if re.match(r"\| [SR\d]", line)
]

# The seed's error table has 8 rows, the list of its mistakes 42.
WANTED = [*(f"S{n}" for n in range(1, 9)), *(f"R{n}" for n in range(1, 8)), *(str(n) for n in range(1, 43))]


@cache
def functions(path: str) -> frozenset[str]:
    """Names of the test functions of a file."""
    tree = ast.parse((REPO / path).read_text("utf-8"))
    return frozenset(item.name for item in tree.body if isinstance(item, ast.FunctionDef))


def test_every_row_is_there_once() -> None:
    assert [row[0] for row in ROWS] == WANTED


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_says_what_became_of_it_and_names_tests_that_exist(row: list[str]) -> None:
    _, mistake, here, tests = row
    assert mistake
    assert here
    named = re.findall(r"`([^`]+)`", tests)
    assert named
    assert re.sub(r"`[^`]+`|[, |]", "", tests) == "", "nothing but names of tests"
    for name in named:
        path, _, rest = name.partition("::")
        function, _, example = rest.partition("[")
        assert function in functions(path), name
        if example:
            assert path == "tests/runtime/diagnose/test_samples.py"
            assert (REPO / "tests/assets/logs" / f"{example.rstrip(']')}.log").is_file(), name


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_code_is_known_and_its_sample_is_named(row: list[str]) -> None:
    codes = re.findall(r"\b[A-Z]\d{4}\b", row[2])
    assert set(codes) <= set(CODES)
    if "diagnosed" in row[2]:
        diagnosed = re.findall(r"T\d{4}", row[2].partition("diagnosed")[2])
        samples = re.findall(r"test_sample\[(T\d{4})", row[3])
        assert set(diagnosed) == set(samples)

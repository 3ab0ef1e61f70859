"""The texts of diagnostics, whole: one golden file per recipe with mistakes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dsimport.compiler.diagnostics import Report
from dsimport.compiler.load import load_recipe
from dsimport.compiler.render.terminal import render_terminal
from dsimport.compiler.render.text import summary

FOLDER = Path(__file__).parent.parent / "golden" / "diagnostics"
CASES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("case", CASES)
def test_text_of_the_diagnostics(case: str, golden: Callable[[str, str], None]) -> None:
    report = Report()
    load_recipe(f"{case}.yaml", lambda path: (FOLDER / path).read_bytes(), report)
    text = render_terminal(report, lambda path: (FOLDER / path).read_text(encoding="utf-8"))
    assert report.errors
    golden(f"diagnostics/{case}.txt", f"{text}\n{summary(report, 1, 1)}\n")


def test_every_golden_text_has_its_recipe() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.txt")) == CASES

"""Models applied with stand-ins for the tools and the real report."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "e2e"))

from report_support import PIXEL, Applied, full_data

from dsimport.compiler.layout import CHARTS
from dsimport.runtime.report.schema import BenchmarkData


@pytest.fixture(scope="session")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Applied:
    """A model whose every step ended well; not to be changed."""
    made = Applied(tmp_path_factory.mktemp("applied"))
    result = made.apply()
    assert result.exit_code == 0, result.diagnostics
    return made


@pytest.fixture
def no_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Charts of one pixel: drawing them takes seconds, and is another test's subject."""
    monkeypatch.setattr("dsimport.runtime.report.write.draw_charts", lambda _: dict.fromkeys(CHARTS, PIXEL))


@pytest.fixture(scope="session")
def data(applied: Applied) -> BenchmarkData:
    """Data in which no field is null and no list empty."""
    return full_data(applied.data())

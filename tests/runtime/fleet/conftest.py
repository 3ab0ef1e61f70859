"""Fleets of models that look applied."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks"))

from synthetic import plan_of, recorded

from dsimport.compiler.plan import Plan


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Plan]:
    """A function that makes an applied model below `tmp_path`, the current folder; its plan."""
    monkeypatch.chdir(tmp_path)

    def make(name: str, toolchain: str = "deepstream", hardware: str = "NVIDIA L4", seed: int = 1) -> Plan:
        plan = plan_of(tmp_path, name, toolchain)  # type: ignore[arg-type]
        recorded(tmp_path, plan, hardware, seed)
        return plan

    return make

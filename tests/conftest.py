"""Switches and fixtures that all tests share."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

GOLDEN = Path(__file__).parent / "golden"

# How long an example takes says nothing on a shared machine; in CI the examples are the same in every run.
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("here"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the texts that tests got to tests/golden/")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str | Path, str], None]:
    """`golden(path, text)`: the text must be the whole content of `tests/golden/<path>`, byte for byte.

    With `--update-golden` the file is written instead; the change is then reviewed like any other.
    """
    update = bool(request.config.getoption("--update-golden"))

    def check(path: str | Path, text: str) -> None:
        file = GOLDEN / path
        if update:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode("utf-8"))
            return
        wanted = file.read_bytes().decode("utf-8") if file.is_file() else ""
        if text != wanted:
            name = file.relative_to(GOLDEN.parent.parent).as_posix()
            diff = "\n".join(difflib.unified_diff(wanted.splitlines(), text.splitlines(), name, "now", lineterm=""))
            pytest.fail(f"{name} differs; if that is meant, run pytest --update-golden\n{diff}", pytrace=False)

    return check

"""A hub on loopback, and `dsimport init` in an empty folder."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "runtime" / "acquire"))
sys.path.insert(0, str(TESTS / "runtime" / "look"))

from cli_support import quick  # noqa: E402
from hub_server import HubServer  # noqa: E402
from init_support import Run  # noqa: E402

from dsimport.runtime.look import tool  # noqa: E402
from dsimport.runtime.process import Finished  # noqa: E402


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


@pytest.fixture
def init(tmp_path: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A function that runs `dsimport init WORDS --json`, which must end with `code`; the document.

    Models are examined in this process, which is quicker; that they have one of their own is tested elsewhere.
    """

    def examine(argv: list[str], **options: Any) -> Finished:
        return Finished(tool.main(argv[argv.index("dsimport.runtime.look.tool") + 1 :]), 0.0, (), 0)

    def run(*words: str, code: int = 0) -> Any:
        monkeypatch.setattr("dsimport.runtime.look.collect.run_program", examine)
        monkeypatch.setattr("resource.setrlimit", lambda *limits: None)
        found, out, err = quick(tmp_path, hub.url, "init", *words, "--json")
        assert found == code, err + out
        assert "Traceback" not in err
        return json.loads(out)

    return run

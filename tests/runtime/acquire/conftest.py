"""A loopback hub, an empty cache, and nothing of this machine's accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from acquire_support import quick
from hub_server import HubServer

from dsimport.runtime.acquire.sources import Tools


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A running server that the environment names as hub and as catalog; no tokens are set."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "NGC_API_KEY", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    with HubServer() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("NGC_API_URL", server.url)
        yield server


@pytest.fixture
def said() -> list[str]:
    """Lines that `tools` kept for people."""
    return []


@pytest.fixture
def tools(tmp_path: Path, said: list[str]) -> Callable[..., Tools]:
    """A function that gives Tools with a cache below tmp_path and the patience asked for."""
    return lambda **patience: quick(tmp_path / "cache", said.append, **patience)

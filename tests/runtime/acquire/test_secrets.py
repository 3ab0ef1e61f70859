"""A planted token is nowhere but in the requests: not in files, logs, diagnostics or tracebacks, whoever repeats it."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from acquire_support import config, model, take
from hub_server import Fault, HubServer, sha256

from dsimport.compiler.diagnostics import DsimportError
from dsimport.runtime.acquire.problems import Secret
from dsimport.runtime.acquire.sources import Tools, Wanted

TOKEN = "hf_PlantedPlantedPlanted42"
DSIMPORT = Path(sys.executable).parent / "dsimport"
RECIPE = """schema: 1
name: tiny
source: {huggingface: {repo: acme/tiny, token_env: PLANTED}}
model:
  family: yolov8
  input: {name: x, height: 96, width: 128}
  classes: 2
pipeline: {video: clip.mp4}
"""
FAULTS = [
    Fault("/api/models/", status=401, times=9),
    Fault("/api/models/", status=403, times=9),
    Fault("/api/models/", status=404, times=9),
    Fault("/api/models/", status=400, times=9),
    Fault("/resolve/", status=403, times=9),
    Fault("/resolve/", method="HEAD", status=403, times=9),
    Fault("/cdn/", status=403, times=9),
]


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        (("lock",), None),
        (("lock",), FAULTS[1]),
        (("lock", "--json"), FAULTS[5]),
        (("apply", "--toolchain", "reference"), None),
        (("apply", "--toolchain", "reference", "-v"), FAULTS[4]),
        (("apply", "--toolchain", "reference", "--json"), FAULTS[1]),
    ],
)
def test_nothing_that_is_written_or_printed_has_the_token(
    hub: HubServer, tmp_path: Path, command: tuple[str, ...], fault: Fault | None
) -> None:
    hub.repository("acme/tiny", {"config.json": config(), "model.onnx": model()}, private=True)
    hub.token, hub.echo = TOKEN, True
    hub.faults = [Fault(**vars(fault))] if fault else []
    (tmp_path / "tiny.yaml").write_text(RECIPE, "utf-8")
    (tmp_path / "clip.mp4").write_bytes(b"preflight only looks whether it is there")
    homes = {"DSIMPORT_CACHE": str(tmp_path / "cache"), "HF_HOME": str(tmp_path / "hf"), "HOME": str(tmp_path)}
    environment = {**os.environ, **homes, "PLANTED": TOKEN}
    words = [str(DSIMPORT), command[0], "tiny.yaml", *command[1:]]
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert TOKEN not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert any(headers.get("Authorization") == f"Bearer {TOKEN}" for _, _, headers in hub.requests)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [str(path) for path in written if TOKEN.encode() in path.read_bytes()] == []


@pytest.mark.parametrize("number", range(len(FAULTS)))
def test_exceptions_do_not_carry_it(
    hub: HubServer,
    tools: Callable[..., Tools],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    number: int,
) -> None:
    hub.repository("acme/tiny", {"config.json": config(), "model.onnx": model()})
    hub.token, hub.echo = TOKEN, True
    hub.faults = [Fault(**vars(FAULTS[number]))]
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    caplog.set_level(logging.DEBUG)
    with pytest.raises(DsimportError) as caught:
        take(Wanted("huggingface", "acme/tiny", "main"), tools(tries=1))
    assert TOKEN not in "".join(traceback.format_exception(caught.value))
    assert TOKEN not in repr(caught.value.diagnostics)
    assert TOKEN not in caplog.text


def test_an_address_is_shown_without_its_query(hub: HubServer, tools: Callable[..., Tools]) -> None:
    address = f"{hub.url}/files/gone.onnx?X-Amz-Signature={TOKEN}"
    with pytest.raises(DsimportError) as caught:
        take(Wanted("url", address, sha256=sha256(b"")), tools(tries=1))
    assert TOKEN not in repr(caught.value.diagnostics)


def test_a_secret_does_not_show_itself() -> None:
    secret = Secret(TOKEN, "HF_TOKEN")
    assert TOKEN not in f"{secret!r} {secret}"
    assert secret.redact(f"you sent\n Bearer {TOKEN}") == "you sent Bearer ***"

"""A planted token, from a private repository of weights to an export: it is in no file and in no output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from export_support import Fake
from hub_server import HubServer

TOKEN = "hf_PlantedPlantedPlanted42"
DSIMPORT = Path(sys.executable).parent / "dsimport"
RECIPE = """schema: 1
name: m
source: {huggingface: {repo: acme/tiny, token_env: PLANTED}}
model:
  family: detr
  input: {name: x, height: 96, width: 128}
  classes: 2
pipeline: {video: clip.mp4}
"""
CONFIG = {"architectures": ["DetrForObjectDetection"], "model_type": "detr", "id2label": {"0": "a", "1": "b"}}


@pytest.mark.parametrize("variable", ["PLANTED", "HF_TOKEN"])
def test_from_a_private_repository_to_an_export_nothing_keeps_the_token(
    fake: Fake, tmp_path: Path, variable: str
) -> None:
    root = fake.folder
    (root / "m.yaml").write_text(RECIPE, "utf-8")
    (root / "clip.mp4").write_bytes(b"preflight only looks whether it is there")
    fake.play(optimum=["export: no", "killed"], torch=["ok"])
    homes = {"DSIMPORT_CACHE": str(tmp_path / "cache"), "HF_HOME": str(tmp_path / "hf"), "HOME": str(tmp_path)}
    base = {name: value for name, value in os.environ.items() if name != "HF_TOKEN"}
    printed = ""
    with HubServer() as hub:
        files = {"config.json": json.dumps(CONFIG).encode(), "model.safetensors": bytes(3000)}
        hub.repository("acme/tiny", files, private=True)
        hub.token, hub.echo = TOKEN, True
        environment = {**base, **homes, variable: TOKEN, "HF_ENDPOINT": hub.url}
        for words in (["lock", "m.yaml"], ["plan", "m.yaml", "--json"], ["apply", "m.yaml", "-v"], ["status"]):
            command = [str(DSIMPORT), *words, *(["--toolchain", "reference"] if "m.yaml" in words[1:] else [])]
            if words[0] == "lock":
                command = command[:3]
            done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=60)
            printed += done.stdout + done.stderr
        assert any(headers.get("Authorization") == f"Bearer {TOKEN}" for _, _, headers in hub.requests)
    assert "dsimport explain A0301" in printed  # what the made-up exporter made is no ONNX file
    assert len(fake.requests()) == 4
    assert "Traceback" not in printed
    assert TOKEN not in printed
    names = {path.relative_to(tmp_path).as_posix(): path for path in tmp_path.rglob("*") if path.is_file()}
    expected = {"m.lock.yaml", "models/m/model/export.log", "models/m/model/export_report.json"}
    assert {f"root/{name}" for name in expected} <= set(names)
    assert [name for name, path in names.items() if TOKEN.encode() in path.read_bytes()] == []

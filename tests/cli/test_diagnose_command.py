"""`dsimport diagnose` as a user calls it, and beside a failed step."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from dsimport.cli.main import run

LOGS = Path(__file__).resolve().parents[1] / "assets" / "logs"


def test_a_known_problem_is_an_error_with_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    log = str(LOGS / "T0772-fp16-with-11.log")
    assert run(["diagnose", log]) == 1
    shown = capsys.readouterr()
    assert shown.err == ""
    assert shown.out.startswith("error[T0772]: this trtexec has no --fp16: TensorRT 11 removed weak typing\n")
    assert f"{log}:2:" in shown.out


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    logs = [str(LOGS / name) for name in ("T0773-weak-typing.log", "T0781-unstable.log")]
    assert run(["diagnose", *logs, "--json"]) == 0, "notes and warnings are no errors"
    document = json.loads(capsys.readouterr().out)
    assert (document["format"], document["exit_code"], document["logs"]) == (1, 0, logs)
    assert [(item["code"], item["file"], item["line"]) for item in document["diagnostics"]] == [
        ("T0773", logs[0], 1),
        ("T0781", logs[1], 1),
        ("T0781", logs[1], 2),
    ]


def test_standard_input_is_a_log_too(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    text = io.TextIOWrapper(io.BytesIO((LOGS / "T0762-pyservicemaker.log").read_bytes()))
    monkeypatch.setattr(sys, "stdin", text)
    assert run(["diagnose", "-"]) == 1
    assert "error[T0762]: the Python module pyservicemaker is not installed" in capsys.readouterr().out


def test_what_is_not_known_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("all is well\n", "utf-8")
    assert run(["diagnose", str(tmp_path / "a.log")]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/a.log: nothing in it is known to be a problem\n"


@pytest.mark.parametrize("name", ["none.log", "."])
def test_a_log_that_cannot_be_read(name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["diagnose", str(tmp_path / name)]) == 1
    shown = capsys.readouterr()
    assert (shown.out, shown.err[:13]) == ("", "error[H0604]:")

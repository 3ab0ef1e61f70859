"""`dsimport validate`, `explain` and `schema` as a user calls them."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest

from dsimport.cli.main import run
from dsimport.cli.output import emit_diagnostics, source_reader, use_color, write
from dsimport.compiler.codes import CODES
from dsimport.compiler.diagnostics import Diagnostic, Span

GOOD = """\
schema: 1
name: good
source: {file: {path: x.onnx}}
model: {family: yolov8, input: {height: 640, width: 640}, classes: 2, labels: [a, b]}
"""
BAD = "schema: 1\nname: bad\nsource: {file: {path: x.onnx}}\nmodel: {family: yolov8}\nparser: {treshold: 0.25}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    (tmp_path / "recipes").mkdir()
    return tmp_path


def recipe(folder: Path, name: str, text: str) -> str:
    path = folder / "recipes" / name
    path.write_text(text, encoding="utf-8")
    return f"recipes/{name}"


def test_good_recipes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", recipe(folder, "good.yaml", GOOD)]) == 0
    out, err = capsys.readouterr()
    assert (out, err) == ("", "1 recipe, no mistakes\n")


def test_bad_recipes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", recipe(folder, "good.yaml", GOOD), recipe(folder, "bad.yaml", BAD)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "5 │ parser: {treshold: 0.25}\n  │          ^^^^^^^^ did you mean 'threshold'?\n" in err
    assert err.endswith("\n1 error in 1 of 2 recipes\n")


def test_json_is_one_document_on_stdout(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = recipe(folder, "bad.yaml", BAD)
    assert run(["validate", "--format", "json", path]) == 1
    out, err = capsys.readouterr()
    assert [(item["code"], item["file"], item["line"]) for item in json.loads(out)] == [("R0102", path, 5)]
    assert err == ""
    assert run(["validate", "--format", "json", recipe(folder, "good.yaml", GOOD)]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_sarif_is_one_document_on_stdout(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "--format", "sarif", recipe(folder, "bad.yaml", BAD)]) == 1
    (result,) = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    assert result["ruleId"] == "R0102"


def test_github_annotations_go_to_stdout(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "--format", "github", recipe(folder, "bad.yaml", BAD)]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("::error file=recipes/bad.yaml,line=5,col=10,")
    assert err == "1 error in 1 recipe\n"


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\x00", b"[" * 100_000, b"a: 1\n" * 3_000_000, b"name: \x1b]0;x\x07", b"- a\n"]
)
def test_hostile_files_give_diagnostics(folder: Path, capsys: pytest.CaptureFixture[str], content: bytes) -> None:
    (folder / "recipes" / "x.yaml").write_bytes(content)
    assert run(["validate", "recipes/x.yaml"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("error[R0")
    assert "Traceback" not in err
    assert "\x1b" not in err


@pytest.mark.parametrize("name", ["missing.yaml", "a b.yaml", "-", "$(x).yaml", "%s.yaml", "a\nb.yaml", "x/y/z.yaml"])
def test_a_recipe_that_is_not_there(folder: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert run(["validate", "--", name]) == 1
    err = capsys.readouterr().err
    assert err.startswith("error[R0001]: cannot read ")
    assert err.endswith("1 error in 1 recipe\n")


def test_explain(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "r0102"]) == 0
    out, err = capsys.readouterr()
    assert out == f"R0102: {CODES['R0102'].title}\n\n{CODES['R0102'].explanation}\n"
    assert err == ""


def test_explain_lists_all_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"{code}  {CODES[code].title}" for code in sorted(CODES)]


@pytest.mark.parametrize(("code", "near"), [("R0192", True), ("banana", False), ("", False), ("\x1b[2J", False)])
def test_explain_an_unknown_code(capsys: pytest.CaptureFixture[str], code: str, near: bool) -> None:
    assert run(["explain", code]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error[P0110]: no diagnostic has the code ")
    assert ("did you mean" in err) is near
    assert "\x1b" not in err


def test_schema_to_stdout_and_to_a_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema"]) == 0
    printed = capsys.readouterr().out
    assert json.loads(printed)["title"] == "dsimport recipe"
    assert run(["schema", "-o", "schema.json"]) == 0
    assert capsys.readouterr().out == ""
    assert (folder / "schema.json").read_text(encoding="utf-8") == printed


def test_schema_to_a_place_that_cannot_be_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema", "-o", "no/such/folder.json"]) == 1
    assert "error[P0111]: cannot write no/such/folder.json" in capsys.readouterr().err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "colored"),
    [({"TERM": "xterm"}, True), ({"TERM": "dumb"}, False), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True)],
)
def test_colours(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], colored: bool) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert use_color(Terminal()) is colored
    assert use_color(io.StringIO()) is False


def test_streams_that_know_only_ascii() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    write("┌─ é\n", stream)
    stream.seek(0)
    assert stream.read() == "\\u250c\\u2500 \\xe9\n"


def test_the_source_of_a_diagnostic_is_looked_for_with_care(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"a\xff")
    os.mkfifo(tmp_path / "pipe")  # reading it would wait for ever
    source = source_reader(tmp_path)
    assert source("a.yaml") == "a\ufffd"
    assert [source(name) for name in ("pipe", "missing", ".", "a\0b", "x" * 5000)] == [None] * 5


def test_emit_diagnostics_without_a_format_option() -> None:
    stream = io.StringIO()
    emit_diagnostics([Diagnostic("H0601", "m", span=Span("no.yaml", 3, 1), help=("h",))], Namespace(), stream)
    assert stream.getvalue().startswith("error[H0601]: m\n  ┌─ no.yaml:3:1\n  = help: h\n")


def test_registering_the_commands_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys, argparse; from dsimport.cli import validate, explain, schema; "
        "sub = argparse.ArgumentParser().add_subparsers(); "
        "[item.register(sub) for item in (validate, explain, schema)]; "
        "print([name for name in ('pydantic', 'ruamel', 'jinja2', 'numpy', 'onnx') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == "[]\n"


def test_explain_needs_neither_pydantic_nor_yaml(tmp_path: Path) -> None:
    code = (
        "import sys; from dsimport.cli.main import run; run(['explain', 'R0102']); "
        "sys.exit('pydantic' in sys.modules or 'ruamel' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=tmp_path).returncode == 0

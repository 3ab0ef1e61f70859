"""Bad input that is seen while planning: code, place, fix, exit code, and nothing written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from e2e_support import recipe_text

from dsimport.cli.main import run

# What a string can hold that some reader on the way would take for its own.
HOSTILE = {
    "parent": "../../x",
    "blank": "a b",
    "single quote": "it's",
    "double quote": 'say "x"',
    "line break": "a\nb",
    "percent": "%s%n",
    "substitution": "$(touch pwned)",
    "backquotes": "`touch pwned`",
    "variable": "${HOME}",
    "semicolon": "a;b",
    "hash": "a #b",
    "backslash": "a\\b",
    "brackets": "[property]",
    "option": "--help",
    "escape": "\x1b[31mred",
    "right to left": "a\u202eb",
}

SLOTS = {
    "name": ("name: tiny-yolov8", "name: {}"),
    "input": ("name: images", "name: {}"),
    "labels file": ("[square, circle, triangle]", "{}"),
    "label": ("[square,", "[{},"),
    "model file": ("path: model.onnx", "path: {}"),
    "video": ("video: clip.mp4", "video: {}"),
    "output": ("{output0: [7, 768]}", "{{? {} : [7, 768]}}"),
    "march": ("parser: {", "parser: {{march: {}, "),
    "workspace": ("engine: {", "engine: {{workspace: {}, "),
    "family": ("family: yolov8", "family: {}"),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a recipe and neither model nor clip: planning needs none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DSIMPORT_TOOLCHAIN", raising=False)
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes/m.yaml").write_text(recipe_text("yolov8"), "utf-8")
    return tmp_path


def edit(folder: Path, old: str, new: str) -> None:
    recipe = folder / "recipes/m.yaml"
    text = recipe.read_text("utf-8")
    assert text.count(old) == 1, (old, text)
    recipe.write_text(text.replace(old, new), "utf-8")


def plan(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, document and the text for people of `dsimport plan --json`."""
    code = run(["plan", *(words or ("recipes/m.yaml",)), "--toolchain", "reference", "--json"])
    shown = capsys.readouterr()
    assert "Traceback" not in shown.err
    return code, json.loads(shown.out), shown.err


def quoted(text: str) -> str:
    """A YAML scalar that means this text."""
    return json.dumps(text)


@pytest.mark.parametrize(
    ("old", "new", "code", "at", "said", "fix"),
    [
        ("threshold:", "treshold:", "R0102", "treshold", "unknown key 'treshold'", "threshold"),
        ("threshold: 0.35", "threshold: high", "R0103", "high", "threshold", "remove quotes"),
        ("threshold: 0.35", "threshold: 35", "R0105", "35", "threshold", "1"),
        ("precision: fp32", "precision: fp3", "R0104", "fp3", "fp3", "fp32"),
        ("  family: yolov8\n", "", "R0101", "model:", "family", "family"),
        ("family: yolov8", "family: yolo8", "N0401", "yolo8", "unknown family 'yolo8'", "families: "),
        ("schema: 1", "schema: 2", "R0108", "2", "schema", "schema: 1"),
        ("name: tiny-yolov8\n", "schema: 1\nname: tiny-yolov8\n", "R0005", "schema", "schema", "remove"),
        ("triangle]", "triangle, square]", "R0110", "[square, ", "4", "label"),
        ("circle", "'a;b'", "R0107", "'a;b'", "';'", "nvinfer"),
        ("circle", "''", "R0107", "''", "empty label", "skips empty lines"),
        ("circle", "' circle'", "R0107", "' circle'", "blank", "nvinfer"),
        ("path: model.onnx", "path: ''", "R0106", "''", "is empty", "write a value"),
        ("video: clip.mp4", "video: 'a b.mp4'", "N0309", "'a b.mp4'", "' '", "rename the file"),
        ("video: clip.mp4", "video: '50%.mp4'", "N0309", "'50%.mp4'", "'%'", "rename the file"),
        ("formats: [md]", "formats: [md, doc]", "R0104", "doc", "doc", "pdf"),
    ],
)
def test_a_mistake_is_shown_at_its_place_with_its_fix(
    old: str,
    new: str,
    code: str,
    at: str,
    said: str,
    fix: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recipe = folder / "recipes/m.yaml"
    recipe.write_text(recipe.read_text("utf-8") + "report: {formats: [md]}\n", "utf-8")
    edit(folder, old, new)
    exit_code, document, text = plan(capsys)
    assert exit_code == 1
    [found] = document["diagnostics"]
    assert (found["code"], found["file"]) == (code, "recipes/m.yaml")
    written = recipe.read_text("utf-8")
    before = written[: written.index(at, written.index(new) if at in new else 0)].split("\n")
    assert (found["line"], found["column"]) == (len(before), len(before[-1]) + 1)
    assert said in found["message"]
    assert fix in " ".join([*found["help"], found["label"]])
    assert f"error[{code}]: " in text
    assert f"recipes/m.yaml:{found['line']}:{found['column']}" in text
    assert not (folder / "models").exists()


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        (b"square\ncir;cle\ntriangle\n", 2, "contains ';'"),
        (b"square\n circle\ntriangle\n", 2, "has blanks at its ends"),
        (b"square\ncircle \ntriangle\n", 2, "has blanks at its ends"),
        (b"square\r\ncircle\r\ntriangle\r\n", 1, "contains a line break (CR or LF)"),
        (b"square\n\ncircle\ntriangle\n", 2, "is empty: nvinfer skips the line"),
        (b"square\ncircle\ntriangle\n\n", 4, "is empty: nvinfer skips the line"),
        (b"square\ncir\x1b[31mcle\ntriangle\n", 2, "contains a control character"),
        (b"square\n" + b"c" * 128 + b"\ntriangle\n", 2, "is longer than 127 bytes"),
    ],
)
def test_label_traps(content: bytes, line: int, said: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(folder, "[square, circle, triangle]", "labels.txt")
    (folder / "recipes/labels.txt").write_bytes(content)
    exit_code, document, _ = plan(capsys)
    assert exit_code == 1
    first = document["diagnostics"][0]
    assert (first["code"], first["file"], first["line"]) == ("N0321", "recipes/labels.txt", line)
    assert said in first["message"]
    assert first["help"]
    assert not (folder / "models").exists()


@pytest.mark.parametrize(
    ("content", "code"),
    [(None, "N0322"), (b"square\n\xff\ntriangle\n", "N0322"), (b"square\ncircle\n", "N0323"), (b"", "N0323")],
)
def test_labels_files_that_cannot_serve(
    content: bytes | None, code: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(folder, "[square, circle, triangle]", "labels.txt")
    if content is not None:
        (folder / "recipes/labels.txt").write_bytes(content)
    exit_code, document, _ = plan(capsys)
    assert exit_code == 1
    assert [item["code"] for item in document["diagnostics"]] == [code]
    assert document["diagnostics"][0]["help"]


@pytest.mark.parametrize("slot", SLOTS)
@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_text_is_refused_with_a_place_or_carried_safely(
    slot: str, kind: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = SLOTS[slot]
    edit(folder, old, new.format(quoted(HOSTILE[kind])))
    exit_code, document, text = plan(capsys)
    assert "\x1b" not in text.replace("\x1b[0m", "")
    assert "\u202e" not in text
    if exit_code == 0:
        _carried(document["plans"][0])
        return
    assert exit_code == 1
    for found in document["diagnostics"]:
        assert found["code"] != "T0605"
        assert found["file"] == "recipes/m.yaml"
        assert found["line"] > 0
        assert found["help"]
    assert not (folder / "models").exists()


def _carried(plan: dict[str, Any]) -> None:
    """Nothing of the plan lies outside the model's folder."""
    for step in plan["steps"]:
        for path in [*step["outputs"], *(file["path"] for file in step["files"])]:
            assert path.startswith("models/tiny-yolov8/")
            assert ".." not in path.split("/")


@pytest.mark.parametrize("kind", HOSTILE)
def test_no_hostile_name_becomes_a_folder(kind: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(folder, "name: tiny-yolov8", f"name: {quoted(HOSTILE[kind])}")
    exit_code, document, _ = plan(capsys)
    assert exit_code == 1
    assert [item["code"] for item in document["diagnostics"]] == ["R0106"]


def test_all_mistakes_of_all_recipes_in_one_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(folder, "threshold:", "treshold:")
    edit(folder, "precision: fp32", "precision: fp3")
    good = recipe_text("detr")
    (folder / "recipes/good.yaml").write_text(good, "utf-8")
    (folder / "recipes/bad.yaml").write_text(good.replace("schema: 1", "schema: 7"), "utf-8")
    exit_code, document, text = plan(capsys, "recipes")
    assert exit_code == 1
    assert [item["code"] for item in document["diagnostics"]] == ["R0108", "R0102", "R0104"]
    assert [item["name"] for item in document["plans"]] == ["tiny-detr"]
    assert "3 errors in 2 of 3 recipes" in text


@pytest.mark.parametrize("words", [["recipes/none.yaml"], ["recipes/empty"], ["recipes/m.yaml/x"], ["."]])
def test_recipes_that_are_not_there(words: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "recipes/empty").mkdir()
    exit_code, document, text = plan(capsys, *words)
    assert exit_code == 1
    assert {item["code"] for item in document["diagnostics"]} <= {"R0001", "P0102"}
    assert "error[" in text
    assert "help: " in text


def test_a_fault_of_dsimport_says_so_and_shows_no_traceback(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a fault\nof \x1b[31mours")

    monkeypatch.setattr("dsimport.cli.session.lower", broken)
    exit_code, document, text = plan(capsys)
    assert exit_code == 1
    assert [item["code"] for item in document["diagnostics"]] == ["T0605"]
    assert "error[T0605]: the command failed in an unforeseen way: RuntimeError: a fault\\nof \\x1b[31mours" in text
    assert "DSIMPORT_TRACEBACK=1" in text
    monkeypatch.setenv("DSIMPORT_TRACEBACK", "1")
    with pytest.raises(RuntimeError):
        run(["plan", "recipes/m.yaml"])

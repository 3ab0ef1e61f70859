"""Configuration files on disk, what they name, and the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dsimport.cli.main import run
from dsimport.compiler.diagnostics import Diagnostic, Report
from dsimport.runtime.lintfiles import lint_file

NVINFER = """\
[property]
gie-unique-id=1
onnx-file=model.onnx
labelfile-path=labels.txt
num-detected-classes=2
cluster-mode=2
custom-lib-path=libparser.so
parse-bbox-func-name=Parse
"""
APP = """\
[source0]
enable=1
type=2
uri=file:///a.mp4
[primary-gie]
enable=1
config-file=nvinfer.txt
"""


def lint(path: Path, text: str | bytes, files: bool = False) -> list[Diagnostic]:
    """The findings in a file with this content."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    report = Report()
    lint_file(str(path), report, files=files)
    return list(report)


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        ("person\ncar\n", []),
        ("person\ncar", []),
        ("person\n\ncar\n", [(2, "is empty")]),
        ("person\ncar;vehicle\n", [(2, "contains ';'")]),
        ("person\r\ncar\r\n", [(1, "line break")]),
        ("person \ncar\n", [(1, "blanks at its ends")]),
        ("person\n" + "c" * 128 + "\n", [(2, "longer than 127 bytes")]),
        ("person;car\n", [(1, "only the first of them")]),
    ],
)
def test_labels_that_nvinfer_misreads(labels: str, wanted: list[tuple[int, str]], tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_bytes(labels.encode())
    found = lint(tmp_path / "nvinfer.txt", NVINFER)
    assert [(item.code, item.span and item.span.line) for item in found] == [("C0230", line) for line, _ in wanted]
    assert all(text in item.message for item, (_, text) in zip(found, wanted, strict=True))
    assert all(item.span and item.span.file == str(tmp_path / "labels.txt") for item in found)


@pytest.mark.parametrize(("labels", "count"), [("person\n", 1), ("person\ncar\ndog\n", 3)])
def test_more_or_fewer_labels_than_classes_are_told_at_the_key(labels: str, count: int, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text(labels)
    [found] = lint(tmp_path / "nvinfer.txt", NVINFER)
    assert (found.code, found.span and found.span.line) == ("C0230", 4)
    assert found.message.startswith(f"{count} labels for 2 classes")


def test_files_that_are_elsewhere_are_only_looked_for_when_asked(tmp_path: Path) -> None:
    assert lint(tmp_path / "nvinfer.txt", NVINFER) == []
    found = lint(tmp_path / "nvinfer.txt", NVINFER, files=True)
    assert [(item.code, item.span and item.span.line) for item in found] == [("C0231", 4), ("C0231", 7), ("C0231", 3)]
    for name in ("model.onnx", "libparser.so"):
        (tmp_path / name).touch()
    (tmp_path / "labels.txt").write_text("person\ncar\n")
    assert lint(tmp_path / "nvinfer.txt", NVINFER, files=True) == []


def test_a_path_through_a_file_ends_the_parse(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").touch()
    [found] = lint(tmp_path / "nvinfer.txt", NVINFER.replace("=labels.txt", "=labels.txt/labels.txt"))
    assert (found.code, found.span and found.span.line) == ("C0231", 4)


def test_an_input_from_meta_that_deepstream_app_switches_off(tmp_path: Path) -> None:
    assert lint(tmp_path / "nvinfer.txt", f"{NVINFER}input-tensor-from-meta=1\n") == []
    [found] = lint(tmp_path / "app.txt", APP)
    assert (found.code, found.span and found.span.line) == ("C0313", 7)
    assert lint(tmp_path / "app.txt", f"{APP}input-tensor-meta=1\n") == []
    lint(tmp_path / "nvinfer.txt", NVINFER)
    assert lint(tmp_path / "app.txt", APP) == []


@pytest.mark.parametrize(
    ("name", "content", "codes"),
    [
        ("a.txt", b"", ["C0102"]),
        ("a.txt", b"[other]\nx=1\n", ["C0102"]),
        ("a.txt", b"person\ncar\n", ["C0104", "C0104", "C0102"]),
        ("a.txt", b"[property]\ngie-unique-id=1\0\n", ["C0101"]),
        ("a.txt", b"[property]\n" + b"#" * (16 << 20), ["C0101"]),
        ("a.yml", b"property:\n  gie-unique-id: 1\n", ["C0102"]),
    ],
)
def test_files_of_another_kind(name: str, content: bytes, codes: list[str], tmp_path: Path) -> None:
    assert [item.code for item in lint(tmp_path / name, content)] == codes


@pytest.mark.parametrize("place", ["missing.txt", ".", "a\0b"])
def test_what_cannot_be_read(place: str, tmp_path: Path) -> None:
    report = Report()
    lint_file(f"{tmp_path}/{place}", report)
    assert [item.code for item in report] == ["C0101"]


def test_the_command_counts_files_and_gives_the_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad, trap = (str(tmp_path / name) for name in ("good.txt", "bad.txt", "trap.txt"))
    Path(good).write_text(NVINFER)
    Path(bad).write_text(NVINFER.replace("cluster-mode=2", "cluster-mode=two"))
    Path(trap).write_text(NVINFER.replace("cluster-mode=2\n", ""))
    assert run(["lint-config", good]) == 0
    assert capsys.readouterr().err == "1 file, no mistakes\n"
    assert run(["lint-config", good, trap]) == 0
    assert capsys.readouterr().err.endswith("\n1 warning in 2 files\n")
    assert run(["lint-config", good, bad, trap]) == 1
    error = capsys.readouterr().err
    assert error.endswith("\n1 error and 1 warning in 1 of 3 files\n")
    assert f"{bad}:6:14\n6 │ cluster-mode=two\n  │              ^^^\n" in error


@pytest.mark.parametrize("chosen", ["json", "github", "sarif"])
def test_other_forms_go_to_stdout(chosen: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.txt"
    path.write_text(NVINFER.replace("onnx-file=model.onnx\n", ""))
    assert run(["lint-config", "--format", chosen, str(path)]) == 1
    out = capsys.readouterr().out
    assert "C0214" in out
    if chosen != "github":
        json.loads(out)

"""A user's own preset: used like the package's, and refused with a place when it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsimport.compiler.diagnostics import Report
from dsimport.compiler.families import load_family_file
from dsimport.compiler.parsers.bind import bind
from dsimport.compiler.parsers.emit import ParserOptions, emit_parser
from dsimport.compiler.parsers.names import parser_names

FOLDER = Path(__file__).parents[3] / "recipes" / "families"
TEXT = (FOLDER / "yolov4-raw.yaml").read_text("utf-8")
PRESETS = [path.read_text("utf-8") for path in sorted(FOLDER.glob("*.yaml"))]


def test_a_preset_outside_the_package_makes_a_parser() -> None:
    report = Report()
    own = TEXT.replace("family: yolov4-raw", "family: mine").replace("[8, 16, 32]", "[16, 32, 64]")
    family = load_family_file("presets/mine.yaml", own.encode(), report)
    assert report.items == []
    assert family is not None
    binding = bind(family, height=512, width=512, classes=3, report=report)
    assert binding is not None
    text = emit_parser(binding, ParserOptions(parser_names("mine"), 0.3))
    assert "for the family mine" in text
    assert "{24, 32, 32}" in text


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "words"),
    [
        ("select: pairs", "selct: pairs", "N0404", 18, "selct"),
        ("transform: anchor_v3", "transform: anchors", "N0404", 15, "transform"),
        ("select: pairs", "select: all", "N0404", 18, "select"),
        ("tensor: maps, at: 5", "tensor: map, at: 5", "N0404", 1, "not there: map"),
        ("3 * (5 + classes)", "3 * (5 + classes", "N0404", 6, "not a complete"),
        ("needs_nms: true", "", "N0404", 1, "needs_nms"),
        ("threshold: 0.5", "threshold: 1.5", "N0404", 21, "threshold"),
        ("template: candidates", "template: grids", "N0404", 4, "template"),
        ("title:", "title: &a x\nnotes: [*a]\norigin:", "N0403", 1, "aliases"),
        ("title:", "title: [", "N0403", 3, "not valid YAML"),
    ],
)
def test_mistakes_are_placed(old: str, new: str, code: str, line: int, words: str) -> None:
    assert old in TEXT
    report = Report()
    assert load_family_file("mine.yaml", TEXT.replace(old, new, 1).encode(), report) is None
    item = report.items[0]
    assert item.code == code
    assert words in item.message
    assert item.span is not None
    assert (item.span.file, item.span.line) == ("mine.yaml", line)
    assert item.help


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"7", b"\xff\xfe", b"a: b\n" * 20000, b"family: !!python/name:os.system x"]
)
def test_what_is_no_preset_is_refused(data: bytes) -> None:
    report = Report()
    assert load_family_file("mine.yaml", data, report) is None
    assert report.errors


@given(st.sampled_from(PRESETS), st.floats(0, 1), st.binary(max_size=8), st.integers(0, 30))
def test_a_damaged_preset_never_raises(text: str, where: float, junk: bytes, cut: int) -> None:
    data = text.encode()
    at = int(where * len(data))
    report = Report()
    family = load_family_file("mine.yaml", data[:at] + junk + data[at + cut :], report)
    assert (family is None) == bool(report.errors)
    if family is not None:
        family.flat_defaults()
        binding = bind(family, height=64, width=96, classes=3, report=report)
        assert (binding is None) == bool(report.errors)
        if binding is not None:
            emit_parser(binding, ParserOptions(parser_names("mine"), 0.3))

"""Recipes that init writes, and writes again: its own values move, everything of the user's stays."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from dsimport.compiler.diagnostics import Report
from dsimport.compiler.recipefile import Written, recipe_text
from dsimport.compiler.recognise.entries import Entry
from dsimport.compiler.yamltext import parse

PATH = "recipes/m.yaml"
ENTRIES = (
    Entry("name", "m"),
    Entry("source.huggingface.repo", "acme/net"),
    Entry("source.huggingface.revision", "main"),
    Entry("model.family", "yolov8", ("family yolov8, likely", "+ because\nof this")),
    Entry("model.input.name", "images", ("input size: as told",)),
    Entry("model.input.height", 640),
    Entry("model.outputs", {"output_cov/Sigmoid:0": [84, 8400], "537": [1]}, ("as it came out",)),
    Entry("model.classes", 3),
    Entry("model.labels", ["no", "on", "a: b", "#x", "ä", " y "]),
    Entry("preprocess.scale", "1/255", ("from preprocessor_config.json",)),
    Entry("preprocess.mean", [0.485, 0.456, 0.406]),
)


def written(entries: tuple[Entry, ...], old: str | None = None) -> Written:
    report = Report()
    made = recipe_text(entries, old, PATH, report)
    assert made is not None, report.items
    assert report.items == []
    return made


def data(text: str) -> Any:
    """The text as another YAML 1.2 reader has it; dsimport's own must take it too."""
    report = Report()
    assert parse(text.encode(), PATH, report) is not None
    assert report.items == []
    return YAML(typ="safe", pure=True).load(text)


def at(document: Any, key: str) -> Any:
    for part in key.split("."):
        document = document.get(part) if isinstance(document, dict) else None
    return document


def test_a_new_recipe(golden: Callable[[str, str], None]) -> None:
    made = written(ENTRIES)
    golden("recipefile/new.yaml", made.text)
    read = data(made.text)
    assert {entry.key: at(read, entry.key) for entry in ENTRIES if entry.key != "model.labels"} == {
        entry.key: entry.value for entry in ENTRIES if entry.key != "model.labels"
    }
    assert read["model"]["labels"] == ["no", "on", "a: b", "#x", "ä", " y "]
    assert written(ENTRIES, made.text) == Written(made.text)


def test_a_recipe_brought_up_to_date(golden: Callable[[str, str], None]) -> None:
    old = written(ENTRIES).text
    old = old.replace("name: m\n", "name: m\n\n# mine: before\nparser: {threshold: 0.4} # mine: beside\n")
    old = old.replace("  classes: 3\n", "  classes: 4  # mine: we know better\n")
    old = old.replace("mean: [0.485, 0.456, 0.406]", "filter: cubic")
    changed = {"model.family": "rt-detr", "model.classes": 80, "model.input.height": 480, "preprocess.mean": [0.5]}
    entries = tuple(
        Entry(entry.key, changed.get(entry.key, entry.value), (f"new note of {entry.key}",))
        for entry in ENTRIES
        if entry.key != "source.huggingface.revision"
    )
    made = written((*entries, Entry("pipeline.video", "clip.mp4", forced=True)), old)
    golden("recipefile/updated.yaml", made.text)
    assert [(item.key, item.theirs, item.ours) for item in made.kept] == [
        ("model.classes", 4, 80),
        ("preprocess.mean", None, [0.5]),
    ]
    assert made.moved == (
        "model.family",
        "model.input.height",
        "pipeline.video",
        "source.huggingface.revision",
    )


def test_another_source_leaves_nothing_of_the_old_one() -> None:
    old = written(ENTRIES).text
    rest = tuple(entry for entry in ENTRIES if not entry.key.startswith("source"))
    made = written((rest[0], Entry("source.file.path", "../m.onnx"), *rest[1:]), old)
    assert data(made.text)["source"] == {"file": {"path": "../m.onnx"}}


def test_without_its_record_everything_is_the_users() -> None:
    old = "".join(line for line in written(ENTRIES).text.splitlines(keepends=True) if not line.startswith("#="))
    entries = (*ENTRIES[:-1], Entry("preprocess.mean", [0.5, 0.5, 0.5]))
    made = written(entries, old)
    assert [item.key for item in made.kept] == ["preprocess.mean"]
    assert data(made.text)["preprocess"]["mean"] == [0.485, 0.456, 0.406]


def test_what_is_no_recipe_is_refused() -> None:
    for old in ("- a\n", "a: [\n", "model: 7\n", "model: {input: [1]}\n"):
        report = Report()
        assert recipe_text(ENTRIES, old, PATH, report) is None
        assert report.errors
        assert all(item.help for item in report.errors)


KEYS = [entry.key for entry in ENTRIES]
VALUES = st.one_of(
    st.integers(1, 999),
    st.sampled_from(["a", "no", "1/255", "x: y", "# z", "'", '"']),
    # On one line: a comment between the lines of a longer list is part of the list, and goes with it.
    st.lists(st.floats(0, 1), min_size=1, max_size=12),
)


@settings(deadline=None, max_examples=60)
@given(
    edits=st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=3),
    found=st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4),
    comments=st.lists(st.integers(0, 200), max_size=4),
    forced=st.booleans(),
)
def test_nothing_of_the_users_is_ever_lost(
    edits: dict[str, Any], found: dict[str, Any], comments: list[int], forced: bool
) -> None:
    """The user edits values and writes comments anywhere; init then finds something else."""
    mine = tuple(Entry(entry.key, edits.get(entry.key, entry.value), entry.notes) for entry in ENTRIES)
    # what init wrote, with its own record, but the user's values in place of some
    record = re.findall(r"(?m)^#= .*\n", written(ENTRIES).text)
    lines = re.sub(r"(?m)^#= .*\n", "", written(mine).text).splitlines(keepends=True)
    for number, place in enumerate(comments):
        row = place % len(lines)
        indent = re.match(r" *", lines[row])
        lines.insert(row, f"{indent.group() if indent else ''}# user {number}\n")
    old = "".join([*lines, *record])
    entries = tuple(Entry(key, found.get(key, value), (), forced) for key, value in ((e.key, e.value) for e in ENTRIES))
    made = written(entries, old)
    text = made.text
    for number in range(len(comments)):
        assert text.count(f"# user {number}\n") == 1
    before, after = data(old), data(text)
    for entry, base in zip(entries, ENTRIES, strict=True):
        theirs = entry.key in edits and edits[entry.key] != base.value
        wanted = entry.value if forced or not theirs else edits[entry.key]
        assert at(after, entry.key) == wanted, entry.key
        kept = entry.key in [item.key for item in made.kept]
        assert kept == (theirs and not forced and edits[entry.key] != entry.value)
    assert before.keys() == after.keys()
    assert written(entries, text).text == text

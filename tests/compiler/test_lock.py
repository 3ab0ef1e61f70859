"""Lock files: text and back, what is refused in them, and what planning takes from them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsimport.compiler.diagnostics import Report
from dsimport.compiler.labelrules import label_problem
from dsimport.compiler.load import load_recipe
from dsimport.compiler.lock import (
    Lock,
    LockedFile,
    LockedSource,
    LockedTensor,
    differences,
    lock_for,
    lock_path,
    lock_text,
    read_lock,
    safe_name,
)
from dsimport.compiler.resolve import Compiled, resolve

DIGEST = "0123456789abcdef" * 4
LABELS = ("no", "1_0", "~", "ä", "stop: sign", "# 7", "'")

# Printable or not, as long as YAML itself can hold it; single quotes, colons and digits are what goes wrong elsewhere.
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
labels = st.lists(texts.filter(lambda text: label_problem(text) is None), max_size=5).map(tuple)
names = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20).filter(safe_name)
digests = st.text("0123456789abcdef", min_size=64, max_size=64)
tensors = st.builds(
    LockedTensor,
    name=texts,
    dtype=st.just("float32"),
    shape=st.none() | st.lists(st.none() | st.integers(-1, 2**31), max_size=4).map(tuple),
)


@st.composite
def locks(draw: st.DrawFn) -> Lock:
    paths = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    files = tuple(LockedFile(path=path, size=draw(st.integers(0, 2**40)), sha256=draw(digests)) for path in paths)
    source = draw(st.builds(LockedSource, kind=st.sampled_from(["huggingface", "ngc", "url", "file"]), where=texts))
    return Lock(
        format=1,
        source=source,
        commit=draw(st.none() | st.text("0123456789abcdef", min_size=40, max_size=40)),
        onnx=draw(st.sampled_from(paths)),
        files=files,
        licence=draw(st.none() | texts),
        architectures=draw(st.lists(texts, max_size=2).map(tuple)),
        opset=draw(st.integers(1, 30)),
        inputs=draw(st.lists(tensors, max_size=2).map(tuple)),
        outputs=draw(st.lists(tensors, max_size=2).map(tuple)),
        labels=draw(st.none() | labels),
    )


def lock(**changes: Any) -> Lock:
    values: dict[str, Any] = {
        "format": 1,
        "source": LockedSource(kind="huggingface", where="acme/tiny", revision="main"),
        "commit": "a" * 40,
        "onnx": "onnx/model.onnx",
        "files": (LockedFile(path="onnx/model.onnx", size=7, sha256=DIGEST),),
        "opset": 17,
        "inputs": (LockedTensor(name="images", dtype="float32", shape=(None, 3, 96, 128)),),
        "outputs": (LockedTensor(name="output0", dtype="float32", shape=(None, 7, 768)),),
        "labels": ("square", "circle", "triangle"),
    }
    return Lock(**{**values, **changes})


def read(text: str) -> tuple[Lock | None, Report]:
    report = Report()
    return read_lock(text.encode("utf-8", "surrogatepass"), "tiny.lock.yaml", report), report


@given(locks())
def test_the_text_of_a_lock_is_read_back_as_it_was(made: Lock) -> None:
    found, report = read(lock_text(made))
    assert (found, list(report)) == (made, [])
    assert lock_text(made) == lock_text(found or made)
    assert differences(made, made) == []


def test_labels_that_look_like_something_else_stay_texts() -> None:
    assert (read(lock_text(lock(labels=LABELS)))[0] or lock()).labels == LABELS


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("format: 1", "format: 2", "A0220"),
        ("opset: 17", "opsett: 17", "A0220"),
        ("opset: 17", "opset: seventeen", "A0220"),
        ('"onnx/model.onnx", size', '"../../model.onnx", size', "A0220"),
        ('"onnx/model.onnx", size', '"/etc/passwd", size', "A0220"),
        ('onnx: "onnx/model.onnx"', 'onnx: "other.onnx"', "A0220"),
        ("size: 7", "size: -7", "A0220"),
        (DIGEST, DIGEST[1:], "A0220"),
        ('"circle"', '"a;b"', "N0321"),
        ('"circle"', '""', "N0321"),
        ("format: 1", "format: [1", "R0"),
        ("format: 1", "", "A0220"),
    ],
)
def test_what_is_wrong_is_shown_at_its_place(old: str, new: str, code: str) -> None:
    text = lock_text(lock())
    assert text.count(old) == 1
    found, report = read(text.replace(old, new))
    assert found is None
    assert report.errors[0].code.startswith(code)
    span = report.errors[0].span
    assert span is not None
    assert span.file == "tiny.lock.yaml"
    if new and code != "R0":
        line = text[: text.index(old)].count("\n") + 1
        assert span.line == line


@given(st.binary(max_size=200) | texts.map(lambda text: text.encode()))
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    report = Report()
    assert read_lock(data, "x.lock.yaml", report) is None
    assert report.errors


@pytest.mark.parametrize("size", [10, 100, 300])
def test_a_cut_lock_is_an_error(size: int) -> None:
    text = lock_text(lock(labels=tuple(f"label {index}" for index in range(300))))
    assert read(text[:size])[0] is None


def test_differences_name_what_moved() -> None:
    moved = lock(
        commit="b" * 40,
        files=(
            LockedFile(path="onnx/model.onnx", size=8, sha256=DIGEST[::-1]),
            LockedFile(path="config.json", size=1_000, sha256=DIGEST),
        ),
        labels=("square", "circle", "star"),
    )
    assert differences(lock(), moved) == [
        "commit: aaaaaaaaaaaa -> bbbbbbbbbbbb",
        "config.json: new, 1,000 bytes",
        "onnx/model.onnx: sha256 0123456789ab -> fedcba987654, 7 -> 8 bytes",
        'labels: ["square", "circle", "triangle"] -> ["square", "circle", "star"]',
    ]


RECIPE = """schema: 1
name: tiny
source: {huggingface: {repo: acme/tiny}}
model:
  family: yolov8
  input: {name: images, height: 96, width: 128}
  classes: 3
  outputs: {output0: [7, 768]}
parser: {per_class: {circle: {threshold: 0.5}}}
"""


def compiled(recipe: str, content: str | None) -> tuple[Compiled | None, Report]:
    files = {"recipes/tiny.yaml": recipe.encode()}
    if content is not None:
        files["recipes/tiny.lock.yaml"] = content.encode()

    def reader(path: str) -> bytes:
        if path not in files:
            raise FileNotFoundError(2, "No such file or directory", path)
        return files[path]

    report = Report()
    loaded = load_recipe("recipes/tiny.yaml", reader, report)
    assert len(loaded) == 1, list(report)
    return resolve(loaded[0], reader, report), report


def test_planning_takes_labels_files_and_commit_from_the_lock() -> None:
    found, report = compiled(RECIPE, lock_text(lock()))
    assert found is not None, list(report)
    model = found.resolved.model
    assert model.model.labels == ("square", "circle", "triangle")
    assert (model.source.commit, model.source.onnx) == ("a" * 40, "onnx/model.onnx")
    assert model.source.files == lock().files
    assert str(found.resolved.origins["model.labels"]) == "recipes/tiny.lock.yaml"
    assert [file.path for file in found.inputs] == ["recipes/tiny.yaml", "recipes/tiny.lock.yaml"]


def test_labels_of_the_recipe_win_over_those_of_the_lock() -> None:
    own = RECIPE.replace("classes: 3", "classes: 3\n  labels: [a, circle, c]")
    found, report = compiled(own, lock_text(lock()))
    assert found is not None, list(report)
    assert found.resolved.model.model.labels == ("a", "circle", "c")


@pytest.mark.parametrize(
    ("recipe", "notes"),
    [
        (RECIPE.replace("acme/tiny", "acme/other"), ["source.where: acme/tiny -> acme/other"]),
        (RECIPE.replace("repo: acme/tiny", "repo: acme/tiny, revision: v2"), ["source.revision: main -> v2"]),
        (
            RECIPE.replace("source: {", "source: {onnx: {variant: int8}, "),
            ["source.variant: none -> int8"],
        ),
        (
            RECIPE.replace("huggingface: {repo: acme/tiny}", "file: {path: m.onnx}"),
            ["source.kind: huggingface -> file", "source.where: acme/tiny -> m.onnx", "source.revision: main -> none"],
        ),
    ],
)
def test_a_lock_for_another_source_stops_the_plan_and_names_the_fix(recipe: str, notes: list[str]) -> None:
    found, report = compiled(recipe, lock_text(lock()))
    assert found is None
    error = next(item for item in report.errors if item.code == "A0221")
    assert error.help == ("dsimport lock --update recipes/tiny.yaml",)
    assert list(error.notes) == notes


def test_labels_that_do_not_fit_the_classes_stop_the_plan() -> None:
    found, report = compiled(RECIPE, lock_text(lock(labels=("square", "circle"))))
    assert found is None
    assert "A0222" in [item.code for item in report.errors]


def test_an_address_needs_a_digest_from_the_recipe_or_the_lock() -> None:
    bare = RECIPE.replace("huggingface: {repo: acme/tiny}", "url: {url: 'https://x.example/m.onnx'}")
    bare = bare.replace("classes: 3", "classes: 3\n  labels: [a, circle, c]")
    assert [item.code for item in compiled(bare, None)[1].errors] == ["A0246"]
    assert compiled(bare.replace("m.onnx'", f"m.onnx', sha256: {DIGEST}"), None)[0] is not None
    source = LockedSource(kind="url", where="https://x.example/m.onnx")
    assert compiled(bare, lock_text(lock(source=source, commit=None)))[0] is not None


def test_where_a_lock_lies() -> None:
    assert lock_path("recipes/tiny.yaml") == "recipes/tiny.lock.yaml"
    assert lock_path("../a.b/tiny-1.2.yml") == "../a.b/tiny-1.2.lock.yaml"


def test_a_lock_that_cannot_be_read_is_an_error() -> None:
    report = Report()
    loaded = load_recipe("t.yaml", lambda path: RECIPE.encode(), report)[0]

    def denied(path: str) -> bytes:
        raise PermissionError(13, "Permission denied", path)

    assert lock_for(loaded, denied, report) == (None, None)
    assert [item.code for item in report.errors] == ["A0220"]

"""Recipe files to checked recipes: extends, matrix, places, and that nothing escapes as an exception."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsimport.compiler.diagnostics import Report
from dsimport.compiler.extends import MAX_CHAIN, MAX_FILES
from dsimport.compiler.load import LoadedRecipe, load_recipe
from dsimport.compiler.matrix import MAX_AXES, MAX_COMBINATIONS

MINIMAL = "schema: 1\nname: x\nsource: {file: {path: x.onnx}}\nmodel: {family: detr, classes: 80}\n"
GOLDEN = Path(__file__).parent.parent / "golden" / "diagnostics"


def load(files: dict[str, str | bytes], path: str = "recipes/x.yaml") -> tuple[list[LoadedRecipe], Report]:
    def read(name: str) -> bytes:
        if name not in files:
            raise FileNotFoundError(2, "No such file or directory", name)
        content = files[name]
        return content.encode() if isinstance(content, str) else content

    report = Report()
    return load_recipe(path, read, report), report


def load_one(files: dict[str, str | bytes] | str) -> LoadedRecipe:
    loaded, report = load({"recipes/x.yaml": files} if isinstance(files, str) else files)
    assert report.items == []
    assert len(loaded) == 1
    return loaded[0]


def errors(files: dict[str, str | bytes] | str) -> list[tuple[str, str]]:
    loaded, report = load({"recipes/x.yaml": files} if isinstance(files, str) else files)
    assert report.errors or loaded
    return [(item.code, str(item.span)) for item in report]


def place(text: str, wanted: str, path: str = "recipes/x.yaml") -> str:
    """Where `wanted` first stands in the text, as `file:line:column`."""
    before = text[: text.index(wanted)]
    return f"{path}:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


# --- one file ------------------------------------------------------------------------------------------------------


def test_a_recipe_keeps_what_was_written_and_nothing_else() -> None:
    text = MINIMAL + "parser: {threshold: 0.5, per_class: {a.b: {top_k: 3}}}\nengine:\n"
    loaded = load_one(text)
    assert loaded.path == "recipes/x.yaml"
    assert loaded.recipe.model_dump(by_alias=True, exclude_none=True) == {
        "schema": 1,
        "name": "x",
        "source": {"file": {"path": "x.onnx"}},
        "model": {"family": "detr", "classes": 80},
        "parser": {"threshold": 0.5, "per_class": {"a.b": {"top_k": 3}}},
    }
    assert loaded.written == {
        *("schema", "name", "source", "source.file", "source.file.path", "model", "model.family", "model.classes"),
        *("parser", "parser.threshold", "parser.per_class", "parser.per_class.a.b", "parser.per_class.a.b.top_k"),
    }
    assert loaded.raw["engine"] is None
    assert loaded.variant == {}
    assert [file.sha256 for file in loaded.files] == [hashlib.sha256(text.encode()).hexdigest()]


def test_spans_are_found_by_dotted_path() -> None:
    text = MINIMAL + "preprocess: {mean: [5, 6, 7]}\nparser:\n  per_class: {a.b: {top_k: 3}}\n  march:\n"
    spans = load_one(text).spans
    assert str(spans.value("model.family")) == place(text, "detr")
    assert str(spans.key("model.family")) == place(text, "family")
    assert str(spans.value("preprocess.mean.1")) == place(text, "6")
    assert str(spans.value("parser.per_class.a.b.top_k")) == place(text, "3}}")
    assert str(spans.value("parser.march")) == place(text, "march")  # empty: there is only the key


@pytest.mark.parametrize(
    ("path", "nearest"),
    [
        ("parser.threshold", ""),
        ("model.input.height", "model"),
        ("model.family.x.y", "model.family"),
        ("preprocess.mean.7", "preprocess.mean"),
        ("preprocess.mean.x", "preprocess.mean"),
        ("", ""),
        ("...", ""),
    ],
)
def test_a_path_that_was_not_written_gives_its_nearest_parent(path: str, nearest: str) -> None:
    spans = load_one(MINIMAL + "preprocess: {mean: [0, 1, 2]}\n").spans
    assert spans.value(path) == (spans.value(nearest) if nearest else spans.start)


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("pipeline: {tensorrt: 10.10}", "pipeline", {"tensorrt": "10.10"}),
        ("pipeline: {deepstream: 9.1}", "pipeline", {"deepstream": "9.1"}),
        ("pipeline: {video: 007}", "pipeline", {"video": "007"}),
        (
            "source: {huggingface: {repo: a/b, revision: 1e10}}",
            "source",
            {"huggingface": {"repo": "a/b", "revision": "1e10"}},
        ),
    ],
)
def test_texts_may_look_like_numbers(line: str, key: str, value: dict[str, Any]) -> None:
    lines = [item for item in MINIMAL.splitlines() if not item.startswith(key)]
    recipe = load_one("\n".join([*lines, line])).recipe
    assert recipe.model_dump(exclude_none=True)[key] == value


def test_labels_may_look_like_numbers_and_truth_values() -> None:
    loaded = load_one(MINIMAL.replace("classes: 80", "labels: [0, 1.50, no, true, 0x1]"))
    assert loaded.recipe.model.labels == ("0", "1.50", "no", "true", "0x1")


def test_diagnostics_come_in_reading_order() -> None:
    _, report = load({"recipes/x.yaml": "name: X\nsource: {a: 1, file: {path: x}}\nzz: 1\nmodel: {family: 1, b: 2}\n"})
    places = [(item.span.line, item.span.column) for item in report if item.span]
    assert places == sorted(places)
    assert [item.code for item in report] == ["R0101", "R0106", "R0102", "R0102", "R0102"]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (FileNotFoundError(2, "No such file or directory"), "cannot read x.yaml: no such file or directory"),
        (PermissionError(13, "Permission denied"), "cannot read x.yaml: permission denied"),
        (IsADirectoryError(21, "Is a directory"), "cannot read x.yaml: is a directory"),
        (OSError(), "cannot read x.yaml: input/output error"),
    ],
)
def test_a_file_that_cannot_be_read(error: OSError, message: str) -> None:
    def read(_: str) -> bytes:
        raise error

    report = Report()
    assert load_recipe("x.yaml", read, report) == []
    assert [(item.code, item.message) for item in report] == [("R0001", message)]


# --- extends -------------------------------------------------------------------------------------------------------


def test_mappings_are_merged_and_the_extending_file_wins() -> None:
    loaded = load_one(
        {
            "recipes/x.yaml": MINIMAL + "extends: [../common/a.yaml, b.yaml]\nengine: {max_batch: 8}\n",
            "common/a.yaml": "extends: deep/c.yaml\nengine: {max_batch: 1, precision: fp16}\n"
            "preprocess: {mean: [1, 2, 3]}\n",
            "common/deep/c.yaml": "engine: {builder: python, precision: fp32}\nparser: {top_k: 7}\n",
            "recipes/b.yaml": "engine: {precision: int8}\npreprocess: {mean: [4]}\n",
        }
    )
    assert loaded.raw["engine"] == {"builder": "python", "precision": "int8", "max_batch": 8}
    assert loaded.raw["preprocess"] == {"mean": [4]}
    assert loaded.raw["parser"] == {"top_k": 7}
    assert loaded.recipe.extends == ("../common/a.yaml", "b.yaml")
    assert [file.path for file in loaded.files] == [
        *("recipes/x.yaml", "common/a.yaml", "common/deep/c.yaml", "recipes/b.yaml")
    ]
    assert str(loaded.spans.value("engine.builder")) == "common/deep/c.yaml:1:19"
    assert loaded.path_of("engine.builder", "w.onnx") == "common/deep/w.onnx"
    assert loaded.path_of("source.file.path", "w.onnx") == "recipes/w.onnx"
    assert loaded.path_of("source.file.path", "/w.onnx") == "/w.onnx"


def test_null_takes_back_what_an_extended_file_says() -> None:
    loaded = load_one(
        {
            "recipes/x.yaml": MINIMAL.replace("{file:", "{huggingface: null, file:") + "extends: b.yaml\nparser:\n",
            "recipes/b.yaml": "source: {huggingface: {repo: a/b}}\nparser: {threshold: 0.5}\n",
        }
    )
    assert loaded.recipe.source.huggingface is None
    assert loaded.recipe.parser is None
    assert "parser" not in loaded.written


def test_a_file_reached_on_two_ways_is_no_circle() -> None:
    loaded = load_one(
        {
            "recipes/x.yaml": MINIMAL + "extends: [a.yaml, b.yaml]\n",
            "recipes/a.yaml": "extends: ./c.yaml\n",
            "recipes/b.yaml": "extends: ../recipes/c.yaml\n",
            "recipes/c.yaml": "engine: {max_batch: 3}\n",
        }
    )
    assert loaded.raw["engine"] == {"max_batch": 3}
    assert len(loaded.files) == 4


def test_circles_are_refused() -> None:
    assert errors(MINIMAL + "extends: ../recipes/./x.yaml\n") == [("R0201", "recipes/x.yaml:5:10")]
    files: dict[str, str | bytes] = {
        "recipes/x.yaml": MINIMAL + "extends: a.yaml\n",
        "recipes/a.yaml": "extends: b.yaml\n",
        "recipes/b.yaml": "extends: a.yaml\n",
    }
    assert errors(files) == [("R0201", "recipes/b.yaml:1:10")]


def test_how_far_extends_reaches_is_bounded() -> None:
    chain: dict[str, str | bytes] = {f"recipes/{n}.yaml": f"extends: {n + 1}.yaml\n" for n in range(MAX_CHAIN + 5)}
    assert errors({**chain, "recipes/x.yaml": MINIMAL + "extends: 0.yaml\n"}) == [
        ("R0202", f"recipes/{MAX_CHAIN - 2}.yaml:1:10")
    ]
    many = [f"{n}.yaml" for n in range(MAX_FILES + 10)]
    wide: dict[str, str | bytes] = {f"recipes/{name}": "{}" for name in many}
    found = errors({**wide, "recipes/x.yaml": MINIMAL + f"extends: [{', '.join(many)}]\n"})
    assert {code for code, _ in found} == {"R0202"}


def test_mistakes_in_extended_files_are_shown_there() -> None:
    files: dict[str, str | bytes] = {
        "recipes/x.yaml": MINIMAL + "extends: a.yaml\nzz: 1\n",
        "recipes/a.yaml": "engine: {max_batch: 0}\nengine: 1\n",
    }
    assert errors(files) == [
        ("R0102", "recipes/x.yaml:6:1"),
        ("R0105", "recipes/a.yaml:1:21"),
        ("R0005", "recipes/a.yaml:2:1"),
    ]


# --- matrix --------------------------------------------------------------------------------------------------------


def test_a_matrix_gives_one_recipe_per_combination() -> None:
    text = (
        MINIMAL + "engine: {max_batch: 8}\nmatrix: {engine.precision: [fp16, fp32], model.input.height: [480, 640]}\n"
    )
    loaded, report = load({"recipes/x.yaml": text})
    assert report.items == []
    assert [(item.recipe.name, item.variant) for item in loaded] == [
        ("x-fp16-480", {"engine.precision": "fp16", "model.input.height": 480}),
        ("x-fp16-640", {"engine.precision": "fp16", "model.input.height": 640}),
        ("x-fp32-480", {"engine.precision": "fp32", "model.input.height": 480}),
        ("x-fp32-640", {"engine.precision": "fp32", "model.input.height": 640}),
    ]
    last = loaded[-1]
    assert last.raw["engine"] == {"max_batch": 8, "precision": "fp32"}
    assert last.raw["model"] == {"family": "detr", "classes": 80, "input": {"height": 640}}
    assert last.recipe.matrix is None
    assert str(last.spans.value("model.input.height")) == place(text, "640")
    assert str(last.spans.key("model.input.height")) == place(text, "model.input.height")
    assert "model.input.height" in last.written


def test_matrix_values_are_read_as_the_key_wants_them() -> None:
    loaded, report = load({"recipes/x.yaml": MINIMAL + "matrix: {pipeline.tensorrt: [10.10, 10.3]}\n"})
    assert report.items == []
    assert [item.raw["pipeline"]["tensorrt"] for item in loaded] == ["10.10", "10.3"]
    assert [item.recipe.name for item in loaded] == ["x-10.10", "x-10.3"]


def test_one_bad_value_leaves_the_other_combinations() -> None:
    loaded, report = load({"recipes/x.yaml": MINIMAL + "matrix: {engine.max_batch: [1, 0, 4]}\n"})
    assert [item.recipe.name for item in loaded] == ["x-1", "x-4"]
    assert [(item.code, str(item.span)) for item in report] == [("R0105", "recipes/x.yaml:5:32")]


def test_a_mistake_in_all_combinations_is_reported_once() -> None:
    assert errors(MINIMAL + "zz: 1\nmatrix: {engine.max_batch: [1, 2, 4]}\n") == [("R0102", "recipes/x.yaml:5:1")]


@pytest.mark.parametrize(
    ("matrix", "code"),
    [
        ("{engine.max_batch: [1, 1]}", "R0302"),
        ("{engine.max_batch: [1, 0x1, '1']}", "R0302"),
        ("{pipeline.video: [a/b, a b]}", "R0302"),
        (f"{{pipeline.video: [{'v' * 64}]}}", "R0302"),
        (f"{{engine.max_batch: {list(range(1, MAX_COMBINATIONS + 2))}}}", "R0303"),
        ("{" + ", ".join(f"parser.per_class.c{n}.top_k: [1]" for n in range(MAX_AXES + 1)) + "}", "R0303"),
        ("[]", "R0301"),
        ("{}", "R0301"),
        ("{engine.max_batch: {a: 1}}", "R0301"),
        ("{engine.max_batch: [[1]]}", "R0301"),
        ("{matrix: [1]}", "R0301"),
        ("{engine: [1]}", "R0304"),
        ("{engine.maxbatch: [1]}", "R0304"),
        ("{parser.per_class.person.treshold: [1]}", "R0304"),
        ("{'': [1]}", "R0304"),
        ("{'..': [1]}", "R0304"),
    ],
)
def test_a_matrix_that_cannot_be_unfolded(matrix: str, code: str) -> None:
    loaded, report = load({"recipes/x.yaml": MINIMAL + f"matrix: {matrix}\n"})
    assert loaded == []
    assert [item.code for item in report] == [code]


def test_entries_of_maps_can_be_varied() -> None:
    loaded, report = load({"recipes/x.yaml": MINIMAL + "matrix: {parser.per_class.person.threshold: [0.25, 0.5]}\n"})
    assert report.items == []
    assert [item.raw["parser"] for item in loaded] == [{"per_class": {"person": {"threshold": t}}} for t in (0.25, 0.5)]


# --- nothing escapes -----------------------------------------------------------------------------------------------

SEEDS = [path.read_bytes() for path in sorted(GOLDEN.glob("*.yaml"))] + [MINIMAL.encode()]
PIECES = [
    *(b"&a ", b"*a", b"<<: ", b"!!int ", b"!x ", b'"', b"'", b"[", b"]", b"{", b"}", b": ", b"\n", b"\t", b"- ", b"? "),
    *(b"|\n", b"---\n", b"\xff", b"\x00", b"\r", b"null", b"1e999", b"0o8", b"\xef\xbb\xbf", b"\xf0\x9f\x98\x80", b"."),
    *(b"extends: x.yaml\n", b"matrix: {engine.precision: [fp16]}\n", b"schema: 1\n", b"source:", b"model: 1"),
]


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), st.sampled_from(PIECES), st.integers(1, 70)), max_size=6),
)
def test_damaged_recipes_give_diagnostics(seed: bytes, edits: list[tuple[float, int, bytes, int]]) -> None:
    content = seed
    for where, removed, piece, times in edits:
        at = int(where * len(content))
        content = content[:at] + piece * (times if times > 60 else 1) + content[at + removed :]
    loaded, report = load({"recipes/x.yaml": content})
    assert loaded or report.errors
    for item in report:
        assert "\n" not in item.message + item.label
        assert item.help
        assert item.span is not None or item.code == "R0001"

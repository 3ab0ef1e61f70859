"""The schema of recipes: what each key takes and refuses, and what is said about it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsimport.compiler.diagnostics import Diagnostic, Report
from dsimport.compiler.keys import all_keys, find_key, leaf_keys
from dsimport.compiler.load import load_recipe
from dsimport.compiler.suggest import closest
from dsimport.compiler.versions import RELEASES

BASE = {"schema": "1", "name": "x", "source.file.path": "x.onnx", "model.family": "detr"}


def text_of(values: dict[str, str]) -> str:
    """A recipe in flow style from dotted keys and YAML values."""
    tree: dict[str, Any] = {}
    for path, value in {**BASE, **values}.items():
        *sections, leaf = path.split(".")
        node = tree
        for name in sections:
            node = node.setdefault(name, {})
        node[leaf] = value

    def flow(node: Any) -> str:
        return "{" + ", ".join(f'"{k}": {flow(v)}' for k, v in node.items()) + "}" if isinstance(node, dict) else node

    return "\n".join(f"{name}: {flow(node)}" for name, node in tree.items()) + "\n"


def check(values: dict[str, str]) -> list[Diagnostic]:
    report = Report()
    load_recipe("x.yaml", lambda _: text_of(values).encode(), report)
    return report.items


GOOD: list[tuple[str, list[str]]] = [
    ("source.file.sha256", ["a" * 64, "1" * 64]),
    ("model.family", ["rt-detr", "./mine.yaml"]),
    ("model.classes", ["1", "365"]),
    ("model.labels", ["config", "labels.txt", "[a, traffic light, é]"]),
    ("model.outputs", ["{a: [300, 80], b: []}"]),
    ("model.tensors", ["{boxes: output 0}"]),
    ("model.input.channels", ["1", "3"]),
    ("preprocess.scale", ["1", "0.0039", "1/255", "1/(255*0.226)", "'1 / 255'"]),
    ("preprocess.std", ["[1]", "[0.229, 0.224, 0.225]"]),
    ("parser.threshold", ["0", "1", "0.25"]),
    ("parser.march", ["native", "x86-64-v3", "armv8.2-a+fp16"]),
    ("engine.workspace", ["1M", "32768M", "4G"]),
    ("engine.optimization_level", ["0", "5", "null"]),
    ("engine.strongly_typed", ["auto", "true", "false"]),
    ("engine.dla", ["0", "1", "null"]),
    ("pipeline.platform", ["dgpu", "jetson"]),
    ("pipeline.deepstream", [*RELEASES, *(f'"{name}"' for name in RELEASES)]),
    ("pipeline.tensorrt", ["10.16", '"8.6"', "10.14.1", "8.6.1.6"]),
    ("pipeline.muxer.width", ["1280"]),
    ("pipeline.interval", ["0"]),
    ("benchmark.target_fps", ["30", "29.97"]),
    ("report.formats", ["[md]", "[md, html, pdf]"]),
    ("name", ["a", "rt-detr_r18.v2", "0" + "x" * 63]),
    ("extends", ["null"]),
    ("source.export.frozen_prompt", ["[person, red car]"]),
]

BAD: list[tuple[str, list[str], str]] = [
    ("schema", ["2", "0"], "R0108"),
    ("schema", ["'1'", "true", "1.0"], "R0103"),
    (
        "name",
        ["A", "a b", "a/b", "../a", "a..b", "-a", ".a", "''", "a" * 65, '"a\\nb"', "a%s", "$(x)", "a;b", "é"],
        "R0106",
    ),
    ("name", ["[a]", "{a: b}"], "R0103"),
    ("source.file.sha256", ["a" * 63, "A" * 64, "g" * 64], "R0106"),
    ("source.file.path", ["''", '"a\\0b"', '"a\\nb"', '"\\e[31m"', "x" * 1024], "R0106"),
    ("model.classes", ["0", "-1", "100001"], "R0105"),
    ("model.classes", ["1.0", "80 classes", "true", "[80]"], "R0103"),
    ("model.labels", ["[]"], "R0105"),
    ("model.labels", ["['a;b']", "[' a']", "['a ']", "['']", '["a\\nb"]', '["a\\r"]', f"[{'é' * 64}]"], "R0107"),
    ("model.labels", ["[null]", "{a: b}", "[[a]]"], "R0103"),
    ("model.outputs", ["{a: [0]}", "{a: [1, 2, 3, 4, 5, 6, 7, 8]}", "{}"], "R0105"),
    ("model.outputs", ["[a]", "{a: 1}", "{a: [x]}", "{a: [1.5]}"], "R0103"),
    ("model.input.channels", ["2", "'3'", "4", "true", "3.0"], "R0104"),
    ("model.input.height", ["0", "16385"], "R0105"),
    ("preprocess.scale", ["0", "-1"], "R0105"),
    ("preprocess.scale", ["__import__('os')", "1/x", "''"], "R0106"),
    ("preprocess.scale", ["true", "[1]"], "R0103"),
    ("preprocess.std", ["[0]", "[1, 1, 1, 1, 1]", "[]"], "R0105"),
    ("preprocess.mean", ["[a]", "0.5"], "R0103"),
    ("preprocess.color", ["RGB", "rgba", "3", "yes"], "R0104"),
    ("parser.threshold", ["-0.1", "1.1"], "R0105"),
    ("parser.threshold", ["25%", "no", "'0.5'"], "R0103"),
    ("parser.top_k", ["0", "-1"], "R0105"),
    ("parser.cluster", ["dbscan", "2", "None"], "R0104"),
    ("parser.march", ["a b", "native;x", "-O3 $(x)", "NATIVE"], "R0106"),
    ("parser.per_class", ["{'a;b': {}}", "{'': {}}"], "R0107"),
    ("graph.simplify", ["yes", "'true'", "1", "on"], "R0104"),
    ("engine.precision", ["fp8", "FP16", "16"], "R0104"),
    ("engine.max_batch", ["0", "1025"], "R0105"),
    ("engine.workspace", ["4GB", "32768MiB", "32768", "4g", "0M", "1.5G", "4T", "4 G", "-4G", "''"], "R0111"),
    ("engine.optimization_level", ["6", "-1"], "R0105"),
    ("engine.strongly_typed", ["yes", "1", "'true'"], "R0104"),
    ("engine.dla", ["2", "-1"], "R0105"),
    ("pipeline.platform", ["x86", "Jetson", "orin"], "R0104"),
    ("pipeline.deepstream", ["9", "9.2", "10.0", "'9.1 '"], "R0104"),
    ("pipeline.tensorrt", ["10", "v10.1", "10.16-1"], "R0106"),
    ("pipeline.muxer.width", ["1279", "0", "16386"], "R0105"),
    ("benchmark.duration_s", ["0", "-1"], "R0105"),
    ("report.formats", ["[]"], "R0105"),
    ("report.formats", ["[doc]", "[MD]"], "R0104"),
    ("report.formats", ["md", "{md: 1}"], "R0103"),
    ("verify.min_match", ["99"], "R0105"),
    ("engine", ["7", "[a]", "x"], "R0103"),
]
WORKSPACE_EMPTY = "''"


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in GOOD for value in values])
def test_good_values(key: str, value: str) -> None:
    assert check({key: value}) == []


@pytest.mark.parametrize(
    ("key", "value", "code"), [(key, value, code) for key, values, code in BAD for value in values]
)
def test_bad_values_give_one_diagnostic_at_the_value(key: str, value: str, code: str) -> None:
    found = check({key: value})
    wanted = "R0106" if (key, value) == ("engine.workspace", WORKSPACE_EMPTY) else code
    assert [item.code for item in found] == [wanted]
    span, lines = found[0].span, text_of({key: value}).split("\n")
    assert span is not None
    marked = lines[span.line - 1][span.column - 1 :][: span.length]
    assert marked in value or marked.strip("\"'") in value
    assert found[0].help


SOURCES: list[tuple[str, bool]] = [
    ("{huggingface: {repo: PekingU/rtdetr_r18vd, revision: main, token_env: HF_TOKEN}}", True),
    ("{huggingface: {repo: gpt2}}", True),
    ("{huggingface: {repo: a/b, revision: 1234567}}", True),
    ("{huggingface: {repo: a/b, revision: refs/pr/1}}", True),
    ("{ngc: {org: nvidia, team: tao, model: trafficcamnet, version: deployable_resnet50_v2.0}}", True),
    ("{url: {url: 'https://example.com/a%20b.onnx?x=1'}}", True),
    ("{url: {url: 'http://127.0.0.1:8000/x.onnx'}}", True),
    ("{huggingface: {repo: a/b/c}}", False),
    ("{huggingface: {repo: a/..}}", False),
    ("{huggingface: {repo: a/b, revision: ../x}}", False),
    ("{huggingface: {repo: a/b, revision: 'a b'}}", False),
    ("{huggingface: {repo: a/b, token_env: 'HF TOKEN'}}", False),
    ("{ngc: {org: ../x, model: a, version: b}}", False),
    ("{url: {url: 'file:///etc/passwd'}}", False),
    ("{url: {url: 'https://user:pw@example.com/x'}}", False),
    ("{url: {url: 'https://example.com/a b'}}", False),
    ("{}", False),
    ("{huggingface: null}", False),
    ("{file: {path: a}, url: {url: 'https://example.com/x'}}", False),
    ("{file: {path: a}, huggingface: null}", True),
]


@pytest.mark.parametrize(("source", "good"), SOURCES)
def test_sources(source: str, good: bool) -> None:
    text = f"schema: 1\nname: x\nsource: {source}\nmodel: {{family: detr}}\n"
    report = Report()
    assert bool(load_recipe("x.yaml", lambda _: text.encode(), report)) is good
    assert len(report) == (0 if good else 1)


@pytest.mark.parametrize(
    ("values", "label"),
    [
        ({"parser.treshold": "1"}, "did you mean 'threshold'?"),
        ({"parser.nms-iou": "1"}, "did you mean 'nms_iou'?"),
        ({"graph.fold_normalize": "auto"}, "did you mean 'fold-normalize'?"),
        ({"precision": "fp16"}, "did you mean 'engine.precision'?"),
        ({"Parser": "{}"}, "did you mean 'parser'?"),
        ({"parser.precision": "fp16"}, "did you mean 'engine.precision'?"),
        ({"quite-something-else": "1"}, "not a key of a recipe"),
        ({"engine.precision": "fp61"}, "did you mean 'fp16'?"),
        ({"graph.simplify": "'true'"}, "did you mean true without quotes?"),
        ({"graph.simplify": "off"}, "did you mean false?"),
        ({"engine.workspace": "32768MiB"}, "did you mean '32768M'?"),
        ({"engine.workspace": "32768"}, "did you mean '32768M'?"),
        ({"name": "My Model!"}, "perhaps 'my-model'"),
    ],
)
def test_did_you_mean(values: dict[str, str], label: str) -> None:
    assert [item.label for item in check(values)] == [label]


def test_contradictions() -> None:
    assert [item.code for item in check({"engine.max_batch": "64", "engine.batch_limit": "32"})] == ["R0110"]
    assert check({"engine.max_batch": "64", "engine.batch_limit": "64"}) == []
    assert [item.code for item in check({"model.classes": "3", "model.labels": "[a, b]"})] == ["R0110"]
    found = check({"model.labels": "[person, car]", "parser.per_class": "{persn: {threshold: 0.5}}"})
    assert [(item.code, item.label) for item in found] == [("R0110", "did you mean 'person'?")]


def test_contradictions_are_found_beside_other_mistakes() -> None:
    found = check({"engine.max_batch": "64", "engine.batch_limit": "32", "engine.precision": "x", "zz": "1"})
    assert sorted(item.code for item in found) == ["R0102", "R0104", "R0110"]


def test_secrets_are_not_repeated_in_messages() -> None:
    token = "hf_" + "aB3" * 10
    text = f"schema: 1\nname: x\nsource: {{huggingface: {{repo: a/b, token_env: {token}}}}}\nmodel: {{family: detr}}\n"
    report = Report()
    assert load_recipe("x.yaml", lambda _: text.encode(), report) == []
    assert token not in repr(report.items)


def test_no_wording_of_the_validation_library_reaches_the_user() -> None:
    wrong = ("{a: 1}", "[1]", "x y", "1.5", "-1", "true", "'1'", "99999", "[]", "{}")
    for path in leaf_keys():
        if "*" in path:
            continue
        for value in wrong:
            for item in check({path: value}):
                text = " ".join([item.message, item.label, *item.help])
                assert "Input should" not in text
                assert "pydantic" not in text
                assert "String" not in text
                assert item.code.startswith("R0")


def test_the_table_of_keys_knows_every_place() -> None:
    assert find_key(()) == all_keys()[""]
    assert find_key(("parser", "per_class", "any.label", "threshold")) == all_keys()["parser.per_class.*.threshold"]
    assert find_key(("model", "outputs", "boxes", 1)) == all_keys()["model.outputs.*.*"]
    assert find_key(("parser", "treshold")) is None
    assert find_key(("name", "x")) is None
    bounds = all_keys()["engine.max_batch"].bounds
    assert dict(bounds) == {"ge": 1, "le": 1024}  # nvinfer's limits
    assert all(key.kind != "any" for path, key in all_keys().items() if not path.startswith("matrix"))


@given(st.text(min_size=1, max_size=100), st.lists(st.text(max_size=20), max_size=8))
def test_suggestions_are_known_words(word: str, known: list[str]) -> None:
    near = closest(word, known)
    assert near is None or near in known
    if word in known and len(word) <= 80:
        assert near is not None
        assert near.lower().replace("_", "-").replace(" ", "-") == word.lower().replace("_", "-").replace(" ", "-")

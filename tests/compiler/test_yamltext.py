"""YAML text to located trees: scalars, places, bounds, refusals."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsimport.compiler.diagnostics import Report
from dsimport.compiler.nodes import Mapping, Node, Scalar, Sequence
from dsimport.compiler.textlines import split_lines
from dsimport.compiler.yamltext import MAX_BYTES, MAX_DEPTH, MAX_MISTAKES, MAX_NODES, parse


def tree(text: str | bytes) -> Node:
    report = Report()
    node = parse(text.encode() if isinstance(text, str) else text, "x.yaml", report)
    assert node is not None
    assert report.items == []
    return node


def data(node: Node) -> Any:
    if isinstance(node, Mapping):
        return {name: data(entry.node) for name, entry in node.entries.items()}
    return [data(item) for item in node.items] if isinstance(node, Sequence) else node.value


def codes(text: str | bytes) -> list[tuple[str, int, int]]:
    report = Report()
    parse(text.encode() if isinstance(text, str) else text, "x.yaml", report)
    return [(item.code, item.span.line, item.span.column) for item in report if item.span is not None]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("Yes", "yes".capitalize()),
        ("on", "on"),
        ("off", "off"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("", None),
        ("0", 0),
        ("-12", -12),
        ("+3", 3),
        ("0o17", 15),
        ("0x1F", 31),
        ("017", 17),
        ("08", 8),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("1.5", 1.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("-1.5E-2", -0.015),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("1/255", "1/255"),
        ("=", "="),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ('"1"', "1"),
        ("'true'", "true"),
        ("!!str 1", "1"),
        ("! 1", "1"),
        ("!!float 1", 1),
        ('!!int "7"', 7),
    ],
)
def test_scalars_follow_the_core_schema_of_yaml_1_2(text: str, value: object) -> None:
    found = data(tree(f"a: {text}"))
    assert found == {"a": value}
    assert type(found["a"]) is type(value)


@pytest.mark.parametrize("text", [".inf", "-.INF", ".nan", "1e999", "9223372036854775808", "1" * 5000, "0x" + "f" * 17])
def test_numbers_that_cannot_be_used_keep_their_text(text: str) -> None:
    node = tree(f"a: {text}")
    assert isinstance(node, Mapping)
    scalar = node.entries["a"].node
    assert isinstance(scalar, Scalar)
    assert (scalar.trouble, scalar.text, scalar.unusable) == ("R0011", text, True)


@given(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_come_back_as_written(integer: int, number: float) -> None:
    assert data(tree(f"[{integer}, {number!r}, {hex(abs(integer) >> 1)}]")) == [integer, number, abs(integer) >> 1]


def test_keys_are_texts_as_written() -> None:
    assert data(tree("1: a\ntrue: b\n1.50: c\nno: d\n")) == {"1": "a", "true": "b", "1.50": "c", "no": "d"}


def test_every_key_and_value_knows_its_place() -> None:
    node = tree("é: {x: [1, 二, 'q']}\nblock:\n  - item\n")
    assert isinstance(node, Mapping)
    outer = node.entries["é"].node
    assert isinstance(outer, Mapping)
    items = outer.entries["x"].node
    assert isinstance(items, Sequence)
    spans = [(item.span.line, item.span.column, item.span.length) for item in items.items]
    assert spans == [(1, 9, 1), (1, 12, 1), (1, 15, 3)]
    assert (items.span.column, items.span.length) == (8, 11)
    assert (outer.span.column, outer.span.length) == (4, 16)
    assert node.entries["block"].key_span.line == 2
    block = node.entries["block"].node
    assert isinstance(block, Sequence)
    assert (block.span.line, block.span.column, block.span.length) == (3, 3, 6)


WORDS = st.text(st.sampled_from("abcé漢😀_-"), min_size=1, max_size=6).filter(lambda word: word[0] != "-")


@given(
    st.dictionaries(WORDS, st.lists(WORDS, max_size=3), min_size=1, max_size=5), st.sampled_from(["\n", "\r\n", "\r"])
)
def test_a_span_covers_exactly_the_text_of_its_value(content: dict[str, list[str]], line_end: str) -> None:
    text = line_end.join(f"{key}: [{', '.join(values)}]" for key, values in content.items())
    lines = split_lines(text)
    node = tree("\ufeff" + text)
    assert isinstance(node, Mapping)
    assert data(node) == content
    for key, entry in node.entries.items():
        place = entry.key_span
        assert lines[place.line - 1][place.column - 1 : place.column - 1 + place.length] == key
        assert isinstance(entry.node, Sequence)
        for item in entry.node.items:
            assert isinstance(item, Scalar)
            span = item.span
            assert lines[span.line - 1][span.column - 1 : span.column - 1 + span.length] == item.text


def test_duplicate_keys_are_refused_with_both_places() -> None:
    report = Report()
    parse(b"a: 1\nb:\n  c: 1\n  c: 2\na: 3\n", "x.yaml", report)
    assert [(item.message, str(item.span), item.notes) for item in report] == [
        ("the key 'c' is written twice", "x.yaml:4:3", ("first written at x.yaml:3:3",)),
        ("the key 'a' is written twice", "x.yaml:5:1", ("first written at x.yaml:1:1",)),
    ]


def test_anchors_repeat_values_and_may_be_redefined() -> None:
    assert data(tree("a: &x {k: 1}\nb: *x\nc: &x 2\nd: *x\n")) == {"a": {"k": 1}, "b": {"k": 1}, "c": 2, "d": 2}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: *b\n", [("R0006", 1, 4)]),
        ("a: &a [*a]\n", [("R0006", 1, 8)]),
        ("<<: {a: 1}\n", [("R0008", 1, 1)]),
        ("a: !x 1\n", [("R0009", 1, 4)]),
        ("a: !!int x\n", [("R0009", 1, 4)]),
        ("a: !!set {x}\n", [("R0009", 1, 4)]),
        ("a: 1\n---\nb: 2\n", [("R0010", 2, 1)]),
        ("%YAML 1.1\n---\na: 1\n", [("R0010", 1, 1)]),
        ("[a]: 1\n", [("R0013", 1, 1)]),
        ("a: 1\n\tb: 2\n", [("R0004", 2, 1)]),
        ("a: [1\n", [("R0004", 1, 4)]),
        ("a: 'x\n", [("R0004", 1, 4)]),
        ("a: `x`\n", [("R0004", 1, 4)]),
        ("a\x00b: 1\n", [("R0003", 1, 2)]),
        ("a: 1\nb: \x1b[2J\n", [("R0003", 2, 4)]),
        ("a: x\u2028y\n", [("R0003", 1, 5)]),
        ("a: x\x85y\n", [("R0003", 1, 5)]),
        (b"a: 1\nb: \xff\n", [("R0003", 2, 4)]),
        ("a: 1\n".encode("utf-16"), [("R0003", 1, 1)]),
    ],
)
def test_what_is_refused_and_where(text: str | bytes, expected: list[tuple[str, int, int]]) -> None:
    assert codes(text) == expected


def test_a_quoted_merge_key_is_an_ordinary_key() -> None:
    assert data(tree('"<<": 1\n')) == {"<<": 1}


def test_depth_is_bounded() -> None:
    assert codes("[" * (MAX_DEPTH - 1) + "x" + "]" * (MAX_DEPTH - 1)) == []
    assert codes("[" * MAX_DEPTH + "x" + "]" * MAX_DEPTH) == [("R0007", 1, MAX_DEPTH + 1)]
    nested = "a: &a " + "[" * 40 + "]" * 40 + "\nb: " + "[" * 30 + "*a" + "]" * 30
    assert [code for code, _, _ in codes(nested)] == ["R0007"]


def test_what_aliases_stand_for_is_bounded() -> None:
    fits = "a: &a [" + "x, " * 98 + "]\nb: [" + "*a, " * (MAX_NODES // 100) + "]\n"
    assert codes(fits) == []
    assert [code for code, _, _ in codes(fits + "c: [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n")] == ["R0007"]


def test_a_billion_laughs_are_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    start = time.perf_counter()
    found = codes("\n".join(lines))
    assert [code for code, _, _ in found] == ["R0007"]
    assert time.perf_counter() - start < 1


def test_large_files_are_refused_before_they_are_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    import dsimport.compiler.yamltext as module

    assert codes(b"#" * MAX_BYTES) == []
    monkeypatch.setattr(module, "_Composer", None)  # parsing would raise
    assert codes(b"a: 1\n" * 2_000_000) == [("R0002", 1, 1)]


def test_after_many_mistakes_the_rest_is_left_unread() -> None:
    report = Report()
    parse(b"a: 1\n" * 10_000, "x.yaml", report)
    assert [item.code for item in report] == ["R0005"] * MAX_MISTAKES + ["R0007"]


@given(
    st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
)
def test_any_bytes_give_a_tree_or_a_diagnostic(content: bytes) -> None:
    report = Report()
    node = parse(content, "x.yaml", report)
    assert node is not None or report.errors
    assert all(item.span is not None and item.help for item in report)

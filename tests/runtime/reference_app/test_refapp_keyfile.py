"""The key-file reader against GLib's rules (nvinfer's .txt form)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsimport.compiler.escape import ini_value
from dsimport.runtime.reference.keyfile import KeyFile, KeyFileError

Getter = Callable[[KeyFile, str, str], object]
INT, FLOAT, BOOL, TEXT = KeyFile.integer, KeyFile.number, KeyFile.boolean, KeyFile.string
INTS, FLOATS, TEXTS = KeyFile.integers, KeyFile.numbers, KeyFile.strings
REJECTED = object()

# What follows "k" on the line, how it is read, what GLib makes of it. Seen with GLib 2.74.
VALUES: list[tuple[str, Getter, object]] = [
    ("=2", INT, 2),
    ("=2 # NMS", INT, 2),
    ("=2   ", INT, 2),
    ("= \t2", INT, 2),
    ("=+2", INT, 2),
    ("=-2", INT, -2),
    ("=2#", INT, REJECTED),
    ("=2\v", INT, REJECTED),  # to GLib a vertical tab is no blank, to strtol it is
    ("=\v2", INT, 2),
    ("=1\v", BOOL, REJECTED),
    ("=\va", TEXT, "\va"),
    ("=4.0", INT, REJECTED),
    ("=0x10", INT, REJECTED),
    ("=", INT, REJECTED),
    ("=two", INT, REJECTED),
    ("=2147483647", INT, 2147483647),
    ("=2147483648", INT, REJECTED),
    ("=" + "9" * 40, INT, REJECTED),
    ("=0.5", FLOAT, 0.5),
    ("=1e-2", FLOAT, 0.01),
    ("=.5", FLOAT, 0.5),
    ("=0x1p3", FLOAT, 8.0),
    ("=inf", FLOAT, float("inf")),
    ("=1e999", FLOAT, float("inf")),
    ("=0.5 ", FLOAT, REJECTED),
    ("=0.5 # half", FLOAT, REJECTED),
    ("=0,5", FLOAT, REJECTED),
    ("=", FLOAT, REJECTED),
    ("=1", BOOL, True),
    ("=0", BOOL, False),
    ("=true", BOOL, True),
    ("=false \t", BOOL, False),
    ("=1 # on", BOOL, REJECTED),
    ("=yes", BOOL, REJECTED),
    ("=2", BOOL, REJECTED),
    ("=True", BOOL, REJECTED),
    ("=a b # c ", TEXT, "a b # c "),
    ('="quoted"', TEXT, '"quoted"'),
    (r"=\sa\n\t\r\\", TEXT, " a\n\t\r\\"),
    (r"=a\q", TEXT, REJECTED),
    ("=a\\", TEXT, REJECTED),
    ("=~/x", TEXT, "~/x"),
    ("=a=b", TEXT, "a=b"),
    ("=", TEXT, ""),
    ("=\udcff", TEXT, REJECTED),
    ("=3;640;640", INTS, [3, 640, 640]),
    ("=3; 640 ;640 # dims", INTS, [3, 640, 640]),
    ("=3;640;", INTS, [3, 640]),
    ("=3,640", INTS, REJECTED),
    ("=3;;640", INTS, REJECTED),
    ("=0.5; 1.5", FLOATS, [0.5, 1.5]),
    ("=0.5 ;1.5", FLOATS, REJECTED),
    ("=0.5;1.5 ", FLOATS, REJECTED),
    ("=", INTS, []),
    ("=a; b;c\\;d;", TEXTS, ["a", " b", "c;d"]),
]


@pytest.mark.parametrize(("text", "read", "wanted"), VALUES)
def test_values(text: str, read: Getter, wanted: object) -> None:
    file = KeyFile(f"[g]\nk{text}\n")
    if wanted is REJECTED:
        with pytest.raises(KeyFileError, match="k"):
            read(file, "g", "k")
    else:
        assert read(file, "g", "k") == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", {}),
        ("# only a comment\n\n  # and another\n", {}),
        ("[a]\nk=1\nk=2\n", {"a": {"k": "2"}}),
        ("[a]\nk=1\n[b]\n[a]\nl=2", {"a": {"k": "1", "l": "2"}, "b": {}}),
        ("  [a] \t\n  k = 1\n", {"a": {"k": "1"}}),
        ("[a]\r\nk=1\r\n", {"a": {"k": "1"}}),
        ("[a]\nk=1\r", {"a": {"k": "1\r"}}),  # no line break, so the carriage return is part of the value
        ("[a]\n;k=1\n", {"a": {";k": "1"}}),
        ("[a]\nk=1\nK=2\n", {"a": {"k": "1", "K": "2"}}),
        ("[a]\nk[de]=1\n", {"a": {}}),
        ("[a]\nEncoding=UTF-8\n", {"a": {"Encoding": "UTF-8"}}),
    ],
)
def test_structure(text: str, wanted: dict[str, dict[str, str]]) -> None:
    file = KeyFile(text)
    assert {group: {key: file.string(group, key) for key in file.keys(group)} for group in file.groups()} == wanted


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff[a]\n",
        "k=1\n",
        "[a]\nnonsense\n",
        "[a]\n=1\n",
        "[a\n",
        "[]\n",
        "[a]b\n",
        "[a]\nk]=1\n",
        "[a]\nEncoding=x\n",
    ],
)
def test_rejected_files(text: str) -> None:
    with pytest.raises(KeyFileError):
        KeyFile(text)


def test_a_repeated_key_is_listed_twice() -> None:
    assert KeyFile("[a]\nk=1\nl=2\nk=3\n").keys("a") == ["k", "l", "k"]


@pytest.mark.parametrize("content", [None, b"[a]\nk=\0\n", b"x" * (17 << 20)])
def test_unreadable_files(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "config.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(KeyFileError):
        KeyFile.load(path)
    with pytest.raises(KeyFileError):
        KeyFile.load(tmp_path)


@given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0\f\v")))
def test_what_the_project_writes_is_read_back(text: str) -> None:
    assert KeyFile(f"[g]\nk={ini_value(text)}\nlast=1\n").string("g", "k") == text


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        file = KeyFile(text)
    except KeyFileError:
        return
    for group in file.groups():
        for key in file.keys(group):
            for read in (INT, FLOAT, BOOL, TEXT, INTS, FLOATS, TEXTS, KeyFile.uint64):
                try:
                    read(file, group, key)
                except KeyFileError:
                    continue

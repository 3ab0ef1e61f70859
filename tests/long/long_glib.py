"""The key-file reader against GLib itself, through its C functions, on texts made of what matters to it.

DSIMPORT_GLIB_TEXTS: how many texts (100,000).
"""

from __future__ import annotations

import ctypes
import os
import random
from collections.abc import Callable, Iterator
from ctypes.util import find_library
from typing import Any

import pytest

from dsimport.compiler.keyfile import KeyFile, KeyFileError

TEXTS = int(os.environ.get("DSIMPORT_GLIB_TEXTS", "100000"))
PIECES = [
    *(
        "a",
        "b",
        "=",
        "=",
        "[",
        "]",
        "#",
        ";",
        ";",
        " ",
        "\t",
        "\n",
        "\n",
        "\r",
        "\v",
        "\f",
        "1",
        "0",
        "-",
        "+",
        ".",
        "e",
    ),
    *(
        "x",
        "\\s",
        "\\;",
        "\\",
        "true",
        "nan",
        "inf",
        "é",
        "\ufeff",
        "[g]\n",
        "k=",
        "%",
        "~",
        '"',
        "[de]",
        "@",
        "2147483648",
    ),
]


class GError(ctypes.Structure):
    _fields_ = (("domain", ctypes.c_uint32), ("code", ctypes.c_int), ("message", ctypes.c_char_p))


class GLib:
    """GLib's key files."""

    def __init__(self) -> None:
        name = find_library("glib-2.0")
        assert name is not None, "install libglib2.0-0"
        self._c = ctypes.CDLL(name)
        self._error = ctypes.POINTER(ctypes.POINTER(GError))
        pointer, text, size = ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_size_t)
        strings = ctypes.POINTER(ctypes.c_char_p)
        self._declare("new", pointer)
        self._declare("free", None, pointer)
        self._declare("load_from_data", ctypes.c_int, pointer, text, ctypes.c_size_t, ctypes.c_int, self._error)
        self._declare("get_groups", strings, pointer, size)
        self._declare("get_string_list", strings, pointer, text, text, size, self._error)
        for kind, result in (("integer", ctypes.c_int), ("double", ctypes.c_double), ("boolean", ctypes.c_int)):
            self._declare(f"get_{kind}", result, pointer, text, text, self._error)
        self._declare("get_string", text, pointer, text, text, self._error)

    def _declare(self, name: str, result: Any, *arguments: Any) -> None:
        function = getattr(self._c, f"g_key_file_{name}")
        function.restype, function.argtypes = result, arguments

    def load(self, text: str) -> int | None:
        """A key file, to be freed, or None where GLib rejects the text."""
        data = text.encode()
        file: int = self._c.g_key_file_new()
        if self._c.g_key_file_load_from_data(file, data, len(data), 0, None):
            return file
        self._c.g_key_file_free(file)
        return None

    def free(self, file: int) -> None:
        self._c.g_key_file_free(file)

    def groups(self, file: int) -> list[str]:
        count = ctypes.c_size_t()
        found = self._c.g_key_file_get_groups(file, ctypes.byref(count))
        return [found[index].decode() for index in range(count.value)]

    def values(self, file: int) -> Iterator[object]:
        """Key `k` of group `g` as integer, double, boolean, string and list of strings; None where GLib refuses."""
        for kind, convert in (("integer", int), ("double", float), ("boolean", bool), ("string", bytes.decode)):
            error = ctypes.POINTER(GError)()
            value = getattr(self._c, f"g_key_file_get_{kind}")(file, b"g", b"k", ctypes.byref(error))
            yield None if error else convert(value)
        error, count = ctypes.POINTER(GError)(), ctypes.c_size_t()
        items = self._c.g_key_file_get_string_list(file, b"g", b"k", ctypes.byref(count), ctypes.byref(error))
        yield None if error else [items[index].decode() for index in range(count.value)]


def ours(file: KeyFile) -> Iterator[object]:
    """The same values, read by the project's own reader."""
    readers: list[Callable[[str, str], object]] = [file.integer, file.number, file.boolean, file.string, file.strings]
    for read in readers:
        try:
            yield read("g", "k")
        except KeyFileError:
            yield None


def texts(seed: int, count: int) -> Iterator[str]:
    rng = random.Random(seed)
    for _ in range(count):
        text = "".join(rng.choice(PIECES) for _ in range(rng.randint(0, 10)))
        yield f"[g]\nk={text}" if rng.random() < 0.6 else text


@pytest.mark.parametrize("seed", range(4))
def test_glib_accepts_and_reads_what_the_reader_does(seed: int) -> None:
    glib, read = GLib(), 0
    for text in texts(seed, TEXTS // 4):
        theirs = glib.load(text)
        try:
            mine: KeyFile | None = KeyFile(text)
        except KeyFileError:
            mine = None
        assert (theirs is None) == (mine is None), repr(text)
        if theirs is None or mine is None:
            continue
        assert mine.groups() == glib.groups(theirs), repr(text)
        if mine.has_key("g", "k"):
            read += 1
            assert [repr(value) for value in ours(mine)] == [repr(value) for value in glib.values(theirs)], repr(text)
        glib.free(theirs)
    assert read > TEXTS // 20

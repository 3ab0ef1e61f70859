"""GLib key files (`.txt` configs of nvinfer and deepstream-app), read by GLib's own rules.

The rules differ per type: an int tolerates text after a blank, a float tolerates nothing after it, a bool tolerates
trailing blanks only, a string takes everything. They are kept because a config that this reader accepts must be
accepted by the real one, and the other way round.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

__all__ = ["KeyFile", "KeyFileError"]

T = TypeVar("T")

_SPACE = " \t\n\r\f\v"  # g_ascii_isspace
_INT = re.compile(r"[+-]?\d+", re.ASCII)
_FLOAT = re.compile(
    r"[+-]?(?:0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)(?:[pP][+-]?\d+)?"
    r"|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|inf(?:inity)?|nan(?:\([A-Za-z0-9_]*\))?)",
    re.ASCII | re.IGNORECASE,
)
_ESCAPES = {"s": " ", "n": "\n", "t": "\t", "r": "\r", "\\": "\\"}
_MAX_BYTES = 16 << 20


class KeyFileError(Exception):
    """The text is not a key file, or a value is not of the wanted type; the text is GLib's kind of message."""


class KeyFile:
    """A parsed key file. Getters raise KeyFileError when the key is absent or its value has another type."""

    def __init__(self, text: str) -> None:
        """Raises KeyFileError at the first line that is no comment, group or `key=value`."""
        self._groups: dict[str, dict[str, str]] = {}
        self._order: dict[str, list[str]] = {}
        self._current: str | None = None
        *lines, last = text.split("\n")
        for line in lines:
            self._read_line(line[:-1] if line.endswith("\r") else line)
        self._read_line(last)  # a carriage return counts as part of a line break only before a newline

    @classmethod
    def load(cls, path: Path) -> KeyFile:
        """Read a file. Raises KeyFileError, also where the file cannot be read."""
        try:
            if not path.is_file():
                raise KeyFileError("Not a regular file" if path.exists() else "No such file or directory")
            with path.open("rb") as file:
                data = file.read(_MAX_BYTES + 1)
        except (OSError, ValueError) as error:  # ValueError: NUL byte in the path
            raise KeyFileError(getattr(error, "strerror", None) or str(error)) from None
        if len(data) > _MAX_BYTES:
            raise KeyFileError(f"File is larger than {_MAX_BYTES >> 20} MiB")
        if b"\0" in data:
            raise KeyFileError("File contains a NUL byte")
        return cls(data.decode("utf-8", "surrogateescape"))

    def groups(self) -> list[str]:
        """Group names in file order; a group that appears twice is one group."""
        return list(self._groups)

    def has_group(self, group: str) -> bool:
        return group in self._groups

    def keys(self, group: str) -> list[str]:
        """Keys of a group in file order; one that was given twice is listed twice, as in GLib."""
        return list(self._order[group])

    def has_key(self, group: str, key: str) -> bool:
        return key in self._groups.get(group, {})

    def string(self, group: str, key: str) -> str:
        """The value with its escapes decoded. Quotes, inline comments and trailing blanks are part of it."""
        try:
            return _unescape(self._utf8(group, key))
        except _Invalid:
            raise KeyFileError(f"Key file contains key “{key}” which has a value that cannot be interpreted.") from None

    def integer(self, group: str, key: str) -> int:
        """A 32-bit int. Text after a blank is ignored (`2 # NMS` is 2)."""
        return self._typed(group, key, _to_int)

    def uint64(self, group: str, key: str) -> int:
        """An unsigned 64-bit int; nothing may follow it. A negative value wraps, as in C."""
        return self._typed(group, key, _to_uint64)

    def number(self, group: str, key: str) -> float:
        """A C double. Nothing may follow it, not even a blank."""
        return self._typed(group, key, _to_float)

    def boolean(self, group: str, key: str) -> bool:
        """`1`, `0`, `true` or `false`; trailing blanks are ignored."""
        return self._typed(group, key, _to_bool)

    def strings(self, group: str, key: str) -> list[str]:
        """Items between `;`, escapes decoded; a trailing `;` adds no item."""
        try:
            return _split(self._utf8(group, key))
        except _Invalid:
            raise KeyFileError(f"Key file contains key “{key}” which has a value that cannot be interpreted.") from None

    def integers(self, group: str, key: str) -> list[int]:
        return self._items(group, key, _to_int)

    def numbers(self, group: str, key: str) -> list[float]:
        return self._items(group, key, _to_float)

    def _read_line(self, line: str) -> None:
        start = line.lstrip(_SPACE)
        if not start or start[0] == "#":
            return
        if start[0] == "[" and (found := re.fullmatch(r"\[([^\]]*)\][ \t]*", start)):
            self._open_group(found.group(1))
        elif "=" in start and start[0] != "=":
            self._add_key(start)
        else:
            raise KeyFileError(f"Key file contains line “{line}” which is not a key-value pair, group, or comment")

    def _open_group(self, name: str) -> None:
        if not name or re.search(r"[\[\x00-\x1f\x7f]", name):
            raise KeyFileError(f"Invalid group name: {name}")
        self._groups.setdefault(name, {})
        self._order.setdefault(name, [])
        self._current = name

    def _add_key(self, line: str) -> None:
        key, _, value = line.partition("=")
        key, value = key.rstrip(_SPACE), value.lstrip(_SPACE)
        if self._current is None:
            raise KeyFileError("Key file does not start with a group")
        name = re.fullmatch(r"([^\[\]]*)(\[[\w.@-]*\])?", key)
        if not name or not name.group(1) or name.group(1) != name.group(1).strip(" "):
            raise KeyFileError(f"Invalid key name: {key}")
        if key == "Encoding" and self._current == next(iter(self._groups)) and value.upper() != "UTF-8":
            raise KeyFileError(f"Key file contains unsupported encoding “{value}”")
        if name.group(2) is None:  # a translation (`key[de]=…`) is not read in the C locale
            self._groups[self._current][key] = value
            self._order[self._current].append(key)

    def _raw(self, group: str, key: str) -> str:
        if group not in self._groups:
            raise KeyFileError(f"Key file does not have group “{group}”")
        if key not in self._groups[group]:
            raise KeyFileError(f"Key file does not have key “{key}” in group “{group}”")
        return self._groups[group][key]

    def _utf8(self, group: str, key: str) -> str:
        value = self._raw(group, key)
        if re.search(r"[\ud800-\udfff]", value):
            raise KeyFileError(f"Key file contains key “{key}” with value which is not UTF-8")
        return value

    def _typed(self, group: str, key: str, convert: Callable[[str], T]) -> T:
        return _convert(group, key, self._raw(group, key), convert)

    def _items(self, group: str, key: str, convert: Callable[[str], T]) -> list[T]:
        return [_convert(group, key, item, convert) for item in self.strings(group, key)]


class _Invalid(Exception):
    """A value that is not of the wanted type; its text says as what it was read."""


def _convert(group: str, key: str, value: str, convert: Callable[[str], T]) -> T:
    try:
        return convert(value)
    except _Invalid as error:
        raise KeyFileError(
            f"Key file contains key “{key}” in group “{group}” whose value “{value}” cannot be interpreted as {error}."
        ) from None


def _to_int(value: str) -> int:
    blanks = len(value) - len(value.lstrip(_SPACE))
    found = _INT.match(value, blanks)
    end = found.end() if found else 0  # as strtol: without digits nothing is consumed, not even the blanks
    if not value or (end < len(value) and value[end] not in _SPACE):
        raise _Invalid("a number")
    result = int(found.group()) if found and len(found.group()) < 32 else 1 << 40 if found else 0
    if not -(1 << 31) <= result < 1 << 31:
        raise _Invalid("a 32-bit number: out of range")
    return result


def _to_uint64(value: str) -> int:
    found = re.fullmatch(r"[ \t\n\r\f\v]*([+-]?\d{1,30})", value, re.ASCII)
    if not found:
        raise _Invalid("a number")
    return min(abs(int(found.group(1))), (1 << 64) - 1) if int(found.group(1)) >= 0 else int(found.group(1)) % (1 << 64)


def _to_float(value: str) -> float:
    text = value.lstrip(_SPACE)
    if not _FLOAT.fullmatch(text):
        raise _Invalid("a float number")
    try:
        return float.fromhex(text) if "x" in text.lower() else float(text.split("(")[0])
    except OverflowError:
        return float("-inf") if text.startswith("-") else float("inf")


def _to_bool(value: str) -> bool:
    text = value.rstrip(_SPACE)
    if text not in ("true", "1", "false", "0"):
        raise _Invalid("a boolean")
    return text in ("true", "1")


def _unescape(value: str) -> str:
    out, at = [], 0
    while at < len(value):
        char = value[at]
        if char == "\\":
            at += 1
            if value[at : at + 1] not in _ESCAPES:
                raise _Invalid("a string")
            char = _ESCAPES[value[at]]
        out.append(char)
        at += 1
    return "".join(out)


def _split(value: str) -> list[str]:
    items, item, at = [], "", 0
    while at < len(value):
        char = value[at]
        if char == "\\":
            at += 1
            follow = value[at : at + 1]
            if follow not in _ESCAPES and follow != ";":
                raise _Invalid("a list")
            item += _ESCAPES.get(follow, ";")
        elif char == ";":
            items.append(item)
            item = ""
        else:
            item += char
        at += 1
    return [*items, item] if item else items

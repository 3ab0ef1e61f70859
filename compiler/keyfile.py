"""GLib key files (`.txt` configs of nvinfer and deepstream-app), read by GLib's own rules.

The rules differ per type: an int tolerates text after a blank, a float tolerates nothing after it, a bool tolerates
trailing blanks only, a string takes everything. They are kept because a config that this reader accepts must be
accepted by the real one, and the other way round.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from dsimport.compiler.nvinfer_keys import Kind

__all__ = [
    "BadLine",
    "Entry",
    "Group",
    "Item",
    "KeyFile",
    "KeyFileError",
    "ValueFault",
    "read_value",
    "scan",
    "unescape",
]

T = TypeVar("T")

_SPACE = " \t\n\r\f"  # g_ascii_isspace, which leaves out the vertical tab
_C_SPACE = f"{_SPACE}\v"  # isspace, by which strtol and strtod skip what stands in front of a number
_INT = re.compile(r"[+-]?\d+", re.ASCII)
_FLOAT = re.compile(
    r"[+-]?(?:0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)(?:[pP][+-]?\d+)?"
    r"|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|inf(?:inity)?|nan(?:\([A-Za-z0-9_]*\))?)",
    re.ASCII | re.IGNORECASE,
)
_ESCAPES = {"s": " ", "n": "\n", "t": "\t", "r": "\r", "\\": "\\"}


class KeyFileError(Exception):
    """The text is not a key file, or a value is not of the wanted type; the text is GLib's kind of message."""


class ValueFault(Exception):
    """A value that is not of the wanted type; its text says as what it was read (`a number`)."""


@dataclass(frozen=True)
class Group:
    """A line `[name]`. offset: of the name in the text, in characters."""

    name: str
    offset: int


@dataclass(frozen=True)
class Entry:
    """A line `key=value` of a group; the value is as written, without blanks before it. Offsets are in characters."""

    group: str
    key: str
    value: str
    offset: int
    value_offset: int


@dataclass(frozen=True)
class BadLine:
    """A line for which GLib rejects the whole file, and GLib's message."""

    line: str
    message: str
    offset: int


Item = Group | Entry | BadLine


def scan(text: str) -> Iterator[Item]:
    """Everything in a key file in its order, comments left out. Goes on after a bad line, where GLib stops."""
    first: str | None = None
    group: str | None = None
    at = 0
    lines = text.split("\n")
    for number, line in enumerate(lines):
        # a carriage return counts as part of a line break only before a newline
        bare = line[:-1] if line.endswith("\r") and number < len(lines) - 1 else line
        item = _item(bare, at, group, first)
        if isinstance(item, Group):
            group = item.name
            first = item.name if first is None else first
        if item is not None:
            yield item
        at += len(line) + 1


def _item(line: str, at: int, group: str | None, first: str | None) -> Item | None:
    start = line.lstrip(_SPACE)
    at += len(line) - len(start)
    if not start or start[0] == "#":
        return None
    if start[0] == "[" and (found := re.fullmatch(r"\[([^\]]*)\][ \t]*", start)):
        name = found.group(1)
        if not name or re.search(r"[\[\x00-\x1f\x7f]", name):
            return BadLine(line, f"Invalid group name: {name}", at)
        return Group(name, at + 1)
    if "=" in start and start[0] != "=":
        return _entry(start, at, group, first)
    return BadLine(line, f"Key file contains line “{line}” which is not a key-value pair, group, or comment", at)


def _entry(line: str, at: int, group: str | None, first: str | None) -> Item | None:
    key, _, rest = line.partition("=")
    value = rest.lstrip(_SPACE)
    value_at = at + len(line) - len(value)
    key = key.rstrip(_SPACE)
    if group is None:
        return BadLine(line, "Key file does not start with a group", at)
    name = re.fullmatch(r"([^\[\]]*)(\[[\w.@-]*\])?", key)
    if not name or not name.group(1) or name.group(1) != name.group(1).strip(" "):
        return BadLine(line, f"Invalid key name: {key}", at)
    if key == "Encoding" and group == first and value.upper() != "UTF-8":
        return BadLine(line, f"Key file contains unsupported encoding “{value}”", at)
    if name.group(2) is not None:  # a translation (`key[de]=…`) is not read in the C locale
        return None
    return Entry(group, key, value, at, value_at)


class KeyFile:
    """A parsed key file. Getters raise KeyFileError when the key is absent or its value has another type."""

    def __init__(self, text: str) -> None:
        """Raises KeyFileError at the first line that is no comment, group or `key=value`."""
        self._groups: dict[str, dict[str, str]] = {}
        self._order: dict[str, list[str]] = {}
        for item in scan(text):
            if isinstance(item, BadLine):
                raise KeyFileError(item.message)
            if isinstance(item, Group):
                self._groups.setdefault(item.name, {})
                self._order.setdefault(item.name, [])
            else:
                self._groups[item.group][item.key] = item.value
                self._order[item.group].append(item.key)

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
        return self._text(group, key, unescape)

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
        return self._text(group, key, _split)

    def integers(self, group: str, key: str) -> list[int]:
        return self._items(group, key, _to_int)

    def numbers(self, group: str, key: str) -> list[float]:
        return self._items(group, key, _to_float)

    def _raw(self, group: str, key: str) -> str:
        if group not in self._groups:
            raise KeyFileError(f"Key file does not have group “{group}”")
        if key not in self._groups[group]:
            raise KeyFileError(f"Key file does not have key “{key}” in group “{group}”")
        return self._groups[group][key]

    def _text(self, group: str, key: str, read: Callable[[str], T]) -> T:
        value = self._raw(group, key)
        if _NOT_UTF8.search(value):
            raise KeyFileError(f"Key file contains key “{key}” with value which is not UTF-8")
        try:
            return read(value)
        except ValueFault:
            raise KeyFileError(f"Key file contains key “{key}” which has a value that cannot be interpreted.") from None

    def _typed(self, group: str, key: str, convert: Callable[[str], T]) -> T:
        return _convert(group, key, self._raw(group, key), convert)

    def _items(self, group: str, key: str, convert: Callable[[str], T]) -> list[T]:
        return [_convert(group, key, item, convert) for item in self.strings(group, key)]


_NOT_UTF8 = re.compile(r"[\ud800-\udfff]")


def read_value(kind: Kind, value: str) -> Any:
    """A value as GLib reads one of this kind; lists are tuples. Raises ValueFault."""
    if kind in (Kind.INT, Kind.DOUBLE, Kind.BOOL):
        return {Kind.INT: _to_int, Kind.DOUBLE: _to_float, Kind.BOOL: _to_bool}[kind](value)
    if _NOT_UTF8.search(value):
        raise ValueFault("UTF-8")
    if kind in (Kind.STRING, Kind.PATH):
        return unescape(value)
    items = _split(value)
    if kind is Kind.INTS:
        return tuple(_to_int(item) for item in items)
    return tuple(items) if kind is Kind.STRINGS else tuple(_to_float(item) for item in items)


def _convert(group: str, key: str, value: str, convert: Callable[[str], T]) -> T:
    try:
        return convert(value)
    except ValueFault as error:
        raise KeyFileError(
            f"Key file contains key “{key}” in group “{group}” whose value “{value}” cannot be interpreted as {error}."
        ) from None


def _to_int(value: str) -> int:
    blanks = len(value) - len(value.lstrip(_C_SPACE))
    found = _INT.match(value, blanks)
    end = found.end() if found else 0  # as strtol: without digits nothing is consumed, not even the blanks
    if not value or (end < len(value) and value[end] not in _SPACE):
        raise ValueFault("a number")
    result = int(found.group()) if found and len(found.group()) < 32 else 1 << 40 if found else 0
    if not -(1 << 31) <= result < 1 << 31:
        raise ValueFault("a 32-bit number: out of range")
    return result


def _to_uint64(value: str) -> int:
    found = re.fullmatch(r"[ \t\n\r\f\v]*([+-]?\d{1,30})", value, re.ASCII)
    if not found:
        raise ValueFault("a number")
    return min(abs(int(found.group(1))), (1 << 64) - 1) if int(found.group(1)) >= 0 else int(found.group(1)) % (1 << 64)


def _to_float(value: str) -> float:
    text = value.lstrip(_C_SPACE)
    if not _FLOAT.fullmatch(text):
        raise ValueFault("a float number")
    try:
        return float.fromhex(text) if "x" in text.lower() else float(text.split("(")[0])
    except OverflowError:
        return float("-inf") if text.startswith("-") else float("inf")


def _to_bool(value: str) -> bool:
    text = value.rstrip(_SPACE)
    if text not in ("true", "1", "false", "0"):
        raise ValueFault("a boolean")
    return text in ("true", "1")


def unescape(value: str) -> str:
    out, at = [], 0
    while at < len(value):
        char = value[at]
        if char == "\\":
            at += 1
            if value[at : at + 1] not in _ESCAPES:
                raise ValueFault("a string")
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
                raise ValueFault("a list")
            item += _ESCAPES.get(follow, ";")
        elif char == ";":
            items.append(item)
            item = ""
        else:
            item += char
        at += 1
    return [*items, item] if item else items

"""Findings in single values: their type as GLib reads it, their range, and texts that mean something else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dsimport.compiler.diagnostics import Report, Span
from dsimport.compiler.escape import single_line
from dsimport.compiler.keyfile import Entry, ValueFault, read_value
from dsimport.compiler.lint.text import ConfigText
from dsimport.compiler.nvinfer_keys import Key, Kind
from dsimport.compiler.suggest import closest, quoted_list

__all__ = ["Section", "read_section"]

_MAX_PATH = 4095  # bytes that nvinfer keeps, the final NUL not counted
_MAX_TEXT = 1023

_WANTED = {
    Kind.INT: "write a whole number in decimal digits; a comment may follow after a blank",
    Kind.BOOL: "write 1 or 0, with nothing behind it but blanks",
    Kind.DOUBLE: "write a number such as 0.5 with nothing behind it, not even a blank",
    Kind.STRING: r"the escapes are \s \n \t \r \\",
    Kind.PATH: r"the escapes are \s \n \t \r \\",
    Kind.STRINGS: "separate the items with ';'",
    Kind.INTS: "write whole numbers and separate them with ';'",
    Kind.DOUBLES: "write numbers, separate them with ';', and leave no blank after one",
}
_NAMES = {Kind.INT: "whole number", Kind.BOOL: "boolean", Kind.DOUBLE: "number"}


@dataclass
class Section:
    """What a group says: the values that could be read, by key, and their places."""

    config: ConfigText
    name: str
    table: Mapping[str, Key]
    values: dict[str, Any] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)

    def get(self, key: str) -> Any:
        """The value, or the default."""
        return self.values.get(key, self.table[key].default)

    def has(self, key: str) -> bool:
        """Whether the key is written, with whatever value."""
        return key in self.values or key in self.unread

    def key_span(self, key: str) -> Span:
        """The place of a key; of the group where it is not written."""
        entry = self.config.entries(self.name).get(key)
        return self.config.key_span(entry) if entry else self.span()

    def value_span(self, key: str) -> Span:
        entry = self.config.entries(self.name).get(key)
        return self.config.value_span(entry) if entry else self.span()

    def span(self) -> Span:
        group = self.config.group(self.name)
        return self.config.group_span(group) if group else Span(self.config.file, 1, 1)


def read_section(
    config: ConfigText,
    name: str,
    table: Mapping[str, Key],
    report: Report,
    elsewhere: Mapping[str, str] | None = None,
) -> Section:
    """Read a group. elsewhere: advice for names that are no keys of it, by name."""
    section = Section(config, name, table)
    for entry in config.entries(name).values():
        key = table.get(entry.key)
        if key is None:
            _unknown(config, entry, table, report, elsewhere or {})
            continue
        before = len(report.errors)
        value = _value(config, entry, key, report)
        if len(report.errors) > before:
            section.unread.add(key.name)
        else:
            section.values[key.name] = value
    return section


def _unknown(
    config: ConfigText, entry: Entry, table: Mapping[str, Key], report: Report, elsewhere: Mapping[str, str]
) -> None:
    if entry.key.startswith(";"):
        report.warning(
            "C0109",
            f"';' starts no comment: this is an unknown key '{single_line(entry.key)}'",
            config.key_span(entry),
            help="start comments with #",
        )
        return
    near = closest(entry.key, table)
    differs = "key names are case-sensitive" if near and near.lower() == entry.key.lower() else "correct the name"
    advice = elsewhere.get(entry.key) or (differs if near else "remove the line")
    report.warning(
        "C0108",
        f"unknown key '{single_line(entry.key)}' in [{single_line(entry.group)}]: it is ignored",
        config.key_span(entry),
        label=f"did you mean '{near}'?" if near and entry.key not in elsewhere else "",
        help=advice,
    )


def _value(config: ConfigText, entry: Entry, key: Key, report: Report) -> Any:
    span = config.value_span(entry)
    try:
        value = read_value(key.kind, entry.value)
    except ValueFault as error:
        _not_read(entry, key, span, str(error), report)
        return None
    _range(key, value, span, report)
    if key.kind in (Kind.STRING, Kind.PATH):
        _text(entry, key, value, span, report)
    elif key.kind is Kind.STRINGS and any(item != item.strip() for item in value):
        report.warning(
            "C0113", f"a blank is part of an item of '{key.name}'", span, help="remove the blanks around ';'"
        )
    if key.deprecated:
        report.warning(
            "C0118",
            f"'{key.name}' is deprecated",
            config.key_span(entry),
            help=f"write {key.deprecated} instead",
        )
    if key.trap and value not in (key.default, *key.neutral):
        report.warning("C0119", f"'{key.name}': {key.trap}", config.key_span(entry), help="remove the line")
    return value


def _not_read(entry: Entry, key: Key, span: Span, wanted: str, report: Report) -> None:
    shown = single_line(entry.value)
    advice = [_WANTED[key.kind]]
    if re.search(r"\s[#;]", entry.value) and key.kind not in (Kind.INT, Kind.INTS):
        advice.insert(0, "put the comment on a line of its own")
    elif "," in entry.value:
        advice.insert(0, "a comma separates nothing here")
    name = _NAMES.get(key.kind, wanted.removeprefix("a "))
    report.error("C0110", f"'{key.name}' is no {name}: '{shown}'", span, help=advice)


def _range(key: Key, value: Any, span: Span, report: Report) -> None:
    note = [f"{key.name}: {key.note}"] if key.note else []
    if isinstance(value, tuple):
        if key.count and not key.count[0] <= len(value) <= key.count[1]:
            low, high = key.count
            wanted = f"{low}" if low == high else f"{low} to {high}"
            report.error(
                "C0112", f"'{key.name}' has {len(value)} items, wanted: {wanted}", span, help=note or "correct"
            )
        return
    if key.choices is not None and value not in key.choices:
        report.error(
            "C0111", f"'{key.name}' cannot be {value}", span, help=[f"values: {quoted_list(key.choices)}", *note]
        )
    elif (key.low is not None and not value >= key.low) or (key.high is not None and not value <= key.high):
        wanted = f"at least {key.low:g}" if key.high is None else f"{key.low or 0:g} to {key.high:g}"
        report.error("C0111", f"'{key.name}' is out of range: {value:g}", span, help=[f"wanted: {wanted}", *note])


def _text(entry: Entry, key: Key, value: str, span: Span, report: Report) -> None:
    found = re.search(r"[ \t]+#.*$|[ \t]+$", entry.value)
    if found:
        what = "the comment is" if "#" in found.group() else "the blanks at the end are"
        report.warning("C0113", f"{what} part of the value of '{key.name}'", span, help="end the line after the value")
    if re.match(r"([\"']).*\1", value):
        report.warning("C0114", f"the quotes are part of the value of '{key.name}'", span, help="remove the quotes")
    limit = _MAX_PATH if key.kind is Kind.PATH else _MAX_TEXT
    if len(value.encode("utf-8", "surrogatepass")) > limit:
        report.error("C0117", f"'{key.name}' is longer than {limit} bytes", span, help="shorten it")
    if key.kind is Kind.PATH:
        _path(key, value, span, report)


def _path(key: Key, value: str, span: Span, report: Report) -> None:
    if not value:
        report.warning(
            "C0115",
            f"'{key.name}' is empty: that means the folder of this file",
            span,
            help="name a file, or remove it",
        )
    elif value.startswith("~") or re.match(r"\$\{?[A-Za-z_]", value):
        report.warning(
            "C0115",
            f"'{key.name}' starts with '{single_line(value[:1])}', which is not expanded: it is a name in this folder",
            span,
            help="write the whole path, or one relative to this file",
        )

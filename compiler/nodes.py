"""The located tree of a YAML document: every key and every value knows its place."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from dsimport.compiler.diagnostics import Span

__all__ = ["Entry", "Mapping", "Node", "Scalar", "ScalarValue", "Sequence"]

ScalarValue: TypeAlias = str | int | float | bool | None


class Scalar(NamedTuple):
    """One value. `text` is what stands in the file, for fields that want `10.10` and not 10.1.

    trouble: code of what is wrong with it. R0012 (leading zero) and R0011 (a number that cannot be used) are reported
        by whoever uses it as a number, other codes have been; with anything but R0012 `value` is a stand-in.
    """

    value: ScalarValue
    text: str
    plain: bool
    span: Span
    trouble: str = ""

    @property
    def unusable(self) -> bool:
        """There is no value; a diagnostic says why."""
        return self.trouble not in ("", "R0012")


class Sequence(NamedTuple):
    """A list."""

    items: list[Node]
    span: Span


class Entry(NamedTuple):
    """One `key: value` of a mapping. Keys are the text as written, never numbers or booleans."""

    key_span: Span
    node: Node


class Mapping(NamedTuple):
    """A mapping, in the order written."""

    entries: dict[str, Entry]
    span: Span


Node: TypeAlias = Scalar | Sequence | Mapping

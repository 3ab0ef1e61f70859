"""Lines of a text file as the YAML reader and editors count them."""

from __future__ import annotations

import re

__all__ = ["line_starts", "split_lines"]

_BREAK = re.compile(r"\r\n|\r|\n")


def split_lines(text: str) -> list[str]:
    """The lines without their breaks. Not `str.splitlines`, which also breaks at form feeds and Unicode separators."""
    return _BREAK.split(text)


def line_starts(text: str) -> list[int]:
    """Where each of these lines begins, in characters from 0."""
    return [0, *(found.end() for found in _BREAK.finditer(text))]

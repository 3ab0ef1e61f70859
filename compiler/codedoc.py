"""The long form of a diagnostic code."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["CodeDoc"]


class CodeDoc(NamedTuple):
    """title: a noun phrase on one line; explanation: paragraphs separated by empty lines."""

    title: str
    explanation: str

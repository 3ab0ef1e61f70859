"""Unified diffs of generated files, for people: bounded, and with nothing in them that moves a terminal's cursor."""

from __future__ import annotations

import difflib

from dsimport.compiler.escape import single_line

__all__ = ["MAX_LINES", "unified"]

MAX_LINES = 60
MAX_COMPARED = 20_000  # lines; difflib's worst case is quadratic


def unified(old: str | None, new: str | None, *, context: int = 1, limit: int = MAX_LINES) -> list[str]:
    """Lines of the difference, each starting with `-`, `+`, a blank or `@@`; empty when the texts are equal.

    None stands for a file that is not there. At most `limit` lines, then one that says how many were left out.
    """
    before = [] if old is None else old.splitlines()
    after = [] if new is None else new.splitlines()
    if max(len(before), len(after)) > MAX_COMPARED:
        return [f"@@ {len(before)} lines before, {len(after)} after: too long to compare here @@"]
    lines = list(difflib.unified_diff(before, after, n=context, lineterm=""))[2:]
    if not lines and old != new and old is not None and new is not None:
        return ["@@ only line ends differ @@"]
    shown = [line[0] + single_line(line[1:]) for line in lines[:limit]]
    if len(lines) > limit:
        shown.append(f"@@ {len(lines) - limit} more lines @@")
    return shown

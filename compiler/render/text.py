"""What all renderers share: untrusted text made presentable, how wide it is, and how findings are counted."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from dsimport.compiler.diagnostics import Diagnostic, Severity
from dsimport.compiler.escape import single_line

__all__ = ["cells", "presentable", "redacted", "summary", "width"]

# Tokens of the two hubs, and the user part of a URL. A recipe must not hold them, but a message about the recipe that
# does must not repeat them into a CI log.
_SECRET = re.compile(r"(?:hf_|nvapi-)[A-Za-z0-9_-]{16,}|(?<=://)[^/\s@'\"]+(?=@)")
_TAB = 4


def redacted(text: str) -> str:
    """The text with secrets replaced by as many asterisks, so that columns stay what they are."""
    return _SECRET.sub(lambda match: "*" * len(match.group()), text)


def presentable(text: str) -> str:
    """One line without control characters and secrets."""
    return single_line(redacted(text))


def cells(text: str) -> list[tuple[str, int]]:
    """What a terminal shows for each character of a source line, and how many columns that takes."""
    out: list[tuple[str, int]] = []
    column = 0
    for char in text:
        if char == "\t":
            shown = " " * (_TAB - column % _TAB)
        elif char == "\u200d" or unicodedata.category(char) in ("Mn", "Me"):
            out.append((char, 0))
            continue
        else:
            shown = single_line(char)
        taken = 2 if shown == char and unicodedata.east_asian_width(char) in "WF" else len(shown)
        out.append((shown, taken))
        column += taken
    return out


def width(text: str) -> int:
    """Columns that the text takes in a terminal."""
    return sum(taken for _, taken in cells(text))


def summary(diagnostics: Iterable[Diagnostic], failed: int = 0, total: int = 0, what: str = "recipe") -> str:
    """`2 errors and 1 warning in 2 of 14 recipes`; without findings `14 recipes, no mistakes`.

    failed, total: recipes with errors and all recipes looked at; total 0 leaves them out. what: other things than
    recipes.
    """
    found = list(diagnostics)
    counts = [(severity, sum(item.severity is severity for item in found)) for severity in Severity]
    parts = [_count(number, severity.value) for severity, number in counts if number]
    recipes = _count(total, what)
    if not parts:
        return f"{recipes}, no mistakes" if total else "no mistakes"
    where = f" in {failed} of {recipes}" if total > 1 and failed else f" in {recipes}" if total else ""
    return " and ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part) + where


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"

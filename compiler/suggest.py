"""Did you mean: the nearest known word to a misspelt one."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["closest", "quoted_list"]

_LONGEST = 80  # longer words are not typing mistakes, and the distance costs length squared


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` most likely is a misspelling of; None when nothing is near enough.

    Upper and lower case and `-`, `_` and blanks count as equal. Of equally near words the first one wins.
    """
    if not 0 < len(word) <= _LONGEST:
        return None
    wanted = _folded(word)
    best, best_distance = None, 1 + max(1, len(wanted) // 3)
    for candidate in known:
        distance = _distance(wanted, _folded(candidate), best_distance)
        if distance < best_distance:
            best, best_distance = candidate, distance
    return best


def quoted_list(words: Iterable[object]) -> str:
    """`a, b, c` for a help line."""
    return ", ".join(str(word) for word in words)


def _folded(word: str) -> str:
    return word.lower().replace("_", "-").replace(" ", "-")


def _distance(left: str, right: str, limit: int) -> int:
    """Edits (insert, delete, replace, swap of neighbours) between two words; `limit` if at least that many."""
    if abs(len(left) - len(right)) >= limit:
        return limit
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        before, above, row = row, before, [i]
        for j, b in enumerate(right, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, above[j - 2] + 1)
            row.append(cost)
        if min(row) >= limit:
            return limit
    return min(row[-1], limit)

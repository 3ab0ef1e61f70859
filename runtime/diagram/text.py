"""Text that fits: widths of characters, cutting and wrapping. Lengths are in user units (CSS pixels)."""

from __future__ import annotations

import unicodedata

__all__ = ["FONTS", "cut", "width_of", "wrapped"]

# Verdana has DejaVu's widths; all others in the list are narrower, so what fits with these widths fits.
FONTS = "DejaVu Sans, Verdana, Arial, Helvetica, sans-serif"

# Advance widths of DejaVu Sans for the characters from blank to `~`, in thousandths of the font size.
_WIDTHS = (
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636, 636, 636, 636, 636,
    636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632, 575, 775, 752, 295, 295, 656, 557, 863,
    748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635,
    615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636,
    337, 636, 838,
)  # fmt: skip
_OTHER, _WIDE = 838, 1050
_BOLD = 1.13


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """How wide a line is at most in any of the fonts."""
    total = sum(_advance(char) for char in text)
    return total * size / 1000 * (_BOLD if bold else 1)


def cut(text: str, size: float, room: float, *, bold: bool = False) -> str:
    """The text if it fits; else its beginning and its end, which names are told apart by, around an ellipsis."""
    if width_of(text, size, bold=bold) <= room:
        return text
    kept = len(text) - 1
    while kept > 1 and width_of(_around(text, kept), size, bold=bold) > room:
        kept -= 1
    return _around(text, kept)


def wrapped(text: str, size: float, room: float, most: int) -> list[str]:
    """The text in at most `most` lines, broken at blanks where a line would be wider than `room`; a long word, and what
    is left for the last line, are not cut here."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and (len(lines) == most or width_of(longer, size) <= room):
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _around(text: str, kept: int) -> str:
    end = kept // 2
    return f"{text[: kept - end].rstrip()}…{text[len(text) - end :].lstrip()}" if kept > 0 else "…"


def _advance(char: str) -> int:
    code = ord(char)
    if 32 <= code < 127:
        return _WIDTHS[code - 32]
    if unicodedata.combining(char):
        return 0
    return _WIDE if unicodedata.east_asian_width(char) in "WF" or code > 0xFFFF else _OTHER

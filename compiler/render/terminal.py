"""Diagnostics for people: the source line, a caret under the place, what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dsimport.compiler.codes import CODES
from dsimport.compiler.diagnostics import Diagnostic, Severity, Span
from dsimport.compiler.render.text import cells, presentable, redacted, width
from dsimport.compiler.textlines import split_lines

__all__ = ["render_terminal"]

_COLORS = {Severity.ERROR: "31", Severity.WARNING: "33", Severity.NOTE: "36"}
_NEAR = 1000  # characters on either side of the mark, far more than a terminal is wide
_MIN_SOURCE = 24  # columns of a source line that are shown however narrow the terminal is


def render_terminal(
    diagnostics: Iterable[Diagnostic], source: Callable[[str], str | None], color: bool = False, columns: int = 100
) -> str:
    """All diagnostics, one block each, with an empty line between blocks; empty when there are none.

    source: the text of a file named in a span, None when it cannot be had. columns: width to crop source lines to.
    """
    painter = _Painter(color)
    texts: dict[str, list[str] | None] = {}
    explained: set[str] = set()
    blocks = []
    for item in diagnostics:
        lines = [_head(item, painter)]
        if item.span is not None:
            if item.span.file not in texts:
                text = source(item.span.file)
                texts[item.span.file] = split_lines(text.removeprefix("\ufeff")) if text is not None else None
            lines += _excerpt(item, item.span, texts[item.span.file], painter, columns)
        gutter = " " * (len(str(item.span.line)) + 1 if item.span is not None else 2)
        lines += [f"{gutter}{painter.dim('=')} {painter.bold('help:')} {presentable(text)}" for text in item.help]
        lines += [f"{gutter}{painter.dim('=')} {presentable(text)}" for text in item.notes]
        if item.code in CODES and item.code not in explained:
            explained.add(item.code)
            lines.append(painter.dim(f"{gutter}= more: dsimport explain {item.code}"))
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


class _Painter:
    def __init__(self, color: bool) -> None:
        self._color = color

    def paint(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self._color and text else text

    def bold(self, text: str) -> str:
        return self.paint(text, "1")

    def dim(self, text: str) -> str:
        return self.paint(text, "2")


def _head(item: Diagnostic, painter: _Painter) -> str:
    head = painter.paint(f"{item.severity.value}[{item.code}]", f"1;{_COLORS[item.severity]}")
    return f"{head}{painter.bold(': ' + presentable(item.message))}"


def _excerpt(item: Diagnostic, span: Span, lines: list[str] | None, painter: _Painter, columns: int) -> list[str]:
    number = str(span.line)
    margin = " " * len(number)
    out = [f"{margin} {painter.dim('┌─')} {presentable(str(span))}"]
    if lines is None or not 1 <= span.line <= len(lines):
        return [*out, f"{margin} {painter.dim('│')} {presentable(item.label)}"] if item.label else out
    room = max(columns - len(number) - 3, _MIN_SOURCE)
    shown, before, carets = _cropped(lines[span.line - 1], span.column - 1, span.length, room)
    if not shown.strip() and not item.label:
        return out
    pointer = painter.paint("^" * carets, f"1;{_COLORS[item.severity]}")
    label = painter.paint(presentable(item.label), _COLORS[item.severity])
    bar = painter.dim("│")
    out.append(f"{painter.dim(number)} {bar} {shown}".rstrip())
    out.append(f"{margin} {bar} {' ' * before}{pointer}{' ' if label else ''}{label}")
    return out


def _cropped(line: str, column: int, length: int, room: int) -> tuple[str, int, int]:
    """The part of a source line around the marked characters: (text, columns before the mark, columns marked)."""
    # a line may be a megabyte long: only what can be near enough to be seen is looked at
    first = max(0, column - _NEAR)
    near = redacted(line[first : column + _NEAR])
    drawn = cells(near)
    cut_before, cut_after = first > 0, column + _NEAR < len(line)
    column = min(column - first, len(drawn))
    end = min(column + length, len(drawn))
    start, stop = 0, len(drawn)
    if cut_before or cut_after or width(near) > room:
        # a third of the room for what stands before the mark, so that most of what follows is seen
        start, taken = column, 0
        while start > 0 and taken + drawn[start - 1][1] <= room // 3:
            start -= 1
            taken += drawn[start][1]
        stop, left = start, room - 2
        while stop < len(drawn) and drawn[stop][1] <= left:
            left -= drawn[stop][1]
            stop += 1
    head, tail = "…" if start or cut_before else "", "…" if stop < len(drawn) or cut_after else ""
    before = len(head) + sum(taken for _, taken in drawn[start:column])
    marked = sum(taken for _, taken in drawn[column : min(end, stop)])
    return head + "".join(text for text, _ in drawn[start:stop]) + tail, before, max(1, marked)

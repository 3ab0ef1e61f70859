"""What the YAML scanner says, in a sentence for people, at the place where it can be mended."""

from __future__ import annotations

from typing import Any

from dsimport.compiler.diagnostics import Report, Span

__all__ = ["report_syntax_error"]

_INDENT = "lines of one mapping start in the same column, with blanks, never tabs"
# problem text of the scanner (its beginning) -> message, help, whether the place is where the construct began
_SENTENCES: tuple[tuple[str, str, str, bool], ...] = (
    (
        "mapping values are not allowed",
        "a ':' is not possible here",
        f"quote a text that contains ': '; {_INDENT}",
        False,
    ),
    ("found unexpected ':'", "a text with ':' needs quotes inside brackets", "put the whole text in quotes", False),
    ("found a tab character", "a tab cannot be used for indentation", "indent with blanks", False),
    ("did not find expected ',' or ']'", "this list is not closed by ']'", "add ',' between the items or ']'", True),
    ("did not find expected ',' or '}'", "this mapping is not closed by '}'", "add ',' between the keys or '}'", True),
    ("did not find expected '-'", "the list ends here without its next '-'", _INDENT, False),
    ("did not find expected key", "a key is expected here", f"write 'key: value'; {_INDENT}", False),
    ("did not find expected node content", "a value is expected here", "complete it, or close the bracket", False),
    ("could not find expected ':'", "this line has no ':' after its key", "write 'key: value'", True),
    ("block sequence entries are not allowed", "a '-' is not possible here", _INDENT, False),
    ("found unexpected end of stream", "this quote is never closed", "add the closing quote", True),
    ("found unexpected document indicator", "this quote is never closed", "add the closing quote", True),
    ("found unknown escape character", "an unknown escape after '\\'", "use single quotes, or write '\\\\'", False),
)


def report_syntax_error(error: Any, lines: list[str], file: str, report: Report) -> None:
    """Report a YAMLError of the C parser. lines: the text, for the character that it stumbled over."""
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "not readable")
    message, help_text, at_start = (
        f"not valid YAML: {problem}",
        "put quotes around texts with special characters",
        False,
    )
    for beginning, sentence, advice, where in _SENTENCES:
        if problem.startswith(beginning):
            message, help_text, at_start = sentence, advice, where
    mark = getattr(error, "problem_mark", None)
    context = getattr(error, "context_mark", None)
    if (at_start and context is not None) or mark is None:
        mark = context or mark
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    line = min(line, len(lines) - 1)
    column = min(column, len(lines[line]))
    if problem.startswith("found character that cannot start"):
        char = lines[line][column : column + 1]
        message = "a tab cannot be used here" if char == "\t" else f"a value cannot start with '{char}'"
        help_text = "use blanks instead of tabs" if char == "\t" else "put the text in quotes"
    report.error("R0004", message, Span(file, line + 1, column + 1), help=help_text)

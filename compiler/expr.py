"""Arithmetic in presets and recipes: `4 + classes`, `1/255`, `(height // 8) * (width // 8)`."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from functools import lru_cache

__all__ = ["ExprError", "Number", "evaluate", "names_in"]

Number = int | float

MAX_LENGTH = 300
MAX_MAGNITUDE = 1e15  # far above any tensor; keeps a chain of products from growing without bound

# Python's own tokenizer warns about text such as `1if`; what is not plainly a token is refused before it gets there.
_TOKEN = re.compile(r"\s+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])|[A-Za-z_]\w*|[-+*/%()]", re.ASCII)
_OPERATORS: dict[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


class ExprError(ValueError):
    """The text is not arithmetic, names something unknown, or has no finite value. The message says which."""


def evaluate(text: str | Number, names: Mapping[str, Number]) -> Number:
    """Value of an arithmetic text: numbers, `names`, `+ - * / // %` and parentheses. Raises ExprError.

    `//` and `%` round towards minus infinity as in Python. A number is returned as it is.
    """
    value = text if isinstance(text, (int, float)) else _evaluate(_parse(text), names)
    return _bounded(value, text)


def names_in(text: str | Number) -> frozenset[str]:
    """The names an arithmetic text uses. Raises ExprError where the text is not arithmetic."""
    if isinstance(text, (int, float)):
        return frozenset()
    return frozenset(node.id for node in ast.walk(_parse(text)) if isinstance(node, ast.Name))


@lru_cache(maxsize=1024)
def _parse(text: str) -> ast.expr:
    if len(text) > MAX_LENGTH:
        raise ExprError(f"longer than {MAX_LENGTH} characters")
    if not _is_tokens(text) or "**" in text:
        raise ExprError(f"{text!r} is not arithmetic: numbers, names, + - * / // % and parentheses are")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ExprError(f"{text!r} is not a complete arithmetic expression") from None


def _is_tokens(text: str) -> bool:
    """Whether the text is tokens from end to end, each taken whole: one pass, however hostile the text."""
    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            return False
        position = token.end()
    return True


def _evaluate(node: ast.expr, names: Mapping[str, Number]) -> Number:
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return node.value
    if isinstance(node, ast.Name):
        if node.id not in names:
            raise ExprError(f"unknown name {node.id!r}; known here: {', '.join(sorted(names)) or 'none'}")
        return names[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.UAdd, ast.USub)):
        value = _evaluate(node.operand, names)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        left, right = _evaluate(node.left, names), _evaluate(node.right, names)
        try:
            value = _OPERATORS[type(node.op)](left, right)
        except ZeroDivisionError:
            raise ExprError(f"division by zero in {ast.unparse(node)!r}") from None
        return value if _usable(value) else _bounded(value, ast.unparse(node))
    raise ExprError("only numbers, names, + - * / // % and parentheses can be used")


def _usable(value: Number) -> bool:
    return not isinstance(value, bool) and math.isfinite(value) and abs(value) <= MAX_MAGNITUDE


def _bounded(value: Number, text: str | Number) -> Number:
    if not _usable(value):
        raise ExprError(f"{text!r} is not a number of a usable size")
    return value

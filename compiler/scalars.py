"""What an unquoted YAML scalar means, by the core schema of YAML 1.2."""

from __future__ import annotations

import re

from dsimport.compiler.nodes import ScalarValue

__all__ = ["resolve"]

_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def resolve(text: str) -> tuple[ScalarValue, str]:
    """(value, trouble) of an unquoted scalar; `trouble` as in `nodes.Scalar`."""
    if text in _WORDS:
        return _WORDS[text], ""
    if text[0] not in "0123456789+-.":
        return text, ""
    if _INT.fullmatch(text):
        value = _integer(text)
        if not -(1 << 63) <= value < 1 << 63:
            return text, "R0011"
        return value, "R0012" if _LEADING_ZERO.fullmatch(text) else ""
    if _FLOAT.fullmatch(text):
        number = float(text)
        return (text, "R0011") if abs(number) == float("inf") else (number, "")
    return text, "R0011" if _NOT_FINITE.fullmatch(text) else ""


def _integer(text: str) -> int:
    if text[:2] in ("0o", "0x"):
        return int(text, 0)
    digits = text.lstrip("+-0") or "0"
    if len(digits) > 20:  # far beyond 64 bits; int() raises on texts of thousands of digits
        return 1 << 64
    return -int(digits) if text[0] == "-" else int(digits)

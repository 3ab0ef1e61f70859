"""Looking up values that earlier steps gave, with the type a step needs."""

from __future__ import annotations

from collections.abc import Mapping

from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.compiler.plan import Text, Value, fill, holes_in

__all__ = ["filled", "integer", "number"]


def number(values: Mapping[str, Value], name: str) -> float:
    """The value as a number; DsimportError (S0607) when no step gave one."""
    value = values.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise missing_value(name)
    return float(value)


def integer(values: Mapping[str, Value], name: str) -> int:
    """The value as a whole number; DsimportError (S0607) when no step gave one."""
    value = number(values, name)
    if not value.is_integer():
        raise missing_value(name)
    return int(value)


def filled(text: Text, values: Mapping[str, Value]) -> str:
    """The text with its holes filled in; DsimportError (S0607) when a value is missing."""
    found = fill(text, values)
    if found is None:
        raise missing_value(sorted(name for name in holes_in(text) if values.get(name) is None)[0])
    return found


def missing_value(name: str) -> DsimportError:
    """S0607: a step cannot go on because a value it needs was not measured."""
    return DsimportError(
        Diagnostic(
            "S0607",
            f"the value '{name}' is needed and no step gave it",
            help=("look at the log of the step that measures it; `dsimport status` shows all values",),
        )
    )

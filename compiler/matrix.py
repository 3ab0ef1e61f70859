"""`matrix`: one recipe unfolded into one per combination of values."""

from __future__ import annotations

import re
from itertools import product
from math import prod
from typing import NamedTuple

from dsimport.compiler.diagnostics import Report, Span
from dsimport.compiler.keys import find_key, leaf_keys
from dsimport.compiler.nodes import Entry, Mapping, Scalar, ScalarValue, Sequence
from dsimport.compiler.suggest import closest
from dsimport.compiler.translate import describe, key_help
from dsimport.compiler.tree import set_path

__all__ = ["MAX_AXES", "MAX_COMBINATIONS", "Combination", "unfold"]

MAX_COMBINATIONS = 256
MAX_AXES = 32
_MAX_NAME = 64
_FIXED = ("schema", "name", "extends", "matrix")


class Combination(NamedTuple):
    """One recipe of a matrix, and the values that make it different: {dotted key: value}."""

    root: Mapping
    variant: dict[str, ScalarValue]


class _Axis(NamedTuple):
    key: str
    key_span: Span
    values: list[Scalar]


def unfold(root: Mapping, report: Report) -> list[Combination]:
    """All combinations in the order written, the last key varying fastest. Without a matrix: the recipe alone."""
    entry = root.entries.get("matrix")
    bare = Mapping({name: item for name, item in root.entries.items() if name != "matrix"}, root.span)
    if entry is None or (isinstance(entry.node, Scalar) and entry.node.value is None):
        return [Combination(bare, {})]
    axes = _axes(entry, report)
    if axes is None:
        return [Combination(bare, {})]  # the rest of the recipe is still checked
    count = prod(len(axis.values) for axis in axes)
    if count > MAX_COMBINATIONS:
        report.error(
            "R0303",
            f"the matrix has {count:,} combinations",
            entry.key_span,
            help=f"at most {MAX_COMBINATIONS}; split it into several recipes",
        )
        return [Combination(bare, {})]
    return _combinations(bare, axes, entry.key_span, report)


def _axes(entry: Entry, report: Report) -> list[_Axis] | None:
    if not isinstance(entry.node, Mapping) or not entry.node.entries:
        report.error(
            "R0301",
            "'matrix' must be a mapping of dotted keys to lists",
            entry.node.span if isinstance(entry.node, (Mapping, Sequence)) else entry.key_span,
            help="write e.g. matrix: {engine.precision: [fp16, fp32]}",
        )
        return None
    if len(entry.node.entries) > MAX_AXES:
        report.error(
            "R0303",
            f"the matrix varies {len(entry.node.entries):,} keys",
            entry.key_span,
            help=f"at most {MAX_AXES}; split it into several recipes",
        )
        return None
    axes = [_axis(key, item, report) for key, item in entry.node.entries.items()]
    return None if None in axes else [axis for axis in axes if axis is not None]


def _axis(name: str, item: Entry, report: Report) -> _Axis | None:
    if not _known(name, item.key_span, report):
        return None
    if not isinstance(item.node, Sequence) or not item.node.items:
        report.error(
            "R0301",
            f"'matrix' needs a list of values for {name}",
            item.node.span if isinstance(item.node, (Mapping, Sequence)) or item.node.text else item.key_span,
            help=f"write e.g. {name}: [a, b]",
        )
        return None
    values: list[Scalar] = []
    for node in item.node.items:
        if not isinstance(node, Scalar):
            report.error("R0301", "a value of the matrix is one word or number", node.span, help="write it plainly")
            return None
        values.append(node)
    return _Axis(name, item.key_span, values)


def _known(name: str, span: Span, report: Report) -> bool:
    parts = tuple(name.split("."))
    if name in _FIXED:
        report.error(
            "R0301", f"'{name}' cannot be varied", span, help="vary a value of the recipe, e.g. engine.precision"
        )
        return False
    key = find_key(parts)
    if key is not None and key.kind not in ("section", "map"):
        return True
    if key is not None:
        near = next((path for path in leaf_keys() if path.startswith(f"{name}.") and "*" not in path), None)
        label = f"did you mean '{near}'?" if near else ""
        report.error("R0304", f"'{name}' is a section, not a value", span, label=label, help=key_help(key))
        return False
    section = find_key(parts[:-1])
    known = [path for path in leaf_keys() if "*" not in path and path not in _FIXED]
    same_end = [path for path in known if path.rpartition(".")[2] == parts[-1]]
    near = closest(name, known) or (same_end[0] if same_end else None)
    label = f"did you mean '{near}'?" if near else ""
    advice = key_help(section) if section is not None and section.path else "write dotted keys, e.g. engine.precision"
    report.error("R0304", f"unknown key '{name}'", span, label=label, help=advice)
    return False


def _combinations(bare: Mapping, axes: list[_Axis], at: Span, report: Report) -> list[Combination]:
    name = bare.entries.get("name")
    out: list[Combination] = []
    seen: dict[str, str] = {}
    for values in product(*(axis.values for axis in axes)):
        root = bare
        for axis, value in zip(axes, values, strict=True):
            root = set_path(root, axis.key, value, axis.key_span)
        variant = {axis.key: value.value for axis, value in zip(axes, values, strict=True)}
        if name is not None and isinstance(name.node, Scalar):
            full = "-".join((name.node.text, *(_slug(value.text) for value in values)))
            if not _usable(full, seen, variant, at, report):
                return [Combination(bare, {})]
            # the place stays that of the recipe's name: that is what a person would change
            named = Scalar(full, full, False, name.node.span)
            root = Mapping({**root.entries, "name": Entry(name.key_span, named)}, root.span)
        out.append(Combination(root, variant))
    return out


def _usable(full: str, seen: dict[str, str], variant: dict[str, ScalarValue], at: Span, report: Report) -> bool:
    shown = ", ".join(f"{key} = {describe(value)}" for key, value in variant.items())
    if full in seen:
        report.error(
            "R0302",
            f"two combinations of the matrix are named '{full}'",
            at,
            help="remove the repeated value, or make two recipes with names of their own",
            notes=[seen[full], shown],
        )
        return False
    if len(full) > _MAX_NAME:
        report.error("R0302", f"the name '{full}' is longer than {_MAX_NAME} characters", at, help="shorten the name")
        return False
    seen[full] = shown
    return True


def _slug(text: str) -> str:
    slug = re.sub(r"[^a-z0-9._]+", "-", text.lower()).strip("-.")
    return re.sub(r"\.\.+", ".", slug) or "none"

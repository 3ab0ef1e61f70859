"""Class labels that a model brings with it, by the seed's order: id2label, else label2id reversed, else names.

Never a default list: a wrong label is worse than none.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from dsimport.compiler.diagnostics import Diagnostic, DsimportError, Report, Span
from dsimport.compiler.labelrules import label_problem

__all__ = ["MAX_CLASSES", "TABLES", "in_class_order", "label_table", "labels_of_config", "labels_of_metadata"]

TABLES = ("id2label", "label2id", "names")
MAX_CLASSES = 100_000
_MAX_TEXT = 1 << 20


def label_table(config: Mapping[str, Any]) -> dict[int, str]:
    """Class number to label, from the first table that is there; empty where there is none, or it is no such table."""
    try:
        if isinstance(config.get("id2label"), dict):
            return {int(key): str(value) for key, value in config["id2label"].items() if int(key) >= 0}
        if isinstance(config.get("label2id"), dict):
            return {int(value): str(key) for key, value in config["label2id"].items() if int(value) >= 0}
        names = config.get("names")
        if isinstance(names, dict):
            return {int(key): str(value) for key, value in names.items() if int(key) >= 0}
        if isinstance(names, list):
            return {index: str(name) for index, name in enumerate(names)}
    except (TypeError, ValueError, OverflowError):
        return {}
    return {}


def in_class_order(table: Mapping[int, str], classes: int) -> list[str]:
    """One label per class. Ids missing from a table become `unused_<id>`: nvinfer needs a line for each class."""
    return [table.get(index, f"unused_{index}") for index in range(classes)]


def labels_of_metadata(metadata: Mapping[str, str]) -> dict[int, str]:
    """The table in an ONNX file's metadata: `names` as a Python dictionary or list, as Ultralytics writes it."""
    text = metadata.get("names", "")
    if not text or len(text) > _MAX_TEXT:
        return {}
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return {}
    return label_table({"names": value})


def labels_of_config(config: dict[str, Any] | None, path: str, classes: int) -> list[str]:
    """Labels in class order. DsimportError: A0211, A0212, N0321."""
    table = label_table(config or {})
    if not table:
        raise _error(
            "A0211",
            f"no labels: {path} has neither id2label, label2id nor names",
            "write model.labels in the recipe, as a list or a labels file",
        )
    if max(table) >= classes:
        raise _error(
            "A0212",
            f"{path} has a label for class {max(table)}, the recipe declares {classes} classes",
            f"set model.classes to {max(table) + 1}, or write model.labels in the recipe",
        )
    labels = in_class_order(table, classes)
    report = Report()
    for index, label in enumerate(labels):
        problem = label_problem(label)
        if problem is not None:
            report.error("N0321", f"label {index} {problem}", Span(path, 1, 1), help="write model.labels in the recipe")
    report.raise_errors()
    return labels


def _error(code: str, message: str, advice: str) -> DsimportError:
    return DsimportError(Diagnostic(code, message, help=(advice,)))

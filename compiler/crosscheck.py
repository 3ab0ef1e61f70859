"""Checks between values of one recipe. They look at plain data and pass over what has the wrong type, so that they
report beside the schema's own findings and not after them."""

from __future__ import annotations

from typing import Any

from dsimport.compiler.diagnostics import Report
from dsimport.compiler.suggest import closest, quoted_list
from dsimport.compiler.tree import Spans
from dsimport.compiler.yamltext import MAX_MISTAKES

__all__ = ["SOURCES", "crosscheck"]

SOURCES = ("huggingface", "ngc", "file", "url")
_MANY_LABELS = 2000  # looking for the nearest label among more than this takes longer than a person waits


def crosscheck(raw: dict[str, Any], spans: Spans, report: Report) -> None:
    """Report contradictions inside the recipe."""
    _one_source(raw.get("source"), spans, report)
    _batches(_section(raw, "engine"), spans, report)
    _labels(_section(raw, "model"), _section(raw, "parser"), spans, report)


def _section(raw: dict[str, Any], name: str) -> dict[str, Any]:
    value = raw.get(name)
    return value if isinstance(value, dict) else {}


def _one_source(source: Any, spans: Spans, report: Report) -> None:
    if not isinstance(source, dict):
        return
    given = [kind for kind in SOURCES if source.get(kind) is not None]
    if len(given) > 1:
        # in the order written, so that the caret is at the later one
        first, second = sorted(given, key=lambda kind: list(source).index(kind))[:2]
        report.error(
            "R0109",
            f"'source' names two sources: {first} and {second}",
            spans.key(f"source.{second}"),
            label="the second one",
            help=f"keep one of them; '{first}: null' takes back what an extended file says",
            notes=[f"the first one is at {spans.key(f'source.{first}')}"],
        )
    elif not given and all(key in (*SOURCES, "onnx", "export") for key in source):
        report.error(
            "R0109", "'source' names no source", spans.key("source"), help=f"write one of: {quoted_list(SOURCES)}"
        )


def _batches(engine: dict[str, Any], spans: Spans, report: Report) -> None:
    first, limit = engine.get("max_batch"), engine.get("batch_limit")
    if isinstance(first, int) and isinstance(limit, int) and limit < first:
        report.error(
            "R0110",
            f"'engine.batch_limit' {limit} is below 'engine.max_batch' {first}",
            spans.value("engine.batch_limit"),
            help="raise batch_limit, or lower max_batch",
            notes=[f"max_batch is at {spans.value('engine.max_batch')}"],
        )


def _labels(model: dict[str, Any], parser: dict[str, Any], spans: Spans, report: Report) -> None:
    labels, classes = model.get("labels"), model.get("classes")
    if not isinstance(labels, list):
        return
    if isinstance(classes, int) and labels and len(labels) != classes:
        report.error(
            "R0110",
            f"'model.labels' has {len(labels)} labels for {classes} classes",
            spans.value("model.labels"),
            help="nvinfer shows no label for a class beyond the list; give one label per class",
            notes=[f"classes is at {spans.value('model.classes')}"],
        )
    per_class = parser.get("per_class")
    # a label with blanks around it has been reported for that
    known = {label.strip() for label in labels if isinstance(label, str)}
    unknown = [name for name in per_class if name not in known] if isinstance(per_class, dict) else []
    for name in unknown[:MAX_MISTAKES]:
        near = closest(name, _in_order(labels)) if len(labels) <= _MANY_LABELS else None
        report.error(
            "R0110",
            f"'parser.per_class' names '{name}', which is not among model.labels",
            spans.key(f"parser.per_class.{name}"),
            label=f"did you mean '{near}'?" if near else "",
            help="write the label as it stands in model.labels",
        )


def _in_order(labels: list[Any]) -> list[str]:
    """The labels that are texts, in their order, so that a suggestion does not depend on hashing."""
    return [label for label in labels if isinstance(label, str)]

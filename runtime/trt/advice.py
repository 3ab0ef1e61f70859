"""What to change in a recipe, or in an export, where TensorRT refuses a node. Data: by operator, else by kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["advice"]

_RAW_HEAD = "export the model without post-processing in the graph, and name the family whose head is raw"
_FIXED = "export at a fixed height and width, with only the batch dynamic"

# Operators whose number of results depends on the data come from post-processing, which the parser does instead;
# sequences and optionals come from exporters that kept a list in the graph.
BY_OPERATOR: Mapping[str, str] = {
    **dict.fromkeys(("NonMaxSuppression", "NonZero", "Unique", "Compress"), _RAW_HEAD),
    **dict.fromkeys(("Loop", "Scan", "If"), _FIXED),
    **dict.fromkeys(
        ("SequenceConstruct", "SequenceAt", "SequenceEmpty", "SequenceInsert", "ConcatFromSequence", "SplitToSequence"),
        "export with another exporter (source.export.exporter), which leaves no lists in the graph",
    ),
    **dict.fromkeys(
        ("StringNormalizer", "StringConcat", "StringSplit", "TfIdfVectorizer", "RegexFullMatch"),
        "freeze the text prompt at export (source.export.frozen_prompt): TensorRT has no texts",
    ),
}
SIMPLIFY = "set graph.simplify: true; what depends on nothing but constants is then worked out beforehand"
EXPORT = "export with another opset (source.export.opset), which may spell the operator otherwise"
PLUGIN = "it is a plugin: the TensorRT of the host may have it, or its library is passed to it (--staticPlugins)"
PLUGIN_ENDINGS = ("_TRT", "_TRT2")


def advice(refused: Sequence[Mapping[str, Any]], *, simplified: bool) -> tuple[str, ...]:
    """What to do, each once. simplified: the recipe has graph.simplify: true already."""
    operators = [str(node["operator"]) for node in refused]
    plugins = [name for name in operators if name.endswith(PLUGIN_ENDINGS)]
    others = [name for name in operators if name not in plugins]
    found = [PLUGIN] * bool(plugins) + [BY_OPERATOR.get(name, EXPORT) for name in others]
    if others and not simplified:
        found.append(SIMPLIFY)
    return tuple(dict.fromkeys(found))

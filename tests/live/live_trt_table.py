"""The table of what NVIDIA's parser and builder said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dsimport.compiler.escape import markdown_text
from dsimport.runtime.trt.advice import advice

__all__ = ["Answer", "table"]

HEAD = """# NVIDIA's parser and builder on real exports

Written by `make test-trt`; `make trt-table` puts it here.

What `dsimport check` says of each model, for batches of 1 to 4. Asked was {library}, on the CPU.
TensorRT-RTX is not the TensorRT of a host: versions, plugins and supported types differ, and engines built here were
not run. *transformers*: a random-weight model exported to ONNX. *tinydet*: a small trained detector in the output
layout of an exporter.

| model | nodes | answer | refused, or why | advice |
|---|---:|---|---|---|
"""


@dataclass(frozen=True)
class Answer:
    """What was said of one model of so many nodes."""

    what: str
    nodes: int
    result: dict[str, Any]


def table(answers: Sequence[Answer]) -> str:
    """Markdown, one row per model."""
    library = next((answer.result["library"] for answer in answers if "library" in answer.result), "TensorRT-RTX")
    rows = []
    for answer in answers:
        result = answer.result
        refused = "; ".join(result.get("reasons", [])[:1]) or ", ".join(
            f"{node['node']} ({node['operator']})" for node in result.get("refused", [])
        )
        said = "parsed and built" if result.get("built") else "refused" if result.get("refused") else "not built"
        known = [*result.get("fix", []), *advice(result.get("refused", []), simplified=False)]
        fix = "" if result.get("built") else "; ".join(known)
        cells = (answer.what, f"{answer.nodes:,}", said, refused, fix)
        rows.append(f"| {' | '.join(markdown_text(cell) for cell in cells)} |\n")
    return HEAD.format(library=library) + "".join(rows)

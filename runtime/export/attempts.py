"""The attempts at an export, in order: three with optimum and three with torch at most, each changing one thing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

__all__ = ["Attempt", "attempts"]

PER_TOOL = 3
_OTHER_OPSETS = (18, 16)
_DYNAMO_OPSET = 18  # torch.export knows none below


@dataclass(frozen=True)
class Attempt:
    """One way to export. stack: the transformers it runs with; change: what differs from the attempt before; timm:
    whether the checkpoint's backbone is of that package."""

    exporter: str
    stack: str
    opset: int
    post_process: bool = True
    change: str = ""
    timm: bool = False

    def document(self) -> dict[str, Any]:
        """The attempt as plain data."""
        return asdict(self)

    def __str__(self) -> str:
        options = (", timm" if self.timm else "") + ("" if self.post_process else ", no post-process")
        return f"{self.exporter}, opset {self.opset}, {self.stack}{options}"


def attempts(params: Mapping[str, Any], model: Mapping[str, Any]) -> tuple[Attempt, ...]:
    """The attempts for one model; none where the recipe's exporter is wrong for the input's size. params: of the export
    step; model: the preset's entry for its `model_type`. What the recipe says (exporter, opset) is never changed."""
    exporters = tuple(model["exporters"]) if params["exporter"] == "auto" else (params["exporter"],)
    _, height, width = params["input"]["shape"]
    if height != width:
        exporters = tuple(exporter for exporter in exporters if exporter not in model["square"])
    found: list[Attempt] = []
    if "optimum" in exporters:
        found += islice(_optimum(params), PER_TOOL)
    torch = [exporter for exporter in exporters if exporter != "optimum"]
    if torch:
        found += islice(_torch(params, torch, model["stack"], after=bool(found)), PER_TOOL)
    return tuple(found)


def _optimum(params: Mapping[str, Any]) -> Iterator[Attempt]:
    opset = params["opset"] or params["first_opset"]
    yield Attempt("optimum", "transformers-4", opset)
    if params["opset"] is None:
        other = next(item for item in _OTHER_OPSETS if item != opset)
        yield Attempt("optimum", "transformers-4", other, change=f"opset {other} instead of {opset}")
        opset = other
    yield Attempt("optimum", "transformers-4", opset, False, "without optimum's post-processing of the graph")


def _torch(params: Mapping[str, Any], exporters: list[str], stack: str, *, after: bool) -> Iterator[Attempt]:
    opset = params["opset"] or params["first_opset"]
    change = "torch's exporter instead of optimum" if after else ""
    for exporter in exporters:
        low = exporter == "dynamo" and params["opset"] is None
        first = max(opset, _DYNAMO_OPSET) if low else opset
        yield Attempt(exporter, stack, first, change=change)
        if params["opset"] is None:
            others = [item for item in _OTHER_OPSETS if item != first and not (low and item < _DYNAMO_OPSET)]
            for other in others if len(exporters) == 1 else others[:1]:
                yield Attempt(exporter, stack, other, change=f"opset {other} instead of {first}")
                first = other
        opset, change = max(first, _DYNAMO_OPSET) if params["opset"] is None else first, "dynamo instead of tracing"

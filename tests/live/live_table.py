"""The table of what was compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from live_compare import PIXELS, SCORE, Tally
from live_processors import Processor

__all__ = ["table"]

HEAD = f"""# Exactness of the generated parsers

Written by `make test-live`: random-weight models of transformers exported to ONNX and run at batch 1 and 4 (*model*), and random
tensors of 1 to 1,000 classes, most of them made to find a difference (*random*); the compiled parser against the model's own
post-processing on the same tensors, after both were cut to the frame. An object matches when its class is the same, its score
within {SCORE:g} and each edge within {PIXELS:g} px. *On the edge* are objects whose score lies on the threshold or ties with the
last one that the limit keeps: rounding, or the order of sorting, decides about those, and either choice counts as right.

"""
COLUMNS = "model,family,tensors,compared,objects,worst score,worst edge (px),missing,extra,on the edge".split(",")


def table(processors: Iterable[Processor], tallies: Mapping[tuple[str, str], Tally]) -> str:
    """Markdown, one row per processor and kind of tensors that there is."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|---|---|---|" + "---:|" * (len(COLUMNS) - 3)]
    for processor in processors:
        for kind in ("model", "random"):
            tally = tallies.get((processor.name, kind))
            if tally is None:
                continue
            numbers = (
                f"{tally.tensors:,}",
                f"{tally.objects:,}",
                f"{tally.worst_score:.0e}",
                f"{tally.worst_box:.0e}",
                f"{tally.missing}",
                f"{tally.extra}",
                f"{tally.undecided:,}",
            )
            lines.append("| " + " | ".join((processor.name, f"`{processor.family}`", kind, *numbers)) + " |")
    return HEAD + "\n".join(lines) + "\n"

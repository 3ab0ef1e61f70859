"""The table of what was compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from live_compare import MANY, PIXELS, SCORE, Tally
from live_processors import Processor

__all__ = ["table"]

HEAD = f"""# Exactness of the generated parsers

Written by `make test-live`; `make exactness` puts it here.

The compiled parser against the model's own post-processing in transformers, on the same tensors, after both were cut to
the frame. *model*: outputs of a random-weight model, exported to ONNX and run at batch 1 and 4, at several thresholds.
*random*: tensors of 1 to 1,000 classes, most of them made to find a difference: ties, all or nothing above the
threshold, scores within rounding of it, one class, infinities, NaN, boxes without size or far outside.

An object matches when its class is the same, its score within {SCORE:g} and each edge within {PIXELS:g} px (in a
softmax over more than {MANY} columns {2 * SCORE:g}, since the float32 sum of the model's own code is off by that).
*Undecided* objects are no faults: their score is the threshold but for rounding, and its side depends on the float32
arithmetic; or they tie with the last score that the limit keeps, where the parser may return others, but as many, and
only ones that the tensors hold.

"""
COLUMNS = ("model", "family", "tensors", "compared", "objects")
COLUMNS += ("worst score", "worst edge, px", "missing", "extra", "undecided")


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

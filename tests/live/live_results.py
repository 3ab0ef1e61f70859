"""What a run compared, kept for the table that several runs make together."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TypeAlias

from live_compare import Tally

__all__ = ["RESULTS", "Tallies", "keep", "kept"]

RESULTS = Path(__file__).parents[2] / "build" / "exactness"
# By family, whose code its results were compared with, and what the tensors were.
Tallies: TypeAlias = dict[tuple[str, str, str], Tally]


def keep(part: str, tallies: Tallies) -> None:
    """Write one run's comparisons; an earlier run's of the same part go."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    rows = [[*key, asdict(tally)] for key, tally in tallies.items()]
    (RESULTS / f"{part}.json").write_text(json.dumps(rows, indent=1) + "\n", "utf-8")


def kept() -> Tallies:
    """The comparisons of all runs that there were."""
    found: Tallies = {}
    for path in sorted(RESULTS.glob("*.json")):
        for family, source, tensors, tally in json.loads(path.read_text("utf-8")):
            found[family, source, tensors] = Tally(**tally)
    return found

"""How many streams a model was seen to carry."""

from __future__ import annotations

from collections.abc import Mapping

from dsimport.compiler.plan import Value

__all__ = ["RUNS", "carried_streams"]

RUNS = ("run1", "run2", "run2_retry")


def carried_streams(values: Mapping[str, Value], target_fps: float) -> int | None:
    """The most streams that a pipeline run carried at the target rate; 0 where none did, None where none was run."""
    rates = {run: values.get(f"{run}.fps_per_stream") for run in RUNS}
    ran = {run: rate for run, rate in rates.items() if isinstance(rate, (int, float))}
    if not ran:
        return None
    counts = [values.get(f"{run}.streams") for run, rate in ran.items() if rate >= target_fps]
    return max((int(count) for count in counts if isinstance(count, (int, float))), default=0)

"""The measuring half of ref-trtexec: the query loop, the time of every query, and the performance report."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from dsimport.runtime.formats.trtexec import (
    Summary,
    average_lines,
    cpp_float,
    json_rows,
    prolog_lines,
    spread_of,
    summary_lines,
)
from dsimport.runtime.reference.session import Session, SessionError
from dsimport.runtime.reference.trtexec_engine import Failure, Say
from dsimport.runtime.reference.trtexec_options import Options

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Query", "after_warm_up", "measure", "query_loop", "report", "summarise", "times_json"]

_UNSTABLE_PERCENT = 2.5
_ENQUEUE_BOUND = 0.8
_METRICS = (
    "=== Explanations of the performance metrics ===",
    "Total Host Walltime: from the start of the first query after the warm-up to the end of the last one.",
    "GPU Compute Time: the time ONNX Runtime takes on the CPU to run one query.",
    "Throughput: queries divided by the Total Host Walltime; a query is one batch.",
    "Enqueue Time: 0, nothing is enqueued here.",
    "H2D Latency: the time to copy the inputs of one query into the buffers it runs on.",
    "D2H Latency: the time to copy the outputs of one query into the caller's buffers.",
    "Latency: the sum of H2D Latency, GPU Compute Time and D2H Latency.",
)


@dataclass(frozen=True)
class Query:
    """When the parts of one query began and ended, in milliseconds since the loop began (trtexec's names in JSON)."""

    start_h2d: float
    end_h2d: float
    start_compute: float
    end_compute: float
    start_d2h: float
    end_d2h: float

    @property
    def h2d(self) -> float:
        """Milliseconds to copy the inputs."""
        return self.end_h2d - self.start_h2d

    @property
    def compute(self) -> float:
        """Milliseconds to compute."""
        return self.end_compute - self.start_compute

    @property
    def d2h(self) -> float:
        """Milliseconds to copy the outputs."""
        return self.end_d2h - self.start_d2h

    @property
    def latency(self) -> float:
        """Milliseconds for all three."""
        return self.h2d + self.compute + self.d2h


def measure(session: Session, inputs: Mapping[str, NDArray[Any]], options: Options) -> list[Query]:
    """Every query that was run, warm-up included. Endless where the duration is -1. Raises Failure."""
    query = _copying_query(session, inputs) if options.transfers else _bare_query(session, inputs)
    try:
        return query_loop(query, options, time.perf_counter)
    except SessionError as error:
        raise Failure(f"ONNX Runtime: {error}") from None


def query_loop(
    query: Callable[[Callable[[], float]], Query], options: Options, clock: Callable[[], float]
) -> list[Query]:
    """Run until both the iterations and warm-up plus duration are reached; queries of the warm-up do not count."""
    origin = clock()

    def now() -> float:
        return (clock() - origin) * 1000

    queries: list[Query] = []
    while options.duration_s == -1:
        query(now)
    end = options.duration_s * 1000 + options.warm_up_ms
    counted, elapsed = 0, 0.0
    while counted < options.iterations or elapsed < end:
        queries.append(query(now))
        elapsed = max(elapsed, queries[-1].start_compute)
        if elapsed < options.warm_up_ms:
            continue
        counted += 1
        if options.idle_ms > 0:
            time.sleep(options.idle_ms / 1000)
    return queries


def _bare_query(session: Session, inputs: Mapping[str, NDArray[Any]]) -> Callable[[Callable[[], float]], Query]:
    def run(now: Callable[[], float]) -> Query:
        start = now()
        session.run(inputs)
        end = now()
        return Query(start, start, start, end, end, end)

    return run


def _copying_query(session: Session, inputs: Mapping[str, NDArray[Any]]) -> Callable[[Callable[[], float]], Query]:
    import numpy as np

    device = {name: np.empty_like(value) for name, value in inputs.items()}

    def run(now: Callable[[], float]) -> Query:
        start = now()
        for name, value in inputs.items():
            np.copyto(device[name], value)
        copied_in = now()
        outputs = session.run(device)
        computed = now()
        for output in outputs:
            np.copy(output)  # into fresh memory: a dynamic output may have another size every time
        end = now()
        return Query(start, copied_in, copied_in, computed, computed, end)

    return run


def report(queries: Sequence[Query], options: Options, say: Say) -> None:
    """Print the performance report of a run. Raises Failure where nothing was measured."""
    measured = after_warm_up(queries, options.warm_up_ms)
    if not measured:
        raise Failure("No query was run: --iterations and --duration ask for none")
    walltime_s = (measured[-1].end_d2h - measured[0].start_h2d) / 1000
    lines = prolog_lines(len(queries) - len(measured), len(measured), options.warm_up_ms, walltime_s)
    lines += average_lines(options.average_runs, [(query.compute, query.latency, 0.0) for query in measured])
    summary = summarise(measured, walltime_s, options.percentiles)
    for line in (*lines, *summary_lines(summary)):
        say("I", line)
    for line in _warnings(summary):
        say("W", line)
    say("I", "Explanations of the performance metrics are printed in the verbose logs.")
    if options.verbose:
        for line in _METRICS:
            say("V", line)
    say("I", "")


def after_warm_up(queries: Sequence[Query], warm_up_ms: float) -> list[Query]:
    """The queries from the first one on that started to compute after the warm-up."""
    first = next((at for at, query in enumerate(queries) if query.start_compute >= warm_up_ms), len(queries))
    return list(queries[first:])


def summarise(measured: Sequence[Query], walltime_s: float, percents: Sequence[float]) -> Summary:
    """The figures of the performance summary over at least one query."""
    compute = spread_of([query.compute for query in measured], percents)
    return Summary(
        qps=len(measured) / max(walltime_s, 1e-9),  # a clock may stand still over one tiny query
        latency=spread_of([query.latency for query in measured], percents),
        enqueue=spread_of([0.0] * len(measured), percents),
        h2d=spread_of([query.h2d for query in measured], percents),
        gpu=compute,
        d2h=spread_of([query.d2h for query in measured], percents),
        walltime_s=walltime_s,
        gpu_total_s=compute.mean * len(measured) / 1000,
    )


def _warnings(summary: Summary) -> list[str]:
    lines = []
    bounds = (
        ("Enqueue Time", summary.enqueue.median > _ENQUEUE_BOUND * summary.gpu.median, "--useCudaGraph"),
        ("host-to-device transfers for the inputs", summary.h2d.median >= summary.gpu.median, "--noDataTransfers"),
        ("device-to-host transfers for the outputs", summary.d2h.median >= summary.gpu.median, "--noDataTransfers"),
    )
    for what, bound, option in bounds:
        if bound:
            lines += [
                f"* Throughput may be bound by {what} rather than GPU Compute and the GPU may be under-utilized.",
                f"  If not already in use, {option} may increase the throughput.",
            ]
    if summary.gpu.variation > _UNSTABLE_PERCENT:
        lines.append(
            f"* GPU compute time is unstable, with coefficient of variance = {cpp_float(summary.gpu.variation)}%."
        )
    return lines


def times_json(queries: Sequence[Query], warm_up_ms: float) -> str:
    """What --exportTimes writes: one object per query after the warm-up, times in milliseconds."""
    rows = []
    for query in after_warm_up(queries, warm_up_ms):
        times = {f"{name}Ms": value for name, value in _json_names(query).items()}
        rows.append(json.dumps(times))
    return json_rows(rows)


def _json_names(query: Query) -> dict[str, float]:
    parts = asdict(query)
    names: dict[str, float] = {}
    for part in ("h2d", "compute", "d2h"):
        title = part[0].upper() + part[1:]
        names |= {f"start{title}": parts[f"start_{part}"], f"end{title}": parts[f"end_{part}"]}
    enqueued = query.start_compute
    totals = {"h2d": query.h2d, "compute": query.compute, "d2h": query.d2h, "latency": query.latency}
    return {"startEnq": enqueued, "endEnq": enqueued, **names, **totals}

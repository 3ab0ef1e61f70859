"""The measuring loop on a clock that the test drives."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsimport.runtime.reference.trtexec_bench import (
    Query,
    after_warm_up,
    query_loop,
    report,
    summarise,
    times_json,
)
from dsimport.runtime.reference.trtexec_engine import Failure
from dsimport.runtime.reference.trtexec_options import Options

DURATIONS = st.lists(st.integers(1, 400), min_size=1, max_size=20)  # milliseconds per query, used over and over


def run_loop(options: Options, durations: list[int]) -> list[Query]:
    """Run queries that take the given times and copy nothing. The clock counts whole milliseconds."""
    clock = 0.0
    count = 0

    def query(now: Callable[[], float]) -> Query:
        nonlocal clock, count
        start = now()
        clock += durations[count % len(durations)] / 1000
        count += 1
        end = now()
        return Query(start, start, start, end, end, end)

    return query_loop(query, options, lambda: clock)


@settings(deadline=None)
@given(DURATIONS, st.integers(0, 30), st.integers(0, 500), st.integers(0, 2000))
def test_the_loop_ends_when_both_iterations_and_duration_are_reached(
    durations: list[int], iterations: int, warm_up: int, duration: int
) -> None:
    options = Options(iterations=iterations, warm_up_ms=warm_up, duration_s=duration / 1000)
    queries = run_loop(options, durations)
    measured = after_warm_up(queries, warm_up)
    assert len(measured) >= iterations
    if queries:
        assert queries[-1].start_compute >= duration + warm_up - 1e-6 or duration + warm_up == 0
    # One query less would not have been enough.
    shorter = queries[:-1]
    if shorter:
        reached = shorter[-1].start_compute >= duration + warm_up
        assert not (reached and len(after_warm_up(shorter, warm_up)) >= iterations)


def test_queries_of_the_warm_up_are_not_measured() -> None:
    queries = run_loop(Options(iterations=2, warm_up_ms=200, duration_s=0), [100])
    assert [round(query.start_compute) for query in queries] == [0, 100, 200, 300]
    assert [round(query.start_compute) for query in after_warm_up(queries, 200)] == [200, 300]


def test_throughput_is_queries_over_the_time_from_first_to_last() -> None:
    queries = run_loop(Options(iterations=4, warm_up_ms=0, duration_s=0), [50])
    summary = summarise(queries, (queries[-1].end_d2h - queries[0].start_h2d) / 1000, [99.0])
    assert round(summary.qps, 6) == 20
    assert round(summary.gpu.mean, 6) == 50
    assert round(summary.gpu_total_s, 6) == 0.2


def said(options: Options, queries: list[Query]) -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    report(queries, options, lambda severity, text: lines.append((severity, text)))
    return lines


def test_unsteady_queries_are_reported_as_unstable() -> None:
    options = Options(iterations=4, warm_up_ms=0, duration_s=0)
    assert not [text for severity, text in said(options, run_loop(options, [50])) if severity == "W"]
    warnings = [text for severity, text in said(options, run_loop(options, [50, 150])) if severity == "W"]
    assert warnings == ["* GPU compute time is unstable, with coefficient of variance = 50%."]


def test_copies_that_take_longer_than_the_work_are_reported() -> None:
    slow_in = Query(0, 30, 30, 40, 40, 41)
    warnings = [text for severity, text in said(Options(warm_up_ms=0), [slow_in]) if severity == "W"]
    assert warnings[0].startswith("* Throughput may be bound by host-to-device transfers")
    assert "--noDataTransfers" in warnings[1]


def test_a_run_without_queries_fails() -> None:
    options = Options(iterations=0, warm_up_ms=0, duration_s=0)
    with pytest.raises(Failure, match="No query was run"):
        report(run_loop(options, [1]), options, lambda severity, text: None)


def test_exported_times_are_the_measured_queries() -> None:
    query = Query(200, 201, 202, 212, 213, 216)
    early = replace(query, start_compute=1.0)
    (row,) = json.loads(times_json([early, query], 200))
    assert row == {
        "startEnqMs": 202,
        "endEnqMs": 202,
        "startH2dMs": 200,
        "endH2dMs": 201,
        "startComputeMs": 202,
        "endComputeMs": 212,
        "startD2hMs": 213,
        "endD2hMs": 216,
        "h2dMs": 1,
        "computeMs": 10,
        "d2hMs": 3,
        "latencyMs": 14,
    }

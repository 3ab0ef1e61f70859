"""The log format: what is printed can be read back, and what real versions of trtexec printed can be read."""

from __future__ import annotations

import json
import math
import time
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsimport.runtime.formats.trtexec import (
    LayerTime,
    Spread,
    Summary,
    TrtexecResult,
    average_lines,
    banner,
    cpp_float,
    log_line,
    parse_trtexec_log,
    profile_json,
    profile_lines,
    spread_of,
    summary_lines,
)

WHEN = time.struct_time((2026, 7, 3, 4, 5, 6, 0, 0, 0))
TIMES = st.floats(min_value=1e-6, max_value=1e9)


# What `std::cout << x` prints for a double with the stream's defaults (C++ standard: %g with precision 6).
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (492.6771, "492.677"),
        (2.0, "2"),
        (0.0, "0"),
        (100000.0, "100000"),
        (999999.5, "1e+06"),
        (1234567.0, "1.23457e+06"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (0.03125, "0.03125"),
        (-1.5, "-1.5"),
        (math.inf, "inf"),
        (math.nan, "nan"),
    ],
)
def test_cpp_float_prints_as_a_default_stream(value: float, text: str) -> None:
    assert cpp_float(value) == text


# ascending[max(N-1-int((1-p/100)*N),0)] in float32 (checked with g++); with times 1..N the value is the place.
@pytest.mark.parametrize(
    ("percent", "count", "place"),
    [
        (90, 100, 90),  # 1 - 0.9f is a little more than 0.1; in double arithmetic it is less, which would give 91
        (99, 100, 100),  # 1 - 0.99f is a little less than 0.01
        (99, 101, 100),
        (50, 4, 2),
        (100, 7, 7),
        (0, 7, 1),
        (99, 1, 1),
    ],
)
def test_percentile_takes_the_place_that_trtexec_takes(percent: float, count: int, place: int) -> None:
    spread = spread_of([float(n) for n in range(count, 0, -1)], [percent])
    assert spread.percentiles == ((percent, float(place)),)


def test_median_averages_the_two_middle_times() -> None:
    assert spread_of([4.0, 1.0, 3.0, 100.0], ()).median == 3.5
    assert spread_of([4.0, 1.0, 3.0], ()).median == 3.0


@settings(deadline=None)
@given(st.lists(TIMES, min_size=1, max_size=60), st.lists(st.floats(0, 100), max_size=4))
def test_a_spread_is_ordered(times: list[float], percents: list[float]) -> None:
    spread = spread_of(times, sorted(percents))
    values = [value for _, value in spread.percentiles]
    assert values == sorted(values)
    assert set(values) <= set(times)
    assert spread.minimum <= spread.median <= spread.maximum
    assert spread.minimum <= spread.mean * (1 + 1e-12)
    assert spread.mean <= spread.maximum * (1 + 1e-12)


SPREADS = st.builds(
    Spread, TIMES, TIMES, TIMES, TIMES, TIMES.map(lambda value: ((50.0, value + 1), (99.0, value), (99.9, value + 2)))
)
SUMMARIES = st.builds(Summary, TIMES, SPREADS, SPREADS, SPREADS, SPREADS, SPREADS, TIMES, TIMES)


@settings(deadline=None)
@given(SUMMARIES, st.booleans(), st.sampled_from(["\n", "\r\n"]))
def test_what_is_printed_is_read_back(summary: Summary, passed: bool, end: str) -> None:
    lines = [log_line("I", line, WHEN) for line in summary_lines(summary)]
    lines.insert(0, banner("RUNNING", "10.16.0", 72, "trtexec --onnx=m.onnx"))
    lines.insert(1, log_line("W", "one warning", WHEN))
    lines.append(banner("PASSED" if passed else "FAILED", "10.16.0", 72, "trtexec --onnx=m.onnx"))

    def seen(value: float) -> float:
        return float(cpp_float(value))

    assert parse_trtexec_log(end.join(lines)) == TrtexecResult(
        qps=seen(summary.qps),
        gpu_mean_ms=seen(summary.gpu.mean),
        gpu_p99_ms=seen(summary.gpu.percentiles[1][1]),
        gpu_min_ms=seen(summary.gpu.minimum),
        gpu_max_ms=seen(summary.gpu.maximum),
        gpu_median_ms=seen(summary.gpu.median),
        latency_mean_ms=seen(summary.latency.mean),
        latency_p99_ms=seen(summary.latency.percentiles[1][1]),
        latency_min_ms=seen(summary.latency.minimum),
        latency_max_ms=seen(summary.latency.maximum),
        latency_median_ms=seen(summary.latency.median),
        walltime_s=seen(summary.walltime_s),
        warnings=("one warning",),
        passed=passed,
        version="10.16.0",
    )


TRT_10_16 = """\
&&&& RUNNING TensorRT.trtexec [TensorRT v101600] [b72] # trtexec --loadEngine=m.engine
[07/03/2026-04:05:06] [I] Memory Pools: workspace: 0.03125 MiB, dlaSRAM: default
[07/03/2026-04:05:06] [W] Weakly-typed networks have been deprecated in TensorRT.
[07/03/2026-04:05:06] [I] TensorRT version: 10.16.0
[07/03/2026-04:05:06] [I] Created engine with size: 89.5 MiB
[07/03/2026-04:05:06] [I] Engine built in 825.2 sec.
[07/03/2026-04:05:06] [I] === Performance summary ===
[07/03/2026-04:05:06] [I] Throughput: 492.677 qps
[07/03/2026-04:05:06] [I] Latency: min = 2 ms, max = 2.06006 ms, mean = 2.02973 ms, median = 2.03003 ms, \
percentile(50%) = 2.03003 ms, percentile(99%) = 2.06006 ms, percentile(99.9%) = 2.07 ms
[07/03/2026-04:05:06] [I] Enqueue Time: min = 7 ms, max = 7 ms, mean = 7 ms, median = 7 ms, percentile(99%) = 7 ms
[07/03/2026-04:05:06] [I] GPU Compute Time: min = 1e-05 ms, max = 1.23457e+06 ms, mean = 3 ms, median = 4 ms, \
percentile(99%) = 5 ms
[07/03/2026-04:05:06] [I] Total Host Walltime: 0.405946 s
[07/03/2026-04:05:06] [I] Total GPU Compute Time: 0.405946 s
[07/03/2026-04:05:06] [E] something late
&&&& PASSED TensorRT.trtexec [TensorRT v101600] [b72] # trtexec --loadEngine=m.engine
"""


def test_a_log_of_10_16_is_read_whole() -> None:
    assert parse_trtexec_log(TRT_10_16) == TrtexecResult(
        qps=492.677,
        gpu_mean_ms=3.0,
        gpu_p99_ms=5.0,
        gpu_min_ms=1e-05,
        gpu_max_ms=1.23457e06,
        gpu_median_ms=4.0,
        latency_mean_ms=2.02973,
        latency_p99_ms=2.06006,
        latency_min_ms=2.0,
        latency_max_ms=2.06006,
        latency_median_ms=2.03003,
        walltime_s=0.405946,
        built_s=825.2,
        engine_mib=89.5,
        workspace_mib=0.03125,
        warnings=("Weakly-typed networks have been deprecated in TensorRT.",),
        errors=("something late",),
        passed=True,
        version="10.16.0",
    )


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("&&&& RUNNING TensorRT.trtexec [TensorRT v8601] # trtexec", "8.6.1"),
        ("&&&& RUNNING TensorRT.trtexec [TensorRT v100300] # trtexec", "10.3.0"),
        ("&&&& RUNNING TensorRT.trtexec [TensorRT v101303] [b9] # trtexec", "10.13.3"),
        ("&&&& RUNNING TensorRT.trtexec [TensorRT v110100] [b106] # trtexec", "11.1.0"),
        ("[01/02/2023-00:00:00] [I] TensorRT version: 8.6.1", "8.6.1"),
        ("no banner at all", None),
    ],
)
def test_the_version_is_read_in_both_numberings(line: str, version: str | None) -> None:
    assert parse_trtexec_log(line).version == version


@pytest.mark.parametrize("version", ["8.6.1", "10.16.0", "11.1.0"])
def test_a_banner_carries_the_version(version: str) -> None:
    assert parse_trtexec_log(banner("RUNNING", version, 1, "x")).version == version


def test_a_failed_run_has_its_reason_and_no_figures() -> None:
    text = "&&&& RUNNING T [TensorRT v101600] # t\n[07/03/2026-04:05:06] [E] stof\n&&&& FAILED TensorRT.trtexec # t"
    assert parse_trtexec_log(text) == TrtexecResult(errors=("stof",), version="10.16.0")


def test_the_last_of_several_runs_counts() -> None:
    again = TRT_10_16.replace("492.677", "7").replace("&&&& PASSED", "&&&& FAILED")
    result = parse_trtexec_log(TRT_10_16 + again)
    assert (result.qps, result.passed) == (7.0, False)


def test_a_verdict_inside_a_line_is_not_a_verdict() -> None:
    command = "trtexec --onnx=a\n&&&& PASSED TensorRT.trtexec"
    assert not parse_trtexec_log(banner("FAILED", "10.16.0", 1, command)).passed


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "1.2.3", "1e9999", "", "0x10", "."])
def test_a_figure_that_is_no_number_is_absent(number: str) -> None:
    assert parse_trtexec_log(f"[07/03/2026-04:05:06] [I] Throughput: {number} qps").qps is None


@settings(deadline=None)
@given(st.text())
def test_any_text_can_be_parsed(text: str) -> None:
    result = parse_trtexec_log(text)
    assert all(value is None or math.isfinite(value) for value in vars(result).values() if isinstance(value, float))


@settings(deadline=None)
@given(st.data())
def test_a_log_cut_or_overwritten_anywhere_can_be_parsed(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(TRT_10_16)))
    length = data.draw(st.integers(0, 60))
    damaged = TRT_10_16[:start] + data.draw(st.text(max_size=5)) + TRT_10_16[start + length :]
    result = parse_trtexec_log(damaged)
    whole = parse_trtexec_log(TRT_10_16)
    assert {field.name for field in fields(result)} == {field.name for field in fields(whole)}
    assert len(result.warnings) <= 2


def test_a_log_line_stays_one_line() -> None:
    line = log_line("E", "a\nb\x1b[2Jc", WHEN)
    assert line == "[07/03/2026-04:05:06] [E] a\\nb\\x1b[2Jc"


def test_averages_are_over_whole_groups() -> None:
    queries = [(float(n), float(n) * 2, 0.0) for n in range(1, 6)]
    assert average_lines(2, queries)[3:] == [
        "Average on 2 runs - GPU latency: 1.5 ms - Host latency: 3 ms (enqueue 0 ms)",
        "Average on 2 runs - GPU latency: 3.5 ms - Host latency: 7 ms (enqueue 0 ms)",
    ]
    assert average_lines(0, queries)[3:] == []


def test_a_long_trace_is_shown_by_its_two_ends() -> None:
    queries = [(float(n), float(n), 0.0) for n in range(1000)]
    lines = average_lines(2, queries)[3:]
    assert len(lines) == 200 + 1 + 200
    assert lines[200] == "... Omitting 200 lines"
    assert lines[0].startswith("Average on 2 runs - GPU latency: 0.5 ms")
    assert lines[-1].startswith("Average on 2 runs - GPU latency: 998.5 ms")


def test_layer_times_are_printed_and_exported() -> None:
    layers = [LayerTime('conv "1"', (1.0, 3.0)), LayerTime("add", (0.0, 0.0))]
    assert profile_lines(2, layers) == [
        "",
        "=== Profile (2 iterations ) ===",
        "   Time(ms)     Avg.(ms)   Median(ms)   Time(%)   Layer",
        '       4.00       2.0000       2.0000     100.0   conv "1"',
        "       0.00       0.0000       0.0000       0.0   add",
        "       4.00       2.0000       2.0000     100.0   Total",
        "",
    ]
    assert json.loads(profile_json(2, layers)) == [
        {"count": 2},
        {"name": 'conv "1"', "timeMs": 4.0, "averageMs": 2.0, "medianMs": 2.0, "percentage": 100.0},
        {"name": "add", "timeMs": 0.0, "averageMs": 0.0, "medianMs": 0.0, "percentage": 0.0},
    ]

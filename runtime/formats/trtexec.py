"""trtexec's log: the lines that `ref-trtexec` prints, and the reader of what any trtexec from 8.6 to 11.x printed.

Times are milliseconds unless a name says otherwise. One query is one batch: images per second are `qps` × batch size.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from time import struct_time
from typing import Literal

from dsimport.compiler.escape import single_line
from dsimport.compiler.numbers import as_float32

__all__ = [
    "LayerTime",
    "Spread",
    "Summary",
    "TrtexecResult",
    "average_lines",
    "banner",
    "cpp_float",
    "json_rows",
    "log_line",
    "parse_trtexec_log",
    "profile_json",
    "profile_lines",
    "prolog_lines",
    "spread_of",
    "summary_lines",
    "yardstick_line",
]

Severity = Literal["I", "W", "E", "V", "F"]
State = Literal["RUNNING", "PASSED", "FAILED"]

_SAMPLE = "TensorRT.trtexec"
_GPU = "GPU Compute Time"
_LATENCY = "Latency"
_WALLTIME = "Total Host Walltime"
_ONE_THREAD = "Compute on one thread"
_PRINTED_AVERAGES = 200  # at the start and at the end; what lies between is left out


@dataclass(frozen=True)
class Spread:
    """How one time varied over the queries. percentiles: (percent, value) in the order asked for."""

    minimum: float
    maximum: float
    mean: float
    median: float
    percentiles: tuple[tuple[float, float], ...]
    variation: float = 0.0
    """Standard deviation over mean, in percent; not printed with the others."""


@dataclass(frozen=True)
class Summary:
    """The figures of a performance summary. walltime_s and gpu_total_s are seconds."""

    qps: float
    latency: Spread
    enqueue: Spread
    h2d: Spread
    gpu: Spread
    d2h: Spread
    walltime_s: float
    gpu_total_s: float


@dataclass(frozen=True)
class LayerTime:
    """One layer's time in each of the queries that ran it."""

    name: str
    times: tuple[float, ...]


@dataclass(frozen=True)
class TrtexecResult:
    """What a log says; None where it does not.

    walltime_s, built_s: seconds. engine_mib, workspace_mib: MiB, the latter as trtexec understood `--memPoolSize`.
    warnings, errors: texts of the [W] and [E] lines, in order. passed: the last verdict is PASSED.
    unstable_percent: coefficient of variance of the compute time, where trtexec found it too large. enqueue_bound:
    trtexec suspects that the CPU cannot enqueue fast enough, so that the GPU could do more. yardsticks: what a query
    costs in those of a fixed network, which only ref-trtexec tells.
    version: of TensorRT, `10.16.0`. device, capability: name and compute capability of the GPU it ran on.
    """

    qps: float | None = None
    gpu_mean_ms: float | None = None
    gpu_p99_ms: float | None = None
    gpu_min_ms: float | None = None
    gpu_max_ms: float | None = None
    gpu_median_ms: float | None = None
    latency_mean_ms: float | None = None
    latency_p99_ms: float | None = None
    latency_min_ms: float | None = None
    latency_max_ms: float | None = None
    latency_median_ms: float | None = None
    walltime_s: float | None = None
    built_s: float | None = None
    engine_mib: float | None = None
    workspace_mib: float | None = None
    unstable_percent: float | None = None
    enqueue_bound: bool = False
    yardsticks: float | None = None
    warnings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    passed: bool = False
    version: str | None = None
    device: str | None = None
    capability: str | None = None


def cpp_float(value: float) -> str:
    """The number as a C++ output stream prints it by default: six significant digits, scientific where shorter."""
    return f"{value:.6g}"


def spread_of(times: Sequence[float], percents: Sequence[float]) -> Spread:
    """Statistics of at least one time, with trtexec's own definitions of median and percentile."""
    ascending = sorted(times)
    count = len(ascending)
    middle = count // 2
    median = ascending[middle] if count % 2 else (ascending[middle - 1] + ascending[middle]) / 2
    mean = math.fsum(ascending) / count
    deviation = math.sqrt(math.fsum((time - mean) ** 2 for time in ascending) / count)
    return Spread(
        minimum=ascending[0],
        maximum=ascending[-1],
        mean=mean,
        median=median,
        percentiles=tuple((percent, ascending[_percentile_index(percent, count)]) for percent in percents),
        variation=deviation / mean * 100 if mean else math.inf,
    )


def _percentile_index(percent: float, count: int) -> int:
    # In float32, as trtexec: in double (1 - 90/100) * 100 is 9.99…, which would leave out one query less.
    share = as_float32(1 - as_float32(percent / 100))
    return max(count - 1 - int(as_float32(share * count)), 0)


def banner(state: State, version: str, build: int, command_line: str) -> str:
    """The line that opens and closes a run. version: `10.16.0`."""
    major, minor, patch = (int(part) for part in version.split("."))
    number = major * 10000 + minor * 100 + patch if major >= 10 else major * 1000 + minor * 100 + patch
    return f"&&&& {state} {_SAMPLE} [TensorRT v{number}] [b{build}] # {single_line(command_line)}"


def log_line(severity: Severity, text: str, when: struct_time) -> str:
    """One line of the log; `when` is local time. Line breaks and control characters in the text become escapes."""
    stamp = f"{when.tm_mon:02}/{when.tm_mday:02}/{when.tm_year:04}-{when.tm_hour:02}:{when.tm_min:02}:{when.tm_sec:02}"
    return f"[{stamp}] [{severity}] {single_line(text)}"


def prolog_lines(warm_ups: int, queries: int, warm_up_ms: float, trace_s: float) -> list[str]:
    """How many queries were run before and during the measurement."""
    return [
        f"Warmup completed {warm_ups} queries over {cpp_float(warm_up_ms)} ms",
        f"Timing trace has {queries} queries over {cpp_float(trace_s)} s",
    ]


def average_lines(runs: int, queries: Sequence[tuple[float, float, float]]) -> list[str]:
    """The trace details. queries: (compute, latency, enqueue) of each; averages of every `runs` of them in turn."""
    lines = ["", "=== Trace details ===", f"Trace averages of {runs} runs:"]
    if runs < 1:
        return lines
    averages = []
    for start in range(0, len(queries) - runs + 1, runs):
        part = queries[start : start + runs]
        compute, latency, enqueue = (math.fsum(column) / runs for column in zip(*part, strict=True))
        averages.append(
            f"Average on {runs} runs - GPU latency: {cpp_float(compute)} ms - Host latency: {cpp_float(latency)} ms "
            f"(enqueue {cpp_float(enqueue)} ms)"
        )
    left_out = len(queries) - 2 * _PRINTED_AVERAGES * runs
    if left_out > 0:
        averages[_PRINTED_AVERAGES:-_PRINTED_AVERAGES] = [f"... Omitting {left_out} lines"]
    return lines + averages


def summary_lines(summary: Summary) -> list[str]:
    """The performance summary, an empty line first."""
    return [
        "",
        "=== Performance summary ===",
        f"Throughput: {cpp_float(summary.qps)} qps",
        f"{_LATENCY}: {_spread_text(summary.latency)}",
        f"Enqueue Time: {_spread_text(summary.enqueue)}",
        f"H2D Latency: {_spread_text(summary.h2d)}",
        f"{_GPU}: {_spread_text(summary.gpu)}",
        f"D2H Latency: {_spread_text(summary.d2h)}",
        f"{_WALLTIME}: {cpp_float(summary.walltime_s)} s",
        f"Total {_GPU}: {cpp_float(summary.gpu_total_s)} s",
    ]


def yardstick_line(yardsticks: float, pairs: int) -> str:
    """What ref-trtexec says after the summary: the cost of a query in queries of a fixed network, and their number."""
    return f"{_ONE_THREAD}: {cpp_float(yardsticks)} yardsticks, median of {pairs}"


def profile_lines(queries: int, layers: Sequence[LayerTime]) -> list[str]:
    """The table that --dumpProfile prints, an empty line first and last."""
    total = math.fsum(math.fsum(layer.times) for layer in layers)
    lines = ["", f"=== Profile ({queries} iterations ) ===", "   Time(ms)     Avg.(ms)   Median(ms)   Time(%)   Layer"]
    medians = 0.0
    for layer in layers:
        spread = spread_of(layer.times, ())
        medians += spread.median
        time = math.fsum(layer.times)
        percent = time / total * 100 if total else 0.0
        lines.append(f"{time:11.2f}{spread.mean:13.4f}{spread.median:13.4f}{percent:10.1f}   {layer.name}")
    lines.append(f"{total:11.2f}{total / max(queries, 1):13.4f}{medians:13.4f}{100.0:10.1f}   Total")
    return [*lines, ""]


def profile_json(queries: int, layers: Sequence[LayerTime]) -> str:
    """What --exportProfile writes: the number of queries, then one object per layer."""
    total = math.fsum(math.fsum(layer.times) for layer in layers)
    rows = [json.dumps({"count": queries})]
    for layer in layers:
        spread, time = spread_of(layer.times, ()), math.fsum(layer.times)
        percent = time / total * 100 if total else 0.0
        row = {"timeMs": time, "averageMs": spread.mean, "medianMs": spread.median, "percentage": percent}
        rows.append(json.dumps({"name": layer.name, **row}))
    return json_rows(rows)


def json_rows(rows: Sequence[str]) -> str:
    """JSON texts as an array, one a line, laid out as trtexec does."""
    return "[\n  " + "\n, ".join(rows) + "\n]\n"


def _spread_text(spread: Spread) -> str:
    parts = [
        f"min = {cpp_float(spread.minimum)} ms",
        f"max = {cpp_float(spread.maximum)} ms",
        f"mean = {cpp_float(spread.mean)} ms",
        f"median = {cpp_float(spread.median)} ms",
        *(f"percentile({cpp_float(percent)}%) = {cpp_float(value)} ms" for percent, value in spread.percentiles),
    ]
    return ", ".join(parts)


_LINE = re.compile(r"\s*(?:\[\d\d/\d\d/\d{4}-\d\d:\d\d:\d\d\] \[([IWEVF])\] ?)?(.*)")
_VERDICT = re.compile(r"&&&& (\w+) ")
_VERSION_NUMBER = re.compile(r"&&&& RUNNING .*?\[TensorRT v(\d{4,6})\]")
_NUMBER = r"([-+]?[0-9.]{1,40}(?:[eE][-+]?[0-9]{1,4})?)"
_PAIR = re.compile(rf"(min|max|mean|median|percentile\(99%\)) = {_NUMBER} ms")
_SCALARS = {
    "qps": re.compile(rf"Throughput: {_NUMBER} qps"),
    "walltime_s": re.compile(rf"{_WALLTIME}: {_NUMBER} s"),
    "built_s": re.compile(rf"Engine built in {_NUMBER} sec"),
    "engine_mib": re.compile(rf"(?:Created|Loaded) engine with size: {_NUMBER} MiB"),
    "workspace_mib": re.compile(rf"Memory Pools: workspace: {_NUMBER} MiB"),
    "unstable_percent": re.compile(rf"\* GPU compute time is unstable, with coefficient of variance = {_NUMBER}%"),
    "yardsticks": re.compile(rf"{_ONE_THREAD}: {_NUMBER} yardsticks"),
}
_ENQUEUE_BOUND = "* Throughput may be bound by Enqueue Time"
_SPREADS = {f"{_LATENCY}: ": "latency", f"{_GPU}: ": "gpu"}
_SPREAD_FIELDS = {"min": "min", "max": "max", "mean": "mean", "median": "median", "percentile(99%)": "p99"}
_TEXTS = {
    "device": re.compile(r"Selected Device: (.{1,200})"),
    "capability": re.compile(r"Compute Capability: (\d{1,3}\.\d{1,3})"),
}
_VERSION = re.compile(r"TensorRT version: (\d{1,4}(?:\.\d{1,4}){1,3})")


def parse_trtexec_log(text: str) -> TrtexecResult:
    """Read a log of trtexec or ref-trtexec, whole or cut short, stdout alone or with stderr mixed in.

    Where a figure stands more than once (several runs in one log), the last one counts. Never raises.
    """
    figures: dict[str, float | None] = {}
    texts: dict[str, list[str]] = {"W": [], "E": []}
    words: dict[str, str] = {}
    version: str | None = None
    passed = False
    for line in text.split("\n"):
        severity, message = _split_line(line)
        if severity in texts:
            texts[severity].append(message)
        figures.update(_figures_in(message))
        words.update({name: found[1] for name, pattern in _TEXTS.items() if (found := pattern.match(message))})
        if found := _VERDICT.match(message):
            passed = found[1] == "PASSED"
        version = _version_in(message) or version
    return TrtexecResult(
        **figures,
        enqueue_bound=any(text.startswith(_ENQUEUE_BOUND) for text in texts["W"]),
        warnings=tuple(texts["W"]),
        errors=tuple(texts["E"]),
        passed=passed,
        version=version,
        device=words.get("device"),
        capability=words.get("capability"),
    )


def _split_line(line: str) -> tuple[str, str]:
    found = _LINE.match(line)
    return (found[1] or "", found[2].rstrip()) if found else ("", "")


def _figures_in(message: str) -> dict[str, float | None]:
    for start, prefix in _SPREADS.items():
        if message.startswith(start):
            return {f"{prefix}_{_SPREAD_FIELDS[name]}_ms": _number(value) for name, value in _PAIR.findall(message)}
    return {name: _number(found[1]) for name, pattern in _SCALARS.items() if (found := pattern.match(message))}


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _version_in(message: str) -> str | None:
    if found := _VERSION.match(message):
        return found[1]
    if found := _VERSION_NUMBER.match(message):
        number = int(found[1])
        thousands = 10000 if number >= 100000 else 1000  # TensorRT 10 changed how the number is made
        return f"{number // thousands}.{number % thousands // 100}.{number % 100}"
    return None

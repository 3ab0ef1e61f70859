"""What the benchmark steps make of logs: figures with units, doubts kept, and nothing reported that was not seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from engine_support import HOME, apply, log_text, program
from hypothesis import given
from hypothesis import strategies as st

from dsimport.compiler.plan import Step
from dsimport.runtime.apply import ApplyResult
from dsimport.runtime.formats.nvinfer_log import built_inside
from dsimport.runtime.formats.perf import PerfRow, format_header, format_row, stalled_streams
from dsimport.runtime.formats.trtexec import parse_trtexec_log
from dsimport.runtime.steps.bench import peak_streams
from dsimport.runtime.steps.ds_run import run2_streams

LOG = f"{HOME}/benchmarks/b64/trtexec_b64.log"
RUN_LOG = f"{HOME}/benchmarks/ds/ds_s2_run1.log"
FIGURES = (
    "images_per_s",
    "peak_gpu_streams",
    "qps",
    "gpu_mean_ms",
    "gpu_min_ms",
    "gpu_p99_ms",
    "unstable_percent",
    "enqueue_bound",
    "yardsticks",
)

# The summaries of 8.6, 10.x and 11.x are of one form; numbers are C++ streams' own, with six significant digits.
COMPUTE = (
    "I GPU Compute Time: min = 1.97 ms, max = 2.06006 ms, mean = 2.02973 ms, median = 2.03003 ms, "
    "percentile(90%) = 2.05 ms, percentile(95%) = 2.055 ms, percentile(99%) = 2.06006 ms"
)
UNSTABLE = "W * GPU compute time is unstable, with coefficient of variance = 5.22%."
BOUND = "W * Throughput may be bound by Enqueue Time rather than GPU Compute and the GPU may be under-utilized."
WEAK = "W Weakly-typed networks have been deprecated in TensorRT."


def bench(log: str, folder: Path, exit_code: int = 0) -> Step:
    program(folder, "trtexec", f"cat <<'END'\n{log}END\nexit {exit_code}\n")
    return Step(
        id="bench-b64",
        kind="bench",
        title="",
        argv=("trtexec", "--loadEngine=e"),
        log=LOG,
        outputs=(LOG,),
        params={"batch": 64, "prefix": "peak.b64", "target_fps": 30},
        gives=tuple(f"peak.b64.{name}" for name in FIGURES),
    )


def figures(result: ApplyResult) -> dict[str, Any]:
    return {name.rpartition(".")[2]: value for name, value in result.values.items()}


@pytest.mark.parametrize("version", ["8.6.1", "10.3.0", "10.16.0", "11.1.0"])
@pytest.mark.parametrize(
    ("throughput", "qps", "peak"),
    [("492.677", 492.677, 1051), ("1.23457e+06", 1_234_570.0, 2_633_749), ("0.46875", 0.46875, 1), ("1e-05", 1e-05, 0)],
)
def test_figures_are_read_with_their_units(
    version: str, throughput: str, qps: float, peak: int, tmp_path: Path, host: Path
) -> None:
    lines = [f"I Throughput: {throughput} qps", COMPUTE]
    result = apply(tmp_path, bench(log_text(lines, passed=True, version=version), host))
    assert result.exit_code == 0, result.diagnostics
    assert figures(result) == {
        "qps": qps,
        "images_per_s": qps * 64,
        "peak_gpu_streams": peak,
        "gpu_mean_ms": 2.02973,
        "gpu_min_ms": 1.97,
        "gpu_p99_ms": 2.06006,
        "unstable_percent": 0.0,
        "enqueue_bound": 0,
        "yardsticks": None,  # of the reference toolchain only
    }


@pytest.mark.parametrize(
    ("warnings", "unstable", "bound"),
    [([], 0.0, 0), ([UNSTABLE], 5.22, 0), ([BOUND], 0.0, 1), ([WEAK, UNSTABLE, BOUND], 5.22, 1), ([WEAK], 0.0, 0)],
)
def test_doubts_of_trtexec_are_kept_as_values(
    warnings: list[str], unstable: float, bound: int, tmp_path: Path, host: Path
) -> None:
    log = log_text(["I Throughput: 10 qps", COMPUTE, *warnings], passed=True)
    result = apply(tmp_path, bench(log, host))
    assert (figures(result)["unstable_percent"], figures(result)["enqueue_bound"]) == (unstable, bound)
    assert parse_trtexec_log(log).warnings == tuple(text[2:] for text in warnings)


@pytest.mark.parametrize(
    ("lines", "passed", "exit_code", "code"),
    [
        ([COMPUTE], True, 0, "T0411"),  # no summary, as with --dumpProfile up to 10.x
        (["I Throughput: 0 qps", COMPUTE], True, 0, "T0411"),
        (["I Throughput: nan qps", COMPUTE], True, 0, "T0411"),
        (["I Throughput: 500 qps", COMPUTE], False, 1, "T0602"),  # figures before a failure are none
        (["E Error occurred during inference"], False, 1, "T0602"),
    ],
)
def test_a_benchmark_without_a_figure_is_a_failure(
    lines: list[str], passed: bool, exit_code: int, code: str, tmp_path: Path, host: Path
) -> None:
    result = apply(tmp_path, bench(log_text(lines, passed=passed), host, exit_code))
    assert (result.exit_code, [item.code for item in result.diagnostics]) == (4, [code])
    assert result.values == {}


@given(st.integers(0, 5_000), st.integers(1, 240))
def test_peak_streams_are_those_of_the_seed(images: int, fps: int) -> None:
    assert peak_streams(images, fps) == images // fps


@pytest.mark.parametrize(
    ("total", "largest", "streams"),
    [(1920.0, 64, 64), (1919.9, 64, 63), (4000.0, 64, 64), (29.9, 64, 1), (0.0, 64, 1), (95.0, 2, 2)],
)
def test_the_streams_of_run_2_are_those_of_the_seed(total: float, largest: int, streams: int) -> None:
    assert run2_streams(total, 30.0, largest) == streams


def perf(*windows: tuple[float, ...]) -> str:
    return "".join(format_header(len(row)) + format_row(PerfRow(row, row)) for row in windows)


def run_step(log: str, folder: Path, exit_code: int = 0) -> Step:
    program(folder, "deepstream-app", f"cat <<'END'\n{log}END\nexit {exit_code}\n")
    return Step(
        id="ds-run1",
        kind="ds-run",
        title="",
        argv=("deepstream-app", "-c", "x.txt"),
        log=RUN_LOG,
        outputs=(RUN_LOG,),
        params={"run": "run2", "streams": 2, "target_fps": 30},
        gives=("run2.total_fps", "run2.fps_per_stream", "run2.below_target", "run2_retry.streams"),
    )


def test_the_rate_is_that_of_all_streams_over_the_steady_windows(tmp_path: Path, host: Path) -> None:
    start = [(0.0, 0.0), (0.0, 12.0), (4.0, 31.0)]  # one stream begins late, and its first window is not full
    log = perf(*start, *[(30.0, 40.0)] * 5, *[(32.0, 38.0)] * 5)
    result = apply(tmp_path, run_step(log, host))
    assert result.exit_code == 0, result.diagnostics
    assert result.values == {
        "run2.total_fps": 70.0,
        "run2.fps_per_stream": 35.0,
        "run2.below_target": 0,
        "run2_retry.streams": 1,
    }


def test_below_the_target_the_streams_are_halved_once(tmp_path: Path, host: Path) -> None:
    result = apply(tmp_path, run_step(perf(*[(20.0, 30.0)] * 6), host))
    assert (result.values["run2.below_target"], result.values["run2_retry.streams"]) == (1, 1)


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("", "no steady PERF row"),
        (perf(*[(0.0, 0.0)] * 9), "no steady PERF row"),
        (perf(*[(0.0, 30.0)] * 9), "no steady PERF row"),
        (perf(*[(30.0,)] * 9), "PERF rows of 1 streams"),
        (perf(*[(30.0, 30.0)] * 4, *[(30.0, 0.0)] * 9), "stream 1 stood still"),
    ],
)
def test_a_stream_without_frames_is_never_a_success(log: str, words: str, tmp_path: Path, host: Path) -> None:
    result = apply(tmp_path, run_step(log, host))
    assert (result.exit_code, [item.code for item in result.diagnostics]) == (4, ["T0412"])
    assert words in result.diagnostics[0].message


def test_a_window_without_a_frame_is_no_stall() -> None:
    assert stalled_streams([PerfRow((1.0,), (1.0,))] * 2 + [PerfRow((0.0,), (1.0,))] * 2) == []


PREFIX = "0:00:03.1 301 0x5 INFO nvinfer gstnvinfer.cpp:684:gst_nvinfer_logger:<primary_gie> NvDsInferContext[UID 1]: "
BUILT = [
    f"{PREFIX}Info from NvDsInferContextImpl::buildModel() [UID = 1]: Trying to create engine from model files\n",
    "INFO: ../nvdsinfer_model_builder.cpp:1234 serialize cuda engine to file: /m/x_b64_gpu0_fp16.engine successfully\n",
]


@pytest.mark.parametrize("line", BUILT)
def test_a_build_inside_a_run_is_refused(line: str, tmp_path: Path, host: Path) -> None:
    result = apply(tmp_path, run_step(line + perf(*[(30.0, 30.0)] * 9), host))
    assert (result.exit_code, [item.code for item in result.diagnostics]) == (4, ["T0419"])
    assert built_inside(line) in result.diagnostics[0].message
    assert result.values == {}


def test_a_run_that_loads_its_engine_is_not_taken_for_a_build() -> None:
    loaded = "deserialized trt engine from :/m/x_dynamic_b64.engine\nLoad new model:x.txt sucessfully\n"
    assert built_inside(loaded) is None


def test_an_exit_code_is_never_lost(tmp_path: Path, host: Path) -> None:
    result = apply(tmp_path, run_step(perf(*[(30.0, 30.0)] * 9), host, exit_code=255))
    assert (result.exit_code, [item.code for item in result.diagnostics]) == (4, ["T0602"])
    assert "255" in result.diagnostics[0].message

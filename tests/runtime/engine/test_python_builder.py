"""dsimport-build-engine: what trtexec does when it builds, through TensorRT's Python API."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engine_support import ENGINES, apply, engine_step, gpu
from hypothesis import given
from hypothesis import strategies as st

from dsimport.compiler.plan import Step
from dsimport.runtime.formats.trtexec import parse_trtexec_log
from dsimport.runtime.formats.trtexec_failures import known_failure
from dsimport.runtime.toolversions import API_TENSORRT, TENSORRT, ToolVersions
from dsimport.runtime.trt.build import main
from dsimport.runtime.trt.library import Library, LibraryMissing, load_tensorrt

STAND_IN = Path(__file__).parent / "stand_in"
BUILD = "dsimport-build-engine"


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """TensorRT's module is installed, here and in programs that are started."""
    monkeypatch.syspath_prepend(str(STAND_IN))
    monkeypatch.setenv("PYTHONPATH", str(STAND_IN))
    yield importlib.import_module("tensorrt")
    sys.modules.pop("tensorrt", None)


def arguments(folder: Path, *more: str) -> list[str]:
    (folder / "m.onnx").write_bytes(b"a model")
    shapes = [f"--{kind}Shapes=images:{n}x3x8x8" for kind, n in (("min", 1), ("opt", 4), ("max", 4))]
    given = {word.partition("=")[0] for word in more}
    usual = [f"--onnx={folder}/m.onnx", *shapes, "--skipInference", f"--saveEngine={folder}/m.engine"]
    return [BUILD, *(word for word in usual if word.partition("=")[0] not in given), *more]


def test_every_argument_reaches_the_builder(tmp_path: Path, module: Any, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--fp16", "--memPoolSize=workspace:2G", "--builderOptimizationLevel=2", f"--timingCacheFile={tmp_path}/c"]
    (tmp_path / "c").write_bytes(b"cache")
    assert main(arguments(tmp_path, *words)) == 0
    assert (tmp_path / "m.engine").read_text("utf-8").splitlines() == [
        "flags 0",
        "level 2",
        "WORKSPACE 2147483648",
        "FP16",
        "{'images': ((1, 3, 8, 8), (4, 3, 8, 8), (4, 3, 8, 8))}",
    ]
    assert (tmp_path / "c").read_bytes() == b"cache+"
    log = parse_trtexec_log(capsys.readouterr().out)
    assert (log.passed, log.version, log.workspace_mib) == (True, "10.16.1", 2048)
    assert log.built_s is not None
    assert log.engine_mib == pytest.approx((tmp_path / "m.engine").stat().st_size / 2**20, rel=1e-5)
    assert "every detail" not in str(log)


def test_types_of_the_network_are_kept_when_asked(tmp_path: Path, module: Any) -> None:
    assert main(arguments(tmp_path, "--stronglyTyped")) == 0
    assert (tmp_path / "m.engine").read_text("utf-8").startswith("flags 2\n")


def test_the_word_of_older_versions_means_the_same(tmp_path: Path, module: Any) -> None:
    words = [word.replace("--skipInference", "--buildOnly") for word in arguments(tmp_path)]
    assert "--buildOnly" in words
    assert main(words) == 0


def test_a_damaged_timing_cache_is_begun_anew(tmp_path: Path, module: Any) -> None:
    (tmp_path / "c").write_bytes(b"damaged")
    assert main(arguments(tmp_path, f"--timingCacheFile={tmp_path}/c")) == 0
    assert (tmp_path / "c").read_bytes() == b"+"


@pytest.mark.parametrize(
    ("content", "words", "kind", "detail"),
    [
        (b"odd", [], "unsupported-node", "Odd"),
        (b"a model", ["--optShapes=images:1024x3x8x8", "--maxShapes=images:1024x3x8x8"], "gpu-memory", ""),
        (b"a model", ["--calib=x"], "unknown-option", "--calib=x"),
        (b"a model", ["--duration=3"], "unknown-option", "--duration=3"),
        (b"a model", ["--saveEngine=/proc/none/m.engine"], "not-saved", ""),
    ],
)
def test_failures_read_as_those_of_trtexec(
    content: bytes,
    words: list[str],
    kind: str,
    detail: str,
    tmp_path: Path,
    module: Any,
    capfd: pytest.CaptureFixture[str],
) -> None:
    line = arguments(tmp_path, *words)
    (tmp_path / "m.onnx").write_bytes(content)
    assert main(line) == 1
    out, err = capfd.readouterr()
    assert out.rstrip().rpartition("\n")[2].startswith("&&&& FAILED TensorRT.trtexec [TensorRT v101601] [b11] # ")
    found = known_failure(out + err)
    assert found is not None
    assert (found.kind, found.detail) == (kind, detail)
    assert not (tmp_path / "m.engine").exists()


@pytest.mark.parametrize(
    "words", [["--onnx=none.onnx"], ["--minShapes=other:1x3x8x8"], ["--memPoolSize=workspace:4T"], ["--loadEngine=x"]]
)
def test_what_cannot_be_built_ends_with_exit_code_1(
    words: list[str], tmp_path: Path, module: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(tmp_path, *words)) == 1
    assert "[E]" in capsys.readouterr().err


@given(st.lists(st.text(), max_size=4))
def test_no_command_line_raises(words: list[str]) -> None:
    sys.path.insert(0, str(STAND_IN))
    try:
        library = Library(importlib.import_module("tensorrt"), "TensorRT")
    finally:
        sys.path.remove(str(STAND_IN))
        sys.modules.pop("tensorrt", None)
    assert main([BUILD, *words], library) == 1


def test_a_strongly_typed_library_has_no_fp16(tmp_path: Path, module: Any, capsys: pytest.CaptureFixture[str]) -> None:
    class Flags:
        """TensorRT 11 has no flags for weak types."""

    typed = type(module)("tensorrt")
    typed.__dict__.update({**vars(module), "BuilderFlag": Flags, "__version__": "11.1.0.5"})
    library = Library(typed, "TensorRT")
    assert main(arguments(tmp_path, "--fp16"), library) == 1
    assert "TensorRT 11.1.0.5 takes the types of the network" in capsys.readouterr().err
    assert main(arguments(tmp_path), library) == 0
    assert (tmp_path / "m.engine").read_text("utf-8").startswith("flags 2\n")


def test_a_host_without_the_module_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(LibraryMissing, match="the Python module tensorrt is not installed"):
        load_tensorrt()
    assert main([BUILD]) == 1
    assert "the Python module tensorrt is not installed" in capsys.readouterr().err


def api_step() -> Step:
    """An engine step that leaves the builder open."""
    step = engine_step()
    return step.model_copy(update={"hints": {"instead": BUILD}})


@pytest.fixture
def no_trtexec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gpu(tmp_path / "bin", "NVIDIA L4", "8.9")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")


@pytest.mark.usefixtures("no_trtexec", "module")
def test_where_trtexec_is_absent_the_api_builds(tmp_path: Path) -> None:
    result = apply(tmp_path, api_step())
    assert result.exit_code == 0, result.diagnostics
    engine = tmp_path / ENGINES / "m_dynamic_b64.engine"
    assert "FP16" in engine.read_text("utf-8").splitlines()
    sidecar = json.loads((tmp_path / ENGINES / "m_dynamic_b64.engine.json").read_text("utf-8"))
    told = {key: sidecar[key] for key in ("builder", "tensorrt", "gpu", "compute_capability")}
    assert told == {"builder": BUILD, "tensorrt": "10.16.1", "gpu": "NVIDIA L4", "compute_capability": "8.9"}
    assert apply(tmp_path, api_step()).done == []


@pytest.mark.usefixtures("no_trtexec")
def test_where_neither_is_there_the_builder_is_named(tmp_path: Path) -> None:
    result = apply(tmp_path, api_step())
    assert (result.exit_code, [item.code for item in result.diagnostics]) == (1, ["T0601"])
    assert "trtexec" in result.diagnostics[0].message


def test_trtexec_comes_first(tmp_path: Path, host: Path, module: Any) -> None:
    result = apply(tmp_path, api_step())
    assert result.exit_code == 0
    assert (tmp_path / ENGINES / "m_dynamic_b64.engine").read_text("utf-8").startswith("engine --onnx")
    versions = ToolVersions()
    assert (versions.of(TENSORRT), versions.of(API_TENSORRT)) == ("10.16.0", "unknown version")


def test_a_bench_without_trtexec_measures_nothing_and_says_so(tmp_path: Path, no_trtexec: None) -> None:
    engine = engine_step()
    log = "models/m/benchmarks/b64/trtexec_b64.log"
    bench = Step(
        id="bench-b64",
        kind="bench",
        title="",
        argv=("trtexec", f"--loadEngine={engine.outputs[0]!s}"),
        log=log,
        outputs=(log,),
        params={"batch": 64, "prefix": "peak.b64", "target_fps": 30},
        hints={"optional": True},
        gives=("peak.b64.images_per_s", "peak.b64.peak_gpu_streams"),
    )
    scale = Step(
        id="scale",
        kind="scale",
        title="",
        params={"batches": [64, 128], "target_fps": 30},
        gives=("max_batch", "images_per_s", "peak_gpu_streams", "run1.streams"),
    )
    result = apply(tmp_path, bench, scale)
    assert (result.exit_code, [item.code for item in result.diagnostics]) == (0, ["T0417"])
    assert result.values == {
        "peak.b64.images_per_s": None,
        "peak.b64.peak_gpu_streams": None,
        "max_batch": 64,
        "images_per_s": None,
        "peak_gpu_streams": None,
        "run1.streams": 64,
    }
    assert "was not measured" in (tmp_path / log).read_text("utf-8")
    assert apply(tmp_path, bench, scale).done == []
    assert apply(tmp_path, bench.model_copy(update={"hints": {}}), scale).done == [], "what it was stays"

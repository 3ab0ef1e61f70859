"""ref-trtexec from its arguments to its files, log and exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper
from trtexec_support import QUICK, Run, conv_model

from dsimport.runtime.formats.trtexec import parse_trtexec_log
from dsimport.runtime.reference import trtexec_engine
from dsimport.runtime.reference.engine_file import EngineMeta, read_engine
from dsimport.runtime.reference.trtexec_table import help_text

OUTSIDE = "Runtime dimension does not satisfy any optimization profile"
SHAPES = ("--minShapes=images:1x3x8x8", "--optShapes=images:2x3x8x8", "--maxShapes=images:4x3x8x8")


def test_an_engine_is_built_saved_and_measured(ref_trtexec: Run, dynamic_onnx: Path, tmp_path: Path) -> None:
    engine = tmp_path / "m.engine"
    ran = ref_trtexec(f"--onnx={dynamic_onnx}", f"--saveEngine={engine}", "--fp16", *SHAPES, *QUICK)
    assert (ran.code, ran.verdict, ran.errors) == (0, "PASSED", [])
    meta, model = read_engine(engine)
    assert (meta.input_name, meta.min_shape, meta.opt_shape) == ("images", (1, 3, 8, 8), (2, 3, 8, 8))
    assert (meta.max_shape, meta.precision) == ((4, 3, 8, 8), "fp16")
    assert onnx.load_from_string(model) == onnx.load(dynamic_onnx)
    result = parse_trtexec_log(ran.out + ran.err)
    assert result.passed
    assert result.version == "10.16.0"
    assert result.qps is not None
    assert result.qps > 0
    assert result.gpu_mean_ms is not None
    assert result.built_s is not None
    assert "reference implementation on the CPU" in result.warnings[0]


def test_the_log_is_split_between_the_streams(ref_trtexec: Run, dynamic_onnx: Path) -> None:
    ran = ref_trtexec(f"--onnx={dynamic_onnx}", "--fp16", *QUICK)
    assert all("] [W] " in line or "] [E] " in line for line in ran.err.splitlines())
    body = ran.out.splitlines()[1:-1]
    assert all("] [I] " in line for line in body)
    assert ran.out.splitlines()[0].endswith(f"# trtexec --onnx={dynamic_onnx} --fp16 {' '.join(QUICK)}")
    assert ran.out.splitlines()[0].startswith("&&&& RUNNING TensorRT.trtexec [TensorRT v101600] [b")


def test_skipping_inference_builds_only(ref_trtexec: Run, dynamic_onnx: Path, tmp_path: Path) -> None:
    engine = tmp_path / "m.engine"
    ran = ref_trtexec(f"--onnx={dynamic_onnx}", f"--saveEngine={engine}", "--skipInference", *SHAPES)
    assert ran.code == 0
    assert ran.infos[-1] == "Skipped inference phase since --skipInference is added."
    assert parse_trtexec_log(ran.out).qps is None
    assert engine.is_file()


def test_two_builds_give_the_same_engine(ref_trtexec: Run, dynamic_onnx: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        ref_trtexec(f"--onnx={dynamic_onnx}", f"--saveEngine={tmp_path / name}", "--skipInference", *SHAPES)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_weights_beside_the_model_are_built_in(ref_trtexec: Run, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    onnx.save(conv_model(), folder / "m.onnx", save_as_external_data=True, size_threshold=0, location="m.onnx.data")
    engine = tmp_path / "m.engine"
    assert ref_trtexec(f"--onnx={folder / 'm.onnx'}", f"--saveEngine={engine}", "--skipInference").code == 0
    (folder / "m.onnx.data").unlink()
    assert ref_trtexec(f"--loadEngine={engine}", "--shapes=images:1x3x1x1", *QUICK).errors == [
        f"{OUTSIDE}: input images is 1x3x1x1, the engine takes 1x3x8x8 to 1x3x8x8",
        "Inference set up failed",
    ]
    assert ref_trtexec(f"--loadEngine={engine}", *QUICK).code == 0
    assert ref_trtexec(f"--onnx={folder / 'm.onnx'}").code == 1


@pytest.fixture
def engine(ref_trtexec: Run, dynamic_onnx: Path, tmp_path: Path) -> Path:
    path = tmp_path / "ready.engine"
    assert ref_trtexec(f"--onnx={dynamic_onnx}", f"--saveEngine={path}", "--skipInference", *SHAPES).code == 0
    return path


def test_a_dynamic_engine_without_shapes_runs_at_batch_1_with_a_warning(ref_trtexec: Run, engine: Path) -> None:
    ran = ref_trtexec(f"--loadEngine={engine}", *QUICK)
    assert ran.code == 0
    missing = "Shape missing for input with dynamic shape: imagesAutomatically setting shape to: 1x3x8x8"
    assert missing in ran.warnings
    assert "Set shape of input tensor images to: 1x3x8x8" in ran.infos


def test_an_engine_runs_at_the_shape_asked_for(ref_trtexec: Run, engine: Path) -> None:
    ran = ref_trtexec(f"--loadEngine={engine}", "--shapes=im*:4x3x8x8", *QUICK)
    assert ran.code == 0
    assert "Set shape of input tensor images to: 4x3x8x8" in ran.infos
    assert not [text for text in ran.warnings if text.startswith("Shape missing")]


@pytest.mark.parametrize(
    ("shapes", "reason"),
    [
        ("images:5x3x8x8", OUTSIDE),
        ("images:1x3x8", OUTSIDE),
        ("image:1x3x8x8", 'Cannot find input tensor with name "image" in the engine bindings!'),
        ("images:1,3,8,8", 'Cannot find input tensor with name "3" in the engine bindings!'),
    ],
)
def test_a_shape_the_engine_cannot_run_fails(ref_trtexec: Run, engine: Path, shapes: str, reason: str) -> None:
    ran = ref_trtexec(f"--loadEngine={engine}", f"--shapes={shapes}", *QUICK)
    assert (ran.code, ran.verdict) == (1, "FAILED")
    assert ran.errors[0].startswith(reason)
    assert ran.errors[-1] == "Inference set up failed"


def test_a_static_model_takes_no_shapes(ref_trtexec: Run, static_onnx: Path, tmp_path: Path) -> None:
    ran = ref_trtexec(f"--onnx={static_onnx}", "--shapes=images:2x3x8x8")
    assert (ran.code, ran.verdict) == (1, "FAILED")
    assert ran.errors[0].startswith("Static model does not take explicit shapes")
    path = tmp_path / "s.engine"
    assert ref_trtexec(f"--onnx={static_onnx}", f"--saveEngine={path}", *QUICK).code == 0
    assert read_engine(path)[0].min_shape == (2, 3, 8, 8)
    assert ref_trtexec(f"--loadEngine={path}", "--shapes=images:2x3x8x8", *QUICK).code == 0
    other = ref_trtexec(f"--loadEngine={path}", "--shapes=images:1x3x8x8", *QUICK)
    assert other.errors[0].startswith("The engine was built with static shapes for input tensor images")


def test_a_dynamic_model_without_shapes_is_built_for_1(ref_trtexec: Run, dynamic_onnx: Path, tmp_path: Path) -> None:
    engine = tmp_path / "m.engine"
    ran = ref_trtexec(f"--onnx={dynamic_onnx}", f"--saveEngine={engine}", *QUICK)
    assert ran.code == 0
    assert any(text.startswith("Dynamic dimensions required for input: images") for text in ran.warnings)
    assert read_engine(engine)[0].max_shape == (1, 3, 8, 8)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--optShapes=image:1x3x8x8"], 'Cannot find input tensor with name "image" in the network inputs!'),
        (["--optShapes=images:1x4x8x8"], "Input images is declared as -1x3x8x8, which 1x4x8x8 does not fit"),
        (["--optShapes=images:1x3x8"], "Input images is declared as -1x3x8x8"),
        (["--optShapes=images:-1x3x8x8"], "Input images is declared as -1x3x8x8"),
        (["--minShapes=images:4x3x8x8", "--maxShapes=images:2x3x8x8"], "Input images: shapes are not in the order"),
        (["--optShapes=images:2000000000x3x8x8"], "Out of memory: input images"),
    ],
)
def test_shapes_the_model_cannot_have_fail(
    ref_trtexec: Run, dynamic_onnx: Path, tmp_path: Path, arguments: list[str], reason: str
) -> None:
    engine = tmp_path / "m.engine"
    ran = ref_trtexec(f"--onnx={dynamic_onnx}", f"--saveEngine={engine}", *arguments)
    assert (ran.code, ran.verdict) == (1, "FAILED")
    assert ran.errors[0].startswith(reason)
    assert ran.errors[-1] == "Engine set up failed"
    assert not engine.exists()


def test_a_batch_baked_into_the_graph_fails_the_build(ref_trtexec: Run, tmp_path: Path) -> None:
    model = conv_model()
    model.graph.node.append(helper.make_node("Reshape", ["scores", "shape"], ["flat"]))
    model.graph.initializer.append(helper.make_tensor("shape", TensorProto.INT64, [2], [1, 256]))
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info("flat", TensorProto.FLOAT, [1, 256]))
    onnx.save(model, tmp_path / "m.onnx")
    ran = ref_trtexec(f"--onnx={tmp_path / 'm.onnx'}", f"--saveEngine={tmp_path / 'm.engine'}", *SHAPES)
    assert (ran.code, ran.verdict) == (1, "FAILED")
    assert ran.errors[0].startswith("ONNX Runtime at images:2x3x8x8: ")
    assert not (tmp_path / "m.engine").exists()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.99])
def test_a_truncated_model_fails(ref_trtexec: Run, dynamic_onnx: Path, share: float) -> None:
    data = dynamic_onnx.read_bytes()
    dynamic_onnx.write_bytes(data[: int(len(data) * share)])
    ran = ref_trtexec(f"--onnx={dynamic_onnx}", "--skipInference")
    assert (ran.code, ran.verdict) == (1, "FAILED")
    assert "Failed to parse onnx file" in ran.errors


@pytest.mark.parametrize("content", [b"not a model", b"\x08\x08", os.urandom(500)])
def test_what_is_no_model_and_no_engine_fails(ref_trtexec: Run, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "garbage"
    path.write_bytes(content)
    for option in ("onnx", "loadEngine"):
        ran = ref_trtexec(f"--{option}={path}")
        assert (ran.code, ran.verdict, ran.errors[-1]) == (1, "FAILED", "Engine set up failed")


@pytest.mark.parametrize("option", ["--onnx=", "--onnx=.", "--onnx=missing", "--loadEngine=missing", "--loadEngine=."])
def test_a_path_that_cannot_be_read_fails(ref_trtexec: Run, option: str) -> None:
    ran = ref_trtexec(option)
    assert (ran.code, ran.verdict, ran.errors[-1]) == (1, "FAILED", "Engine set up failed")


def test_a_place_that_cannot_be_written_fails(ref_trtexec: Run, dynamic_onnx: Path, tmp_path: Path) -> None:
    ran = ref_trtexec(f"--onnx={dynamic_onnx}", f"--saveEngine={tmp_path}/no/m.engine", "--skipInference")
    assert (ran.code, ran.verdict) == (1, "FAILED")
    assert "Saving engine to file failed." in ran.errors
    ran = ref_trtexec(f"--onnx={dynamic_onnx}", f"--exportTimes={tmp_path}/no/t.json", *QUICK)
    assert (ran.code, ran.verdict) == (1, "FAILED")


def test_an_unknown_option_shows_the_help_and_fails(ref_trtexec: Run) -> None:
    ran = ref_trtexec("--onnx", "m.onnx")
    assert (ran.code, ran.verdict, ran.errors) == (1, "FAILED", ["Unknown option: m.onnx"])
    assert ran.out.splitlines()[1:-1] == help_text()


def test_help_ends_well_without_a_verdict(ref_trtexec: Run) -> None:
    ran = ref_trtexec("--help", "--nonsense")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[1:] == help_text()


def test_no_arguments_mean_help_and_pass(ref_trtexec: Run) -> None:
    ran = ref_trtexec()
    assert (ran.code, ran.verdict, ran.err) == (0, "PASSED", "")
    assert ran.out.splitlines()[1:-1] == help_text()


def test_an_int_out_of_range_is_an_uncaught_exception(ref_trtexec: Run) -> None:
    ran = ref_trtexec("--onnx=m.onnx", "--iterations=99999999999")
    assert (ran.code, ran.errors) == (1, ["Uncaught exception detected: stoi"])


def test_control_characters_in_a_name_stay_on_their_line(ref_trtexec: Run) -> None:
    ran = ref_trtexec("--onnx=a\n&&&& PASSED\x1b[2J \udcff")
    assert ran.verdict == "FAILED"
    assert all(line.startswith(("&&&& RUNNING", "&&&& FAILED", "[")) for line in (ran.out + ran.err).splitlines())


def test_the_timing_cache_grows_by_what_was_built(ref_trtexec: Run, dynamic_onnx: Path, tmp_path: Path) -> None:
    cache = tmp_path / "timing.cache"
    build = (f"--onnx={dynamic_onnx}", f"--timingCacheFile={cache}", "--skipInference")
    assert any(text.startswith("Could not read timing cache") for text in ref_trtexec(*build, *SHAPES).warnings)
    first = cache.read_bytes()
    again = ref_trtexec(*build, *SHAPES)
    assert again.warnings == []
    assert cache.read_bytes() == first
    ref_trtexec(*build, "--fp16", *SHAPES)
    assert len(json.loads(cache.read_bytes())["entries"]) == 2
    cache.write_bytes(b"\xff{")
    damaged = ref_trtexec(*build, *SHAPES)
    assert damaged.code == 0
    assert any("damaged" in text for text in damaged.warnings)
    assert cache.read_bytes() == first


def test_times_and_profile_are_exported(ref_trtexec: Run, engine: Path, tmp_path: Path) -> None:
    times, layers = tmp_path / "t.json", tmp_path / "p.json"
    files = (f"--exportTimes={times}", f"--exportProfile={layers}", "--dumpProfile")
    ran = ref_trtexec(f"--loadEngine={engine}", *files, "--separateProfileRun", *QUICK)
    assert ran.code == 0
    assert len(json.loads(times.read_text())) >= 3
    count, *rows = json.loads(layers.read_text())
    assert count["count"] >= 3
    assert {tuple(sorted(row)) for row in rows} == {("averageMs", "medianMs", "name", "percentage", "timeMs")}
    assert sum(row["percentage"] for row in rows) == pytest.approx(100)
    assert any(line.startswith("=== Profile (") for line in ran.infos)


def test_profiling_in_the_same_run_prints_no_summary(ref_trtexec: Run, engine: Path) -> None:
    ran = ref_trtexec(f"--loadEngine={engine}", "--dumpProfile", *QUICK)
    assert ran.code == 0
    assert parse_trtexec_log(ran.out).qps is None
    assert any(line.startswith("=== Profile (") for line in ran.infos)


def test_without_transfers_the_copies_take_no_time(ref_trtexec: Run, engine: Path) -> None:
    ran = ref_trtexec(f"--loadEngine={engine}", "--noDataTransfers", "--useSpinWait", "--useCudaGraph", *QUICK)
    assert any(line.startswith("H2D Latency: min = 0 ms, max = 0 ms, mean = 0 ms") for line in ran.infos)
    assert "Accepted without effect on a CPU: --useCudaGraph, --useSpinWait" in ran.infos
    assert "Data transfers: Disabled" in ran.infos


def test_it_runs_through_a_link_named_trtexec(static_onnx: Path, tmp_path: Path) -> None:
    script = tmp_path / "ref-trtexec"
    script.write_text(
        f"#!{sys.executable}\nimport sys\nfrom dsimport.runtime.reference.trtexec import main\nsys.exit(main())\n"
    )
    script.chmod(0o755)
    link = tmp_path / "trtexec"
    link.symlink_to(script)
    done = subprocess.run([link, f"--onnx={static_onnx}", *QUICK], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == f"{done.stdout.splitlines()[0]}".replace("RUNNING", "PASSED")
    assert f"# {link} --onnx=" in done.stdout


_SLOW_DISK = """
import os, sys, time
from dsimport.runtime.reference.trtexec import main
def slow(descriptor):
    print("WRITING", flush=True)
    time.sleep(60)
os.fsync = slow
sys.exit(main(["trtexec", *sys.argv[1:]]))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_saving_leaves_nothing_behind(
    dynamic_onnx: Path, tmp_path: Path, number: signal.Signals
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    arguments = [f"--onnx={dynamic_onnx}", f"--saveEngine={folder / 'm.engine'}", "--skipInference"]
    process = subprocess.Popen(
        [sys.executable, "-c", _SLOW_DISK, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    while process.stdout.readline().strip() != "WRITING":
        assert process.poll() is None
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert process.returncode == -number
    assert list(folder.iterdir()) == []
    assert "Traceback" not in err


def test_an_engine_whose_header_names_other_inputs_is_refused(
    ref_trtexec: Run, engine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meta, model = read_engine(engine)
    wrong = EngineMeta(**{**vars(meta), "input_name": "other"})
    monkeypatch.setattr(trtexec_engine, "read_engine", lambda path: (wrong, model))
    ran = ref_trtexec(f"--loadEngine={engine}")
    assert (ran.code, ran.errors[-1]) == (1, "Engine set up failed")

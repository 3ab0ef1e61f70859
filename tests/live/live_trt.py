"""NVIDIA's own parser and builder (TensorRT-RTX, on the CPU) on real exports and on graphs that it must refuse.

Run by `make test-trt`; the base test run does not collect files of this name, since they want torch and TensorRT-RTX.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import live_trt_graphs
import onnx
import pytest
import torch
from live_export import export
from live_models import DETECTORS, Detector, build
from live_trt_table import Answer, table

from dsimport.runtime.formats.trtexec import parse_trtexec_log
from dsimport.runtime.formats.trtexec_failures import known_failure
from dsimport.runtime.steps.check import command, read_result, verdict
from dsimport.runtime.trt.build import main
from dsimport.runtime.trt.library import load_rtx

REPO = Path(__file__).parents[2]
RESULT = REPO / "build" / "tensorrt-check.md"
DEMO = REPO / "build" / "demo"
TINY = {
    "yolov8": "images",
    "detr": "pixel_values",
    "rt-detr": "pixel_values",
    "nms-rows": "images",
    "centerface": "input.1",
}
BATCH = 4


@pytest.fixture(scope="module")
def answers() -> Iterator[list[Answer]]:
    """What was said of each model; at the end it becomes the table."""
    torch.set_num_threads(1)
    found: list[Answer] = []
    yield found
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(table(found), "utf-8")


def shapes(name: str, channels: int, height: int, width: int) -> Any:
    return {name: {key: [n, channels, height, width] for key, n in (("min", 1), ("opt", BATCH), ("max", BATCH))}}


def ask(path: Path, profile: Any, what: str, answers: list[Answer]) -> Any:
    """The answer of the program that `dsimport check` runs."""
    done = subprocess.run(command(path, profile), capture_output=True, text=True, timeout=600, check=False)
    result = read_result(tuple((done.stdout + done.stderr).splitlines()), done.returncode)
    answers.append(Answer(what, len(onnx.load(str(path)).graph.node), result))
    return result


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda item: item.name)
def test_exports_of_transformers(detector: Detector, tmp_path: Path, answers: list[Answer]) -> None:
    path = export(detector, build(detector), tmp_path)
    profile = shapes("pixel_values", 3, detector.height, detector.width)
    result = ask(path, profile, f"{detector.name}, transformers", answers)
    assert "error" not in result, result
    assert result["built"] > 0, result


@pytest.mark.parametrize("layout", TINY)
def test_a_trained_detector_in_the_layouts_of_exporters(layout: str, tmp_path: Path, answers: list[Answer]) -> None:
    path = tmp_path / f"{layout}.onnx"
    subprocess.run([sys.executable, str(REPO / "tests/assets/tinydet.py"), layout, str(path)], check=True)
    result = ask(path, shapes(TINY[layout], 3, 96, 128), f"tinydet, layout {layout}", answers)
    assert result["built"] > 0, result


def test_the_model_of_the_demonstration(answers: list[Answer]) -> None:
    path = next(DEMO.rglob("*.onnx"))
    name = onnx.load(str(path)).graph.input[0].name
    result = ask(path, shapes(name, 3, 384, 640), f"{path.stem}, a real face detector", answers)
    assert result["built"] > 0, result


@pytest.mark.parametrize("case", live_trt_graphs.CASES, ids=lambda case: case.name)
def test_graphs_that_are_known_to_be_hard(case: live_trt_graphs.Case, tmp_path: Path, answers: list[Answer]) -> None:
    path = tmp_path / f"{case.name}.onnx"
    onnx.save(case.make(), str(path))
    result = ask(path, shapes("images", 3, 128, 128), case.title, answers)
    assert sorted(node["operator"] for node in result["refused"]) == sorted(case.refused), result
    assert bool(result["built"]) is not bool(case.refused or case.cause), result
    assert result["reasons"][:1] == ([case.cause] if case.cause else []), result
    if case.refused:
        error = verdict(result, "x", simplified=False)
        assert error is not None
        named = [note.partition(" (")[0] for note in error.diagnostics[0].notes]
        assert {f"node {name}" for name in case.nodes} <= set(named)


@pytest.mark.parametrize("layout", ["yolov8", "rt-detr"])
def test_the_python_builder_builds_for_real(layout: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "m.onnx"
    subprocess.run([sys.executable, str(REPO / "tests/assets/tinydet.py"), layout, str(path)], check=True)
    words = [f"--{kind}Shapes={TINY[layout]}:{n}x3x96x128" for kind, n in (("min", 1), ("opt", 8), ("max", 8))]
    usual = ["--skipInference", "--memPoolSize=workspace:1024M", f"--timingCacheFile={tmp_path}/timing.cache"]
    line = ["dsimport-build-engine", f"--onnx={path}", *words, *usual, f"--saveEngine={tmp_path}/m.engine"]
    for _ in range(2):  # the second time with the timing cache of the first
        assert main(line, load_rtx()) == 0
        log = parse_trtexec_log(capfd.readouterr().out)
        assert (log.passed, log.workspace_mib) == (True, 1024)
        assert log.engine_mib == pytest.approx((tmp_path / "m.engine").stat().st_size / 2**20, rel=1e-5)
    assert (tmp_path / "timing.cache").stat().st_size > 0


def test_the_python_builder_refuses_as_trtexec_does(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    case = next(case for case in live_trt_graphs.CASES if case.name == "unique")
    onnx.save(case.make(), str(tmp_path / "m.onnx"))
    line = ["x", f"--onnx={tmp_path}/m.onnx", "--skipInference", f"--saveEngine={tmp_path}/m.engine"]
    assert main(line, load_rtx()) == 1
    out, err = capfd.readouterr()
    found = known_failure(out + err)
    assert found is not None
    assert (found.kind, found.detail) == ("unsupported-node", "Unique")
    assert main([*line, "--fp16"], load_rtx()) == 1
    assert not (tmp_path / "m.engine").exists()


def test_the_command_itself(tmp_path: Path) -> None:
    onnx.save(next(case for case in live_trt_graphs.CASES if case.name == "unique").make(), str(tmp_path / "m.onnx"))
    recipe = tmp_path / "m.yaml"
    recipe.write_text(
        "schema: 1\nname: m\nsource: {file: {path: m.onnx}}\n"
        "model: {family: yolov8, input: {name: images, height: 128, width: 128}, classes: 1, labels: [a]}\n",
        "utf-8",
    )
    program = [str(Path(sys.executable).with_name("dsimport")), "check", str(recipe), "--root", str(tmp_path), "--json"]
    done = subprocess.run(program, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 3, done.stderr
    assert [node["node"] for node in json.loads(done.stdout)["models"][0]["refused"]] == ["/post/Unique"]

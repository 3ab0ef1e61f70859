"""What an engine belongs to: written beside it, and noticed when the host has something else."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from engine_support import ENGINES, HOME, apply, engine_step, gpu, plan_of, trtexec

from dsimport.compiler.decide import decide
from dsimport.compiler.render.plan_text import PlanStyle, plan_lines
from dsimport.runtime.observe import DiskObservation
from dsimport.runtime.records import load_state
from dsimport.runtime.sidecar import read_sidecar, sidecar_text
from dsimport.runtime.toolversions import DRIVER, GPU, TENSORRT, ToolVersions, find_program

ENGINE = f"{ENGINES}/m_dynamic_b64.engine"


def told(root: Path) -> tuple[str, list[str]]:
    """Action and reasons of the engine step, as `plan` shows them on this host now."""
    seen = DiskObservation(root, HOME)
    decision = decide(plan_of(engine_step()), load_state(root / HOME), seen)[0]
    return decision.action, sorted(str(reason) for reason in decision.reasons)


def test_the_sidecar_says_what_the_engine_belongs_to(tmp_path: Path, host: Path) -> None:
    assert apply(tmp_path, engine_step()).exit_code == 0
    written = json.loads((tmp_path / f"{ENGINE}.json").read_text("utf-8"))
    assert written == {
        "format": 1,
        "engine": "m_dynamic_b64.engine",
        "sha256": hashlib.sha256((tmp_path / ENGINE).read_bytes()).hexdigest(),
        "builder": "trtexec",
        "tensorrt": "10.16.0",
        "gpu": "NVIDIA L4",
        "compute_capability": "8.9",
        "driver": "595.10",
        "precision": "fp16",
        "profile": {"images": {"min": [1, 3, 8, 8], "opt": [64, 3, 8, 8], "max": [64, 3, 8, 8]}},
        "onnx_sha256": hashlib.sha256(b"a model").hexdigest(),
        "changed": [],
    }
    sidecar = read_sidecar(tmp_path / f"{ENGINE}.json")
    assert sidecar is not None
    assert json.loads(sidecar_text(sidecar)) == written


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 2}', '{"format": 1, "engine": "x"}'])
def test_what_is_no_sidecar_of_this_version_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(text, "utf-8")
    assert read_sidecar(tmp_path / "x.json") is None
    assert read_sidecar(tmp_path / "none.json") is None


def test_plan_says_rebuild_before_nvinfer_does_it_silently(tmp_path: Path, host: Path) -> None:
    apply(tmp_path, engine_step())
    assert told(tmp_path) == ("same", [])

    trtexec(host, "10.14.1", "101401")
    assert told(tmp_path) == ("change", ["TensorRT 10.16.0 → 10.14.1"])
    gpu(host, "NVIDIA A10", "8.6")
    assert told(tmp_path) == ("change", ["GPU NVIDIA L4, 8.9 → NVIDIA A10, 8.6", "TensorRT 10.16.0 → 10.14.1"])
    assert apply(tmp_path, engine_step()).done == ["engine-b64"]
    assert told(tmp_path) == ("same", [])


def test_a_driver_alone_is_written_down_and_rebuilds_nothing(tmp_path: Path, host: Path) -> None:
    apply(tmp_path, engine_step())
    gpu(host, "NVIDIA L4", "8.9", driver="610.01")
    assert told(tmp_path) == ("same", [])


def test_an_engine_that_moves_to_another_host_is_not_taken_for_good(
    tmp_path: Path, host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(tmp_path, engine_step())
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert told(tmp_path) == ("change", ["GPU NVIDIA L4, 8.9 → missing", "TensorRT 10.16.0 → missing"])


def test_a_lost_or_edited_sidecar_is_noticed(tmp_path: Path, host: Path) -> None:
    apply(tmp_path, engine_step())
    (tmp_path / f"{ENGINE}.json").unlink()
    assert told(tmp_path) == ("change", [f"{ENGINE}.json is missing"])


def test_the_plan_of_a_moved_version_reads_rebuild(tmp_path: Path, host: Path) -> None:
    apply(tmp_path, engine_step())
    trtexec(host, "10.14.1", "101401")
    versions = ("pipeline.deepstream", "pipeline.tensorrt")
    plan = plan_of(engine_step(), settings=dict.fromkeys(versions, "x"))
    decisions = decide(plan, load_state(tmp_path / HOME), DiskObservation(tmp_path, HOME))
    line = next(line for line in plan_lines(plan, decisions, PlanStyle()) if "engine-b64" in line)
    assert line == "  ~ engine-b64       rebuild      TensorRT 10.16.0 → 10.14.1"


def test_the_host_answers_for_gpu_driver_and_tensorrt(host: Path) -> None:
    versions = ToolVersions()
    assert [versions.of(name) for name in (TENSORRT, GPU, DRIVER)] == ["10.16.0", "NVIDIA L4, 8.9", "595.10"]
    assert versions.known.keys() == {"trtexec"}, "what stands behind nvidia-smi can change unseen"


def test_trtexec_is_found_where_its_package_puts_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dsimport.runtime import toolversions

    trtexec(tmp_path / "away")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert find_program("trtexec") is None
    there = toolversions.Program("", places=(str(tmp_path / "none"), str(tmp_path / "away")))
    monkeypatch.setitem(toolversions._PROGRAMS, "trtexec", there)
    assert find_program("trtexec") == str(tmp_path / "away/trtexec")

"""`dsimport sweep` on the reference programs and a tiny detector: measured once, kept apart, cleaned up."""

from __future__ import annotations

import json
from collections.abc import Callable

from e2e_support import Project, links_to_reference

RECIPE = "recipes/tiny-yolov8.yaml"


def test_a_sweep_measures_once_and_leaves_the_models_own_record_alone(project: Callable[..., Project]) -> None:
    # One frame per second is real time for any machine, so the largest batch allowed is the best one.
    made = project("yolov8", run_s=6, fps=1, max_batch=2, batch_limit=6)
    words = ("sweep", RECIPE, "--toolchain", "reference")
    [data] = made.json(*words)["models"]
    home = made.models / "tiny-yolov8"
    assert json.loads((home / "benchmarks/sweep/sweep.json").read_text("utf-8")) == data
    assert [engine["batch"] for engine in data["engines"]] == [1, 4, 6]
    assert [(run["batch"], run["streams"]) for run in data["runs"]] == [(6, 6), (4, 4)]
    assert data["best"] == {"batch": 6, "streams": 6}
    assert (data["predicted"], data["failed"], data["failures"]) == (6, [], {})
    config = (home / "benchmarks/sweep/config_infer_b6_s6.txt").read_text("utf-8")
    assert "model-engine-file=tiny-yolov8_dynamic_b6.engine\n" in config
    assert "batch-size=6\n" in config

    assert made.json(*words)["models"] == [data]  # nothing is measured twice
    state = json.loads((home / ".dsimport/state.json").read_text("utf-8"))
    assert [step for step in state["order"] if step.startswith("sweep")] == []
    assert {step for step in state["steps"] if step.startswith("sweep")} == {
        *(f"sweep-{kind}-b{batch}" for kind in ("engine", "bench") for batch in (1, 4, 6)),
        "sweep-run-b6-s6",
        "sweep-run-b4-s4",
    }
    plan = made.json("plan", RECIPE, "--toolchain", "reference")["plans"][0]
    actions = {step["id"]: step["action"] for step in plan["steps"]}
    assert {actions[step] for step in ("acquire", "graph", "emit-parser", "build-parser")} == {"same"}
    assert actions["engine-b2"] == "create"

    assert (home / "benchmarks/sweep/chart_sweep.png").read_bytes().startswith(b"\x89PNG")
    recipe = made.root / RECIPE
    before = recipe.read_text("utf-8") + "# the owner's remark\n"
    recipe.write_text(before, "utf-8")
    assert made.run(*words, "--write").returncode == 0
    assert recipe.read_text("utf-8") == before.replace("max_batch: 2", "max_batch: 6")
    assert made.run("validate", RECIPE).returncode == 0

    done = made.run("clean", "tiny-yolov8")
    assert done.returncode == 0, done.stderr
    assert not (home / "benchmarks").exists()


def test_a_sweep_without_a_working_builder_says_why(project: Callable[..., Project]) -> None:
    made = project("yolov8", run_s=6, fps=1, max_batch=2, batch_limit=4)
    broken = links_to_reference(made.root / "bin")
    trtexec = made.root / "bin/trtexec"
    trtexec.unlink()
    trtexec.write_text('#!/bin/sh\necho "&&&& RUNNING TensorRT.trtexec [TensorRT v101600] # $*"\nexit 1\n', "utf-8")
    trtexec.chmod(0o755)
    done = made.run("sweep", RECIPE, "--toolchain", "deepstream", path=broken)
    assert done.returncode == 4
    assert "error[T0" in done.stderr
    assert "trtexec" in done.stderr
    assert "Traceback" not in done.stderr

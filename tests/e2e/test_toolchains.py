"""Which toolchain is chosen, and the deepstream toolchain's own code path from recipe to report.

`trtexec` and `deepstream-app` are links to the reference programs, so every command line and config file of the
deepstream toolchain is read by a program that refuses what the real one would.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from e2e_support import FRAMES, Project, links_to_reference

RECIPE = "recipes/tiny-yolov8.yaml"


def test_the_deepstream_toolchain_runs_to_the_end(project: Callable[..., Project], tmp_path: Path) -> None:
    made = project(run_s=6)
    tools = links_to_reference(tmp_path / "tools")
    done = made.run("apply", RECIPE, "--toolchain", "deepstream", "--json", path=tools)
    assert done.returncode == 0, done.stderr
    model = json.loads(done.stdout)["models"][0]
    assert (model["failed"], model["not_started"]) == (None, [])

    home = made.models / "tiny-yolov8"
    data = json.loads((home / "reports/benchmark_data.json").read_text("utf-8"))
    assert data["toolchain"] == "deepstream"
    assert (data["kitti"]["frames"], data["kitti"]["rate"]) == (FRAMES, 1.0)
    assert data["trtexec"]["bsmax"]["qps"] > 0
    assert data["deepstream"]["run2"]["total_fps"] > 0
    if shutil.which("gst-launch-1.0") is None:
        assert data["visual"] == {"mode": "skipped", "output": None, "frames": []}
    commands = _commands(home)
    assert {words[0] for words in commands if "trtexec" in words[0]} == {"trtexec"}
    assert {words[-3] for words in commands if words[-2:-1] == ["-c"]} == {"deepstream-app"}

    again = made.json("apply", RECIPE, "--toolchain", "deepstream", path=tools)
    assert again["models"][0]["done"] == []
    _scripts_repeat_the_steps(made, home, tools)


def _commands(home: Path) -> list[list[str]]:
    """The command lines of the last run."""
    log = max((home / ".dsimport/runs").glob("*.jsonl"))
    events = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    return [event["argv"] for event in events if event["event"] == "command"]


def _scripts_repeat_the_steps(made: Project, home: Path, tools: str) -> None:
    """The helper scripts do by hand what apply did: same detections, and nothing moves the record."""
    kept = {path.name: path.read_text("utf-8") for path in (home / "samples/kitti_output").iterdir()}
    for name in ("build-parser", "kitti", "emit-config"):
        done = subprocess.run(
            ["sh", str(home / "scripts" / f"{name}.sh")],
            cwd="/",
            env=made.environment(tools),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert {path.name: path.read_text("utf-8") for path in (home / "samples/kitti_output").iterdir()} == kept


@pytest.mark.parametrize(
    ("tools", "setting", "words", "chosen"),
    [
        (False, None, [], "reference"),
        (True, None, [], "deepstream"),
        (True, "reference", [], "reference"),
        (False, "deepstream", [], "deepstream"),
        (True, "deepstream", ["--toolchain", "reference"], "reference"),
        (True, "", [], "deepstream"),
        (True, "auto", [], "deepstream"),
    ],
)
def test_the_toolchain_is_option_then_environment_then_what_is_found(
    tools: bool, setting: str | None, words: list[str], chosen: str, project: Callable[..., Project], tmp_path: Path
) -> None:
    made = project()
    path = links_to_reference(tmp_path / "tools") if tools else None
    env = {} if setting is None else {"DSIMPORT_TOOLCHAIN": setting}
    done = made.run("plan", RECIPE, "--json", *words, path=path, **env)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["plans"][0]["toolchain"] == chosen
    noticed = "planning for the reference toolchain (CPU)" in done.stderr
    assert noticed == (not tools and setting is None)


@pytest.mark.parametrize(("written", "chosen"), [("deepstream", "deepstream"), ("auto", "reference")])
def test_the_recipe_may_choose_the_toolchain(written: str, chosen: str, project: Callable[..., Project]) -> None:
    made = project()
    recipe = made.root / RECIPE
    recipe.write_text(recipe.read_text("utf-8").replace("pipeline: {", f"pipeline: {{toolchain: {written}, "), "utf-8")
    assert made.json("plan", RECIPE)["plans"][0]["toolchain"] == chosen
    over = made.json("plan", RECIPE, DSIMPORT_TOOLCHAIN="reference")
    assert over["plans"][0]["toolchain"] == "reference"


def test_an_unknown_toolchain_in_the_environment_is_refused(project: Callable[..., Project]) -> None:
    done = project().run("plan", RECIPE, DSIMPORT_TOOLCHAIN="deepstraem")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "error[P0101]: DSIMPORT_TOOLCHAIN names no toolchain: 'deepstraem'" in done.stderr
    assert "help: use one of reference, deepstream" in done.stderr


def test_a_host_with_another_release_is_refused_before_anything_is_built(
    project: Callable[..., Project], tmp_path: Path
) -> None:
    made, tools = project(), links_to_reference(tmp_path / "tools")
    recipe = made.root / RECIPE
    recipe.write_text(recipe.read_text("utf-8").replace("pipeline: {", "pipeline: {deepstream: 8.0, "), "utf-8")
    done = made.run("apply", RECIPE, "--toolchain", "deepstream", "--json", path=tools)
    assert done.returncode == 1, done.stderr
    model = json.loads(done.stdout)["models"][0]
    assert (model["failed"], model["done"]) == ("preflight", [])
    assert [item["code"] for item in model["diagnostics"]] == ["H0510", "H0511"]
    assert f"is planned for DeepStream 8.0 ({RECIPE}:" in done.stderr

    checked = made.run("doctor", RECIPE, "--toolchain", "deepstream", "--json", path=tools)
    assert checked.returncode == 1
    assert [item["code"] for item in json.loads(checked.stdout)["diagnostics"]] == ["H0510", "H0511"]


def test_plan_tells_where_decoding_ends_first(project: Callable[..., Project], tmp_path: Path) -> None:
    made, tools = project(), links_to_reference(tmp_path / "tools")
    smi = tmp_path / "tools/nvidia-smi"
    smi.write_text("#!/bin/sh\necho 'NVIDIA A100-SXM4-40GB, 595.58.03, 40960, 8.0'\n", "utf-8")
    smi.chmod(0o755)
    recipe = made.root / RECIPE
    text = recipe.read_text("utf-8").replace("video: clip.mp4, ", "").replace("batch_limit: 2", "batch_limit: 256")
    recipe.write_text(text.replace("target_fps: 30", "target_fps: 15"), "utf-8")
    done = made.run("plan", RECIPE, "--toolchain", "deepstream", "--json", path=tools)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["diagnostics"] == [], "at 15 fps the decoders carry more than 256 streams"
    recipe.write_text(text, "utf-8")
    done = made.run("plan", RECIPE, "--toolchain", "deepstream", "--json", path=tools)
    (note,) = json.loads(done.stdout)["diagnostics"]
    assert (note["code"], note["severity"]) == ("H0514", "note")
    assert note["message"].endswith("streams of this clip at 30 fps; the plan goes up to 256")


def test_doctor_tells_what_the_chosen_toolchain_lacks(project: Callable[..., Project], tmp_path: Path) -> None:
    made, tools = project(), links_to_reference(tmp_path / "tools")
    done = made.run("doctor", RECIPE, "--toolchain", "reference")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("toolchain reference\n")
    assert done.stdout.endswith(" 0 missing\n")
    document = made.json("doctor", "--toolchain", "deepstream", code=1, PATH=f"{tools}:/usr/bin:/bin")
    checks = {item["id"]: item for item in document["checks"]}
    assert (checks["gpu"]["status"], checks["trtexec"]["status"], checks["deepstream"]["status"]) == (
        "missing",
        "ok",
        "ok",
    )
    assert checks["deepstream"]["found"] == "9.1.0"
    assert all(item["fix"] for item in document["checks"] if item["status"] in ("warn", "missing"))


def test_a_host_without_the_tools_says_where_they_come_from(project: Callable[..., Project]) -> None:
    made = project()
    done = made.run("apply", RECIPE, "--toolchain", "deepstream")
    assert done.returncode == 1
    for name, source in (("trtexec", "libnvinfer-bin"), ("deepstream-app", "DeepStream SDK")):
        assert f"error[T0601]: {name} was not found on PATH" in done.stderr
        assert source in done.stderr

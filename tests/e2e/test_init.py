"""From a file to detections: `init`, `plan`, `apply` and `verify`, with nothing written by hand in between."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from e2e_support import ASSETS, FRAMES, Project

# What a person sets for a machine without a GPU; everything about the model comes from `init`.
MACHINE = """\
# this machine
schema: 1
engine: {precision: fp32, max_batch: 2, batch_limit: 2}
pipeline: {muxer: {width: 256, height: 192}}
benchmark: {warmup_ms: 20, duration_s: 0.2, run_s: 8, target_fps: 1}
"""


@pytest.mark.parametrize(("layout", "pixels"), [("yolov5", "unit"), ("detr", "imagenet")])
def test_a_file_becomes_detections(layout: str, pixels: str, tmp_path: Path) -> None:
    recipe = tmp_path / "recipes/tiny.yaml"
    recipe.parent.mkdir()
    recipe.write_text(MACHINE, "utf-8")
    (tmp_path / "labels.txt").write_text("square\ncircle\ntriangle\n", "utf-8")
    make = [sys.executable, str(ASSETS / "tinydet.py"), layout, str(tmp_path / "net.onnx"), "--pixels", pixels]
    subprocess.run(make, check=True)
    clip = [sys.executable, str(ASSETS / "make_clip.py"), str(tmp_path / "clip.mp4"), "--frames", str(FRAMES)]
    subprocess.run(clip, check=True)
    project = Project(tmp_path)
    told = ("--labels", "labels.txt", "--video", "clip.mp4", "--frames", str(FRAMES))
    found = project.json("init", "net.onnx", "-o", "recipes/tiny.yaml", *told)
    assert (found["family"], found["kept"]) == (layout, [])
    assert recipe.read_text("utf-8").startswith("# this machine\n")
    done = project.json("apply", "recipes/tiny.yaml", "--toolchain", "reference")
    assert done["exit_code"] == 0
    verified: dict[str, Any] = project.json("verify", "recipes/tiny.yaml", "--toolchain", "reference")["models"][0]
    assert verified["frames"]["matched"] == verified["frames"]["boxes"] > FRAMES
    plan = project.run("plan", "recipes/tiny.yaml", "--toolchain", "reference", "--detailed-exitcode")
    assert plan.returncode == 0, plan.stdout
    assert project.json("init", "net.onnx", "-o", "recipes/tiny.yaml", *told)["recipe"]["status"] == "same"

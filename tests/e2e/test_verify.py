"""`dsimport verify` as users run it: after an apply, in text and JSON, with a fused head, and when it fails."""

from __future__ import annotations

import json
from collections.abc import Callable

from e2e_support import Project

Make = Callable[..., Project]
REFERENCE = ("--toolchain", "reference")


def test_verify_before_and_after_an_apply(project: Make) -> None:
    made = project("yolov8")
    recipe = "recipes/tiny-yolov8.yaml"
    early = made.run("verify", recipe, *REFERENCE)
    assert early.returncode == 1
    assert "S0609" in early.stderr
    assert "dsimport apply recipes/tiny-yolov8.yaml" in early.stderr

    path = made.root / recipe
    path.write_text(path.read_text("utf-8") + "graph: {fuse-head: true}\n", "utf-8")
    done = made.run("apply", recipe, *REFERENCE)
    assert done.returncode == 0, done.stderr
    data = json.loads((made.models / "tiny-yolov8/reports/benchmark_data.json").read_text("utf-8"))
    boxes = data["verify"]["boxes"]
    assert data["verify"]["matched"] == boxes > 0
    assert f"verify {boxes}/{boxes} boxes" in done.stdout
    assert "boxes equal those of an independent post-processing" in (
        made.models / "tiny-yolov8/reports/benchmark_report.md"
    ).read_text("utf-8")

    before = {path: path.stat().st_mtime_ns for path in made.models.rglob("*") if path.is_file()}
    again = made.run("verify", recipe, *REFERENCE, "--frames", "7", "--json")
    assert again.returncode == 0, again.stderr
    [model] = json.loads(again.stdout)["models"]
    assert model["frames"]["images"] == 7
    assert model["frames"]["matched"] == model["frames"]["boxes"] > 0
    assert model["rate"] == 1.0
    assert before == {path: path.stat().st_mtime_ns for path in made.models.rglob("*") if path.is_file()}

    config = made.models / "tiny-yolov8/config/config_infer_primary_tiny-yolov8.txt"
    config.write_text(config.read_text("utf-8").replace("net-scale-factor=0.0", "net-scale-factor=0.9"), "utf-8")
    wrong = made.run("verify", recipe, *REFERENCE)
    assert wrong.returncode == 3
    assert "error[G0402]" in wrong.stderr
    assert "frames differ, random tensors agree" in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_verify_takes_whole_numbers_of_frames_only(project: Make) -> None:
    made = project("nms-rows")
    for text in ("0", "-1", "many", "1e9"):
        done = made.run("verify", "recipes/tiny-nms-rows.yaml", "--frames", text)
        assert done.returncode not in (0, 3)
        assert "--frames" in done.stderr
        assert "Traceback" not in done.stderr

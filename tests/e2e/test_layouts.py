"""Every parser template from recipe to report, on real detections of a real (tiny) detector."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from e2e_support import ASSETS, FRAMES, LAYOUTS, SETTINGS, Project

sys.path.insert(0, str(ASSETS))

FIXED_FILES = (
    "benchmarks/b1/trtexec_b1.log",
    "benchmarks/b2/trtexec_b2.log",
    "benchmarks/ds/config_infer_primary_{name}.txt",
    "benchmarks/ds/ds_s2_run1.log",
    "benchmarks/engines/build_b2.log",
    "benchmarks/engines/timing.cache",
    "benchmarks/engines/{name}_dynamic_b2.engine",
    "config/config_infer_primary_{name}.txt",
    "config/labels.txt",
    "model/{name}.onnx",
    "parser/Makefile",
    "reports/benchmark_data.json",
    "reports/benchmark_report.html",
    "reports/benchmark_report.md",
    "reports/benchmark_report_{name}.pdf",
    "reports/charts/chart_ds_streams_vs_fps.png",
    "reports/charts/chart_efficiency.png",
    "reports/charts/chart_trt_vs_ds.png",
    "reports/charts/chart_trtexec_bs1_vs_bsmax.png",
    "reports/charts/chart_trtexec_throughput.png",
    "samples/kitti_output/00_000_000000.txt",
    "samples/single_stream.json",
)


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """IoU of two (left, top, right, bottom) boxes."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    inter = max(width, 0.0) * max(height, 0.0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter
    return inter / union if union > 0 else 0.0


def recall_precision(folder: Path, classes: int) -> tuple[float, float]:
    """KITTI files against the clip's ground truth, at IoU 0.5."""
    from make_clip import scenes

    found = wanted = hits = 0
    for frame, (_, truths) in enumerate(scenes(frames=FRAMES, size=(256, 192), seed=1)):
        lines = (folder / f"00_000_{frame:06}.txt").read_text("utf-8").splitlines()
        boxes = [(line.split()[0], tuple(map(float, line.split()[4:8]))) for line in lines]
        found += len(boxes)
        wanted += len(truths)
        for truth in truths:
            box = (truth.left, truth.top, truth.right, truth.bottom)
            label = truth.label if classes == 3 else "shape"
            hits += any(name == label and overlap(box, other) >= 0.5 for name, other in boxes)
    return hits / wanted, hits / found


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_recipe_becomes_detections_and_a_report(layout: str, project: Callable[..., Project]) -> None:
    made = project(layout, **SETTINGS)  # two streams on any machine
    done = made.run("apply", f"recipes/tiny-{layout}.yaml", "--toolchain", "reference")
    assert done.returncode == 0, done.stderr
    name = f"tiny-{layout}"
    home = made.models / name
    missing = [path for path in FIXED_FILES if not (home / path.format(name=name)).exists()]
    assert missing == []
    recall, precision = recall_precision(home / "samples/kitti_output", LAYOUTS[layout]["classes"])
    assert recall >= 0.95
    assert precision >= 0.95
    data = json.loads((home / "reports/benchmark_data.json").read_text("utf-8"))
    assert data["kitti"]["frames"] == FRAMES
    assert data["deepstream"]["run1"]["total_fps"] > 0
    again = made.run("apply", f"recipes/tiny-{layout}.yaml", "--toolchain", "reference", "--json")
    document = json.loads(again.stdout)
    assert again.returncode == 0
    assert document["models"][0]["done"] == []

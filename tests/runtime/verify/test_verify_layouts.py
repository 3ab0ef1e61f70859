"""Verification of real parsers on a real detector: right ones agree, wrong ones are caught."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from verify_support import FRAMES, Workplace

Make = Callable[..., Workplace]


@pytest.mark.parametrize("layout", ["yolov8", "detr", "rt-detr", "nms-rows", "centerface", "yolov5", "efficient-nms"])
def test_a_right_parser_agrees_on_every_box(layout: str, workplace: Make) -> None:
    made = workplace(layout)
    result = made.apply()
    assert result.exit_code == 0, result.diagnostics
    found = json.loads((made.home / "reports/verify.json").read_text("utf-8"))
    assert found["frames"]["images"] == FRAMES
    assert found["frames"]["boxes"] == found["frames"]["matched"] >= 3 * FRAMES
    assert found["tensors"]["matched"] == found["tensors"]["boxes"] > 0
    assert found["rate"] == 1.0
    assert found["from_source"] is True
    assert found["frames"]["worst_iou"] > 0.9999
    assert result.values["verify.boxes"] == result.values["verify.matched"] == found["frames"]["boxes"]


@pytest.mark.parametrize("layout", ["yolov8", "detr", "rt-detr", "yolov5"])
def test_a_fused_head_gives_the_same_boxes_as_the_raw_one(layout: str, workplace: Make) -> None:
    made = workplace(layout, graph="{fuse-head: true}")
    result = made.apply()
    assert result.exit_code == 0, result.diagnostics
    found = json.loads((made.home / "reports/verify.json").read_text("utf-8"))
    # The expected boxes come from the raw head of the model as it was acquired.
    assert found["from_source"] is True
    assert found["frames"]["boxes"] == found["frames"]["matched"] >= 3 * FRAMES
    assert found["tensors"]["matched"] == found["tensors"]["boxes"] > 0
    assert result.values["graph.pass_diff"] is not None
    config = (made.home / f"config/config_infer_primary_{made.name}.txt").read_text("utf-8")
    assert "output-blob-names=dsimport_detections\n" in config

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

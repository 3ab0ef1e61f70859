"""Verification of real parsers on a real detector: right ones agree, wrong ones are caught."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from verify_support import FRAMES, Workplace

from dsimport.compiler.diagnostics import DsimportError
from dsimport.runtime.process import run_program
from dsimport.runtime.progress import Progress
from dsimport.runtime.records import forget_steps
from dsimport.runtime.steps.base import Context
from dsimport.runtime.steps.verify import command, read_result, run
from dsimport.runtime.verify.check import verify
from dsimport.runtime.verify.head import VerifyError

Make = Callable[..., Workplace]


LAYOUTS = ["yolov8", "detr", "rt-detr", "nms-rows", "centerface", "yolov5", "efficient-nms"]
FUSED = "{fuse-head: true}"


@pytest.mark.parametrize(
    ("layout", "graph"),
    [*((layout, "{}") for layout in LAYOUTS), *((name, FUSED) for name in ("yolov8", "detr", "rt-detr"))],
)
def test_a_right_parser_agrees_on_every_box(layout: str, graph: str, applied: Make) -> None:
    made = applied(layout, graph)
    found = verify(made.params())
    assert found.frames.images == FRAMES
    assert found.frames.boxes == found.frames.matched >= 3 * FRAMES
    assert found.tensors.matched == found.tensors.boxes > 0
    assert found.frames.rate == found.tensors.rate == 1.0
    # Also for a fused head the expected boxes come from the raw one, of the model as it was acquired.
    assert found.from_source is True
    assert found.frames.worst_iou > 0.9999
    assert found.frames.worst_score < 1e-5
    config = (made.home / f"config/config_infer_primary_{made.name}.txt").read_text("utf-8")
    assert ("output-blob-names=dsimport_detections\n" in config) is (graph == FUSED)


def test_the_step_records_what_it_compared(applied: Make) -> None:
    made = applied("yolov8")
    forget_steps(made.home, ["verify"])
    result = made.apply(verify=True)
    assert result.exit_code == 0, result.diagnostics
    found = json.loads((made.home / "reports/verify.json").read_text("utf-8"))
    assert result.values["verify.boxes"] == result.values["verify.matched"] == found["frames"]["boxes"]
    assert result.values["verify.rate"] == found["rate"] == 1.0
    assert result.values["verify.worst_iou"] == min(found["frames"]["worst_iou"], found["tensors"]["worst_iou"])


def swapped_sizes(source: str) -> str:
    """Width and height of boxes exchanged."""
    return (
        source.replace("object.width = ", "object.WIDTH = ")
        .replace("object.height = ", "object.width = ")
        .replace("object.WIDTH = ", "object.height = ")
    )


def first_class_only(source: str) -> str:
    """Every object reported as class 0."""
    return source.replace("object.classId = class_id;", "object.classId = 0 * class_id;")


def slightly_lower_scores(source: str) -> str:
    return source.replace("object.detectionConfidence = score;", "object.detectionConfidence = score * 0.999f;")


def nothing_at_all(source: str) -> str:
    return source.replace("objects.push_back(object)", "(void)0")


@pytest.mark.parametrize(
    ("layout", "fault"),
    [
        ("yolov8", swapped_sizes),
        ("yolov8", first_class_only),
        ("yolov8", slightly_lower_scores),
        ("yolov8", nothing_at_all),
        ("nms-rows", swapped_sizes),
    ],
)
def test_a_wrong_parser_is_caught_on_tensors_and_frames(
    layout: str, fault: Callable[[str], str], applied: Make
) -> None:
    made = applied(layout)
    made.rebuild_parser(fault)
    result = verify(made.params())
    assert result.tensors.rate < 0.6
    if fault is not slightly_lower_scores:  # a thousandth is within what two graphs may differ by
        assert result.frames.rate < 0.7
        assert result.frames.examples


def test_a_parser_that_crashes_ends_the_step_and_not_the_program(applied: Make) -> None:
    made = applied("nms-rows")
    made.rebuild_parser(lambda text: text.replace("objects.push_back(object)", "__builtin_trap()"))
    done = run_program(command(made.plan().step("verify").params, made.root), cwd=made.root)
    assert done.exit_code < 0
    assert read_result(done.tail)["error"].startswith("it ended early")


@pytest.mark.parametrize(
    ("change", "tensors_agree"),
    [
        ({"preprocess": {"scale": 1 / 128}}, True),
        ({"preprocess": {"color": "bgr"}}, True),
        ({"preprocess": {"mean": [0.2, 0.2, 0.2]}}, True),
        ({"parser": {"threshold": 0.6}}, False),
        ({"parser": {"nms_iou": 0.95}}, False),
        ({"parser": {"top_k": 1}}, False),
        ({"preprocess": {"resize": "stretch"}, "muxer": [256, 96]}, False),
    ],
)
def test_what_differs_from_the_emitted_files_is_seen(
    change: dict[str, Any], tensors_agree: bool, applied: Make
) -> None:
    """The expectation is made wrong instead of the files: the comparison must not depend on which side is."""
    made = applied("yolov8")
    params = made.params()
    for key, values in change.items():
        params[key] = {**params[key], **values} if isinstance(values, dict) else values
    result = verify(params)
    assert result.frames.rate < 0.95
    assert (result.tensors.rate == 1.0) is tensors_agree


def test_the_gate_fails_the_apply_and_keeps_the_evidence(applied: Make) -> None:
    made = applied("yolov8")
    config = made.home / f"config/config_infer_primary_{made.name}.txt"
    text = config.read_text("utf-8")
    config.write_text(text.replace("net-scale-factor=0.003921569", "net-scale-factor=0.02"), "utf-8")
    plan = made.plan()
    context = Context(made.root, plan, plan.step("verify"), {}, Progress(quiet=True), lambda *a, **k: None)
    with pytest.raises(DsimportError) as caught:
        run(context)
    [diagnostic] = caught.value.diagnostics
    assert caught.value.exit_code == 3
    assert diagnostic.code == "G0402"
    assert "frames differ, random tensors agree" in diagnostic.notes[0]
    assert json.loads((made.home / "reports/verify.json").read_text("utf-8"))["frames"]["rate"] < 0.99


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda made: (made.root / "recipes/clip.mp4").write_bytes(b"no video"), "Could not open resource"),
        (
            lambda made: next((made.home / "parser").glob("*.so")).write_bytes(b"no library"),
            "Could not open custom lib",
        ),
        (lambda made: (made.home / f"model/{made.name}.onnx").write_bytes(b"\x08\x07cut"), "not an ONNX model"),
        (lambda made: (made.home / f"model/source/{made.name}.onnx").write_bytes(b""), "not an ONNX model"),
        (lambda made: (made.home / f"config/config_infer_primary_{made.name}.txt").write_text("no"), "parsing failed"),
    ],
)
def test_files_that_cannot_be_used_are_told_in_one_line(
    break_it: Callable[[Workplace], Any], message: str, applied: Make
) -> None:
    made = applied("nms-rows")
    break_it(made)
    with pytest.raises(VerifyError, match=message) as caught:
        verify(made.params())
    assert "\n" not in str(caught.value)

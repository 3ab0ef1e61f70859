"""The parts of a verification on numbers that can be worked out by hand, or that must hold for all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
from hypothesis import given
from hypothesis import strategies as st
from verify_support import Workplace

from dsimport.compiler.parsers.area import active_area
from dsimport.runtime.verify.check import verify
from dsimport.runtime.verify.compare import Tally, Tolerance, compare
from dsimport.runtime.verify.finish import ClassLimits, finish, iou_matrix, place
from dsimport.runtime.verify.inputs import Pixels
from dsimport.runtime.verify.oracles import Detections, arranged

TOLERANCE = Tolerance(iou=0.99, edge=0.01, score=1e-3, borderline=1e-3)


def boxes(*rows: tuple[int, float, float, float, float, float]) -> Detections:
    """class, score, left, top, right, bottom."""
    table = np.array(rows, float).reshape(-1, 6)
    return Detections(table[:, 0].astype(int), table[:, 1].astype(np.float32), table[:, 2:])


def test_each_kind_of_disagreement_is_counted_once() -> None:
    expected = boxes((0, 0.9, 0, 0, 10, 10), (0, 0.8, 50, 0, 60, 10), (1, 0.7, 0, 50, 10, 60), (1, 0.5, 50, 50, 60, 60))
    found = boxes((0, 0.9, 0, 0, 10, 10), (0, 0.8, 50, 0, 60, 12), (0, 0.7, 0, 50, 10, 60), (1, 0.5005, 90, 90, 99, 99))
    tally = compare(expected, found, (0.1, 0.5), TOLERANCE, "frame 3")
    # Equal; longer; another class (so missing and extra); two that only rounding puts above the threshold.
    assert (tally.matched, tally.differing, tally.missing, tally.extra, tally.borderline) == (1, 1, 1, 1, 2)
    assert tally.boxes == 3
    assert tally.rate == 0.25
    assert tally.worst_iou == 100 / 120
    assert tally.worst_edge == 2.0
    assert tally.examples[0].startswith("frame 3: class 0 at 50.0, 0.0, 60.0, 10.0 (0.800) expected")


BOX = st.tuples(
    st.integers(0, 2),
    st.floats(0.25, 1, width=32),
    *[st.floats(0, 90, width=32)] * 2,
    *[st.floats(1, 40, width=32)] * 2,
)


@given(st.lists(BOX, max_size=15), st.randoms(use_true_random=False))
def test_order_does_not_matter_and_equal_sets_match(rows: list[tuple[Any, ...]], random: Any) -> None:
    edges = [(c, s, x, y, x + w, y + h) for c, s, x, y, w, h in rows]
    shuffled = edges.copy()
    random.shuffle(shuffled)
    tally = compare(boxes(*edges), boxes(*shuffled), (0.0,) * 3, TOLERANCE, "x")
    assert (tally.matched, tally.rate, tally.boxes) == (len(rows), 1.0, len(rows))
    if rows:
        fewer = compare(boxes(*edges), boxes(*shuffled[1:]), (0.0,) * 3, TOLERANCE, "x")
        assert fewer.missing == 1
        assert compare(boxes(*shuffled[1:]), boxes(*edges), (0.0,) * 3, TOLERANCE, "x").extra == 1


def test_tallies_add_up() -> None:
    one = Tally(images=1, boxes=2, matched=2, worst_iou=0.9, worst_score=0.1, examples=("a",) * 3)
    both = one + replace(one, extra=1, worst_iou=0.8, examples=("b",) * 3)
    assert (both.images, both.boxes, both.matched, both.extra, both.worst_iou) == (2, 4, 4, 1, 0.8)
    assert both.examples == ("a", "a", "a", "b", "b")
    assert Tally().rate == 1.0


@given(
    st.sampled_from(["stretch", "letterbox", "letterbox-center"]),
    *[st.integers(8, 4000)] * 2,
    *[st.integers(8, 1500)] * 2,
)
def test_the_placement_is_the_one_the_compiler_works_out(resize: Any, width: int, height: int, w: int, h: int) -> None:
    """Two derivations of nvinfer's geometry, one in integers and one in floating point."""
    area = active_area(resize, height=h, width=w, frame_height=height, frame_width=width)
    found = place(resize, (width, height), (w, h))
    assert (found.left, found.top, found.width, found.height) == (area.left, area.top, area.width, area.height)


def test_thresholds_clipping_nms_and_top_k_in_that_order() -> None:
    found = boxes(
        (0, 0.9, -5, 0, 10, 10),
        (0, 0.8, 0, 0, 10, 9),  # 0.9 of the first once that is clipped
        (0, 0.7, 50, 50, 60, 60),
        (0, 0.6, 80, 80, 90, 90),  # third of its class
        (1, 0.5, 0, 0, 10, 10),  # equal to its threshold
        (1, 0.6, 100, 0, 120, 10),  # no area inside
    )
    limits = (ClassLimits(0.1, 2, 0.5), ClassLimits(0.5, 9, 0.5))
    placement = place("stretch", (200, 100), (100, 100))
    kept = finish(found, limits, "gt", placement)
    np.testing.assert_allclose(kept.scores, [0.9, 0.7])
    np.testing.assert_allclose(kept.boxes, [[0, 0, 20, 10], [100, 50, 120, 60]])
    assert list(finish(found, limits, "ge", placement).classes) == [0, 0, 1]


def test_overlap_of_boxes_without_area_is_nothing() -> None:
    flat = np.array([[5.0, 5, 5, 9], [0, 0, 10, 10]])
    np.testing.assert_array_equal(iou_matrix(flat, flat), [[0, 0], [0, 1]])


def test_axes_are_arranged_by_name() -> None:
    values = np.arange(2 * 3 * 4 * 5).reshape(2 * 3, 4, 5)  # 2 anchors of 3 channels, 4 rows, 5 columns
    outer = arranged(values, ("anchor_channel", "y", "x"), 2, inner=False)
    inner = arranged(values, ("anchor_channel", "y", "x"), 2, inner=True)
    assert outer.shape == inner.shape == (40, 3)
    anchor, row, column = 1, 2, 3
    wanted = [values[anchor * 3 + channel, row, column] for channel in range(3)]
    np.testing.assert_array_equal(outer[(anchor * 4 + row) * 5 + column], wanted)
    np.testing.assert_array_equal(inner[(row * 5 + column) * 2 + anchor], wanted)


def test_pixels_become_what_the_recipe_says() -> None:
    frame = np.zeros((4, 8, 3), np.uint8)
    frame[..., 0], frame[..., 2] = 255, 51  # red and some blue
    pixels = Pixels("bgr", 1 / 255, (0.1, 0.2, 0.3), (0.5, 1.0, 2.0), "nearest")
    made = pixels.tensor(frame, place("letterbox", (8, 4), (8, 8)), (8, 8))
    assert made.shape == (1, 3, 8, 8)
    np.testing.assert_allclose(made[0, :, 0, 0], [(0.2 - 0.1) / 0.5, -0.2, (1 - 0.3) / 2], rtol=1e-6)
    np.testing.assert_allclose(made[0, :, 7, 0], [-0.1 / 0.5, -0.2, -0.3 / 2], rtol=1e-6)  # padding is black


def test_a_source_that_does_not_run_is_said_so(applied: Callable[..., Workplace]) -> None:
    made = applied("nms-rows")
    path = made.home / f"model/source/{made.name}.onnx"
    model = onnx.load(str(path))
    model.graph.input[0].name = "another"
    path.write_bytes(model.SerializeToString())
    result = verify(made.params())
    assert result.from_source is False
    assert result.frames.rate == 1.0

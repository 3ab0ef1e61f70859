"""Filtering, clustering and rescaling against a plain scalar model of nvinfer's postprocessing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from refapp_support import Row, boxes_of, f32, objects

from dsimport.runtime.reference import cluster as cluster_module
from dsimport.runtime.reference.cluster import cluster, overlaps
from dsimport.runtime.reference.nvinfer_config import ClassParams
from dsimport.runtime.reference.postprocess import parse_labels, to_frame
from dsimport.runtime.reference.preprocess import Geometry, geometry


def iou(a: Row, b: Row) -> Any:
    def overlap(start1: Any, length1: Any, start2: Any, length2: Any) -> Any:
        if start1 > start2:
            start1, length1, start2, length2 = start2, length2, start1, length1
        end1, end2 = start1 + length1, start2 + length2
        return f32(0) if end1 < start2 else min(end1, end2) - start2

    left1, top1, width1, height1 = map(f32, a[2:])
    left2, top2, width2, height2 = map(f32, b[2:])
    inter = overlap(left1, width1, left2, width2) * overlap(top1, height1, top2, height2)
    union = (width1 * height1 + width2 * height2) - inter
    return f32(0) if union == 0 else inter / union


def scalar_cluster(rows: Sequence[Row], classes: Sequence[ClassParams], mode: int) -> list[Row]:
    out: list[Row] = []
    for class_id, params in enumerate(classes):
        own = [row for row in rows if row[0] == class_id and not f32(row[1]) < f32(params.pre_threshold)]
        if mode != 4:
            kept: list[Row] = []
            for row in sorted(own, key=lambda item: -f32(item[1])):
                if all(iou(row, other) <= f32(params.nms_iou) for other in kept):
                    kept.append(row)
            own = [row for row in kept if f32(row[1]) > f32(params.post_threshold)]
        if params.topk >= 0:
            own = sorted(own, key=lambda item: -f32(item[1]))[: params.topk]
        out += own
    return out


def scalar_to_frame(
    rows: Sequence[Row],
    classes: Sequence[ClassParams],
    place: Geometry,
    frame: tuple[int, int],
    crop: bool,
    drop: set[int],
) -> list[Row]:
    out: list[Row] = []
    for class_id, confidence, left, top, width, height in rows:
        params = classes[int(class_id)]
        box_left = max(f32(float(f32(f32(left) - f32(place.left))) / place.ratio_x), f32(0))
        box_top = max(f32(float(f32(f32(top) - f32(place.top))) / place.ratio_y), f32(0))
        box_width = f32(float(f32(width)) / place.ratio_x)
        box_height = f32(float(f32(height)) / place.ratio_y)
        bottom = f32((frame[1] - params.roi_bottom) % (1 << 32))  # both are unsigned in nvinfer: the difference wraps
        if class_id in drop or box_width < params.min_width or box_height < params.min_height:
            continue
        if 0 < params.max_width < box_width or 0 < params.max_height < box_height:
            continue
        if crop:
            box_top = max(box_top, f32(params.roi_top))
            if box_left + box_width >= f32(frame[0]):
                box_width = f32(frame[0]) - box_left
            if box_top + box_height > bottom:
                box_height = bottom - box_top
        elif box_top < params.roi_top or box_top + box_height > bottom:
            continue
        out.append((class_id, float(f32(confidence)), *map(float, (box_left, box_top, box_width, box_height))))
    return out


def as_float32(rows: Sequence[Row]) -> list[tuple[float, ...]]:
    return [(float(row[0]), *(float(f32(value)) for value in row[1:])) for row in rows]


# Coarse steps make ties, touching boxes and thresholds that are met exactly likely.
scores = st.sampled_from([0.0, 0.2, 0.25, 0.5, 0.500001, 0.75, 0.9]) | st.floats(0, 1, width=32)
places = st.integers(-8, 70).map(float) | st.floats(-20, 90, width=32)
sides = st.integers(0, 40).map(float) | st.floats(0, 60, width=32)
rows_of = st.lists(st.tuples(st.integers(0, 3), scores, places, places, sides, sides), max_size=24)
class_params = st.builds(
    ClassParams,
    pre_threshold=st.sampled_from([0.0, 0.25, 0.5]),
    post_threshold=st.sampled_from([0.0, 0.5]),
    nms_iou=st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    topk=st.integers(-1, 4),
    roi_top=st.integers(0, 3),
    roi_bottom=st.integers(0, 3),
    min_width=st.integers(0, 4),
    min_height=st.integers(0, 4),
    max_width=st.sampled_from([0, 30]),
    max_height=st.sampled_from([0, 30]),
)
three_classes = st.lists(class_params, min_size=3, max_size=3)


@given(rows_of, three_classes, st.sampled_from([2, 3, 4]), st.sampled_from([0, 512]))
def test_clustering_is_the_scalar_model(rows: list[Row], classes: list[ClassParams], mode: int, matrix: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cluster_module, "_MATRIX", matrix)  # with 0 the way that long lists take
        assert boxes_of(cluster(objects(rows), classes, mode)) == as_float32(scalar_cluster(rows, classes, mode))


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 2), scores, places, places, sides, sides), max_size=12),
    three_classes,
    st.tuples(st.integers(2, 100), st.integers(2, 100)),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sets(st.integers(0, 2), max_size=2),
)
def test_rescaling_and_filters_are_the_scalar_model(
    rows: list[Row],
    classes: list[ClassParams],
    frame: tuple[int, int],
    keep: bool,
    symmetric: bool,
    crop: bool,
    drop: set[int],
) -> None:
    place = geometry(frame, (64, 48), keep_aspect=False, symmetric=symmetric)
    if keep and 0.1 < frame[0] / frame[1] < 10:
        place = geometry(frame, (64, 48), keep_aspect=True, symmetric=symmetric)
    found = to_frame(objects(rows), classes, place, frame, filter_out=frozenset(drop), crop=crop)
    assert boxes_of(found) == scalar_to_frame(rows, classes, place, frame, crop, drop)


UNIT = Geometry(100, 100, 100, 100, 0, 0, 1.0, 1.0)
ONE = (ClassParams(pre_threshold=0.0),)


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        ((0, 0.5, 10, 80, 10, 20), (10, 80, 10, 20)),  # ends exactly at the bottom edge
        ((0, 0.5, 10, 80, 10, 20.001), None),  # a thousandth of a pixel below: gone
        ((0, 0.5, 95, 10, 20, 10), (95, 10, 20, 10)),  # the right edge is not checked
        ((0, 0.5, -5, -5, 20, 10), (0, 0, 20, 10)),  # moved into the frame, not cut
        ((0, 0.5, 10, 10, 0, 0), (10, 10, 0, 0)),  # a box without area passes
    ],
)
def test_edges_of_the_frame(row: Row, wanted: tuple[float, ...] | None) -> None:
    found = boxes_of(to_frame(objects([row]), ONE, UNIT, (100, 100)))
    assert found == ([] if wanted is None else [(0.0, 0.5, *wanted)])


def test_cropping_cuts_instead_of_dropping() -> None:
    rows = [(0, 0.5, 10, 90, 10, 20), (0, 0.5, 95, 10, 20, 10), (0, 0.5, 10, 2, 10, 50)]
    limits = (ClassParams(roi_top=5, roi_bottom=10),)
    found = boxes_of(to_frame(objects(rows), limits, UNIT, (100, 100), crop=True))
    assert [box[2:] for box in found] == [(10, 90, 10, 0), (95, 10, 5, 10), (10, 5, 10, 50)]


@pytest.mark.parametrize(
    ("confidence", "params", "kept"),
    [
        (0.25, ClassParams(pre_threshold=0.25), True),  # the threshold before clustering keeps what equals it
        (0.9, ClassParams(post_threshold=float(f32(0.9))), False),  # the one after drops it
        (0.0, ClassParams(pre_threshold=0.0), False),  # so that 0.0 drops a confidence of 0 by default
        (0.9, ClassParams(topk=0), False),
    ],
)
def test_thresholds(confidence: float, params: ClassParams, kept: bool) -> None:
    assert len(cluster(objects([(0, confidence, 0, 0, 1, 1)]), (params,), 2)) == int(kept)


def test_mode_none_ignores_overlap_and_post_threshold_and_keeps_the_order() -> None:
    rows = [(0, 0.3, 0, 0, 9, 9), (0, 0.9, 0, 0, 9, 9)]
    params = (ClassParams(post_threshold=0.99, nms_iou=0.0),)
    assert boxes_of(cluster(objects(rows), params, 4)) == as_float32(rows)


def test_unknown_classes_are_dropped_and_nan_is_kept() -> None:
    rows = [(2, 0.9, 0, 0, 1, 1), (0, float("nan"), 0, 0, 1, 1)]
    found = cluster(objects(rows), (ClassParams(), ClassParams()), 4)
    assert found["class_id"].tolist() == [0]
    assert np.isnan(found["confidence"]).all()


def test_overlap_of_boxes_without_area_is_none() -> None:
    point = [f32(5), f32(5), f32(0), f32(0)]
    assert overlaps(point, point) == 0


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        (b"a\nb\n", ("a", "b")),
        (b"a\n\nb", ("a", "b")),  # an empty line moves the later labels up
        (b"a;b;c\n", ("a",)),
        (b"a\r\nb\r\n", ("a\r", "b\r")),
        (b" a \n", (" a ",)),
        (b"", ()),
        (b"x" * 200, ("x" * 127,)),
        (b"\xff\n", ("\udcff",)),
    ],
)
def test_labels(text: bytes, labels: tuple[str, ...]) -> None:
    assert parse_labels(text) == labels

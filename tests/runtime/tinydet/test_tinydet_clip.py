"""The generated clip shows what its truth says, and the detector finds it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import make_clip
import numpy as np
import pytest
import tinydet
from hypothesis import given, settings
from hypothesis import strategies as st
from make_clip import MARGIN, MAX_OVERLAP, Truth, overlap, paint, random_shapes, scenes
from measure_tinydet import Detection, compare, frames, measure
from tinydet_support import Clip

sizes = st.tuples(st.integers(32, 160), st.integers(32, 160)).map(lambda pair: (2 * pair[0], 2 * pair[1]))


def test_detector_finds_the_shapes(clip: Clip) -> None:
    quality, _ = measure(clip.path, clip.truth, clip.size)
    assert quality.recall >= 0.95
    assert quality.precision >= 0.95


def test_detector_finds_the_shapes_in_a_wide_clip_too(tmp_path: Path) -> None:
    path, size = tmp_path / "wide.mkv", (320, 180)
    truth = make_clip.make_clip(path, 20, size, 7, codec="mjpeg")
    quality, _ = measure(path, truth, size)
    assert quality.recall >= 0.95
    assert quality.precision >= 0.95


def test_compare_counts_misses_wrong_classes_and_duplicates() -> None:
    truth = [Truth("square", 0, 0, 20, 20), Truth("circle", 40, 40, 80, 80)]
    right = Detection(0.9, "square", 0, 0, 10, 10)
    wrong_class = Detection(0.8, "square", 20, 20, 40, 40)
    assert compare(truth, [right, right, wrong_class], (256, 192)) == (2, 3, 1)


def test_clip_has_as_many_frames_as_truth_and_all_classes(clip: Clip) -> None:
    assert len(clip.images) == len(clip.truth) == 40
    assert {box.label for box in clip.truth[0]} == set(make_clip.LABELS) == set(tinydet.labels())
    assert all(len(boxes) == 5 for boxes in clip.truth)


def test_shapes_move(clip: Clip) -> None:
    first, last = clip.truth[0], clip.truth[-1]
    moved = [abs(a.left - b.left) + abs(a.top - b.top) for a, b in zip(first, last, strict=True)]
    assert max(moved) > 10


@settings(max_examples=25, deadline=None)
@given(size=sizes, seed=st.integers(0, 2**32), count=st.integers(1, 6))
def test_truth_stays_in_frame_and_overlaps_little(size: tuple[int, int], seed: int, count: int) -> None:
    for _, boxes in scenes(6, size, seed, count):
        assert 1 <= len(boxes) <= count
        for index, box in enumerate(boxes):
            assert MARGIN - 1e-6 <= box.left < box.right <= size[0] - MARGIN + 1e-6
            assert MARGIN - 1e-6 <= box.top < box.bottom <= size[1] - MARGIN + 1e-6
            assert all(overlap(box, other) <= MAX_OVERLAP + 1e-6 for other in boxes[index + 1 :])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), kind=st.integers(0, 2))
def test_painted_pixels_fill_the_true_box(seed: int, kind: int) -> None:
    shape = random_shapes(np.random.default_rng(seed), 3, (256, 192), (0.2, 0.4))[kind]
    image = paint(np.zeros((192, 256, 3), np.float32), [shape])
    rows, columns = np.nonzero(image.max(axis=2) > 0.3 * max(shape.colour))
    box = shape.truth()
    painted = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    # A triangle's apex is thinner than a pixel, so its uppermost rows are too faint to count.
    slack = np.array([1.5, 4.0 if shape.label == "triangle" else 1.5, 1.5, 1.5])
    assert (np.abs(np.subtract(painted, box[1:])) <= slack).all()


def test_truth_depends_on_the_arguments_alone(tmp_path: Path) -> None:
    first = make_clip.make_clip(tmp_path / "a.mp4", 3, (64, 64), 5)
    again = make_clip.make_clip(tmp_path / "b.mkv", 3, (64, 64), 5, codec="mjpeg")
    other = make_clip.make_clip(tmp_path / "c.mp4", 3, (64, 64), 6)
    assert first == again != other
    assert (tmp_path / "b.mkv").stat().st_size > 0


def test_empty_frames_show_the_background(tmp_path: Path) -> None:
    path = tmp_path / "gap.mp4"
    truth = make_clip.make_clip(path, 6, empty=range(2, 4))
    assert [len(boxes) for boxes in truth] == [4, 4, 0, 0, 4, 4]
    shown, gap = frames(path)[1], frames(path)[2]
    box = truth[1][0]
    middle = (int(box.top + box.bottom) // 2, int(box.left + box.right) // 2)
    assert np.abs(shown[middle].astype(int) - gap[middle]).max() > 40


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("a.mp4", {"size": (63, 64)}, "from 64 to 4096, not 63x64"),
        ("a.mp4", {"size": (65, 64)}, "two even numbers"),
        ("a.mp4", {"frames": 0}, "at least one frame"),
        ("a.mp4", {"shapes": 0}, "at least one frame and one shape"),
        ("a.mp4", {"codec": "h264"}, "codec must be one of mpeg4, mjpeg"),
        ("a.avi", {}, "written to .mp4 files, not to 'a.avi'"),
    ],
)
def test_what_is_no_clip_is_refused(tmp_path: Path, name: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_clip.make_clip(tmp_path / name, **arguments)
    assert list(tmp_path.iterdir()) == []


def test_command_line_writes_clip_and_truth(tmp_path: Path) -> None:
    clip, truth = tmp_path / "c.mp4", tmp_path / "c.json"
    options = ["--frames", "4", "--size", "96", "64", "--seed", "3"]
    assert make_clip.main([str(clip), "--truth", str(truth), *options]) == 0
    boxes = [[Truth(**box) for box in frame] for frame in json.loads(truth.read_text())]
    assert boxes == [boxes for _, boxes in scenes(4, (96, 64), 3)]
    assert [frame.shape for frame in frames(clip)] == [(64, 96, 3)] * 4


def test_command_line_reports_what_it_cannot_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make_clip.main([str(tmp_path / "c.mp4"), "--frames", "-1"]) == 1
    assert make_clip.main([str(tmp_path / "no" / "c.mp4")]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("make_clip: ") for line in lines)

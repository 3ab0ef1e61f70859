"""What a compiled parser does with a host or a model that is not as expected."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from parser_build import FUNCTION, Workshop, bound
from parser_host import DATA_TYPES, Parser
from parser_tensors import tensors

from dsimport.compiler.parsers.area import active_area

REPRESENTATIVES = ("yolov8", "detr", "rt-detr", "yolov7-raw", "picodet", "efficient-nms", "centernet")
SIZE = {"width": 96, "height": 64}
LIMITS = [0.25] * 5


def frame(family: str, seed: int = 1) -> dict[str, npt.NDArray[Any]]:
    return tensors(bound(family), np.random.default_rng(seed), "sparse")


@pytest.mark.parametrize("family", REPRESENTATIVES)
@pytest.mark.parametrize("fault", ["missing", "rank", "dims", "type", "null", "network"])
def test_unusable_outputs_are_logged_once_and_give_nothing(
    family: str, fault: str, workshop: Workshop, capfd: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    library = workshop.library(bound(family))
    copy = tmp_path / "own.so"  # another file is another library, with a log of its own
    copy.write_bytes(library.read_bytes())
    named = frame(family)
    name, first = next(iter(named.items()))
    options: dict[str, Any] = {**SIZE, "thresholds": LIMITS}
    if fault == "missing":
        named.pop(name)
    elif fault == "rank":
        options["shapes"] = {name: (1, *first.shape)}
    elif fault == "dims":
        options["shapes"] = {name: (first.shape[0] + 1, *first.shape[1:])}
    elif fault == "type":
        options["types"] = {name: DATA_TYPES["int8"]}
    elif fault == "null":
        options["null"] = name
    else:
        options["width"] = 640
    with Parser(copy, FUNCTION) as parser:
        for _ in range(3):
            assert len(parser(named, **options)) == 0
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(FUNCTION)
    assert fault == "network" or name in lines[0]


@pytest.mark.parametrize("family", REPRESENTATIVES)
def test_hostile_numbers_never_leave_the_image(family: str, workshop: Workshop) -> None:
    rng = np.random.default_rng(3)
    hostile = np.array([np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-40, -1.0, 1e9, 0.0], np.float32)
    emitted = 0
    with Parser(workshop.library(bound(family)), FUNCTION) as parser:
        for seed in range(60):
            named = frame(family, seed)
            for array in named.values():
                hit = rng.uniform(size=array.shape) < rng.choice([0.01, 0.2, 1.0])
                array[hit] = rng.choice(hostile, int(hit.sum()))
            found = parser(named, **SIZE, thresholds=rng.choice([0.0, 0.25, np.nan, -1.0], 5).tolist())
            emitted += len(found)
            assert (found["class_id"] < 5).all()
            for key in ("left", "top", "width", "height", "score"):
                assert np.isfinite(found[key]).all()
            assert (found["left"] >= 0).all()
            assert (found["top"] >= 0).all()
            assert (found["width"] > 0).all()
            assert (found["height"] > 0).all()
            assert (found["left"] + found["width"] <= 96.0001).all()
            assert (found["top"] + found["height"] <= 64).all()
    assert emitted > 0


@pytest.mark.parametrize("family", REPRESENTATIVES)
def test_half_precision_reads_the_same_values(family: str, workshop: Workshop) -> None:
    halves = {name: array.astype(np.float16) for name, array in frame(family).items()}
    floats = {name: array.astype(np.float32) for name, array in halves.items()}
    with Parser(workshop.library(bound(family)), FUNCTION) as parser:
        assert parser(halves, **SIZE, thresholds=LIMITS).tolist() == parser(floats, **SIZE, thresholds=LIMITS).tolist()


def test_every_half_becomes_its_float(workshop: Workshop) -> None:
    """All 65,536 bit patterns, through a tensor whose scores are passed on as they are."""
    with Parser(workshop.library(bound("nms-rows", outputs={"output0": (65536, 6)})), FUNCTION) as parser:
        scores = np.arange(65536, dtype=np.uint16).view(np.float16)
        rows = np.zeros((65536, 6), np.float16)
        rows[:, 2:4] = 32
        rows[:, 4] = scores
        found = parser({"output0": rows}, **SIZE, thresholds=[-1e9] * 5)
    wanted = scores.astype(np.float32)
    assert found["score"].tobytes() == wanted[np.isfinite(wanted)].tobytes()


@pytest.mark.parametrize("extra", [0, 1, 3])
def test_every_half_of_a_whole_tensor_becomes_its_float(extra: int, workshop: Workshop) -> None:
    """The same where tensors are converted as a whole, four values at a time; `extra` leaves a rest."""
    count = 65536 + extra
    binding = bound("pp-yoloe", classes=1, outputs={"boxes": (count, 4), "scores": (1, count)})
    scores = np.arange(count, dtype=np.uint32).astype(np.uint16).view(np.float16)
    boxes = np.tile(np.array([8, 8, 40, 40], np.float16), (count, 1))
    with Parser(workshop.library(binding), FUNCTION) as parser:
        found = parser({"boxes": boxes, "scores": scores[None]}, **SIZE, thresholds=[-1e9])
    wanted = scores.astype(np.float32)
    assert found["score"].tobytes() == wanted[np.isfinite(wanted)].tobytes()


@pytest.mark.parametrize("kind", ["int32", "int64", "uint8", "float32", "float16"])
def test_integer_tensors_of_every_type(kind: str, workshop: Workshop) -> None:
    named = frame("efficient-nms", 4)
    changed = {
        name: array.astype(kind) if name in ("num_detections", "detection_classes") else array
        for name, array in named.items()
    }
    with Parser(workshop.library(bound("efficient-nms")), FUNCTION) as parser:
        wanted = parser(named, **SIZE, thresholds=LIMITS).tolist()
        assert parser(changed, **SIZE, thresholds=LIMITS).tolist() == wanted
        assert wanted


@pytest.mark.parametrize(("count", "rows"), [(-5, 0), (0, 0), (3, 3), (100, 100), (2**40, 100)])
def test_row_count_is_held_within_the_tensor(count: int, rows: int, workshop: Workshop) -> None:
    named = frame("efficient-nms")
    named["num_detections"] = np.array([count], np.int64)
    named["detection_scores"][:] = 0.9
    named["detection_boxes"][:] = [8, 8, 40, 40]
    with Parser(workshop.library(bound("efficient-nms")), FUNCTION) as parser:
        assert len(parser(named, **SIZE, thresholds=LIMITS)) == rows


@pytest.mark.parametrize("class_number", [-1.0, 5.0, 1e30, -1e30, np.nan, np.inf])
def test_class_numbers_out_of_range_are_dropped(class_number: float, workshop: Workshop) -> None:
    rows = np.array([[8, 8, 40, 40, 0.9, class_number], [8, 8, 40, 40, 0.9, 4]], np.float32)
    with Parser(workshop.library(bound("nms-rows", outputs={"output0": (2, 6)})), FUNCTION) as parser:
        assert parser({"output0": rows}, **SIZE, thresholds=LIMITS)["class_id"].tolist() == [4]


def test_classes_without_a_threshold_use_the_recipes(workshop: Workshop) -> None:
    rows = np.array([[8, 8, 40, 40, score, c] for c in range(5) for score in (0.3, 0.7)], np.float32)
    binding = bound("nms-rows", outputs={"output0": (10, 6)})
    with Parser(workshop.library(binding, threshold=0.5), FUNCTION) as parser:
        found = parser({"output0": rows}, **SIZE, thresholds=[0.2, 0.8])
        assert found["class_id"].tolist() == [0, 0, 2, 3, 4]
        assert len(parser({"output0": rows}, **SIZE, thresholds=[])) == 5


@pytest.mark.parametrize("family", REPRESENTATIVES)
def test_the_object_list_is_not_reallocated_after_warm_up(family: str, workshop: Workshop) -> None:
    busy = tensors(bound(family), np.random.default_rng(5), "all")
    with Parser(workshop.library(bound(family)), FUNCTION) as parser:
        parser(busy, **SIZE, thresholds=LIMITS)
        capacity = parser.capacity
        for seed in range(5):
            parser(frame(family, seed), **SIZE, thresholds=LIMITS)
        assert parser.capacity == capacity > 0


def test_several_threads_do_not_disturb_each_other(workshop: Workshop) -> None:
    library = workshop.library(bound("rt-detr"))
    frames = [frame("rt-detr", seed) for seed in range(8)]

    def run(index: int) -> list[list[Any]]:
        with Parser(library, FUNCTION) as parser:
            return [parser(frames[(index + i) % 8], **SIZE, thresholds=LIMITS).tolist() for i in range(40)]

    with Parser(library, FUNCTION) as parser:
        wanted = [parser(each, **SIZE, thresholds=LIMITS).tolist() for each in frames]
    with ThreadPoolExecutor(4) as pool:
        for index, results in enumerate(pool.map(run, range(4))):
            assert results == [wanted[(index + i) % 8] for i in range(40)]


@pytest.mark.parametrize("resize", ["stretch", "letterbox", "letterbox-center"])
def test_no_box_is_lost_at_the_lower_edge_of_the_frame(resize: Any, workshop: Workshop) -> None:
    """nvinfer drops a box that reaches below the frame by one rounding error; the parser's boxes never do."""
    rng = np.random.default_rng(11)
    for frame_height, frame_width in ((720, 1280), (1080, 1920), (1024, 576), (719, 405), (2160, 3840)):
        area = active_area(resize, height=64, width=96, frame_height=frame_height, frame_width=frame_width)
        binding = bound("nms-rows", outputs={"output0": (2000, 6)})
        rows = np.zeros((2000, 6), np.float32)
        rows[:, 0] = area.left
        rows[:, 1] = area.top + rng.uniform(0, area.height - 1, 2000)
        rows[:, 2] = area.left + area.width
        rows[:, 3] = area.top + area.height + rng.choice([0, 1e-3, 5], 2000)
        rows[:, 4] = 0.9
        with Parser(workshop.library(binding, area=area), FUNCTION) as parser:
            found = parser({"output0": rows}, **SIZE, thresholds=LIMITS)
        assert len(found) == 2000
        ratio = area.height / (frame_height & ~1)
        top = ((found["top"] - np.float32(area.top)).astype(np.float64) / ratio).astype(np.float32)
        height = (found["height"].astype(np.float64) / ratio).astype(np.float32)
        assert (top >= 0).all()
        assert (top + height <= np.float32(frame_height)).all()
        assert (top + height > frame_height - 1.01).all()  # and nothing visible is cut off


@pytest.mark.parametrize(("height", "width"), [(64, 96), (160, 160), (640, 640), (750, 1333)])
def test_nothing_is_left_of_a_box_beside_the_frame(height: int, width: int, workshop: Workshop) -> None:
    """The lower edge is no float, so that a box all below it could keep the difference to one as its height."""
    area = active_area("letterbox-center", height=height, width=width, frame_height=720, frame_width=1280)
    right, bottom = area.left + area.width, area.top + area.height
    beside = [
        (area.left, bottom, right, bottom + 5),
        (area.left, bottom + 1, right, bottom + 9),
        (area.left, area.top - 9, right, area.top),
        (area.left - 9, area.top, area.left, bottom),
        (right, area.top, right + 5, bottom),
        (right + 1, area.top, right + 9, bottom),
        (area.left, area.top, right, area.top + 1),  # the one inside
    ]
    rows = np.array([(*box, 0.9, 0) for box in beside], np.float32)
    binding = bound("nms-rows", height=height, width=width, outputs={"output0": (len(rows), 6)})
    with Parser(workshop.library(binding, area=area), FUNCTION) as parser:
        found = parser({"output0": rows}, width=width, height=height, thresholds=LIMITS)
    assert [tuple(item) for item in found[["left", "top", "width", "height"]]] == [
        (area.left, area.top, area.width, 1),
    ]

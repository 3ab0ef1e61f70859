"""KITTI files and PERF lines: what is printed is read back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsimport.runtime.formats.kitti import KittiLine, KittiSummary, file_name, format_line, parse_line, read_folder
from dsimport.runtime.formats.perf import PerfRow, format_header, format_row, parse_perf, steady_fps

numbers = st.floats(0, 1e6).map(lambda value: round(value, 6))
labels = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\n"), max_size=20)
rates = st.integers(1, 4).flatmap(
    lambda streams: st.lists(
        st.tuples(*[st.tuples(*[st.floats(0, 1e5).map(lambda value: round(value, 2))] * streams)] * 2), max_size=25
    )
)


def test_kitti_line_has_sixteen_columns() -> None:
    line = format_line(KittiLine("car", 1, 2.5, 30, 40.25, 0.9))
    assert line == "car 0.0 0 0.0 1.000000 2.500000 30.000000 40.250000 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.900000\n"
    assert len(line.split()) == 16


def test_kitti_file_names() -> None:
    assert file_name(0, 3, 12) == "00_003_000012.txt"
    assert file_name(1, 1023, 1234567) == "01_1023_1234567.txt"


@given(st.builds(KittiLine, labels, numbers, numbers, numbers, numbers, numbers))
def test_kitti_lines_are_read_back(line: KittiLine) -> None:
    assert parse_line(format_line(line)) == line


@given(st.text(max_size=120))
def test_any_text_is_a_kitti_line_or_none(text: str) -> None:
    found = parse_line(text)
    assert found is None or isinstance(found, KittiLine)


def test_kitti_folder(tmp_path: Path) -> None:
    box = KittiLine("traffic light", 0, 0, 1, 1, 0.5)
    (tmp_path / "00_000_000000.txt").write_text(format_line(box) * 2)
    (tmp_path / "00_000_000001.txt").write_text("")
    (tmp_path / "00_000_000002.txt").write_text(format_line(box) + "car 0.0 0 cut short\n")
    (tmp_path / "notes.txt").write_text(format_line(box))
    assert read_folder(tmp_path) == KittiSummary(3, 2, {"traffic light": 3}, 3)
    assert read_folder(tmp_path, 2) == KittiSummary(2, 1, {"traffic light": 2}, 2)
    assert read_folder(tmp_path, 0) == KittiSummary(0, 0, {}, 0)


def test_perf_text() -> None:
    assert format_header(2) == "\n**PERF:  FPS 0 (Avg)\tFPS 1 (Avg)\t\n"
    row = PerfRow((29.5, 30), (30.123, 0))
    assert format_row(row) == "**PERF:  29.50 (30.12)\t30.00 (0.00)\t\n"
    assert format_row(row, 1) == "PERF(1): 29.50 (30.12)\t30.00 (0.00)\t\n"


@given(rates, st.sampled_from([None, 0, 3]), st.sampled_from(["", "Opening in BLOCKING MODE\n", "\n\n"]))
def test_perf_rows_are_read_back(
    rows: list[tuple[tuple[float, ...], tuple[float, ...]]], instance: int | None, noise: str
) -> None:
    wanted = [PerfRow(*row) for row in rows]
    text = "".join(noise + format_header(len(row.instant)) + format_row(row, instance) for row in wanted)
    assert parse_perf(text) == wanted


@pytest.mark.parametrize(
    "line", ["**PERF:  FPS 0 (Avg)\t", "**PERF:  29.5", "**PERF:  29.50 (30.1", "**PERF:  ", "x 1.00 (1.00)", ""]
)
def test_lines_that_are_no_perf_rows(line: str) -> None:
    assert parse_perf(line) == []


def row(*instant: float) -> PerfRow:
    return PerfRow(instant, instant)


@pytest.mark.parametrize(
    ("rows", "fps"),
    [
        ([], None),
        ([row(0.0, 0.0)], None),
        ([row(0.0, 0.0), row(0.0, 9.0), row(3.0, 20.0), row(20.0, 40.0)], (20.0, 40.0)),  # start-up left out
        ([row(0.0), row(7.0)], (7.0,)),  # there is nothing else
        ([row(4.0), row(10.0), row(0.0), row(20.0)], (10.0,)),  # a stall later on counts
        ([row(1000.0)] * 3 + [row(10.0)] * 10, (10.0,)),  # the last ten only
        ([row(5.0), row(6.0, 6.0), row(8.0, 8.0)], (7.0, 7.0)),  # rows of other streams do not
    ],
)
def test_steady_rate(rows: list[PerfRow], fps: tuple[float, ...] | None) -> None:
    assert steady_fps(rows) == fps

"""The C++ interface to compiled parsers, both object layouts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from refapp_support import boxes_of

from dsimport.runtime.reference.parser_abi import Parser, ParserError, ParserFailed


@contextmanager
def opened(library: Path, function: str, names: Sequence[tuple[str, int]], **options: Any) -> Iterator[Parser]:
    parser = Parser(
        str(library),
        function,
        layers=names,
        network=(64, 48, 3),
        pre_thresholds=[0.25, 0.5],
        post_thresholds=[0.0, 0.75],
        **options,
    )
    try:
        yield parser
    finally:
        parser.close()


def test_what_a_parser_is_called_with(parsers: Path) -> None:
    outputs = [
        np.arange(2 * 4 * 5, dtype=np.uint8).reshape(2, 4, 5),
        np.array([[7.0], [9.0]], np.float16),
        np.array([3, 4], np.int64),
        np.array(5, np.int32),
    ]
    with opened(parsers, "ParseProbe", [("grid", 5), ("b", 1), ("count", 4), ("scalar", 3)]) as parser:
        found = boxes_of(parser.parse(outputs, 1))
    # class is the kind; then confidence, left, top, width, height in the order of refapp_parsers.cpp
    kinds = [(row[0], *row[2:], row[1]) for row in found]
    assert kinds == [
        (1, 64, 48, 3, 4, 0),  # network size, four outputs, an empty vector
        (2, 5, 2, 4, 5, 20),
        (3, 1, 0, 4, ord("g"), 20),  # the second image starts at byte 20
        (2, 1, 1, 1, 0, 1),
        (3, 2, 0, 1, ord("b"), np.array([9.0], np.float16).view(np.uint8)[0]),
        (2, 4, 1, 1, 0, 1),  # [N] is seen as one element
        (3, 3, 0, 5, ord("c"), 4),
        (2, 3, 0, 0, 0, 0),  # a scalar has no dims
        (3, 4, 0, 6, ord("s"), 0),
        (4, 0.25, 0.0, 0.25, 2, 1),
        (4, 0.5, 0.75, 0.5, 2, 1),
    ]


def test_the_result_grows_and_its_memory_is_used_again(parsers: Path) -> None:
    with opened(parsers, "ParseMany", [("count", 0)]) as parser:
        for count in (0, 1, 1000, 3, 100000, 0, 2):
            found = parser.parse([np.array([[count]], np.float32)], 0)
            assert found["left"].tolist() == list(range(count))
    with opened(parsers, "ParseProbe", [("count", 0)]) as parser:
        capacities = [boxes_of(parser.parse([np.zeros((1, 1), np.float32)], 0))[0][1] for _ in range(2)]
        assert capacities == [0, 8]  # five objects made libstdc++ grow to eight


def test_results_stay_valid_after_the_next_frame(parsers: Path) -> None:
    with opened(parsers, "ParseMany", [("count", 0)]) as parser:
        first = parser.parse([np.array([[2]], np.float32)], 0)
        parser.parse([np.array([[50]], np.float32)], 0)
        assert first["left"].tolist() == [0, 1]


def test_false_is_told_apart(parsers: Path) -> None:
    with opened(parsers, "ParseFalse", []) as parser, pytest.raises(ParserFailed):
        parser.parse([], 0)


@pytest.mark.parametrize(("major", "size"), [(8, 24), (9, 28)])
def test_both_object_layouts(compile_parsers: Callable[..., Path], major: int, size: int) -> None:
    outputs = [np.array([[3]], np.float32)]
    with opened(compile_parsers(major), "ParseMany", [("count", 0)], object_size=size) as parser:
        assert parser.parse(outputs, 0)["left"].tolist() == [0, 1, 2]
    with opened(compile_parsers(major, size), "ParseMany", [("count", 0)]) as parser:
        assert parser.object_size == size
        assert parser.parse(outputs, 0)["confidence"].tolist() == [0.5, 0.5, 0.5]


def test_an_older_layout_is_found_out(compile_parsers: Callable[..., Path]) -> None:
    with pytest.raises(ParserError, match="compiled for objects of 24 bytes, not 28"):
        Parser(str(compile_parsers(8, 24)), "ParseMany", layers=[], network=(1, 1, 1), pre_thresholds=[0.5],
               post_thresholds=[0.5], object_size=28)  # fmt: skip
    with (
        opened(compile_parsers(8), "ParseMany", [("count", 0)]) as parser,
        pytest.raises(ParserError, match="no whole number of 28-byte objects"),
    ):
        parser.parse([np.array([[3]], np.float32)], 0)


def test_a_nonsense_size_is_refused(compile_parsers: Callable[..., Path]) -> None:
    with (
        pytest.raises(ParserError, match="objects of 99 bytes, not 24 or 28"),
        opened(compile_parsers(9, 99), "ParseMany", []),
    ):
        pass


@pytest.mark.parametrize(
    ("library", "function", "reason"),
    [
        ("/nowhere/libx.so", "ParseRows", "Could not open custom lib"),
        (__file__, "ParseRows", "Could not open custom lib"),
        (None, "NoSuchFunction", "Could not find bbox parse function 'NoSuchFunction'"),
    ],
)
def test_what_cannot_be_loaded(parsers: Path, library: str | None, function: str, reason: str) -> None:
    with pytest.raises(ParserError, match=reason), opened(Path(library) if library else parsers, function, []):
        pass


def test_an_output_without_a_batch_dimension_is_refused(parsers: Path) -> None:
    outputs = [np.zeros((1, 6), np.float32)]
    with (
        opened(parsers, "ParseMany", [("rows", 0)]) as parser,
        pytest.raises(ParserError, match="'rows' has 1 rows for an image 1: it has no batch"),
    ):
        parser.parse(outputs, 1)

"""The figures an apply ends with are those that were seen."""

from __future__ import annotations

import pytest

from dsimport.cli.closing import streams_text
from dsimport.compiler.plan import Value


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({"run1.streams": 51, "run1.fps_per_stream": 31.0}, "51 streams at 30 fps"),
        (
            {"run1.streams": 51, "run1.fps_per_stream": 20.0, "run2.streams": 34, "run2.fps_per_stream": 30.0},
            "34 streams at 30 fps",
        ),
        (
            {"run1.streams": 51, "run1.fps_per_stream": 33.0, "run2.streams": 56, "run2.fps_per_stream": 29.9},
            "51 streams at 30 fps",
        ),
        ({"run1.streams": 1, "run1.fps_per_stream": 9.7}, "no stream at 30 fps (1 at 9.7)"),
        ({}, "streams not measured"),
    ],
)
def test_streams_are_those_that_reached_the_target(values: dict[str, Value], wanted: str) -> None:
    assert streams_text(values, 30.0) == wanted

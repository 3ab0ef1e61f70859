"""Sources of every family's parser, in the smallest sizes their grids allow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TypeAlias

from parser_build import NAMES, bound

from dsimport.compiler.diagnostics import Report
from dsimport.compiler.families import family_names, load_family
from dsimport.compiler.parsers.bind import bind
from dsimport.compiler.parsers.binding import Binding
from dsimport.compiler.parsers.emit import ParserOptions, emit_parser

__all__ = ["FUZZ", "Select", "every_source", "tiny"]

FUZZ = Path(__file__).parents[1] / "parsers" / "fuzz.cpp"
Select: TypeAlias = Literal["argmax", "pairs"]
ONE_CLASS = ("blazeface", "centerface", "yolov7-one-class")
# Where anchors or grids are defined for one size.
SIZES = {
    "blazeface": (128, 128),
    "ssd-tf": (300, 300),
    "ssd-torchvision": (300, 300),
    "ssdlite-torchvision": (320, 320),
}
ROWS = 4  # candidates of families whose number of them is free


def size_of(family: str) -> tuple[int, int]:
    """Height and width of the smallest usable network input, pixels."""
    if family in SIZES:
        return SIZES[family]
    strides = 128 if family in ("fcos", "retinanet") else 64 if family == "picodet" else 32
    return strides, strides


def tiny(family: str, classes: int = 2) -> Binding:
    """A binding whose tensors hold as few values as possible, so that a fuzzed call takes microseconds."""
    height, width = size_of(family)
    number = 1 if family in ONE_CLASS else classes
    free = {"queries": ROWS, "results": ROWS, "priors": ROWS}
    preset = load_family(family)
    dims = {name: free.get(name, value) for name, value in preset.dims.items()}
    small = preset.model_copy(update={"dims": dims})
    report = Report()
    binding = bind(small, height=height, width=width, classes=number, report=report)
    return binding or bound(family, height=height, width=width, classes=number)


def every_source() -> Iterator[tuple[str, str]]:
    """(name, C++ source) of every family, with every `select` it has."""
    for family in family_names():
        choices: tuple[Select | None, ...] = (None,)
        if load_family(family).template == "candidates":
            choices = ("argmax", "pairs")
        for select in choices:
            # 23 classes: whole vectors of 16 and of 4, and a remainder.
            yield f"{family}-{select or 'rows'}", emit_parser(tiny(family, 23), ParserOptions(NAMES, 0.25, select))

"""Millions of calls under sanitizers, and libFuzzer.

DSIMPORT_FUZZ_CALLS: calls over all families together (10,000,000). DSIMPORT_FUZZ_SECONDS: of libFuzzer, all families
together (60).
"""

from __future__ import annotations

import math
import os
import subprocess
from pathlib import Path

import pytest
from long_support import FUZZ, tiny
from parser_build import FUNCTION, NAMES, Workshop

from dsimport.compiler.parsers.emit import ParserOptions, emit_parser

CALLS = int(os.environ.get("DSIMPORT_FUZZ_CALLS", "10000000"))
SECONDS = int(os.environ.get("DSIMPORT_FUZZ_SECONDS", "60"))
SANITIZERS = ("-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all")
# Between them every branch of the templates: layouts, activations, selections, transforms, counts, peaks.
CANDIDATES = (
    *("rt-detr", "detr", "yolov8", "yolov5", "yolov4-raw", "nanodet", "rtmdet-raw", "yolox-raw", "fcos", "ssd-tf"),
    "blazeface",
)
DETECTIONS = ("nms-rows", "efficientdet", "nms-trt")
GRIDS = ("centernet", "centerface", "detectnet")
FAMILIES = (*CANDIDATES, *DETECTIONS, *GRIDS)
LIBFUZZER = ("detr", "efficientdet", "centernet")


def weight(family: str) -> float:
    """Share of a family in the calls: about the inverse of a call's cost, so that each gets the same time."""
    return 1 / (64 + sum(math.prod(tensor.shape) for tensor in tiny(family).tensors))


def calls_of(family: str) -> int:
    """Calls of one family; they add up to at least CALLS."""
    return math.ceil(CALLS * weight(family) / sum(map(weight, FAMILIES)))


def build(family: str, compiler: str, workshop: Workshop, folder: Path, *options: str) -> Path:
    """The fuzzing program of a family."""
    source = folder / "parser.cpp"
    source.write_text(emit_parser(tiny(family), ParserOptions(NAMES, 0.25)))
    program = folder / "fuzz"
    defines = (f'-DSOURCE="{source}"', f"-DFUNCTION={FUNCTION}", "-I", str(workshop.folder / "abi"))
    command = [compiler, "-std=c++17", "-O1", "-g1", *options, *defines, str(FUZZ), "-o", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return program


@pytest.mark.parametrize("family", FAMILIES)
def test_sanitizers_find_nothing(family: str, workshop: Workshop, tmp_path: Path) -> None:
    program = build(family, "g++", workshop, tmp_path, *SANITIZERS)
    calls = calls_of(family)
    done = subprocess.run([str(program), str(calls)], capture_output=True, text=True, check=False)
    assert done.stdout == f"{calls} calls\n", done.stderr[-3000:]


@pytest.mark.parametrize("family", LIBFUZZER)
def test_libfuzzer_finds_nothing(family: str, workshop: Workshop, tmp_path: Path) -> None:
    program = build(family, "clang++", workshop, tmp_path, "-fsanitize=fuzzer,address,undefined", "-DLIBFUZZER")
    seconds = math.ceil(SECONDS / len(LIBFUZZER))
    command = [str(program), f"-max_total_time={seconds}", "-max_len=512", "-print_final_stats=1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "stat::number_of_executed_units" in done.stderr

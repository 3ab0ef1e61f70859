"""The emitted files as a build sees them: language versions, warnings, Makefile, sanitizers, golden texts."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from parser_build import FUNCTION, NAMES, Workshop, bound

from dsimport.compiler.parsers.area import Area
from dsimport.compiler.parsers.emit import ParserOptions, abi_files, emit_makefile, emit_parser
from dsimport.compiler.parsers.names import parser_names

SIZES = {"fcos": (128, 256), "ssd-torchvision": (300, 300), "centerface": (64, 96)}


def source(family: str, *, classes: int = 5) -> str:
    height, width = SIZES.get(family, (64, 96))
    binding = bound(family, height=height, width=width, classes=classes)
    return emit_parser(binding, ParserOptions(NAMES, 0.25))


def write(folder: Path, text: str, **options: object) -> Path:
    """A parser folder as `dsimport apply` leaves it."""
    folder.mkdir()
    (folder / NAMES.source).write_text(text)
    settings = {"cuda": "13.2", "deepstream_major": 9} | options
    (folder / "Makefile").write_text(emit_makefile(NAMES, **settings))  # type: ignore[arg-type]
    for path, header in abi_files().items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(header)
    return folder


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "-C", str(folder), "DEEPSTREAM_DIR=/nonexistent", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_makefile_is_the_reviewed_one(golden: Callable[[str, str], None]) -> None:
    text = emit_makefile(parser_names("rtdetr-r18"), cuda="13.2", deepstream_major=9, march="x86-64-v3")
    golden("parsers/Makefile", text)


@pytest.mark.parametrize("standard", ["14", "17", "20"])
def test_no_warning_in_any_language_version(standard: str, workshop: Workshop, tmp_path: Path) -> None:
    """Of the compiler at hand; tests/long holds every family against clang and a cross compiler too."""
    flags = [f"-std=c++{standard}", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror", "-fsyntax-only"]
    for family in ("detr", "nanodet", "efficientdet", "centernet"):
        path = tmp_path / f"{family}.cpp"
        path.write_text(source(family))
        command = ["g++", *flags, "-I", str(workshop.folder / "abi"), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), family


@pytest.mark.parametrize("select", ["argmax", "pairs"])
@pytest.mark.parametrize("family", ["yolov8", "detr", "yolov5"])
def test_select_can_be_overridden(family: str, select: str, workshop: Workshop) -> None:
    height, width = SIZES.get(family, (64, 96))
    assert workshop.library(bound(family, height=height, width=width), select=select).exists()


def test_makefile_builds_checks_and_cleans(tmp_path: Path) -> None:
    folder = write(tmp_path / "parser", source("nms-rows"))
    done = make(folder, "all", "check")
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(path.name for path in folder.iterdir()) == ["Makefile", "abi", NAMES.library, NAMES.source]
    assert make(folder, "-q", "all").returncode == 0
    assert make(folder, "clean").returncode == 0
    assert not (folder / NAMES.library).exists()


def test_a_failed_build_keeps_the_old_library(tmp_path: Path) -> None:
    folder = write(tmp_path / "parser", source("nms-rows"))
    (folder / NAMES.library).write_text("old")
    os.utime(folder / NAMES.library, (0, 0))
    (folder / NAMES.source).write_text("this is no C++\n")
    assert make(folder, "all").returncode != 0
    assert (folder / NAMES.library).read_text() == "old"


def test_a_library_without_the_symbol_fails_the_check(tmp_path: Path) -> None:
    folder = write(tmp_path / "parser", source("nms-rows").replace(FUNCTION, "SomethingElse"))
    assert make(folder, "all").returncode == 0
    assert make(folder, "check").returncode != 0


def test_the_same_source_gives_the_same_library_in_any_folder(tmp_path: Path) -> None:
    built = []
    for name in ("here", "some where else"):
        folder = write(tmp_path / name, source("nms-rows"))
        assert make(folder, "all").returncode == 0
        built.append((folder / NAMES.library).read_bytes())
    assert built[0] == built[1]


@pytest.mark.parametrize(("major", "size"), [(8, 24), (9, 28)])
def test_objects_have_the_size_of_the_release(major: int, size: int, tmp_path: Path) -> None:
    import ctypes

    folder = write(tmp_path / "parser", source("nms-rows"), deepstream_major=major)
    assert make(folder, "all").returncode == 0
    library = ctypes.CDLL(str(folder / NAMES.library))
    assert ctypes.c_uint.in_dll(library, "dsimport_parser_object_size").value == size


def test_the_sdks_headers_are_used_where_they_are(tmp_path: Path) -> None:
    folder = write(tmp_path / "parser", source("nms-rows"))
    includes = tmp_path / "sdk/sources/includes"
    includes.mkdir(parents=True)
    (includes / "nvdsinfer_custom_impl.h").write_text("")
    command = ["make", "-n", "-C", str(folder), f"DEEPSTREAM_DIR={tmp_path / 'sdk'}", "CUDA_VER=12.8"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"-isystem {includes}" in said
    assert "-isystem /usr/local/cuda-12.8/include" in said
    assert "-Iabi" not in said


def test_march_reaches_the_compiler(tmp_path: Path) -> None:
    folder = write(tmp_path / "parser", source("nms-rows"), march="x86-64-v3")
    assert "-march=x86-64-v3" in make(folder, "-n", "all").stdout


def test_tensor_names_are_only_ever_text(workshop: Workshop) -> None:
    name = 'a"); system("x"); // \\ ??/ é %s'
    binding = bound("nms-rows", outputs={name: (300, 6)})
    text = emit_parser(binding, ParserOptions(NAMES, 0.25))
    assert 'system("x")' not in text
    assert workshop.library(binding).exists()


def test_area_is_what_boxes_are_cut_to() -> None:
    text = emit_parser(bound("yolov8"), ParserOptions(NAMES, 0.25, area=Area(3, 5, 90, 54)))
    for line in ("kAreaLeft = 3;", "kAreaTop = 5;", "kAreaLeft + 90;", "kAreaTop + 54 * ("):
        assert line in text


def driver_of(name: str, family: str, workshop: Workshop, folder: Path, *options: str) -> Path:
    """A family's parser compiled into one of the programs beside this file."""
    path, program = folder / "parser.cpp", folder / "driver"
    path.write_text(source(family))
    defines = (f'-DSOURCE="{path}"', f"-DFUNCTION={FUNCTION}", "-I", str(workshop.folder / "abi"))
    command = ["g++", "-std=c++17", "-O0", *options, *defines, str(Path(__file__).with_name(name)), "-o", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return program


@pytest.mark.parametrize("family", ["yolov8", "rt-detr", "detr", "efficientdet", "centernet"])
def test_nothing_is_allocated_once_the_lists_have_grown(family: str, workshop: Workshop, tmp_path: Path) -> None:
    program = driver_of("allocations.cpp", family, workshop, tmp_path)
    found, first, later = map(int, subprocess.run([program], capture_output=True, text=True, check=True).stdout.split())
    assert found > 0
    assert first > 0
    assert later == 0


@pytest.mark.parametrize("family", ["yolov4-raw", "efficientdet", "detectnet"])
def test_sanitizers_find_nothing(family: str, workshop: Workshop, tmp_path: Path) -> None:
    """A few calls per template; tests/long makes ten million."""
    calls = "300"
    sanitizers = ["-g1", "-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all"]
    program = driver_of("fuzz.cpp", family, workshop, tmp_path, *sanitizers)
    run = subprocess.run([str(program), calls], capture_output=True, text=True, check=False)
    assert run.stdout == f"{calls} calls\n", run.stderr[-3000:]

"""Compiles emitted parsers for tests: one precompiled header, one library per source."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from dsimport.compiler.diagnostics import Report
from dsimport.compiler.families import Family, load_family
from dsimport.compiler.parsers.area import Area
from dsimport.compiler.parsers.bind import Binding, bind
from dsimport.compiler.parsers.emit import ParserOptions, abi_files, emit_parser
from dsimport.compiler.parsers.names import parser_names

__all__ = ["FUNCTION", "ONE_CLASS", "SIZES", "Workshop", "bound", "representative", "workshop"]

NAMES = parser_names("test")
FUNCTION = NAMES.function
STANDARD_HEADERS = (
    *("algorithm", "atomic", "cmath", "cstdarg", "cstddef", "cstdint"),
    *("cstdio", "cstring", "limits", "type_traits", "vector"),
)


def bound(family: Family | str, *, height: int = 64, width: int = 96, classes: int = 5, **declared: object) -> Binding:
    """A binding that has to succeed."""
    preset = load_family(family) if isinstance(family, str) else family
    report = Report()
    binding = bind(preset, height=height, width=width, classes=classes, report=report, **declared)  # type: ignore[arg-type]
    assert binding is not None, [item.message for item in report]
    return binding


# Where anchors or grids are defined for one size, sizes have to be multiples of more than 32, or the input is square.
SIZES = {
    "blazeface": (128, 128),
    "fcos": (128, 256),
    "owlv2": (96, 96),
    "retinanet": (128, 256),
    "ssd-tf": (300, 300),
    "ssd-torchvision": (300, 300),
    "ssdlite-torchvision": (320, 320),
}
ONE_CLASS = {"centerface", "blazeface", "yolov7-one-class"}


def representative(family: str) -> Binding:
    """A small binding of any family of the package; all tests that use it share one library per family."""
    height, width = SIZES.get(family, (64, 96))
    return bound(family, height=height, width=width, classes=1 if family in ONE_CLASS else 5)


class Workshop:
    """A folder with the project's ABI headers in which libraries are built and kept by their source's digest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for path, text in abi_files().items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        prelude = "".join(f"#include <{name}>\n" for name in STANDARD_HEADERS)
        (folder / "prelude.h").write_text(prelude + '#include "nvdsinfer_custom_impl.h"\n')
        self.compile("-x", "c++-header", "prelude.h", "-o", "prelude.h.gch")

    def compile(self, *arguments: str) -> None:
        """Run g++ in the folder; warnings are errors."""
        command = ["g++", "-std=c++17", "-O0", "-fPIC", "-Wall", "-Wextra", "-Werror", "-Iabi", *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def library(
        self, binding: Binding, *, threshold: float = 0.25, area: Area | None = None, select: str | None = None
    ) -> Path:
        """The compiled parser of a binding."""
        source = emit_parser(binding, ParserOptions(NAMES, threshold, select, area))  # type: ignore[arg-type]
        stem = hashlib.sha256(source.encode()).hexdigest()[:16]
        path = self.folder / f"{stem}.so"
        if not path.exists():
            (self.folder / f"{stem}.cpp").write_text(source)
            self.compile("-Winvalid-pch", "-include", "prelude.h", "-shared", "-o", path.name, f"{stem}.cpp")
        return path


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Where this session's parsers are compiled."""
    return Workshop(tmp_path_factory.mktemp("parsers"))

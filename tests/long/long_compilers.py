"""Every family's parser through every supported compiler and language version: not one warning."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from long_support import every_source
from parser_build import Workshop

COMPILERS = ("g++", "clang++", "aarch64-linux-gnu-g++")
WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror")


# C++17 is what the emitted Makefile asks for: built as there, since some warnings come from optimisation.
@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize(
    "mode",
    [["-std=c++14", "-fsyntax-only"], ["-std=c++17", "-O2", "-ftree-vectorize", "-c"], ["-std=c++20", "-fsyntax-only"]],
    ids=lambda mode: mode[0],
)
def test_no_family_has_a_warning(mode: list[str], compiler: str, workshop: Workshop, tmp_path: Path) -> None:
    said = {}
    for name, text in every_source():
        (tmp_path / f"{name}.cpp").write_text(text)
        command = [compiler, *mode, *WARNINGS, "-fPIC", "-I", str(workshop.folder / "abi"), f"{name}.cpp"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        if (done.returncode, done.stderr) != (0, ""):
            said[name] = done.stderr[:2000]
    assert said == {}

"""Every family's parser through every supported compiler and language version: not one warning."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from long_support import every_source
from parser_build import Workshop

COMPILERS = ("g++", "clang++", "aarch64-linux-gnu-g++")
WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror")
OPTIMISATION = ("-O2", "-ftree-vectorize")


@pytest.fixture(scope="module")
def sources(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every source, and `prelude.h` with what they include: the same for all, so it is read once."""
    folder = tmp_path_factory.mktemp("sources")
    included = set()
    for name, text in every_source():
        (folder / f"{name}.cpp").write_text(text)
        included.add("".join(line for line in text.splitlines(keepends=True) if line.startswith("#include")))
    [prelude] = included
    (folder / "prelude.h").write_text(prelude)
    return folder


# C++17 is what the emitted Makefile asks for: built as there, since some warnings come from optimisation.
@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize(
    ("standard", "what"), [("c++14", "-fsyntax-only"), ("c++17", "-c"), ("c++20", "-fsyntax-only")]
)
def test_no_family_has_a_warning(
    standard: str, what: str, compiler: str, sources: Path, workshop: Workshop, tmp_path: Path
) -> None:
    said = {}

    def compile_(name: str, *words: str) -> None:
        flags = (f"-std={standard}", *OPTIMISATION, *WARNINGS, "-fPIC", "-I", str(workshop.folder / "abi"))
        done = subprocess.run([compiler, *flags, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
        if (done.returncode, done.stderr) != (0, ""):
            said[name] = done.stderr[:2000]

    (tmp_path / "prelude.h").write_text((sources / "prelude.h").read_text())
    compile_("prelude.h", "-x", "c++-header", "prelude.h", "-o", "prelude.h.gch")
    for path in sorted(sources.glob("*.cpp")):
        compile_(path.stem, what, "-Winvalid-pch", "-include", "prelude.h", str(path))
    assert said == {}

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from refapp_support import Case, write_clip, write_model

from dsimport.runtime.reference.app import main

SHADES = (20, 60, 100, 140, 180, 220)
ROWS = ((0, 0.9, 4, 6, 20, 10), (1, 0.8, 30, 20, 12, 16))


@pytest.fixture(scope="session")
def compile_parsers(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`compile_parsers(ds_major, said_size)`: the library of refapp_parsers.cpp."""
    folder = tmp_path_factory.mktemp("refapp_parsers")

    def build(ds_major: int = 9, say_size: int | None = None) -> Path:
        library = folder / f"parsers_{ds_major}_{say_size}.so"
        if not library.exists():
            said = [f"-DSAY_SIZE={say_size}"] if say_size is not None else []
            source = Path(__file__).with_name("refapp_parsers.cpp")
            command = ["g++", "-shared", "-fPIC", "-Wall", "-Werror", f"-DDS_MAJOR={ds_major}", *said]
            subprocess.run([*command, str(source), "-o", str(library)], check=True)
        return library

    return build


@pytest.fixture(scope="session")
def parsers(compile_parsers: Callable[..., Path]) -> Path:
    return compile_parsers()


@pytest.fixture
def case(tmp_path: Path, parsers: Path) -> Case:
    """A run that works: two fixed boxes, the first moving with the frames' red; six frames."""
    write_model(tmp_path / "model.onnx", ROWS, follow=0.0)
    write_clip(tmp_path / "clip.mp4", SHADES)
    (tmp_path / "labels.txt").write_text("person\ncar\n")
    (tmp_path / "kitti").mkdir()
    made = Case(tmp_path, parsers)
    made.nvinfer()
    made.app()
    return made


@dataclass(frozen=True)
class Outcome:
    """What a run left: exit code and both streams."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """`run(config, ...)`: the program with `-c` for each config."""

    def call(*configs: Path, options: tuple[str, ...] = ()) -> Outcome:
        arguments = [text for config in configs for text in ("-c", str(config))]
        code = main([*options, *arguments])
        out, err = capfd.readouterr()
        return Outcome(code, out, err)

    return call

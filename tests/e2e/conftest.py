"""Projects with a tiny real detector and its clip."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from e2e_support import ASSETS, FRAMES, SETTINGS, Project


@pytest.fixture(scope="session")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Path], None]:
    """A function that puts a layout's model and the clip into a recipes folder; both are made once a session."""
    folder = tmp_path_factory.mktemp("assets")

    def put(layout: str, target: Path) -> None:
        model, clip = folder / f"{layout}.onnx", folder / "clip.mp4"
        if not model.exists():
            subprocess.run([sys.executable, str(ASSETS / "tinydet.py"), layout, str(model)], check=True)
        if not clip.exists():
            command = [sys.executable, str(ASSETS / "make_clip.py"), str(clip), "--frames", str(FRAMES)]
            subprocess.run(command, check=True)
        target.mkdir(parents=True, exist_ok=True)
        for source, name in ((model, "model.onnx"), (clip, "clip.mp4")):
            (target / name).write_bytes(source.read_bytes())

    return put


@pytest.fixture
def project(tmp_path: Path, assets: Callable[[str, Path], None]) -> Callable[..., Project]:
    """A function that makes a project for one layout."""

    def make(layout: str = "yolov8", **changes: Any) -> Project:
        assets(layout, tmp_path / "recipes")
        made = Project(tmp_path)
        made.write(layout, **changes)
        return made

    return make


@pytest.fixture(scope="session")
def undisturbed(assets: Callable[[str, Path], None], tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with `tiny-yolov8` that was applied in one go; not to be changed, but copied."""
    made = Project(tmp_path_factory.mktemp("undisturbed"))
    assets("yolov8", made.root / "recipes")
    made.write("yolov8", **SETTINGS)
    assert made.json("apply", "recipes/tiny-yolov8.yaml", "--toolchain", "reference")["exit_code"] == 0
    return made

"""Workplaces with the tiny detector in any layout."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "assets"))

from verify_support import FRAMES, SIZE, Workplace, recipe_text


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip with shapes in every frame."""
    import make_clip

    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    assert make_clip.main([str(path), "--frames", str(FRAMES), "--size", *map(str, SIZE)]) in (0, None)
    return path


@pytest.fixture
def workplace(tmp_path: Path, clip: Path) -> Callable[..., Workplace]:
    """`workplace(layout, model=None, preset=None, **changes)`: a root with the recipe, the clip and a model.

    model: ONNX instead of the layout's own. preset: (file name, text) to put beside the recipe.
    """
    import tinydet

    def make(layout: str, model: Any = None, preset: tuple[str, str] | None = None, **changes: str) -> Workplace:
        folder = tmp_path / "recipes"
        folder.mkdir()
        onnx = tinydet.build(layout) if model is None else model
        (folder / "model.onnx").write_bytes(onnx.SerializeToString())
        (folder / "clip.mp4").write_bytes(clip.read_bytes())
        if preset is not None:
            (folder / preset[0]).write_text(preset[1], "utf-8")
        made = Workplace(tmp_path, f"tiny-{layout}")
        made.recipe.write_text(recipe_text(layout, **changes), "utf-8")
        return made

    return make

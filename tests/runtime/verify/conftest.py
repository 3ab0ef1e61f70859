"""Workplaces with the tiny detector in any layout."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

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


def _prepared(root: Path, clip: Path, layout: str, **changes: str) -> Workplace:
    """A root with a layout's recipe and model, and the clip; nothing applied."""
    import tinydet

    folder = root / "recipes"
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(tinydet.build(layout).SerializeToString())
    (folder / "clip.mp4").write_bytes(clip.read_bytes())
    made = Workplace(root, f"tiny-{layout}")
    made.recipe.write_text(recipe_text(layout, **changes), "utf-8")
    return made


@pytest.fixture(scope="session")
def _applied_once(tmp_path_factory: pytest.TempPathFactory, clip: Path) -> Callable[[str, str], Workplace]:
    made: dict[tuple[str, str], Workplace] = {}

    def make(layout: str, graph: str) -> Workplace:
        if (layout, graph) not in made:
            place = _prepared(tmp_path_factory.mktemp("applied"), clip, layout, graph=graph)
            result = place.apply()
            assert result.exit_code == 0, result.diagnostics
            made[layout, graph] = place
        return made[layout, graph]

    return make


@pytest.fixture
def applied(tmp_path: Path, _applied_once: Callable[[str, str], Workplace]) -> Callable[..., Workplace]:
    """`applied(layout, graph="{}")`: a workplace of one's own in which everything but verification was done."""

    def make(layout: str, graph: str = "{}") -> Workplace:
        origin = _applied_once(layout, graph)
        shutil.copytree(origin.root, tmp_path / "root", symlinks=True)
        return Workplace(tmp_path / "root", origin.name)

    return make

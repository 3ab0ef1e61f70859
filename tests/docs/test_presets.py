"""docs/presets.md: its example works from outside the package, and it leaves no key out."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

from dsimport.compiler import preset, presetexport

TEXT = (Path(__file__).parents[2] / "docs" / "presets.md").read_text("utf-8")
FILES = dict(
    zip(("depot-net.yaml", "depot-cameras.yaml"), re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL), strict=True)
)
MODELS = [
    *(preset.Family, preset.TensorSpec, preset.FixedInput, preset.Defaults, preset.Preprocess),
    *(preset.CandidatesDecode, preset.Boxes, preset.Scores, preset.Objectness, preset.Levels),
    *(preset.DetectionsDecode, preset.RowBoxes, preset.Classes, preset.Count),
    *(preset.GridDecode, preset.GridBoxes, preset.GridScores, preset.GridOffset),
    *(presetexport.KnownModel, presetexport.FamilyExport, presetexport.ModelExport),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working folder with the example's two files."""
    (tmp_path / "recipes").mkdir()
    for name, text in FILES.items():
        (tmp_path / "recipes" / name).write_text(text, "utf-8")
    return tmp_path


def dsimport(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dsimport", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_example_is_valid(folder: Path) -> None:
    done = dsimport(folder, "validate", "recipes/depot-cameras.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_example_is_planned_with_a_parser_of_its_own(folder: Path) -> None:
    done = dsimport(folder, "plan", "recipes/depot-cameras.yaml", "--toolchain", "deepstream", "--json")
    assert done.returncode == 0, done.stderr
    text = json.dumps(json.loads(done.stdout))
    assert "for the family depot-net" in text
    # 48 x 80 and 24 x 40 cells
    assert "{4800, 3}" in text
    assert '"parser.threshold": {"value": 0.3, "origin": "family depot-net"' in text


def test_a_mistake_in_the_preset_is_shown_in_the_preset(folder: Path) -> None:
    path = folder / "recipes" / "depot-net.yaml"
    path.write_text(path.read_text("utf-8").replace("transform: distance", "transform: distances"), "utf-8")
    done = dsimport(folder, "validate", "recipes/depot-cameras.yaml")
    assert done.returncode == 1
    line = 1 + next(i for i, text in enumerate(path.read_text("utf-8").splitlines()) if "transform: distances" in text)
    assert f"depot-net.yaml:{line}" in done.stdout + done.stderr


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_no_key_is_left_out(model: type[BaseModel]) -> None:
    assert [key for key in model.model_fields if f"`{key}`" not in TEXT] == []


def test_no_choice_of_a_transform_is_left_out() -> None:
    choices = preset.Boxes.model_fields["transform"].annotation.__args__  # type: ignore[union-attr]
    assert [name for name in choices if name not in TEXT] == []

"""The same recipe gives the same plan, byte for byte: again, elsewhere, in another locale and time zone."""

from __future__ import annotations

from pathlib import Path

import pytest
from e2e_support import LAYOUTS, Project, copy_project, recipe_text

# What must not reach a plan, two ways.
HERE = {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C", "COLUMNS": "80"}
THERE = {"PYTHONHASHSEED": "2", "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8", "COLUMNS": "200"}


def plan_texts(project: Project, toolchain: str, env: dict[str, str]) -> tuple[str, str, bytes]:
    """The plan of the whole folder `recipes` as text, as JSON and as saved file."""
    saved = project.root / "saved.json"
    words = ("plan", "recipes", "--toolchain", toolchain)
    text = project.run(*words, "-v", "-o", str(saved), **env)
    document = project.run(*words, "--json", **env)
    assert (text.returncode, document.returncode) == (0, 0), text.stderr + document.stderr
    assert (text.stderr, document.stderr) == ("", "")
    content = saved.read_bytes()
    saved.unlink()
    return text.stdout, document.stdout, content


def write_recipes(root: Path, reverse: bool = False) -> Project:
    """All layouts, written in this order: a folder's order on disk must not matter."""
    folder = root / "recipes"
    folder.mkdir(parents=True)
    for layout in sorted(LAYOUTS, reverse=reverse):
        (folder / f"tiny-{layout}.yaml").write_text(recipe_text(layout), "utf-8")
    (folder / "labels.txt").write_text("square\ncircle\ntriangle\n", "utf-8")
    first = folder / "tiny-yolov8.yaml"
    first.write_text(first.read_text("utf-8").replace("[square, circle, triangle]", "labels.txt"), "utf-8")
    return Project(root)


@pytest.mark.parametrize("toolchain", ["reference", "deepstream"])
def test_a_plan_is_the_same_again_and_in_another_checkout(toolchain: str, tmp_path: Path) -> None:
    one = write_recipes(tmp_path / "one")
    other = write_recipes(tmp_path / "a much longer path, with blanks" / "other", reverse=True)
    first = plan_texts(one, toolchain, HERE)
    assert plan_texts(one, toolchain, THERE) == first
    assert plan_texts(other, toolchain, THERE) == first
    for content in (first[0].encode(), first[1].encode(), first[2]):
        assert str(tmp_path).encode() not in content


def test_a_plan_does_not_depend_on_the_folder_it_is_asked_from(tmp_path: Path) -> None:
    project = write_recipes(tmp_path / "one")
    first = project.run("plan", "recipes/tiny-detr.yaml", "--json").stdout
    (tmp_path / "elsewhere").mkdir()
    away = Project(tmp_path / "elsewhere")
    assert away.run("plan", "../one/recipes/tiny-detr.yaml", "--root", "../one", "--json").stdout == first
    absolute = str(tmp_path / "one/recipes/tiny-detr.yaml")
    assert away.run("plan", absolute, "--root", str(tmp_path / "one"), "--json").stdout == first


def test_after_an_apply_the_plan_of_a_copy_says_the_same(undisturbed: Project, tmp_path: Path) -> None:
    """A model folder that moved to another place is as up to date as it was."""
    copy = copy_project(undisturbed, tmp_path / "moved")
    words = ("plan", "recipes/tiny-yolov8.yaml", "--toolchain", "reference", "--detailed-exitcode")
    here, moved = undisturbed.run(*words), copy.run(*words)
    assert (moved.returncode, moved.stderr) == (0, ""), moved.stdout
    assert "Plan tiny-yolov8: 0 to create, 0 to change, " in moved.stdout
    assert moved.stdout == here.stdout

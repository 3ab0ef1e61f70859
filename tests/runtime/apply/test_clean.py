"""`clean` removes what dsimport made, and only below the model's folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from apply_support import HOME, run, small_plan, tree

from dsimport.compiler.diagnostics import DsimportError
from dsimport.runtime.clean import clean_model
from dsimport.runtime.lock import ModelLock

MADE = [
    f"{HOME}/.dsimport/",
    f"{HOME}/config/m.txt",
    f"{HOME}/ds/kitti.log",
    f"{HOME}/engines/b64.engine",
    f"{HOME}/engines/b64.log",
    f"{HOME}/report.md",
    f"{HOME}/samples/kitti/",
]


def test_what_was_made_is_removed_and_nothing_else(tmp_path: Path) -> None:
    run(small_plan(), tmp_path)
    mine = tmp_path / HOME / "engines/my notes.txt"
    mine.write_text("mine")
    other = tmp_path / "models/other/x.txt"
    other.parent.mkdir()
    other.write_text("other")
    before = tree(tmp_path)

    dry = clean_model(tmp_path, "m", dry_run=True)
    assert tree(tmp_path) == before
    assert sorted(dry.removed) == MADE
    done = clean_model(tmp_path, "m")
    assert (done.removed, done.kept) == (dry.removed, dry.kept)
    assert done.kept == [f"{HOME}/engines/my notes.txt"]
    assert tree(tmp_path) == {f"{HOME}/engines": "folder", f"{HOME}/engines/my notes.txt": b"mine"}
    assert other.read_text() == "other"
    assert not (tmp_path / HOME / ".dsimport").exists()


def test_a_folder_with_nothing_else_in_it_goes_too(tmp_path: Path) -> None:
    run(small_plan(), tmp_path)
    assert clean_model(tmp_path, "m").kept == []
    assert list((tmp_path / "models").iterdir()) == []
    assert run(small_plan(), tmp_path).exit_code == 0


def test_results_of_conditions_that_no_longer_hold_are_known(tmp_path: Path) -> None:
    run(small_plan(peak=70), tmp_path)
    run(small_plan(peak=51), tmp_path)
    removed = clean_model(tmp_path, "m").removed
    assert {f"{HOME}/engines/b128.engine", f"{HOME}/engines/b128.log"} <= set(removed)
    assert not (tmp_path / HOME).exists()


def test_everything_means_the_whole_folder(tmp_path: Path) -> None:
    run(small_plan(), tmp_path)
    (tmp_path / HOME / "mine").mkdir()
    (tmp_path / HOME / "mine/x.txt").write_text("x")
    (tmp_path / HOME / ".dsimport/state.json").write_text("damaged")
    with pytest.raises(DsimportError, match="S0601"):
        clean_model(tmp_path, "m")
    assert clean_model(tmp_path, "m", everything=True).kept == []
    assert not (tmp_path / HOME).exists()


@pytest.mark.parametrize("everything", [False, True])
def test_links_are_removed_and_not_followed(tmp_path: Path, everything: bool) -> None:
    run(small_plan(), tmp_path)
    outside = tmp_path / "outside"
    (outside / "kitti").mkdir(parents=True)
    (outside / "kitti/1.txt").write_text("precious")
    (outside / "b64.engine").write_text("precious")
    home = tmp_path / HOME
    shutil.rmtree(home / "samples/kitti")
    (home / "samples/kitti").symlink_to(outside / "kitti")
    shutil.rmtree(home / "engines")
    (home / "engines").symlink_to(outside)

    done = clean_model(tmp_path, "m", everything=everything)
    assert (outside / "kitti/1.txt").read_text() == "precious"
    assert (outside / "b64.engine").read_text() == "precious"
    assert not (home / "samples/kitti").is_symlink()
    assert done.kept == ([] if everything else [f"{HOME}/engines"])


def test_a_forged_record_removes_nothing_outside(tmp_path: Path) -> None:
    run(small_plan(), tmp_path)
    (tmp_path / "models/other").mkdir()
    (tmp_path / "models/other/x.txt").write_text("other")
    state = tmp_path / HOME / ".dsimport/state.json"
    text = state.read_text()
    for path in (f"{HOME}/../other/x.txt", "models/other/x.txt", "/etc/hostname", f"{HOME}/", HOME, "", f"{HOME}/.."):
        state.write_text(text.replace(f'"{HOME}/report.md"', f'"{path}"'))
        clean_model(tmp_path, "m", dry_run=True)
        removed = clean_model(tmp_path, "m", dry_run=True).removed
        assert sorted(removed) == [item for item in MADE if item != f"{HOME}/report.md"], path
    clean_model(tmp_path, "m")
    assert (tmp_path / "models/other/x.txt").read_text() == "other"


@pytest.mark.parametrize("name", ["", ".", "..", "../m", "m/../m", "/tmp", "M", "m\n", "-m", "a" * 65, "m/"])
def test_names_that_are_no_names(tmp_path: Path, name: str) -> None:
    run(small_plan(), tmp_path)
    before = tree(tmp_path)
    with pytest.raises(DsimportError, match="P0604"):
        clean_model(tmp_path, name, everything=True)
    assert tree(tmp_path) == before


def test_a_model_that_was_not_applied_or_is_a_link(tmp_path: Path) -> None:
    (tmp_path / "models/mine").mkdir(parents=True)
    (tmp_path / "models/mine/x.txt").write_text("mine")
    run(small_plan(), tmp_path)
    (tmp_path / "models/link").symlink_to(tmp_path / HOME)
    for name, code in (("mine", "S0609"), ("nothing", "S0609"), ("link", "P0601")):
        with pytest.raises(DsimportError, match=code):
            clean_model(tmp_path, name, everything=True)
    assert (tmp_path / "models/mine/x.txt").exists()
    assert (tmp_path / HOME / "report.md").exists()


def test_not_while_another_process_writes(tmp_path: Path) -> None:
    run(small_plan(), tmp_path)
    before = tree(tmp_path)
    with ModelLock(tmp_path / HOME), pytest.raises(DsimportError, match="S0603"):
        clean_model(tmp_path, "m")
    assert tree(tmp_path) == before

"""An apply that is killed or interrupted at any instant goes on where it was, and ends as if nothing had happened.

`DSIMPORT_KILLS=30` and `DSIMPORT_KILL_SEED` try more instants than the usual few.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest
from e2e_kill import MARK, essence, events, instants, no_orphans, wait_for
from e2e_support import SETTINGS, Project, copy_project, recipe_text, tree

NAME = "tiny-yolov8"
RECIPE = f"recipes/{NAME}.yaml"
WORDS = ("apply", RECIPE, "--toolchain", "reference", "--json")
KILLS = int(os.environ.get("DSIMPORT_KILLS", "6"))
SEED = int(os.environ.get("DSIMPORT_KILL_SEED", "20"))


def logs(project: Project) -> int:
    return len(list((project.models / NAME / ".dsimport/runs").glob("*.jsonl")))


def test_killed_at_random_instants_and_resumed_it_ends_the_same(undisturbed: Project, tmp_path: Path) -> None:
    steps = json.loads((undisturbed.models / NAME / ".dsimport/state.json").read_text("utf-8"))["steps"]
    order = [event["step"] for event in events(undisturbed.models / NAME) if event["event"] == "step-start"]
    made = Project(tmp_path)
    shutil.copytree(undisturbed.root / "recipes", made.root / "recipes")
    marks = []
    for instant in instants({step: steps[step]["seconds"] for step in order}, 0.6, KILLS, SEED):
        # A step that is done does not start again: then the instant lies in the first one that does.
        later = order[order.index(instant.step) :] if instant.step else []
        while not _kill(made, later, instant.after, marks):
            # It was quicker than that and has ended: the next one begins anew.
            assert essence(made, NAME) == essence(undisturbed, NAME)
            shutil.rmtree(made.models)
    last = made.run(*WORDS)
    assert last.returncode == 0, last.stdout + last.stderr
    assert [no_orphans(mark) for mark in marks] == [[]] * len(marks)
    assert essence(made, NAME) == essence(undisturbed, NAME)
    assert made.json(*WORDS[:-1])["models"][0]["done"] == []


def _kill(made: Project, steps: list[str], after: float, marks: list[str]) -> bool:
    """Start an apply and kill it there; False when it ended before. Whoever comes next comes at once, while what is
    left of this one may still be dying."""
    marks.append(f"{made.root.name}-{len(marks)}")
    before = logs(made)
    process = made.start(*WORDS, **{MARK: marks[-1]})
    wait_for(process, made.models / NAME, steps, after, before)
    process.kill()
    output, _ = process.communicate()
    assert process.returncode in (-signal.SIGKILL, 0), output
    status = made.json("status")["models"]
    assert process.returncode == 0 or all(model["problem"] is None for model in status), status
    return process.returncode != 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_it_says_so_and_earlier_results_are_intact(
    number: signal.Signals, undisturbed: Project, tmp_path: Path
) -> None:
    made = copy_project(undisturbed, tmp_path / "copy")
    (made.root / RECIPE).write_text(recipe_text("yolov8", min_rate=0.8, **SETTINGS), "utf-8")
    before = tree(made.models, ("*.log", ".dsimport"))
    mark, count = f"{tmp_path.name}-signal", logs(made)
    process = made.start(*WORDS, **{MARK: mark})
    assert wait_for(process, made.models / NAME, ["kitti"], 0.3, count)
    process.send_signal(number)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    model = json.loads(output)["models"][0]
    after = ["ds-run1", "ds-run2", "ds-run2-retry", "emit-scripts", "report"]
    assert (model["exit_code"], model["failed"], model["not_started"]) == (130, "kitti", after)
    assert no_orphans(mark) == []
    assert tree(made.models, ("*.log", ".dsimport")) == before
    again = made.json(*WORDS[:-1])["models"][0]
    assert again["done"] == ["kitti", "report"]


def test_two_applies_at_once_and_a_lock_that_dies_with_its_holder(undisturbed: Project, tmp_path: Path) -> None:
    made = copy_project(undisturbed, tmp_path / "copy")
    (made.root / RECIPE).write_text(recipe_text("yolov8", min_rate=0.8, **SETTINGS), "utf-8")
    count = logs(made)
    first = made.start(*WORDS)
    assert wait_for(first, made.models / NAME, ["kitti"], 0.1, count)
    first.send_signal(signal.SIGSTOP)  # it must not end before the others have met it
    second = made.run(*WORDS)
    assert second.returncode == 1
    assert f"error[S0603]: process {first.pid} (since " in second.stderr
    assert f"is writing to {made.root.resolve()}/models/{NAME}" in second.stderr.replace("\n", "")
    assert "help: wait until it has ended, or end it, and run the command again" in second.stderr
    assert [item["code"] for item in json.loads(second.stdout)["models"][0]["diagnostics"]] == ["S0603"]
    first.kill()
    first.communicate()
    at_once = time.monotonic()
    third = made.run(*WORDS)
    assert third.returncode == 0, third.stderr
    assert time.monotonic() - at_once < 60
    assert json.loads(third.stdout)["models"][0]["done"] == ["kitti", "report"]

"""Whether an engine is current: the short look and the whole decision agree, whatever has moved."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from synthetic import COMPILER, RECIPE, plan_of

from dsimport.cli.main import run
from dsimport.compiler.decide import decide
from dsimport.compiler.plan import Plan
from dsimport.compiler.record import ModelState
from dsimport.runtime.fleet.engine import Engine, engine_state
from dsimport.runtime.fleet.look import QuickObservation
from dsimport.runtime.observe import DiskObservation
from dsimport.runtime.records import load_state
from dsimport.runtime.toolversions import ToolVersions

ENGINE = "models/m/benchmarks/engines/m_dynamic_b64.engine"


class Versions(DiskObservation):
    """The disk, with another version of one tool."""

    def __init__(self, root: Path, home: str, moved: str) -> None:
        super().__init__(root, home)
        self._moved = moved

    def tool(self, name: str) -> str | None:
        return "99.0" if name == self._moved else super().tool(name)


def nothing(folder: Path) -> None:
    """Leave everything as it is."""


def engine_gone(folder: Path) -> None:
    (folder / ENGINE).unlink()


def engine_overwritten(folder: Path) -> None:
    (folder / ENGINE).write_text("another")


def graph_overwritten(folder: Path) -> None:
    (folder / "models/m/model/m.onnx").write_text("another")


def source_replaced(folder: Path) -> None:
    (folder / "recipes/model.onnx").write_text("another")


def report_gone(folder: Path) -> None:
    (folder / "models/m/reports/benchmark_report.md").unlink()


def comment_added(folder: Path) -> None:
    path = folder / "recipes/m.yaml"
    path.write_text(path.read_text() + "# words\n")


def precision_changed(folder: Path) -> None:
    plan_of(folder, "m", "deepstream", precision="fp32")


def threshold_changed(folder: Path) -> None:
    plan_of(folder, "m", "deepstream", threshold=0.6)


MOVES = {
    nothing: "current",
    engine_gone: "stale",
    engine_overwritten: "stale",
    graph_overwritten: "stale",
    source_replaced: "stale",
    report_gone: "current",
    comment_added: "current",
    precision_changed: "stale",
    threshold_changed: "current",
}


def today(folder: Path) -> Plan:
    """The plan that the recipe on the disk gives."""
    text = (folder / "recipes/m.yaml").read_text()
    threshold = 0.6 if "threshold: 0.6" in text else 0.25
    precision = "fp32" if "fp32" in text else "fp16"
    source = (folder / "recipes/model.onnx").read_bytes()
    plan = plan_of(folder, "m", "deepstream", threshold=threshold, precision=precision)
    (folder / "recipes/model.onnx").write_bytes(source)
    (folder / "recipes/m.yaml").write_text(text)
    return plan


def judged(folder: Path, seen: DiskObservation, *, short: bool) -> Engine:
    state = load_state(folder / "models/m")
    assert state is not None
    asked: list[str] = []

    def replan(name: str, state: ModelState) -> Plan | str:
        asked.append(name)
        return today(folder)

    found = engine_state("m", state if short else state.model_copy(update={"inputs": {}}), seen, COMPILER, replan)
    assert short or asked == ["m"]
    return found


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.__name__)
def test_the_short_look_agrees_with_the_decision(
    move: Callable[[Path], None], model: Callable[..., Plan], tmp_path: Path
) -> None:
    model("m")
    move(tmp_path)
    seen = DiskObservation(tmp_path, "models/m")
    short, whole = judged(tmp_path, seen, short=True), judged(tmp_path, seen, short=False)
    assert (short.state, whole.state) == (MOVES[move], MOVES[move])
    assert bool(short.why) == bool(whole.why) == (short.state == "stale")
    decisions = decide(today(tmp_path), load_state(tmp_path / "models/m"), seen)
    [decision] = [item for item in decisions if item.step.id == "engine-b64"]
    assert (decision.action == "same") == (short.state == "current")


@pytest.mark.parametrize(("tool", "wanted"), [("TensorRT", "stale"), ("deepstream-app", "current")])
def test_another_builder_makes_the_engine_stale(
    tool: str, wanted: str, model: Callable[..., Plan], tmp_path: Path
) -> None:
    model("m")
    seen = Versions(tmp_path, "models/m", tool)
    short, whole = judged(tmp_path, seen, short=True), judged(tmp_path, seen, short=False)
    assert short == whole
    assert short.state == wanted
    assert short.why == ("TensorRT missing → 99.0" if wanted == "stale" else "")


def test_a_host_without_the_builder_says_nothing_against_the_engine(model: Callable[..., Plan], tmp_path: Path) -> None:
    model("m")
    state = load_state(tmp_path / "models/m")
    assert state is not None
    built = state.steps["engine-b64"]
    elsewhere = built.model_copy(update={"facts": {**built.facts, "tool TensorRT": "10.16.1", "tool GPU": "NVIDIA L4"}})
    state = state.with_step(elsewhere)

    def judge(tools: dict[str, str]) -> Engine:
        versions = ToolVersions()
        versions._asked |= tools  # what this host says when it is asked
        return engine_state(
            "m", state, QuickObservation(tmp_path, "models/m", state, versions), COMPILER, lambda *_: ""
        )

    assert judge({}).state == "current"
    assert judge({"TensorRT": "10.17.0"}) == Engine("stale", "TensorRT 10.16.1 → 10.17.0")


@pytest.mark.parametrize(
    ("change", "state", "why"),
    [
        (lambda folder: (folder / "recipes/m.yaml").unlink(), "unknown", "the recipe does not compile"),
        (
            lambda folder: (folder / "recipes/m.yaml").write_text("schema: 1\n"),
            "unknown",
            "the recipe does not compile",
        ),
        (
            lambda folder: (folder / "recipes/m.yaml").write_text(
                RECIPE.format(name="other", threshold=0.25, precision="fp16")
            ),
            "unknown",
            "recipes/m.yaml no longer makes this model",
        ),
        (precision_changed, "stale", "engine.precision fp16 → fp32"),
    ],
)
def test_recipes_that_moved_on(
    change: Callable[[Path], None],
    state: str,
    why: str,
    model: Callable[..., Plan],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    model("m")
    change(tmp_path)
    assert run(["fleet", "--json"]) == 0
    [row] = json.loads(capsys.readouterr().out)["models"]
    assert row["engine"]["state"] == state
    assert row["engine"]["why"].startswith(why)

"""`dsimport check` and the step: answers, refusals, crashes and absence, with a stand-in for TensorRT-RTX.

What the real library says is seen by `make test-trt`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from e2e_quick import NAME, RECIPE, Quick
from e2e_support import REPO, Project

STAND_IN = str(REPO / "tests/runtime/engine/stand_in")
LIBRARY = "TensorRT-RTX 1.7.1.116"
LABEL = "the parser and builder of TensorRT-RTX on the CPU, not the TensorRT of a host"
REFUSED = ["node /head/Odd (Odd): no such operator", f"asked: {LABEL}"]


@pytest.fixture
def made(project: Callable[..., Project]) -> Project:
    return project()


def model(project: Project, content: bytes) -> None:
    (project.root / "recipes/model.onnx").write_bytes(content)


def test_a_model_that_is_taken(made: Project) -> None:
    done = made.run("check", RECIPE, PYTHONPATH=STAND_IN)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{NAME}: {LIBRARY} parses and builds it (0.0 MB): recipes/model.onnx, as it was")
    assert LABEL in done.stdout
    assert not (made.root / "models").exists(), "nothing is changed"


def test_every_refused_node_is_named_with_what_to_change(made: Project) -> None:
    model(made, b"odd")
    found = made.json("check", RECIPE, code=3, PYTHONPATH=STAND_IN)["models"][0]
    assert found["refused"] == [
        {"node": "/head/Odd", "operator": "Odd", "code": "UNSUPPORTED_NODE", "text": "no such operator"}
    ]
    assert (found["model"], found["library"]) == ("recipes/model.onnx, as it was exported", LIBRARY)
    diagnostic = found["diagnostics"][0]
    assert (diagnostic["code"], diagnostic["message"]) == ("G0404", f"{NAME}: {LIBRARY} refuses 1 node")
    assert diagnostic["notes"] == REFUSED
    assert "source.export.opset" in diagnostic["help"][0]
    assert diagnostic["help"][1].startswith("set graph.simplify: true")


@pytest.mark.parametrize(
    ("content", "code", "exit_code", "message"),
    [
        (b"crash", "T0418", 4, f"no opinion on {NAME}: TensorRT-RTX crashed (signal 6) on this model"),
        (None, "S0609", 1, f"{NAME} is not applied, and its model is not a file here"),
    ],
)
def test_no_answer_is_a_diagnostic(
    content: bytes | None, code: str, exit_code: int, message: str, made: Project
) -> None:
    if content is None:
        (made.root / "recipes/model.onnx").unlink()
    else:
        model(made, content)
    done = made.run("check", RECIPE, PYTHONPATH=STAND_IN)
    assert (done.returncode, done.stdout) == (exit_code, "")
    assert f"error[{code}]: {message}" in done.stderr


def test_without_the_library_the_extra_is_named(made: Project) -> None:
    done = made.run("check", RECIPE)
    assert done.returncode == 1
    assert "error[H0502]: check needs TensorRT-RTX: the Python module tensorrt_rtx is not installed" in done.stderr
    assert "pip install 'dsimport[trt-check]'" in done.stderr


@pytest.fixture
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Quick:
    """A recipe whose model is refused, with the step in its plan and TensorRT-RTX installed."""
    monkeypatch.syspath_prepend(STAND_IN)
    monkeypatch.setenv("PYTHONPATH", STAND_IN)
    made = Quick(tmp_path, real=("check",))
    made.edit("engine: {", "engine: {check: true, ")
    return made


def applied(quick: Quick, content: str) -> Any:
    """Apply, with this text as the graph that the passes made."""
    graph = quick.root / f"models/{NAME}/model/{NAME}.onnx"
    plan = quick.plan()
    steps = {step.id: step for step in plan.steps}
    before = [step for step in plan.steps if step.id in ("acquire", "graph")]
    quick.apply(plan.model_copy(update={"steps": tuple(before)}))
    graph.write_text(content, "utf-8")
    return quick.apply(plan.model_copy(update={"steps": (steps["check"], steps["build-parser"])}))


def data(quick: Quick) -> Any:
    return json.loads((quick.root / f"models/{NAME}/reports/tensorrt_check.json").read_text("utf-8"))


def test_the_step_is_there_when_asked_for_and_before_the_engine(quick: Quick) -> None:
    ids = [step.id for step in quick.plan().steps]
    assert ids.index("inspect") < ids.index("check") < ids.index("engine-b2")
    quick.edit("check: true, ", "")
    assert "check" not in [step.id for step in quick.plan().steps]


def test_a_refusal_is_a_gate_with_true(quick: Quick) -> None:
    result = applied(quick, "odd")
    assert (result.exit_code, result.failed) == (3, "check")
    assert (result.diagnostics[-1].code, list(result.diagnostics[-1].notes)) == ("G0404", REFUSED)
    assert data(quick)["refused"][0]["node"] == "/head/Odd", "the answer is evidence, and stays"


@pytest.mark.parametrize(("content", "code", "refused"), [("odd", "G0404", 1), ("crash", "T0418", None)])
def test_a_refusal_is_a_warning_with_auto(quick: Quick, content: str, code: str, refused: int | None) -> None:
    quick.edit("check: true", "check: auto")
    result = applied(quick, content)
    assert (result.exit_code, [item.code for item in result.diagnostics]) == (0, [code])
    assert result.diagnostics[0].severity.value == "warning"
    assert result.values["check.refused"] == refused


def test_auto_without_the_library_asks_nobody(quick: Quick, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    quick.edit("check: true", "check: auto")
    result = applied(quick, "odd")
    assert (result.exit_code, result.diagnostics, result.values["check.refused"]) == (0, [], None)


def test_a_good_answer_is_recorded_and_not_asked_for_again(quick: Quick) -> None:
    result = applied(quick, "fine")
    assert (result.exit_code, result.values["check.refused"]) == (0, 0)
    assert data(quick)["built"] > 0

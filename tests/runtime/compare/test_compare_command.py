"""`dsimport compare` on what `apply` recorded."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from apply_support import HANDLERS, FixedVersions, make_plan, sh

from dsimport.cli.main import run
from dsimport.compiler.plan import Plan, Step
from dsimport.runtime.apply import apply_plan
from dsimport.runtime.records import forget_steps

Measure = Callable[..., list[str]]


def plan_of(name: str, figure: float, toolchain: str) -> Plan:
    """A plan that measures one throughput. The figure is no part of the plan's text, as on a real machine."""
    step = Step(
        id="scale",
        kind="bench",
        title="",
        argv=sh("true"),
        hints={"give": {"images_per_s": figure, "max_batch": 2}},
        gives=("images_per_s", "max_batch"),
    )
    return make_plan([step]).model_copy(update={"name": name, "home": f"models/{name}", "toolchain": toolchain})


@pytest.fixture
def measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Measure:
    """A function that applies a model once per figure; the ids of its runs."""
    from dsimport.runtime.steps.base import Context, Outcome

    monkeypatch.chdir(tmp_path)

    def handler(context: Context) -> Outcome:
        return Outcome(dict(context.step.hints["give"]), "done")

    def apply(name: str, figures: Sequence[float], toolchain: str = "reference") -> list[str]:
        ids = []
        for figure in figures:
            plan = plan_of(name, figure, toolchain)
            plain = plan.steps[0].model_copy(update={"hints": {}})
            same = plan.model_copy(update={"steps": (plain,)})
            if ids:
                forget_steps(tmp_path / plan.home, ["scale"])
            handlers = {**HANDLERS, "bench": lambda context, plan=plan: handler(_with(context, plan))}
            result = apply_plan(same, root=tmp_path, handlers=handlers, versions=FixedVersions())
            assert result.exit_code == 0
            ids.append(result.run_id)
        return ids

    def _with(context: Context, plan: Plan) -> Context:
        context.step = plan.steps[0]
        return context

    return apply


def compared(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> Any:
    assert run(["compare", *words, "--format", "json"]) == code
    return json.loads(capsys.readouterr().out)


def throughput(document: Any) -> Any:
    return next(entry for entry in document["metrics"] if entry["key"] == "images_per_s")


def test_models_are_compared_over_their_repeated_runs(measure: Measure, capsys: pytest.CaptureFixture[str]) -> None:
    measure("before", [100, 101, 99, 100])
    measure("after", [90, 91, 90])
    document = compared(capsys, "before", "after", "--fail-on", "regression=5%", code=3)
    found = throughput(document)
    assert (found["verdict"], found["repeats"], document["failed"]) == ("worse", 5, ["images_per_s"])
    # Of three runs the middle lies between the lower one and the mean of both, on the scale of quotients.
    assert (found["a"], found["b"]) == (pytest.approx(100, rel=1e-9), pytest.approx(90**0.75 * 91**0.25))
    assert document["a"]["runs"]["images_per_s"] == 4
    assert throughput(compared(capsys, "after", "before", "--fail-on", "regression=5%"))["verdict"] == "better"
    assert compared(capsys, "before", "after", "--fail-on", "images_per_s=12%")["failed"] == []


def test_what_lies_between_two_runs_of_one_plan_is_not_noise(
    measure: Measure, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = measure("m", [100, 100.5, 99.5, 80, 80.5])
    found = throughput(compared(capsys, f"m@{ids[2]}", f"m@{ids[-1]}"))
    assert (found["a"], found["b"], found["verdict"], found["repeats"]) == (99.5, 80.5, "worse", 3)
    back = throughput(compared(capsys, ids[-1], ids[2]))  # run ids that only one model has need no model
    assert (back["verdict"], back["repeats"]) == ("better", 3)


def test_single_runs_have_an_assumed_band_and_say_so(measure: Measure, capsys: pytest.CaptureFixture[str]) -> None:
    measure("a", [100])
    measure("b", [97])
    assert run(["compare", "a", "b"]) == 0
    out = capsys.readouterr().out
    assert "±5.0% *" in out
    assert "the noise is unknown: this band is assumed" in out
    assert "1 same within noise" in out


def test_a_cpu_is_never_compared_with_tensorrt(measure: Measure, capsys: pytest.CaptureFixture[str]) -> None:
    measure("cpu", [10])
    measure("gpu", [1000], toolchain="deepstream")
    found = throughput(compared(capsys, "cpu", "gpu"))
    assert (found["verdict"], found["why"]) == ("not comparable", "measured with reference and deepstream")
    assert run(["compare", "cpu", "gpu", "--fail-on", "regression=5%"]) == 1
    assert "P0713" in capsys.readouterr().err


def test_reports_are_compared_with_their_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, figure, precision in (("old", 100.0, "fp32"), ("new", 150.0, "fp16 | <b>")):
        (tmp_path / name).mkdir()
        data = {
            "model_name": f"m|<script>`{name}",
            "toolchain": "deepstream",
            "hardware": "GPU | x",
            "max_bs": 64,
            "trtexec": {"bsmax": {"imgs_per_sec": figure, "gpu_mean_ms": 6400 / figure}},
            "settings": {"engine.precision": precision},
        }
        (tmp_path / name / "benchmark_data.json").write_text(json.dumps(data), "utf-8")
    words = [str(tmp_path / "old"), str(tmp_path / "new" / "benchmark_data.json")]
    document = compared(capsys, *words)
    assert [entry["verdict"] for entry in document["metrics"]] == ["better", "better"]
    assert document["settings"] == {"engine.precision": ["fp32", "fp16 | <b>"]}
    assert run(["compare", *words, "--format", "markdown"]) == 0
    out = capsys.readouterr().out
    assert "<" not in out
    assert "fp32 → fp16 \\| &lt;b&gt;" in out


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"model_name": 3}', "[" * 100_000, "\0"])
def test_other_files_are_refused(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "benchmark_data.json"
    path.write_text(content)
    assert run(["compare", str(path), str(path)]) == 1
    assert "P0711" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["nothing", "m@20260101T000000Z-001", "../m", "", "\0", "m@"])
def test_unknown_names_are_refused(word: str, measure: Measure, capsys: pytest.CaptureFixture[str]) -> None:
    measure("m", [1])
    assert run(["compare", "m", word]) == 1
    assert "P0710" in capsys.readouterr().err


@pytest.mark.parametrize("limit", ["", "regression", "regression=", "regression=-1%", "speed=5%", "regression=200%"])
def test_limits_that_say_nothing_are_refused(limit: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", "a", "b", f"--fail-on={limit}"]) == 1
    assert "P0712" in capsys.readouterr().err

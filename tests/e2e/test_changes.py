"""What changes, what then runs, and that `plan` had said so: every setting by itself, on real plans with stand-ins."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from e2e_quick import RECIPE, Quick, Versions
from e2e_support import SETTINGS, Project, copy_project

from dsimport.compiler.diagnostics import DsimportError

RUNS = "visual kitti ds-run1 ds-run2 report"  # all that run the engine
PIPELINE = f"verify {RUNS}"
ENGINES = "engine-b2 bench-b2 engine-b4 bench-b4 scale bench-b1"
PARSER = "emit-parser build-parser"

# A change of the recipe's text, and the steps that depend on it. `emit-scripts` holds the commands.
CHANGES: dict[str, tuple[str, str, str]] = {
    "comment": ("schema: 1\n", "# a remark\nschema: 1\n", ""),
    "order of keys": ("schema: 1\nname: tiny-yolov8\n", "name: tiny-yolov8\nschema: 1\n", ""),
    "default written out": ("engine: {", "engine: {workspace: 32768M, ", ""),
    "parser.threshold": ("threshold: 0.35", "threshold: 0.36", f"emit-config {PIPELINE}"),
    "parser.top_k": ("parser: {", "parser: {top_k: 50, ", f"emit-config {PIPELINE}"),
    "parser.nms_iou": ("parser: {", "parser: {nms_iou: 0.5, ", f"emit-config {PIPELINE}"),
    "parser.per_class": (
        "parser: {",
        "parser: {per_class: {circle: {threshold: 0.5}}, ",
        f"emit-config {PIPELINE}",
    ),
    "parser.march": ("parser: {", "parser: {march: x86-64-v2, ", f"{PARSER} {PIPELINE}"),
    "model.labels": ("circle", "disc", f"emit-config {PIPELINE}"),
    "preprocess.filter": ("parser: {", "preprocess: {filter: cubic}\nparser: {", f"emit-config {PIPELINE}"),
    "preprocess.scale": ("parser: {", "preprocess: {scale: 1/127}\nparser: {", f"emit-config {PIPELINE}"),
    "preprocess.resize": (
        "parser: {",
        "preprocess: {resize: stretch}\nparser: {",
        f"emit-config {PIPELINE}",  # frames have the network's proportions: the parser is the same either way
    ),
    "preprocess.std, one for each channel": (
        "parser: {",
        "preprocess: {mean: [0.4, 0.5, 0.6], std: [0.2, 0.3, 0.4]}\nparser: {",
        f"graph inspect {ENGINES} emit-config {PIPELINE}",
    ),
    "engine.precision": ("fp32", "fp16", f"{ENGINES} emit-config {PIPELINE} emit-scripts"),
    "engine.workspace": ("engine: {", "engine: {workspace: 2G, ", f"{ENGINES} {RUNS} emit-scripts"),
    "engine.optimization_level": (
        "engine: {",
        "engine: {optimization_level: 3, ",
        f"{ENGINES} {RUNS} emit-scripts",
    ),
    "engine.strongly_typed": (
        "engine: {",
        "engine: {strongly_typed: true, ",
        f"{ENGINES} emit-config {PIPELINE} emit-scripts",
    ),
    # The engine of batch 4 is the one in use already: nothing has to be built or measured again.
    "engine.max_batch": ("max_batch: 2", "max_batch: 4", "scale emit-scripts report"),
    "engine.batch_limit": ("batch_limit: 4", "batch_limit: 2", f"scale bench-b1 emit-config {PIPELINE} emit-scripts"),
    "pipeline.frames": ("frames: 40", "frames: 30", "verify kitti report"),
    "pipeline.min_detection_rate": ("min_detection_rate: 0.9", "min_detection_rate: 0.8", "kitti report"),
    "pipeline.interval": ("pipeline: {", "pipeline: {interval: 1, ", f"emit-config {PIPELINE}"),
    # The parser knows which part of the network input shows the frame; that part is a matter of proportions only.
    "pipeline.muxer, same proportions": ("width: 256, height: 192", "width: 512, height: 384", PIPELINE),
    "pipeline.muxer": ("width: 256, height: 192", "width: 256, height: 256", f"{PARSER} {PIPELINE}"),
    "pipeline.deepstream": ("pipeline: {", "pipeline: {deepstream: 8.0, ", f"preflight {PARSER} {PIPELINE}"),
    "pipeline.video": ("video: clip.mp4", "video: other.mp4", f"preflight {PIPELINE}"),
    "benchmark.video": ("benchmark: {", "benchmark: {video: other.mp4, ", "preflight ds-run1 ds-run2 report"),
    "benchmark.run_s": ("run_s: 6", "run_s: 7", "ds-run1 ds-run2 report emit-scripts"),
    "benchmark.duration_s": (
        "duration_s: 0.2",
        "duration_s: 0.3",
        "bench-b2 bench-b4 scale bench-b1 report emit-scripts",
    ),
    "benchmark.warmup_ms": (
        "warmup_ms: 20",
        "warmup_ms: 30",
        "bench-b2 bench-b4 scale bench-b1 report emit-scripts",
    ),
    "benchmark.target_fps": (
        "target_fps: 30",
        "target_fps: 29",
        "bench-b2 bench-b4 scale bench-b1 ds-run1 ds-run2 report",
    ),
}


@pytest.fixture
def quick(tmp_path: Path) -> Quick:
    """A project that has been applied."""
    made = Quick(tmp_path)
    (tmp_path / "recipes/other.mp4").write_text("another clip", "utf-8")
    result = made.apply()
    assert (result.exit_code, result.skipped) == (0, ["ds-run2-retry"]), result.diagnostics
    return made


def announced(quick: Quick) -> tuple[set[str], set[str]]:
    """Steps that plan says run, and those that it says may run."""
    by_action: dict[str, set[str]] = {}
    for decision in quick.decide():
        by_action.setdefault(decision.action, set()).add(decision.step.id)
    assert "blocked" not in by_action
    return by_action.get("create", set()) | by_action.get("change", set()), by_action.get("conditional", set())


def assert_runs(quick: Quick, steps: str) -> None:
    """Exactly these steps run now; plan knew it; and then there is nothing left to do."""
    certain, possible = announced(quick)
    result = quick.apply()
    assert result.exit_code == 0, result.diagnostics
    assert set(result.done) == set(steps.split())
    assert certain <= set(result.done) <= certain | possible
    assert announced(quick) == (set(), set())
    assert quick.apply().done == []


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_setting_runs_what_depends_on_it_and_plan_says_so(change: str, quick: Quick) -> None:
    old, new, steps = CHANGES[change]
    quick.edit(old, new)
    assert_runs(quick, steps)


def test_a_changed_setting_is_named_with_its_place_and_both_values(quick: Quick) -> None:
    quick.edit("threshold: 0.35", "threshold: 0.4")
    reasons = {decision.step.id: [str(reason) for reason in decision.reasons] for decision in quick.decide()}
    line = 1 + quick.recipe.read_text("utf-8").split("threshold:")[0].count("\n")
    assert reasons["emit-config"] == [f"parser.threshold 0.35 → 0.4 ({RECIPE}:{line}:21)"]
    config = "models/tiny-yolov8/config/config_infer_primary_tiny-yolov8.txt"
    kitti = next(decision for decision in quick.decide() if decision.step.id == "kitti")
    assert kitti.action == "change"
    assert any(config in str(reason) or "parser.threshold" in str(reason) for reason in kitti.reasons)


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("recipes/model.onnx", f"acquire graph inspect {ENGINES} {PIPELINE}"),
        ("recipes/clip.mp4", PIPELINE),
        ("models/tiny-yolov8/benchmarks/engines/tiny-yolov8_dynamic_b2.engine", "engine-b2 bench-b2 scale report"),
        ("models/tiny-yolov8/benchmarks/engines/tiny-yolov8_dynamic_b4.engine", f"{ENGINES} {RUNS}"),
        ("models/tiny-yolov8/config/labels.txt", "emit-config"),
        ("models/tiny-yolov8/parser/Makefile", "emit-parser"),
        ("models/tiny-yolov8/samples/kitti_output/made.txt", "kitti report"),
        ("models/tiny-yolov8/samples/single_stream.json", "visual report"),
        ("models/tiny-yolov8/reports/benchmark_report.md", "report"),
        ("models/tiny-yolov8/scripts/kitti.sh", "emit-scripts"),
        ("models/tiny-yolov8/benchmarks/ds/kitti.log", ""),
    ],
)
def test_a_file_that_changed_runs_its_step_again_and_those_that_read_it(path: str, steps: str, quick: Quick) -> None:
    place = quick.root / path
    place.write_text("something else", "utf-8")
    if path.endswith("b4.engine"):
        steps = steps.replace("engine-b2 bench-b2 ", "")
    assert_runs(quick, steps)


@pytest.mark.parametrize(
    ("tool", "steps"),
    [
        ("ref-trtexec", f"{ENGINES} {RUNS}"),
        ("ref-deepstream-app", RUNS),
        # The library comes out the same from the other compiler, so nothing after it runs.
        ("make", "preflight build-parser"),
    ],
)
def test_a_tool_with_another_version_runs_its_steps_again(tool: str, steps: str, quick: Quick) -> None:
    quick.tools[tool] = "2.0"
    runs = set(steps.split()) | {"preflight"}
    certain, possible = announced(quick)
    result = quick.apply()
    assert set(result.done) - runs <= (set(PIPELINE.split()) if tool == "make" else set())
    assert runs <= set(result.done)
    assert certain <= set(result.done) <= certain | possible
    assert announced(quick) == (set(), set())


def test_other_figures_change_what_depends_on_them_as_plan_had_said(quick: Quick) -> None:
    """Run 1 gets three streams in place of four; run 2 comes out at four again, so it might run and does not."""
    quick.edit("duration_s: 0.2", "duration_s: 0.3")
    quick.rates |= {2: 210.0, 4: 90.0}
    certain, possible = announced(quick)
    assert {"ds-run1", "ds-run2"} <= possible
    result = quick.apply()
    assert certain <= set(result.done) <= certain | possible
    assert set(result.done) == {"bench-b2", "bench-b4", "scale", "bench-b1", "ds-run1", "report", "emit-scripts"}
    assert (result.values["run1.streams"], result.values["run2.streams"]) == (3, 4)
    assert quick.apply().done == []


def test_doubling_ends_where_it_no_longer_pays_and_its_outputs_are_not_used(quick: Quick) -> None:
    quick.edit("duration_s: 0.2", "duration_s: 0.3")
    quick.rates[2] = 30.0  # one stream: an engine of batch 4 has no use
    certain, possible = announced(quick)
    result = quick.apply()
    assert certain - {"engine-b4", "bench-b4"} <= set(result.done) <= certain | possible
    assert {"engine-b4", "bench-b4"} <= set(result.skipped)
    assert result.values["max_batch"] == 2
    assert announced(quick) == (set(), set())


def test_runs_below_the_target_get_their_retry(quick: Quick) -> None:
    quick.edit("run_s: 6", "run_s: 7")
    quick.fps = 20.0
    certain, possible = announced(quick)
    assert "ds-run2-retry" in possible
    result = quick.apply()
    assert "ds-run2-retry" in result.done
    assert certain <= set(result.done) <= certain | possible
    assert announced(quick) == (set(), set())


def test_a_value_that_goes_back_is_a_change_too(quick: Quick) -> None:
    quick.edit("frames: 40", "frames: 30")
    assert_runs(quick, "verify kitti report")
    quick.edit("frames: 30", "frames: 40")
    assert_runs(quick, "verify kitti report")


@pytest.fixture
def one_host(quick: Quick, monkeypatch: pytest.MonkeyPatch) -> None:
    """Saved plans ask for tool versions themselves: they get those that are made up."""
    monkeypatch.setattr("dsimport.runtime.planfile.ToolVersions", lambda: Versions(quick.tools))


@pytest.mark.usefixtures("one_host")
def test_a_saved_plan_does_what_it_showed(quick: Quick, tmp_path: Path) -> None:
    quick.edit("frames: 40", "frames: 30")
    saved = tmp_path / "plan.json"
    quick.save(saved)
    assert quick.apply(quick.saved(saved)).done == ["verify", "kitti", "report"]
    assert _refusal(quick, saved)[0].startswith("moved: tiny-yolov8: record of models/tiny-yolov8 ")


def _refusal(quick: Quick, saved: Path) -> tuple[str, ...]:
    with pytest.raises(DsimportError) as caught:
        quick.saved(saved)
    diagnostic = caught.value.diagnostics[0]
    assert (diagnostic.code, caught.value.exit_code) == ("S0606", 1)
    assert diagnostic.help == ("make the plan again with `dsimport plan -o`, and look at what it shows",)
    return diagnostic.notes


@pytest.mark.parametrize(
    ("path", "note"),
    [
        (RECIPE, f"moved: tiny-yolov8: {RECIPE} "),
        ("models/tiny-yolov8/.dsimport/state.json", "moved: tiny-yolov8: record of models/tiny-yolov8 "),
        ("recipes/clip.mp4", "moved: tiny-yolov8: step visual same → change: "),
        ("models/tiny-yolov8/config/labels.txt", "moved: tiny-yolov8: step emit-config same → change: "),
    ],
)
@pytest.mark.usefixtures("one_host")
def test_a_saved_plan_is_refused_when_anything_moved(path: str, note: str, quick: Quick, tmp_path: Path) -> None:
    quick.edit("frames: 40", "frames: 30")
    saved = tmp_path / "plan.json"
    quick.save(saved)
    place = quick.root / path
    place.write_text(place.read_text("utf-8") + "\n", "utf-8")
    notes = _refusal(quick, saved)
    assert notes[0].startswith(note)


@pytest.mark.usefixtures("one_host")
def test_a_saved_plan_is_refused_when_a_tool_moved(quick: Quick, tmp_path: Path) -> None:
    saved = tmp_path / "plan.json"
    quick.save(saved)
    assert quick.saved(saved).name == "tiny-yolov8"
    quick.tools["ref-trtexec"] = "2.0"
    assert any("step engine-b2 same → change: ref-trtexec 1.0 → 2.0" in note for note in _refusal(quick, saved))


def test_a_saved_plan_that_was_edited_is_refused(quick: Quick, tmp_path: Path) -> None:
    saved = tmp_path / "plan.json"
    quick.save(saved)
    saved.write_text(saved.read_text("utf-8").replace('"make"', '"rm"'), "utf-8")
    with pytest.raises(DsimportError) as caught:
        quick.saved(saved)
    assert caught.value.diagnostics[0].code == "S0605"


def test_the_whole_life_of_an_import_on_the_command_line(
    project: Callable[..., Project], undisturbed: Project, tmp_path: Path
) -> None:
    """With the real tools: nothing twice, exit codes, one document on stdout, saved plans, steps again."""
    new = project()
    assert new.run("plan", RECIPE, "--detailed-exitcode").returncode == 2
    assert not new.models.exists()

    made = copy_project(undisturbed, tmp_path / "applied")
    home = made.models / "tiny-yolov8"
    stamps = {path: path.stat().st_mtime_ns for path in home.rglob("*") if ".dsimport" not in path.parts}
    again = made.run("apply", RECIPE, "-q")
    assert again.returncode == 0
    assert re.match(r"tiny-yolov8: \d+ up to date, 1 not needed\n", again.stdout)
    assert {path: path.stat().st_mtime_ns for path in home.rglob("*") if ".dsimport" not in path.parts} == stamps
    assert made.run("plan", RECIPE, "--detailed-exitcode").returncode == 0

    made.write("yolov8", min_rate=0.8, **SETTINGS)
    document = made.json("plan", RECIPE, "--detailed-exitcode", code=2)
    actions = {step["id"]: step["action"] for step in document["plans"][0]["steps"]}
    assert {step for step, action in actions.items() if action not in ("same", "skip")} == {"kitti", "report"}
    saved = tmp_path / "plan.json"
    assert made.run("plan", RECIPE, "-o", str(saved)).returncode == 0
    applied = made.json("apply", str(saved))
    assert applied["models"][0]["done"] == ["kitti", "report"]
    stale = made.json("apply", str(saved), code=1)
    assert [item["code"] for item in stale["diagnostics"]] == ["S0606"]

    again = made.json("apply", RECIPE, "--again", "kitti")
    assert again["models"][0]["done"] == ["kitti", "report"]
    unknown = made.run("apply", RECIPE, "--again", "kiti")
    assert unknown.returncode == 1
    assert "error[S0608]" in unknown.stderr
    assert made.json("apply", RECIPE)["models"][0]["done"] == []


def test_an_apply_ends_where_it_is_told_to_and_goes_on_from_there(project: Callable[..., Project]) -> None:
    made = project()
    done = made.run("apply", RECIPE, "--until", "inspect")
    assert done.returncode == 0, done.stderr
    closing = done.stdout.splitlines()[-1]
    assert re.fullmatch(rf"\d+ of \d+ steps are left: dsimport apply {RECIPE} goes on", closing)
    assert made.json("apply", RECIPE, "--until", "inspect")["models"][0]["done"] == []
    on = made.json("apply", RECIPE, "--until", "build-parser")["models"][0]
    assert (on["done"][-1], "inspect" in on["same"], on["not_started"][-1]) == ("build-parser", True, "report")
    wrong = made.json("apply", RECIPE, "--until", "inpsect", code=1)
    assert [item["code"] for item in wrong["diagnostics"]] == ["P0103"]
    assert "did you mean 'inspect'?" in wrong["diagnostics"][0]["help"]


def test_errors_keep_standard_output_one_document(project: Callable[..., Project]) -> None:
    made = project()
    recipe = made.root / RECIPE
    recipe.write_text(recipe.read_text("utf-8").replace("threshold:", "treshold:"), "utf-8")
    for command in ("plan", "apply"):
        done = made.run(command, RECIPE, "--json")
        assert done.returncode == 1
        assert "error[R0102]" in done.stderr
        codes = [item["code"] for item in json.loads(done.stdout)["diagnostics"]]
        assert codes == ["R0102"]
    missing = made.run("apply", "recipes/none.yaml", "--json")
    assert missing.returncode == 1
    assert json.loads(missing.stdout)["exit_code"] == 1
    assert "recipes/none.yaml" in missing.stderr

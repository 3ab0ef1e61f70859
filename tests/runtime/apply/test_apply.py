"""Applying plans of small shell commands: what runs, what is kept, what is said, and that plan had said so."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pytest
from apply_support import HANDLERS, HOME, FixedVersions, events, make_plan, record, run, sh, small_plan, tree
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsimport.compiler.decide import decide
from dsimport.compiler.plan import GeneratedFile, Hole, Plan, Step
from dsimport.runtime.apply import apply_plan
from dsimport.runtime.observe import DiskObservation
from dsimport.runtime.records import forget_steps, load_state
from dsimport.runtime.steps.base import Context, Outcome

RUNNING = ["emit", "engine-b64", "bench-b64", "scale", "kitti", "report"]
SKIPPED = ["engine-b128", "bench-b128"]


def codes(root: Path, plan: Plan) -> tuple[int, list[str]]:
    result = run(plan, root)
    return result.exit_code, [item.code for item in result.diagnostics]


def shown(plan: Plan, root: Path, versions: dict[str, str] | None = None) -> dict[str, str]:
    """What `plan` would say."""
    seen = DiskObservation(root, HOME, FixedVersions(versions))
    return {item.step.id: item.action for item in decide(plan, load_state(root / HOME), seen)}


def test_everything_is_made_once(tmp_path: Path) -> None:
    result = run(small_plan(), tmp_path)

    assert (result.exit_code, result.diagnostics, result.failed) == (0, [], None)
    assert (result.done, result.same, result.skipped, result.not_started) == (RUNNING, [], SKIPPED, [])
    assert result.values == {"peak.b64": 51, "max_batch": 64}
    assert tree(tmp_path) == {
        f"{HOME}/config": "folder",
        f"{HOME}/config/m.txt": b"threshold=0.25\n",
        f"{HOME}/engines": "folder",
        f"{HOME}/engines/b64.engine": b"first engine 64 second\n",
        f"{HOME}/engines/b64.log": b"made engine 64\n",
        f"{HOME}/samples": "folder",
        f"{HOME}/samples/kitti": "folder",
        f"{HOME}/samples/kitti/1.txt": b"threshold=0.25\n",
        f"{HOME}/samples/kitti/2.txt": b"threshold=0.25\n",
        f"{HOME}/ds": "folder",
        f"{HOME}/ds/kitti.log": b"",
        f"{HOME}/report.md": b"first report second\n",
    }
    assert not (tmp_path / HOME / "engines/b128.engine").exists()


def test_a_second_apply_touches_no_file(tmp_path: Path) -> None:
    run(small_plan(), tmp_path)

    def stamps() -> dict[str, tuple[int, int]]:
        paths = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "lock"]
        return {str(path): (path.stat().st_mtime_ns, path.stat().st_ino) for path in paths}

    before = stamps()
    result = run(small_plan(), tmp_path)
    assert (result.exit_code, result.done, result.same, result.skipped) == (0, [], RUNNING, SKIPPED)
    assert result.summary() == "6 up to date, 2 not needed"
    assert stamps() == before


def test_events_tell_the_story_of_a_run(tmp_path: Path) -> None:
    run(small_plan(), tmp_path)
    story = [(event["event"], event.get("step")) for event in events(tmp_path)]
    expected: list[tuple[str, str | None]] = [("run-start", None)]
    for step in RUNNING:
        expected += [("step-start", step)]
        expected += [] if step == "emit" else [("command", step), ("command-end", step)]
        expected += [("step-end", step)]
    assert story == [*expected, ("run-end", None)]


@pytest.mark.parametrize(
    ("plan", "versions", "done"),
    [
        (small_plan(threshold=0.3), {}, ["emit", "kitti", "report"]),
        (small_plan(), {"trtexec": "2.0"}, ["engine-b64", "bench-b64", "scale", "report"]),
        (small_plan(peak=70), {}, ["bench-b64", "engine-b128", "bench-b128", "scale", "kitti", "report"]),
    ],
)
def test_what_moved_is_done_again_and_nothing_else(
    tmp_path: Path, plan: Plan, versions: dict[str, str], done: list[str]
) -> None:
    run(small_plan(), tmp_path)
    announced = shown(plan, tmp_path, versions=versions)
    result = run(plan, tmp_path, versions=versions)

    assert result.done == done
    assert {step for step, action in announced.items() if action in ("create", "change")} <= set(done)
    assert set(done) <= {step for step, action in announced.items() if action not in ("same", "skip")}
    assert run(plan, tmp_path, versions=versions).done == []


def test_a_stale_output_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    keep = Step(id="a", kind="engine", title="", outputs=(f"{HOME}/a.bin",), argv=sh(f"echo 1 > {HOME}/a.bin"))
    lazy = keep.model_copy(update={"argv": sh("true")})
    assert run(make_plan([keep]), tmp_path).exit_code == 0

    result = run(make_plan([lazy]), tmp_path)
    assert (result.exit_code, result.failed, [item.code for item in result.diagnostics]) == (4, "a", ["T0604"])
    assert tree(tmp_path) == {f"{HOME}/a.bin": b"1\n"}, "the earlier result is put back"
    assert run(make_plan([keep]), tmp_path).done == [], "and still counts when the recipe goes back to what it was"


def test_a_failing_tool_stops_the_run_and_says_everything(tmp_path: Path) -> None:
    steps = list(small_plan().steps)
    steps[1] = steps[1].model_copy(update={"argv": sh("echo 'out of \x1b[31mmemory'; exit 3")})
    result = run(make_plan(steps), tmp_path)

    assert (result.exit_code, result.failed, result.done) == (4, "engine-b64", ["emit"])
    assert result.not_started == [step.id for step in steps[2:]]
    assert result.summary() == "apply stopped: 1 done, 1 failed, 6 not started. Continue with the same command."
    (found,) = result.diagnostics
    assert (found.code, found.message) == ("T0602", "sh ended with exit code 3")
    assert found.notes[1:] == (f"log: {HOME}/engines/b64.log", "out of \\x1b[31mmemory")
    assert found.notes[0].startswith("command: sh -c ")
    assert found.help
    assert shown(small_plan(), tmp_path)["engine-b64"] == "create"
    assert run(small_plan(), tmp_path).done == RUNNING[1:], "what was done stays done"


def test_a_failing_tool_is_explained_from_its_log(tmp_path: Path) -> None:
    steps = list(small_plan().steps)
    said = "[E] Unknown option: --fp16"
    steps[1] = steps[1].model_copy(update={"argv": sh(f"echo '{said}'; exit 1")})
    (found,) = run(make_plan(steps), tmp_path).diagnostics
    assert (found.code, found.message) == ("T0602", "sh ended with exit code 1")
    assert found.notes[:2] == (
        "known problem T0772: this trtexec has no --fp16: TensorRT 11 removed weak typing",
        f"evidence: {said}",
    )
    assert found.help[0].startswith("set pipeline.tensorrt to the version that is installed")
    assert found.help[-1].startswith(f"read {HOME}/engines/b64.log")


def test_a_failed_gate_keeps_its_evidence_and_stops_what_follows(tmp_path: Path) -> None:
    run(small_plan(), tmp_path)
    failing = small_plan(threshold=0.9, fail=True)
    result = run(failing, tmp_path)

    assert (result.exit_code, result.failed, result.not_started) == (3, "kitti", ["report"])
    assert [item.code for item in result.diagnostics] == ["G0401"]
    assert tree(tmp_path)[f"{HOME}/samples/kitti/1.txt"] == b"threshold=0.9\n", "what the gate saw is there to look at"
    assert [event["code"] for event in events(tmp_path) if event["event"] == "gate"] == ["G0401"]
    assert run(small_plan(), tmp_path).done == ["emit", "kitti", "report"]


def test_a_missing_program_is_the_hosts_fault(tmp_path: Path) -> None:
    step = Step(id="a", kind="engine", title="", argv=("trtexec-that-is-not-there",))
    assert codes(tmp_path, make_plan([step])) == (1, ["T0601"])


def test_a_program_that_does_not_end_is_stopped(tmp_path: Path) -> None:
    step = Step(id="a", kind="engine", title="", argv=sh("echo begun; sleep 60"), timeout_s=0.2)
    result = run(make_plan([step]), tmp_path)
    assert (result.exit_code, [item.code for item in result.diagnostics]) == (4, ["T0603"])
    assert result.diagnostics[0].message == "sh did not end within 0.2 s and was stopped"
    assert result.diagnostics[0].notes[-1] == "begun"


def test_a_fault_in_a_handler_is_no_traceback_for_the_user(tmp_path: Path) -> None:
    def broken(context: Context) -> Outcome:
        raise KeyError(2)

    step = Step(id="a", kind="engine", title="")
    result = run(make_plan([step]), tmp_path, {"engine": broken})
    assert (result.exit_code, [item.code for item in result.diagnostics]) == (1, ["T0605"])
    assert "in broken" in next(event["trace"] for event in events(tmp_path) if "trace" in event)


def test_a_promised_value_must_come(tmp_path: Path) -> None:
    step = Step(id="a", kind="engine", title="", argv=sh("true"), gives=("n",))
    assert codes(tmp_path, make_plan([step])) == (1, ["T0605"])


def test_a_value_that_was_not_measured_ends_the_run_where_it_is_needed(tmp_path: Path) -> None:
    giver = Step(id="a", kind="bench", title="", argv=sh("true"), params={"give": {"n": None}}, gives=("n",))
    user = Step(id="b", kind="bench", title="", argv=("echo", ("--n=", Hole(value="n"))))
    result = run(make_plan([giver, user]), tmp_path)
    assert (result.exit_code, result.done, result.failed) == (1, ["a"], "b")
    assert [(item.code, item.message) for item in result.diagnostics] == [
        ("S0607", "the value 'n' is needed and no step gave it")
    ]


def test_numbers_that_json_does_not_have_are_recorded_as_not_measured(tmp_path: Path) -> None:
    step = Step(id="a", kind="bench", title="", gives=("n",))
    result = run(make_plan([step]), tmp_path, {"bench": lambda context: Outcome({"n": float("nan")})})
    assert result.values == {"n": None}


def test_unknown_kinds_and_foreign_folders_are_refused(tmp_path: Path) -> None:
    step = Step(id="a", kind="visual", title="")
    assert codes(tmp_path, make_plan([step])) == (1, ["P0602"])
    for home in ("models/../m", "/tmp/m", "models/M", "models/m/x", "elsewhere/m"):
        assert codes(tmp_path, make_plan([step]).model_copy(update={"home": home})) == (1, ["P0603"])
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / HOME / "link").symlink_to(outside)
    for path in ("x.txt", "../x", f"{HOME}/../x.txt", "/tmp/x", f"{HOME}/link/x.txt", f"{HOME}/a\0b"):
        for leading in (
            step.model_copy(update={"files": (GeneratedFile(path=path, content="x"),)}),
            step.model_copy(update={"outputs": (path,)}),
            step.model_copy(update={"log": path}),
        ):
            assert codes(tmp_path, make_plan([leading])) == (1, ["P0601"]), path
    assert list(outside.iterdir()) == []


def test_handlers_get_paths_inside_the_model_folder_or_inputs(tmp_path: Path) -> None:
    found: list[str] = []

    def look(context: Context) -> Outcome:
        found.append(context.path((f"{HOME}/", Hole(value="n"), ".txt")).relative_to(tmp_path).as_posix())
        found.append(context.path("/data/clip.mp4").as_posix())
        context.path("../elsewhere")
        raise AssertionError("a path out of the folder was handed out")

    giver = Step(id="g", kind="bench", title="", argv=sh("true"), params={"give": {"n": 7}}, gives=("n",))
    step = Step(id="a", kind="engine", title="", inputs=("/data/clip.mp4",))
    result = run(make_plan([giver, step]), tmp_path, {**HANDLERS, "engine": look})
    assert found == [f"{HOME}/7.txt", "/data/clip.mp4"]
    assert [item.code for item in result.diagnostics] == ["P0601"]


def test_the_environment_is_never_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret_text")

    def uses_it(context: Context) -> Outcome:
        context.run(sh('test -n "$HF_TOKEN" && test -n "$OTHER"'), env={"OTHER": "other_secret_text"})
        return Outcome()

    result = run(make_plan([Step(id="a", kind="engine", title="")]), tmp_path, {"engine": uses_it})
    assert result.exit_code == 0
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"secret_text" not in path.read_bytes()


def test_generated_files_can_be_run_and_are_repaired(tmp_path: Path) -> None:
    script = GeneratedFile(path=f"{HOME}/scripts/run.sh", content="#!/bin/sh\necho hello\n", executable=True)
    plan = make_plan([Step(id="emit", kind="emit", title="", files=(script,))])
    run(plan, tmp_path)
    path = tmp_path / script.path
    assert os.access(path, os.X_OK)
    path.write_text("edited")
    assert run(plan, tmp_path).done == ["emit"]
    assert path.read_text() == script.content
    assert run(plan, tmp_path).done == []


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"format": 1, "steps": 3}', "\0\1", '{"format": true}', "[" * 99999]
)
def test_a_damaged_record_is_named_and_nothing_is_touched(tmp_path: Path, text: str) -> None:
    run(small_plan(), tmp_path)
    before = tree(tmp_path)
    state = tmp_path / HOME / ".dsimport/state.json"
    state.write_text(text)
    assert codes(tmp_path, small_plan()) == (1, ["S0601"])
    assert tree(tmp_path) == before
    state.unlink()
    assert run(small_plan(), tmp_path).done == RUNNING


def test_a_newer_record_is_not_overwritten(tmp_path: Path) -> None:
    run(small_plan(), tmp_path)
    state = tmp_path / HOME / ".dsimport/state.json"
    document = json.loads(state.read_text())
    state.write_text(json.dumps({**document, "format": 2}))
    assert codes(tmp_path, small_plan()) == (1, ["S0602"])
    state.write_text(json.dumps({**document, "added_later": 1}))
    assert run(small_plan(), tmp_path).done == []


def test_forgotten_steps_run_again(tmp_path: Path) -> None:
    run(small_plan(), tmp_path)
    forget_steps(tmp_path / HOME, ["kitti"])
    assert run(small_plan(), tmp_path).done == ["kitti", "report"]


def test_paths_and_values_are_data_not_shell(tmp_path: Path) -> None:
    name = f"{HOME}/a b'\"$(touch pwned);%s.txt"
    step = Step(id="a", kind="engine", title="", outputs=(name,), argv=("cp", "/dev/null", name), log=f"{name}.log")
    assert run(make_plan([step]), tmp_path).exit_code == 0
    assert not (tmp_path / "pwned").exists()
    assert run(make_plan([step]), tmp_path).done == []


def test_root_may_be_named_relative_to_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path)
    plan = small_plan()
    assert apply_plan(plan, root="work", handlers=HANDLERS, versions=FixedVersions()).exit_code == 0
    assert run(plan, tmp_path / "work").done == []


_CHANGES = st.sampled_from(
    [
        *("threshold", "peak", "tool", "lose engine", "lose kitti", "fail"),
        *("edit config/m.txt", "edit engines/b64.engine", "edit report.md"),
    ]
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.sets(_CHANGES, max_size=3), number=st.integers(0, 10**9))
def test_apply_does_what_plan_shows(tmp_path: Path, changes: set[str], number: int) -> None:
    root = Path(tempfile.mkdtemp(dir=tmp_path))
    run(small_plan(), root)
    home = root / HOME
    for file in ("config/m.txt", "engines/b64.engine", "report.md"):
        if f"edit {file}" in changes:
            (home / file).write_text(str(number))
    if "lose engine" in changes:
        (home / "engines/b64.engine").unlink(missing_ok=True)
    if "lose kitti" in changes:
        (home / "samples/kitti/1.txt").unlink()
    plan = small_plan(
        threshold=0.3 if "threshold" in changes else 0.25,
        peak=90 if "peak" in changes else 51,
        fail="fail" in changes,
    )
    versions = {"trtexec": "2.0"} if "tool" in changes else {}
    announced = shown(plan, root, versions=versions)
    result = run(plan, root, versions=versions)

    for step, action in announced.items():
        if step == result.failed or step in result.not_started:
            assert action not in ("same", "skip")
        elif action in ("create", "change"):
            assert step in result.done, f"{step} was announced"
        elif action in ("same", "skip"):
            assert step in [*result.same, *result.skipped], f"{step} was not announced"
    if "fail" not in changes:
        assert run(plan, root, versions=versions).done == []
        assert record(root)["running"] is None

"""Decisions: what runs, what does not, and the reasons as a person reads them."""

from __future__ import annotations

import pytest
from decide_support import HOME, Memory, actions, applied, fresh_disk, make_plan, model_plan, reasons
from hypothesis import given, settings
from hypothesis import strategies as st

from dsimport.compiler.decide import decide, holds, show_condition
from dsimport.compiler.plan import Condition, GeneratedFile, Hole, Step, Value
from dsimport.compiler.record import Failure, ModelState, Running, StepRecord

VALUES: dict[str, Value] = {"peak.b64": 51, "peak.b128": 40, "max_batch": 64}
IDLE = {"engine-b128": "skip", "bench-b128": "skip"}
STEPS = [step.id for step in model_plan().steps]


def only(**changed: str) -> dict[str, str]:
    """Actions of the miniature plan where everything but `changed` is up to date."""
    given = {name.replace("_", "-"): action for name, action in changed.items()}
    return {**dict.fromkeys(STEPS, "same"), **IDLE, **given}


def test_first_plan_shows_what_is_known_and_what_is_not() -> None:
    decisions = {decision.step.id: decision for decision in decide(model_plan(), None, fresh_disk())}

    assert {name: decision.action for name, decision in decisions.items()} == {
        **dict.fromkeys(STEPS, "create"),
        "engine-b128": "conditional",
        "bench-b128": "conditional",
    }
    assert decisions["engine-b128"].conditions == ("peak.b64 > 64",)
    assert decisions["kitti"].unknown == ("max_batch",)
    assert decisions["kitti"].inputs == (
        f"{HOME}/config/m.txt",
        f"{HOME}/parser/m.so",
        f"{HOME}/b‹max_batch›.engine",
        "clip.mp4",
    )
    assert [(file.path, file.status, file.new_text) for file in decisions["emit"].files] == [
        (f"{HOME}/config/m.txt", "create", "threshold=0.25\n"),
        (f"{HOME}/parser/m.cpp", "create", "int x;\n"),
    ]


def test_a_first_plan_asks_for_no_digest_of_inputs_and_no_tool_version() -> None:
    class Costly(Memory):
        def tool(self, name: str) -> str | None:
            raise AssertionError(f"asked for the version of {name}")

        def digest(self, path: str) -> str | None:
            assert path != "model.onnx", "hashed a model that nothing compares"
            return super().digest(path)

    decide(model_plan(), None, Costly())


def test_after_an_apply_nothing_is_left_to_do() -> None:
    plan, disk = model_plan(), fresh_disk()
    state = applied(plan, disk, VALUES)

    assert actions(plan, state, disk) == only()
    assert reasons(plan, state, disk) == {}
    kitti = decide(plan, state, disk)[-1]
    assert kitti.inputs[2] == f"{HOME}/b64.engine", "values of steps that are up to date are known"


def test_a_setting_reruns_the_file_and_its_readers_only() -> None:
    disk = fresh_disk()
    state = applied(model_plan(), disk, VALUES)
    plan = model_plan(threshold=0.3)

    assert actions(plan, state, disk) == only(emit="change", kitti="change")
    told = reasons(plan, state, disk)
    assert told["emit"] == ["parser.threshold 0.25 → 0.3 (recipes/m.yaml:14)"]
    assert told["kitti"] == told["emit"], "a reader of the file names the setting, too"
    config, source = decide(plan, state, disk)[0].files
    assert (config.status, config.old_text, config.new_text) == ("change", "threshold=0.25\n", "threshold=0.3\n")
    assert source.status == "same"
    after = applied(plan, disk, VALUES, state)
    assert [step for step in STEPS if after.steps.get(step) is not state.steps.get(step)] == ["emit", "kitti"]


def test_a_tool_version_reruns_its_steps_and_what_needs_them() -> None:
    plan, disk = model_plan(), fresh_disk()
    state = applied(plan, disk, VALUES)
    disk.tools["trtexec"] = "10.16.1"

    assert actions(plan, state, disk) == only(
        engine_b64="change",
        bench_b64="change",
        engine_b128="conditional",
        bench_b128="conditional",
        scale="change",
        kitti="conditional",
    )
    told = reasons(plan, state, disk)
    assert told["engine-b64"] == ["trtexec 10.14.1 → 10.16.1"]
    assert told["bench-b64"] == ["because engine-b64 runs again"]
    assert told["kitti"] == ["only if max_batch changes (now 64)"]


@pytest.mark.parametrize(
    ("path", "text", "expected", "reason"),
    [
        ("clip.mp4", "other", only(kitti="change"), "clip.mp4 "),
        ("clip.mp4", None, only(kitti="change"), "clip.mp4 "),
        (f"{HOME}/kitti/", "other", only(kitti="change"), f"{HOME}/kitti/ was changed on disk"),
        (f"{HOME}/kitti/", None, only(kitti="change"), f"{HOME}/kitti/ is missing"),
        (f"{HOME}/parser/m.so", None, only(build_parser="change", kitti="change"), f"{HOME}/parser/m.so is missing"),
        (f"{HOME}/config/m.txt", "edited", only(emit="change"), f"{HOME}/config/m.txt was changed on disk"),
        (f"{HOME}/config/m.txt", None, only(emit="change"), f"{HOME}/config/m.txt is missing"),
    ],
)
def test_what_moved_on_disk(path: str, text: str | None, expected: dict[str, str], reason: str) -> None:
    plan, disk = model_plan(), fresh_disk()
    state = applied(plan, disk, VALUES)
    if text is None:
        del disk.files[path]
    else:
        disk.files[path] = text

    assert actions(plan, state, disk) == expected
    first = next(iter(reasons(plan, state, disk).values()))
    assert len(first) == 1
    assert first[0].startswith(reason)


def test_an_input_is_told_by_its_short_digest() -> None:
    plan, disk = model_plan(), fresh_disk()
    before = (disk.digest("clip.mp4") or "")[:7]
    state = applied(plan, disk, VALUES)
    disk.files["clip.mp4"] = "other"
    after = (disk.digest("clip.mp4") or "")[:7]

    assert reasons(plan, state, disk)["kitti"] == [f"clip.mp4 {before} → {after}"]


def test_a_condition_that_turns_true_runs_its_steps_and_what_needs_them() -> None:
    disk = fresh_disk()
    state = applied(model_plan(), disk, VALUES)
    moved = model_plan(fps=15)
    assert actions(moved, state, disk)["engine-b128"] == "conditional"
    assert reasons(moved, state, disk)["bench-b64"] == ["benchmark.target_fps 30 → 15 (recipes/m.yaml:14)"]

    state = applied(moved, disk, {"peak.b64": 102, "peak.b128": 90, "max_batch": 128}, state)
    assert actions(moved, state, disk) == {**only(), "engine-b128": "same", "bench-b128": "same"}

    state = applied(model_plan(), disk, VALUES, state)
    assert actions(model_plan(), state, disk) == only(), "and back again"
    assert state.steps["engine-b128"].outputs, "a step that is skipped now may have left files to clean"


def test_a_step_whose_skipped_need_ran_is_run_again() -> None:
    first = Step(id="a", kind="bench", title="", gives=("v",))
    maybe = Step(id="b", kind="bench", title="", when=(Condition(value="v", than=10),), argv=("x",))
    last = Step(id="c", kind="bench", title="", needs=("b",))
    plan, disk = make_plan([first, maybe, last]), Memory()
    with_b = applied(plan, disk, {"v": 11})
    now = with_b.with_step(with_b.steps["a"].model_copy(update={"values": {"v": 9}}))

    assert actions(plan, now, disk) == {"a": "same", "b": "skip", "c": "change"}
    assert reasons(plan, now, disk)["c"] == ["b no longer runs"]

    without_b = applied(plan, disk, {"v": 9})
    assert actions(plan, without_b, disk) == {"a": "same", "b": "skip", "c": "same"}


def test_an_interrupted_chain_goes_on_where_it_stopped() -> None:
    plan, disk = model_plan(), fresh_disk()
    state = applied(plan, disk, VALUES)
    disk.tools["trtexec"] = "10.16.1"
    again = applied(plan, disk, VALUES, state)
    stopped = state.with_step(again.steps["engine-b64"])  # the engine was built, the rest was not reached

    assert actions(plan, stopped, disk)["engine-b64"] == "same"
    assert "because engine-b64 ran again" in reasons(plan, stopped, disk)["bench-b64"]


def test_failed_steps_say_so() -> None:
    plan, disk = model_plan(), fresh_disk()
    state = applied(plan, disk, VALUES)
    failure = Failure(when="", code="G0401", message="no detections", exit_code=3)
    state = state.with_step(state.steps["kitti"].model_copy(update={"status": "failed", "failure": failure}))

    assert actions(plan, state, disk) == only(kitti="create")
    assert reasons(plan, state, disk)["kitti"] == ["failed last time: no detections"]


def test_outputs_set_aside_by_a_killed_run_count_as_there() -> None:
    plan, disk = model_plan(), fresh_disk()
    state = applied(plan, disk, VALUES)
    aside = f"{HOME}/.dsimport-old-0"
    disk.files[f"{aside}/"] = disk.files.pop(f"{HOME}/kitti/")
    disk.files[f"{HOME}/kitti/"] = "half of it"
    killed = state.model_copy(update={"running": Running(step="kitti", moved={f"{HOME}/kitti": aside})})

    assert actions(plan, killed, disk) == only(), "apply puts them back before it decides"


def test_commands_and_params_without_a_setting_show_themselves() -> None:
    disk = Memory()
    before = make_plan([Step(id="a", kind="bench", title="", argv=("x", "--n=1", "same"), params={"p": [1]})])
    after = make_plan([Step(id="a", kind="bench", title="", argv=("x", "--n=2; rm", "same"), params={"p": [2]})])

    told = reasons(after, applied(before, disk, {}), disk)
    assert told == {"a": ["command --n=1 → '--n=2; rm'", "p [1] → [2]"]}


def test_a_value_that_nobody_gives_blocks_its_step() -> None:
    step = Step(id="a", kind="bench", title="", argv=(("--n=", Hole(value="n")),))
    assert actions(make_plan([step]), None, Memory()) == {"a": "blocked"}


def test_a_generated_file_with_a_hole_is_known_after_apply() -> None:
    file = GeneratedFile(path=f"{HOME}/run.txt", content=("n=", Hole(value="n"), "\n"))
    giver = Step(id="a", kind="bench", title="", gives=("n",))
    emit = Step(id="e", kind="emit", title="", files=(file,))
    reader = Step(id="r", kind="bench", title="", needs=("e",), inputs=(file.path,))
    plan, disk = make_plan([giver, emit, reader]), Memory()

    assert decide(plan, None, disk)[1].files[0].status == "unknown"
    state = applied(plan, disk, {"n": 3})
    assert disk.files[f"{HOME}/run.txt"] == "n=3\n"
    assert actions(plan, state, disk) == {"a": "same", "e": "same", "r": "same"}
    without_a = state.model_copy(update={"steps": {k: v for k, v in state.steps.items() if k != "a"}})
    assert actions(plan, without_a, disk) == {"a": "create", "e": "conditional", "r": "conditional"}
    assert actions(plan, applied(plan, disk, {"n": 4}, without_a), disk) == {"a": "same", "e": "same", "r": "same"}
    assert disk.files[f"{HOME}/run.txt"] == "n=4\n"


@pytest.mark.parametrize(
    ("than", "values", "verdict", "words"),
    [
        (64.0, {"v": 65}, True, "v (65) > 64"),
        (64.0, {"v": 64}, False, "v (64) > 64"),
        (64.0, {}, None, "v > 64"),
        (64.0, {"v": None}, False, "v (None) > 64"),
        (64.0, {"v": "text"}, False, "v (text) > 64"),
        ("w", {"v": 2}, None, "v (2) > w"),
        ("w", {"v": 2, "w": 1.5}, True, "v (2) > w (1.5)"),
    ],
)
def test_conditions(than: str | float, values: dict[str, Value], verdict: bool | None, words: str) -> None:
    condition = Condition(value="v", than=than)
    assert holds(condition, values) is verdict
    assert show_condition(condition, values) == words


@st.composite
def _plans(draw: st.DrawFn) -> list[Step]:
    count = draw(st.integers(1, 6))
    steps: list[Step] = []
    for number in range(count):
        earlier = [f"s{i}" for i in range(number)]
        when = draw(st.sampled_from([(), *[(Condition(value=f"v{i}", than=5),) for i in range(number)]]))
        step = Step(
            id=f"s{number}",
            kind=draw(st.sampled_from(["bench", "emit"])),
            title="",
            needs=tuple(draw(st.sets(st.sampled_from(earlier)))) if earlier else (),
            files=(GeneratedFile(path=f"{HOME}/f{number}", content=draw(st.sampled_from(["x", "y"]))),),
            inputs=tuple(draw(st.sets(st.sampled_from([f"{HOME}/f{i}" for i in range(number)] or ["in"])))),
            outputs=(f"{HOME}/o{number}",),
            when=when,
            gives=(f"v{number}",),
            params={"p": draw(st.integers(0, 1))},
        )
        steps.append(step)
    return steps


@settings(max_examples=60, deadline=None)
@given(_plans(), _plans(), st.lists(st.integers(0, 10), min_size=6, max_size=6))
def test_whatever_changes_one_apply_settles_it(before: list[Step], after: list[Step], numbers: list[int]) -> None:
    values: dict[str, Value] = {f"v{i}": number for i, number in enumerate(numbers)}
    disk = Memory({"in": "x"})
    state = applied(make_plan(before), disk, values)
    plan = make_plan(after)
    shown = actions(plan, state, disk)
    ran: set[str] = set()
    settled = applied(plan, disk, values, state)
    for step_id, record in settled.steps.items():
        if record is not state.steps.get(step_id) and record.status == "ok":
            ran.add(step_id)

    assert set(actions(plan, settled, disk).values()) <= {"same", "skip"}
    for step_id, action in shown.items():
        if action in ("create", "change"):
            assert step_id in ran, f"{step_id} was announced and did not run"
        elif action in ("same", "skip"):
            assert step_id not in ran, f"{step_id} ran unannounced"


def test_keys_of_records_ignore_time_and_place() -> None:
    record = StepRecord(id="a", kind="bench", status="ok", facts={"argv": "[]"}, outputs={"o": "1"}, values={"v": 1})
    later = record.model_copy(update={"started": "later", "seconds": 3.0, "summary": "x"})
    assert record.key() == later.key()
    assert record.key() != record.model_copy(update={"values": {"v": 2}}).key()


def test_values_of_a_record_follow_the_order_of_the_plan() -> None:
    steps = {
        name: StepRecord(id=name, kind="bench", status="ok", values={"v": number})
        for number, name in enumerate(("z", "a"))
    }
    assert ModelState(order=("z", "a"), steps=steps).values() == {"v": 1}
    assert ModelState(order=("a", "z"), steps=steps).values() == {"v": 0}

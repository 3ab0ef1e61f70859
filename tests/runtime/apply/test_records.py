"""Records, saved plans, status and the view of the disk."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from apply_support import HANDLERS, HOME, FixedVersions, make_plan, run, sh, small_plan
from hypothesis import given, settings
from hypothesis import strategies as st

from dsimport.compiler.diagnostics import DsimportError
from dsimport.compiler.plan import InputFile, Plan, Step
from dsimport.compiler.record import Failure, ModelState, Running, StepRecord, read_state, state_text
from dsimport.runtime import observe
from dsimport.runtime.lock import ModelLock
from dsimport.runtime.observe import DiskObservation
from dsimport.runtime.planfile import plan_entry, read_plan_file, write_plan_file
from dsimport.runtime.records import RunLog, forget_steps, last_run, read_events
from dsimport.runtime.status import all_models, status_of

COMPILER = small_plan().compiler

_values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()
)
_texts = st.dictionaries(st.text(), st.text(), max_size=3)
_records = st.builds(
    StepRecord,
    id=st.text(),
    kind=st.text(),
    status=st.sampled_from(["ok", "failed", "skipped"]),
    facts=_texts,
    settings=st.dictionaries(st.text(), st.one_of(_values, st.lists(_values, max_size=2)), max_size=3),
    outputs=_texts,
    values=st.dictionaries(st.text(), _values, max_size=3),
    log=st.none() | st.text(),
    seconds=st.floats(0, 1e6),
    failure=st.none() | st.builds(Failure, when=st.text(), code=st.text(), message=st.text(), exit_code=st.integers()),
)
_states = st.builds(
    ModelState,
    plan=st.text(),
    order=st.lists(st.text(), max_size=3).map(tuple),
    steps=st.dictionaries(st.text(), _records, max_size=3),
    running=st.none() | st.builds(Running, step=st.text(), moved=_texts),
)


@settings(max_examples=60, deadline=None)
@given(_states)
def test_records_survive_writing_and_reading(state: ModelState) -> None:
    text = state_text(state)
    again = read_state(text.encode(), "state.json")
    assert again == state
    assert state_text(again) == text


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_damage_is_a_diagnostic(data: st.DataObject) -> None:
    record = StepRecord(id="a", kind="bench", status="ok", facts={"argv": "[]"}, values={"v": 1})
    text = bytearray(state_text(ModelState(steps={"a": record})).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=5))
    found: list[DsimportError] = []
    try:
        read_state(bytes(text), "state.json")  # some damage hits a text, and cannot be seen
    except DsimportError as error:
        found.append(error)
    assert all(error.diagnostics[0].code in ("S0601", "S0602") and error.diagnostics[0].help for error in found)


def test_the_log_of_a_killed_run_can_be_read(tmp_path: Path) -> None:
    first, second = RunLog(tmp_path), RunLog(tmp_path)
    first.event("run-start", command=["dsimport"], text="ü\n")
    second.event("run-start")
    assert first.id != second.id, "two runs within one second"
    first.close()
    second.close()
    path = tmp_path / f".dsimport/runs/{first.id}.jsonl"
    whole = path.read_bytes()
    with path.open("ab") as stream:
        stream.write(b'{"event": "step-st')
    (event,) = read_events(path)
    assert (event["event"], event["text"]) == ("run-start", "ü\n")
    assert whole.count(b"\n") == 1
    assert last_run(tmp_path) == tmp_path / f".dsimport/runs/{second.id}.jsonl"
    assert list(read_events(tmp_path / "nothing")) == []


def saved(root: Path, plan: Plan) -> Path:
    path = root / "plan.json"
    write_plan_file(path, [plan_entry(plan, root)])
    return path


def with_input(root: Path) -> Plan:
    data = b"recipe"
    (root / "r.yaml").write_bytes(data)
    inputs = (InputFile(path="r.yaml", sha256=hashlib.sha256(data).hexdigest()),)
    plan = small_plan()
    steps = tuple(step.model_copy(update={"tools": ()}) for step in plan.steps)
    return plan.model_copy(update={"inputs": inputs, "steps": steps})


def stale(root: Path, path: Path, compiler: str = COMPILER) -> tuple[str, tuple[str, ...]]:
    with pytest.raises(DsimportError) as caught:
        read_plan_file(path, root=root, compiler=compiler)
    assert caught.value.exit_code == 1
    assert caught.value.diagnostics[0].help
    return caught.value.diagnostics[0].code, caught.value.diagnostics[0].notes


def test_a_saved_plan_is_what_was_shown(tmp_path: Path) -> None:
    plan = with_input(tmp_path)
    path = saved(tmp_path, plan)
    assert read_plan_file(path, root=tmp_path, compiler=COMPILER) == [plan]
    run(plan, tmp_path)
    code, moved = stale(tmp_path, path)
    assert code == "S0606"
    assert len(moved) == 1
    assert moved[0].startswith(f"moved: m: record of {HOME} none → ")
    path = saved(tmp_path, plan)
    assert read_plan_file(path, root=tmp_path, compiler=COMPILER) == [plan]


def test_everything_that_moved_is_named_once(tmp_path: Path) -> None:
    plan = with_input(tmp_path)
    run(plan, tmp_path)
    path = saved(tmp_path, plan)
    (tmp_path / "r.yaml").write_bytes(b"other")
    old, new = (hashlib.sha256(data).hexdigest()[:7] for data in (b"recipe", b"other"))
    assert stale(tmp_path, path, "dsimport 2") == (
        "S0606",
        (f"moved: m: compiler {COMPILER} → dsimport 2", f"moved: m: r.yaml {old} → {new}"),
    )
    (tmp_path / "r.yaml").unlink()
    assert stale(tmp_path, path) == ("S0606", (f"moved: m: r.yaml {old} → missing",))


def test_a_result_that_changed_since_makes_a_plan_stale(tmp_path: Path) -> None:
    plan = with_input(tmp_path)
    run(plan, tmp_path)
    path = saved(tmp_path, plan)
    (tmp_path / HOME / "report.md").write_text("edited")
    assert stale(tmp_path, path) == (
        "S0606",
        (f"moved: m: step report same → change: {HOME}/report.md was changed on disk",),
    )


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "S0605"),
        ("{", "S0605"),
        ("[" * 99999, "S0605"),
        ("[]", "S0604"),
        ("{}", "S0604"),
        ('{"plans": [], "format": 99}', "S0604"),
        ('{"plans": [3], "format": 1}', "S0605"),
    ],
)
def test_files_that_are_no_plans(tmp_path: Path, text: str, code: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text)
    assert stale(tmp_path, path)[0] == code
    path.unlink()
    assert stale(tmp_path, path)[0] == "H0604"


def test_an_edited_plan_file_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, small_plan())
    path.write_text(path.read_text().replace("sleep 0.0", "touch pwned; sleep 0"))
    assert stale(tmp_path, path)[0] == "S0605"


def test_status_tells_steps_values_and_the_last_run(tmp_path: Path) -> None:
    run(small_plan(), tmp_path)
    status = status_of(tmp_path, "m")
    assert all_models(tmp_path) == ["m"]
    assert [(step.id, step.status) for step in status.steps] == [
        ("emit", "ok"),
        ("engine-b64", "ok"),
        ("bench-b64", "ok"),
        ("engine-b128", "not run"),
        ("bench-b128", "not run"),
        ("scale", "ok"),
        ("kitti", "ok"),
        ("report", "ok"),
    ]
    assert status.values == {"peak.b64": 51, "max_batch": 64}
    assert (status.toolchain, status.recipe, status.last_run_ended) == ("reference", "recipes/m.yaml", "done")
    document = json.loads(json.dumps(status.to_json()))
    assert document["values"] == status.values
    assert len(status.lines()) == 9

    run(small_plan(threshold=0.3, fail=True), tmp_path)
    status = status_of(tmp_path, "m")
    assert status.last_run_ended == "failed"
    assert "      latest attempt: G0401 no detections on clip.mp4" in status.lines()
    with ModelLock(tmp_path / HOME):
        assert (status_of(tmp_path, "m").running, status_of(tmp_path, "m").last_run_ended) == (os.getpid(), "under way")


def test_status_of_what_is_not_there_or_damaged(tmp_path: Path) -> None:
    assert all_models(tmp_path) == []
    with pytest.raises(DsimportError, match="S0609"):
        status_of(tmp_path, "../m")
    run(small_plan(), tmp_path)
    (tmp_path / HOME / ".dsimport/state.json").write_text("{")
    (line,) = status_of(tmp_path, "m").lines()
    assert "is damaged" in line


def test_steps_that_are_not_there_cannot_be_forgotten(tmp_path: Path) -> None:
    forget_steps(tmp_path / HOME, ["anything before the first apply"])
    run(small_plan(), tmp_path)
    with pytest.raises(DsimportError, match="S0608"):
        forget_steps(tmp_path / HOME, ["kiti"])


def test_large_files_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    real = observe.hash_file

    def counted(place: Path) -> str:
        read.append(place.name)
        return real(place)

    monkeypatch.setattr(observe, "hash_file", counted)
    (tmp_path / "big.onnx").write_bytes(bytes(observe.LARGE))
    step = Step(id="a", kind="engine", title="", inputs=("big.onnx",), argv=sh("true"))
    plan = make_plan([step])
    assert run(plan, tmp_path).done == ["a"]
    assert read == ["big.onnx"]
    assert run(plan, tmp_path).done == []
    assert read == ["big.onnx"], "a second apply looks at size and times only"
    with (tmp_path / "big.onnx").open("r+b") as stream:
        stream.write(b"x")
    assert run(plan, tmp_path).done == ["a"]


def test_a_large_file_that_changes_within_a_tick_is_seen(tmp_path: Path) -> None:
    """Where the file system's clock ticks slowly, only a file that is old enough may be known by its times."""
    path = tmp_path / "big.bin"
    path.write_bytes(bytes(observe.LARGE))
    seen = DiskObservation(tmp_path, HOME, FixedVersions())
    first = seen.digest("big.bin")
    assert time.time_ns() - path.stat().st_mtime_ns >= observe.SETTLED_NS
    with path.open("r+b") as stream:
        stream.write(b"changed")
    assert seen.digest("big.bin") != first


def test_the_cache_of_digests_is_only_a_cache(tmp_path: Path) -> None:
    (tmp_path / "big.bin").write_bytes(bytes(observe.LARGE))
    wanted = hashlib.sha256(bytes(observe.LARGE)).hexdigest()
    cache = tmp_path / HOME / ".dsimport/stamps.json"
    cache.parent.mkdir(parents=True)
    for text in ("", "{", "[]", '{"files": 1, "tools": {}}', '{"files": {"big.bin": ["1", 2]}, "tools": {"x": []}}'):
        cache.write_text(text)
        assert DiskObservation(tmp_path, HOME, FixedVersions()).digest("big.bin") == wanted


def test_digests_of_folders_and_other_things(tmp_path: Path) -> None:
    folder = tmp_path / "f"
    (folder / "sub").mkdir(parents=True)
    seen = DiskObservation(tmp_path, HOME, FixedVersions())
    found: list[str | None] = [seen.digest("f/")]

    def now(**what: Any) -> None:
        for name, content in what.items():
            (folder / name).write_text(content)
        found.append(seen.digest("f/"))

    now(a="1")
    now(a="2")
    now(b="2")
    (folder / "a").rename(folder / "c")
    now()
    (folder / "sub/x").write_text("")
    now()
    (folder / "l").symlink_to("/etc/hostname")
    now()
    os.mkfifo(folder / "pipe")
    now()
    assert len(set(found)) == len(found)
    assert None not in found
    assert seen.digest("f/pipe") is None
    assert seen.digest("f/b/") is None, "a file is no folder"
    assert seen.digest("nothing") is None
    assert seen.digest("f\0") is None
    assert seen.text("f/b") == "2"
    (folder / "b").write_bytes(b"\xff")
    assert seen.text("f/b") is None


def test_nothing_to_do_is_quick(tmp_path: Path) -> None:
    """The whole process may take 400 ms; most of that is Python starting. What is measured here is the rest."""
    (tmp_path / "models.bin").write_bytes(bytes(80 << 20))
    step = Step(id="big", kind="engine", title="", inputs=("models.bin",), argv=sh("true"))
    plan = make_plan([*small_plan().steps, step])
    run(plan, tmp_path, HANDLERS)
    took = []
    for _ in range(5):
        started = time.perf_counter()
        assert run(plan, tmp_path, HANDLERS).done == []
        took.append(time.perf_counter() - started)
    assert min(took) < 0.05

"""Reports of runs that did not end well, or that something has overtaken: complete, honest, no empty table."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from e2e_quick import NAME
from report_support import HEADINGS, Applied, headings, tables

from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.runtime.report.data import collect
from dsimport.runtime.report.markdown import report_markdown
from dsimport.runtime.report.regenerate import report_again
from dsimport.runtime.report.schema import BenchmarkData

pytestmark = pytest.mark.usefixtures("no_drawing")

GATE = Diagnostic("G0401", "2 of 4 frames have a detection (gate: 90%)", help=("look",))
TOOL = Diagnostic("T0602", "ref-trtexec ended with exit code 1", help=("read the log",))
GATE_FAILED, TOOL_FAILED = 3, 4


@pytest.fixture
def made(tmp_path: Path) -> Applied:
    made = Applied(tmp_path)
    made.recipe.write_text(made.recipe.read_text("utf-8") + "report: {formats: [md]}\n", "utf-8")
    return made


def report_of(made: Applied) -> tuple[BenchmarkData, str]:
    """Data and Markdown as `dsimport report NAME --formats md` writes them, checked for what every report has."""
    report_again(made.root, NAME, ("md",), None)
    text = (made.reports / "benchmark_report.md").read_text("utf-8")
    data = BenchmarkData.model_validate_json((made.reports / "benchmark_data.json").read_bytes())
    assert headings(text) == HEADINGS
    for table in tables(text):
        assert len(table) > 2, table
        for line in table[2:]:
            assert any(cell.strip() for cell in line.strip("|").split("|")[1:]), line
    sections = text.split("\n## ")[1:]
    assert [section for section in sections if not section.partition("\n")[2].strip()] == []
    for word in ("None", "nan", "Undefined"):
        assert f"| {word} |" not in text
    return data, text


def section(text: str, number: int) -> str:
    return next(part for part in text.split("\n## ") if part.startswith(f"{number}. "))


def test_a_failed_gate_is_a_fail_with_its_evidence(made: Applied) -> None:
    made.failing = ("kitti", GATE, GATE_FAILED)
    assert made.apply().exit_code == GATE_FAILED
    assert not (made.reports / "benchmark_report.md").exists()
    data, text = report_of(made)
    assert not data.complete
    assert data.kitti is not None
    assert (data.kitti.frames, data.kitti.passed) == (4, False)
    assert "| Result | FAIL |" in section(text, 7)
    assert "**Partial report.**" in text
    assert f"- kitti failed at {data.failures[0].when[:19].replace('T', ' ')} (G0401): 2 of 4 frames" in text
    assert section(text, 8).splitlines()[2] == "Not run. Step ds-run1: not run, apply stopped at kitti."
    assert "Not measured: it takes a trtexec run and a deepstream-app run." in section(text, 10)
    assert made.plan().step("report").id not in {step.id for step in data.steps}


def test_an_engine_that_was_not_built(made: Applied) -> None:
    made.failing = ("engine-b2", TOOL, TOOL_FAILED)
    assert made.apply().exit_code == TOOL_FAILED
    data, text = report_of(made)
    assert (data.engine, data.max_bs, data.trtexec.bs1.qps, data.kitti) == (None, None, None, None)
    reason = "Step engine-b2: failed, ref-trtexec ended with exit code 1."
    assert f"No engine with a result that holds. {reason}" in section(text, 4)
    assert "Nothing to compare" in section(text, 9)
    assert "engine-b2" not in section(text, 12)


def test_a_run_that_was_halved_shows_both(made: Applied) -> None:
    made.rates = {1: 100.0, 2: 200.0, 4: 300.0}
    made.fps = 29.0
    assert made.apply().exit_code == 0
    data, text = report_of(made)
    assert data.complete
    assert data.deepstream.run2_halved
    assert data.deepstream.run2_full is not None
    rows = [line.split("|")[1].strip() for line in tables(section(text, 8))[0][2:]]
    assert rows == ["run 1", "run 2", "run 2 (halved)"]
    assert "once more with half of them" in section(text, 8)
    assert tables(section(text, 9))[0][0].count("|") == 6


def test_a_visual_check_without_an_encoder(made: Applied) -> None:
    made.mode = "skipped"
    assert made.apply().exit_code == 0
    data, text = report_of(made)
    assert data.visual is not None
    assert data.visual.output is None
    assert "| Visual check | skipped (no encoder available) |" in section(text, 7)
    assert "Annotated clip" not in text


def test_frames_without_boxes_have_no_table_of_classes(made: Applied) -> None:
    made.boxes = 0
    assert made.apply().exit_code == 0
    data, text = report_of(made)
    assert data.kitti is not None
    assert data.kitti.top_classes == []
    assert "| Class |" not in section(text, 7)


def test_results_that_something_has_overtaken_are_named_and_not_shown(made: Applied) -> None:
    assert made.apply().exit_code == 0
    before, _ = report_of(made)
    assert before.complete
    made.edit("threshold: 0.35", "threshold: 0.4")
    made.failing = ("kitti", GATE, GATE_FAILED)
    assert made.apply().exit_code == GATE_FAILED
    data, text = report_of(made)
    states = {step.id: step.state for step in data.steps}
    assert states["kitti"] == "failed"
    assert states["ds-run1"] == states["ds-run2"] == "outdated"
    assert states["bench-b1"] == "ok"
    assert data.trtexec == before.trtexec
    assert data.deepstream.run1.total_fps is None
    assert "| ds-run1 | outdated | its recipe, inputs or tools have changed since it ran |" in text
    made.failing = None
    assert made.apply().exit_code == 0
    assert report_of(made)[0].complete


def test_a_report_again_is_the_same_and_leaves_nothing_to_do(made: Applied) -> None:
    assert made.apply().exit_code == 0
    paths = [made.reports / name for name in ("benchmark_data.json", "benchmark_report.md", "benchmark_report.html")]
    report_again(made.root, NAME, ("html",), None)
    first = [path.read_bytes() for path in paths]
    assert [decision.step.id for decision in made.decide() if decision.action != "same"] == ["ds-run2-retry"]
    report_again(made.root, NAME, ("html",), None)
    assert [path.read_bytes() for path in paths] == first
    assert made.apply().done == []


def test_a_report_elsewhere_leaves_the_model_alone(made: Applied, tmp_path: Path) -> None:
    assert made.apply().exit_code == 0
    shutil.rmtree(made.root / "recipes")
    before = {path: path.read_bytes() for path in made.root.rglob("*") if path.is_file()}
    other = made.root.parent / f"{made.root.name} elsewhere"
    folder, written = report_again(made.root, NAME, ("html",), other)
    assert folder == other
    assert "benchmark_report.html" in written.files
    assert before == {path: path.read_bytes() for path in made.root.rglob("*") if path.is_file()}
    link = (other / "benchmark_report.md").read_text("utf-8").partition("Annotated clip: [")[2].split("(")[1]
    assert link.split(")")[0] == f"../{made.root.name}/models/{NAME}/samples/{NAME}_single_stream.mp4"


def test_without_a_plan_on_record_there_is_a_way_to_get_one(made: Applied) -> None:
    assert made.apply().exit_code == 0
    plan = made.home / ".dsimport/plan.json"
    for damage in (None, b"", b"{}", b"\xff\x00", b'{"steps": 1}'):
        if damage is None:
            plan.unlink()
        else:
            plan.write_bytes(damage)
        with pytest.raises(DsimportError) as raised:
            report_again(made.root, NAME, ("md",), None)
        assert raised.value.diagnostics[0].code == "S0621"
        assert raised.value.diagnostics[0].help
    assert made.apply().done == []
    assert report_of(made)[0].complete


def test_what_steps_said_is_that_of_their_latest_attempt(made: Applied) -> None:
    assert made.apply().exit_code == 0
    assert made.apply().exit_code == 0
    made.edit("duration_s: 0.2", "duration_s: 0.3")
    assert made.apply().exit_code == 0
    notes = report_of(made)[0].notes
    assert [note.step for note in notes] == ["graph", "bench-b2", "bench-b4", "bench-b1"]
    assert notes[0].code == "G0403"


def test_figures_of_two_machines_are_not_taken_for_those_of_one(made: Applied) -> None:
    assert made.apply().exit_code == 0
    plan, data = made.plan(), made.data()
    state_path = made.home / ".dsimport/state.json"
    text = state_path.read_text("utf-8")
    processor = data.system.processor
    assert processor is not None
    head, mark, tail = text.partition('"id": "ds-run1"')
    cut = head.rindex('"host"')
    state_path.write_text(head[:cut] + head[cut:].replace(processor, "Another CPU") + mark + tail, "utf-8")
    mixed = made.data()
    assert "; and Another CPU" in mixed.hardware or "Another CPU" in str(mixed.system.others)
    assert mixed.system.others
    assert "| Also measured on |" in report_markdown(plan, mixed, made.root, made.reports, False)


def test_a_state_from_before_hosts_were_kept_says_so(made: Applied) -> None:
    assert made.apply().exit_code == 0
    from dsimport.runtime.records import load_state

    state = load_state(made.home)
    assert state is not None
    steps = {name: record.model_copy(update={"host": {}}) for name, record in state.steps.items()}
    data = collect(made.plan(), made.root, state.model_copy(update={"steps": steps}))
    assert "a machine that is not on record" in data.hardware
    assert data.system.os is None

"""The doubling of the batch: as far as throughput, the limit, or the GPU allow."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from e2e_quick import NAME, RECIPE, Quick
from e2e_support import BIN, Project
from hypothesis import given, settings
from hypothesis import strategies as st

ENGINES = f"models/{NAME}/benchmarks/engines"


@pytest.fixture
def quick(tmp_path: Path) -> Quick:
    """The seed's own batches, 64 to 256."""
    made = Quick(tmp_path, real=("report",))
    made.edit("max_batch: 2, batch_limit: 4", "max_batch: 64, batch_limit: 256")
    made.rates = {1: 900.0, 64: 3000.0, 128: 5000.0, 256: 6000.0}
    return made


def engines(quick: Quick) -> list[str]:
    return sorted(path.name for path in (quick.root / ENGINES).glob("*.engine"))


def named(*batches: int) -> list[str]:
    return sorted(f"{NAME}_dynamic_b{n}.engine" for n in batches)


def state(quick: Quick) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((quick.root / f"models/{NAME}/.dsimport/state.json").read_bytes())["steps"]
    return found


def data(quick: Quick) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((quick.root / f"models/{NAME}/reports/benchmark_data.json").read_bytes())
    return found


@pytest.mark.parametrize(
    ("rates", "batches"),
    [
        ({64: 1920.0, 128: 9e9, 256: 9e9}, [64]),  # 64 streams on a batch of 64: not above it
        ({64: 1950.0, 128: 3840.0, 256: 9e9}, [64, 128]),
        ({64: 1950.0, 128: 3870.0, 256: 9e9}, [64, 128, 256]),
        ({64: 3870.0, 128: 1000.0, 256: 9e9}, [64, 128]),
    ],
)
def test_the_batch_doubles_while_the_peak_is_above_it(
    quick: Quick, rates: dict[int, float], batches: list[int]
) -> None:
    quick.rates |= rates
    result = quick.apply()
    assert (result.exit_code, result.ended) == (0, [])
    assert result.values["max_batch"] == batches[-1]
    assert engines(quick) == named(*batches)
    assert data(quick)["trtexec"]["ended"] is None


@pytest.mark.parametrize("step", ["engine-b128", "bench-b128"])
def test_a_failure_ends_the_doubling_and_not_the_run(quick: Quick, step: str) -> None:
    quick.fail = {step: 4}
    result = quick.apply()

    assert (result.exit_code, result.failed, result.not_started) == (0, None, [])
    assert result.ended == [step]
    assert {"engine-b256", "bench-b256"} <= set(result.skipped)
    assert result.values["max_batch"] == 64
    assert result.values["run1.streams"] == 64, "min(peak 100, largest batch 64)"
    warning = next(item for item in result.diagnostics if item.code == "T0414")
    assert (warning.severity.value, warning.message) == (
        "warning",
        f"{step} failed, and the run goes on without it: {step} broke",
    )
    assert warning.help[0] == "mend it"
    assert f"--again {step}" in warning.help[1]
    assert engines(quick) == named(*([64] if step.startswith("engine") else [64, 128])), "half an engine is none"
    assert data(quick)["trtexec"]["ended"] == {"step": step, "why": f"{step} broke"}
    report = (quick.root / f"models/{NAME}/reports/benchmark_report.md").read_text("utf-8")
    assert f"The doubling ended early: {step} failed ({step} broke)." in report
    assert (state(quick)[step]["status"], state(quick)[step]["failure"]["code"]) == ("ended", "T0602")


def test_the_first_engine_must_be_built(quick: Quick) -> None:
    quick.fail = {"engine-b64": 4}
    result = quick.apply()
    assert (result.exit_code, result.failed, result.ended) == (4, "engine-b64", [])


@pytest.mark.parametrize(("exit_code", "code"), [(1, 1), (3, 3)])
def test_what_is_no_fault_of_the_tool_ends_the_run(quick: Quick, exit_code: int, code: int) -> None:
    quick.fail = {"engine-b128": exit_code}
    result = quick.apply()
    assert (result.exit_code, result.failed, result.ended) == (code, "engine-b128", [])
    assert engines(quick) == named(64, 128), "what a step left behind is evidence"


def test_a_failure_is_a_result_until_something_moves(quick: Quick) -> None:
    quick.fail = {"engine-b128": 4}
    quick.apply()
    before = quick.decide()
    actions = {item.step.id: item.action for item in before}
    assert (actions["engine-b128"], actions["bench-b128"], actions["engine-b256"]) == ("ended", "skip", "skip")
    assert set(actions.values()) == {"same", "skip", "ended"}
    assert [str(reason) for item in before if item.action == "ended" for reason in item.reasons] == [
        "engine-b128 broke"
    ]

    again = quick.apply()
    assert (again.exit_code, again.done, again.ended) == (0, [], ["engine-b128"])
    assert again.values["engine.b128.failed"] == "engine-b128 broke"

    quick.fail = {}
    quick.edit("batch_limit: 256", "batch_limit: 256, workspace: 48G")
    assert {item.step.id: item.action for item in quick.decide()}["engine-b128"] == "conditional"
    mended = quick.apply()
    assert (mended.exit_code, mended.ended, mended.values["max_batch"]) == (0, [], 256)
    assert quick.apply().done == []
    assert data(quick)["trtexec"]["ended"] is None


def test_an_engine_that_cannot_be_rebuilt_does_not_stay_as_if_it_were_good(quick: Quick) -> None:
    assert quick.apply().values["max_batch"] == 256
    quick.tools = {"ref-trtexec": "2.0"}
    quick.fail = {"engine-b128": 4}
    result = quick.apply()
    assert (result.exit_code, result.ended, result.values["max_batch"]) == (0, ["engine-b128"], 64)
    assert named(128)[0] not in engines(quick)
    assert "bench-b128" in result.skipped


@settings(max_examples=25, deadline=None)
@given(
    rates=st.lists(st.floats(1, 20_000), min_size=4, max_size=4),
    broken=st.sets(st.sampled_from(["engine-b32", "bench-b32", "engine-b64", "bench-b64", "engine-b128"])),
)
def test_any_doubling_ends_where_a_plain_loop_does(
    rates: list[float], broken: set[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    quick = Quick(tmp_path_factory.mktemp("doubling"))
    quick.edit("max_batch: 2, batch_limit: 4", "max_batch: 16, batch_limit: 128")
    batches = [16, 32, 64, 128]
    quick.rates = {1: 100.0, **dict(zip(batches, rates, strict=True))}
    quick.fail = dict.fromkeys(broken, 4)

    largest, ended = 16, []
    while math.floor(quick.rates[largest] / 30) > largest and largest * 2 in batches:
        failing = [name for name in (f"engine-b{largest * 2}", f"bench-b{largest * 2}") if name in broken]
        if failing:
            ended = failing[:1]
            break
        largest *= 2
    result = quick.apply()
    assert (result.exit_code, result.values["max_batch"], result.ended) == (0, largest, ended)
    assert quick.apply().done == []


# A trtexec that is the reference program, and runs out of memory where a test says so.
SCRIPT = """\
#!/bin/sh
case "$*" in *--saveEngine=*_b{batch}.engine*)
  echo "[11/25/2026-10:00:00] [E] Error[2]: Error Code 2: OutOfMemory (Requested size was 16581132288 bytes.)" >&2
  echo "[11/25/2026-10:00:00] [E] Engine could not be created from network" >&2
  echo "&&&& FAILED TensorRT.trtexec [TensorRT v101600] [b72] # trtexec"
  exit 1;;
esac
exec {program} "$@"
"""


def tools_of(folder: Path, broken: int) -> str:
    """A folder for PATH: the reference programs under their real names, without an engine of the batch `broken`."""
    folder.mkdir()
    (folder / "trtexec").write_text(SCRIPT.format(batch=broken, program=BIN / "ref-trtexec"), "utf-8")
    (folder / "trtexec").chmod(0o755)
    (folder / "deepstream-app").symlink_to(BIN / "ref-deepstream-app")
    return str(folder)


@pytest.mark.parametrize(("broken", "batches"), [(512, [64, 128, 256]), (256, [64, 128])])
def test_the_doubling_on_the_reference_programs(
    broken: int, batches: list[int], project: Callable[..., Project], tmp_path: Path
) -> None:
    made = project(max_batch=64, batch_limit=256, fps=1)
    tools = tools_of(tmp_path / "tools", broken)
    # Pipelines of 256 streams are not what is looked at here: the run ends at the first of them.
    (tmp_path / "tools/deepstream-app").unlink()
    (tmp_path / "tools/deepstream-app").symlink_to("/bin/false")
    done = made.run("apply", RECIPE, "--toolchain", "deepstream", "--json", path=tools)
    model = json.loads(done.stdout)["models"][0]
    assert "scale" in model["done"], done.stderr
    assert model["values"]["max_batch"] == batches[-1]
    assert model["ended"] == ([] if broken > 256 else [f"engine-b{broken}"])
    assert sorted(path.name for path in (made.root / ENGINES).glob("*.engine")) == named(*batches)


def test_an_ended_doubling_is_shown_everywhere(project: Callable[..., Project], tmp_path: Path) -> None:
    made = project(max_batch=2, batch_limit=8, run_s=6, fps=1)
    tools = tools_of(tmp_path / "tools", 8)
    words = (RECIPE, "--toolchain", "deepstream")
    done = made.run("apply", *words, path=tools)
    assert done.returncode == 0, done.stderr
    assert "warning[T0414]: engine-b8 failed, and the run goes on without it" in done.stderr
    assert "the doubling ended early: engine-b8 failed" in done.stdout
    assert "✗ engine-b8        ended" in made.run("plan", *words, path=tools).stdout
    assert made.run("plan", *words, "--detailed-exitcode", path=tools).returncode == 0
    shown = made.run("status", NAME).stdout
    assert "! engine-b8" in shown
    assert "failed; the run goes on without it" in shown
    again = made.json("apply", *words, path=tools)["models"][0]
    assert (again["done"], again["ended"], again["values"]["max_batch"]) == ([], ["engine-b8"], 4)

"""What holds for every plan: paths, dependences, unknowns, conditions, settings."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_lower_golden import RECIPES, TOOLCHAINS, plan_of

from dsimport.compiler.lower import batch_sizes
from dsimport.compiler.model import Toolchain
from dsimport.compiler.plan import Condition, Plan, holes_in, show_text


@pytest.fixture(params=[(name, toolchain) for name in RECIPES for toolchain in TOOLCHAINS], ids="-".join)
def plan(request: pytest.FixtureRequest) -> Plan:
    """Each recipe for each toolchain."""
    name, toolchain = request.param
    return plan_of(name, toolchain)


def test_a_plan_survives_json(plan: Plan) -> None:
    again = Plan.model_validate_json(plan.model_dump_json())
    assert again == plan
    assert again.digest() == plan.digest()


def test_everything_written_lies_in_the_models_folder(plan: Plan) -> None:
    for step in plan.steps:
        paths = [*step.outputs, *(file.path for file in step.files), *([step.log] if step.log else [])]
        for path in map(show_text, paths):
            assert path.startswith(f"models/{plan.name}/"), path
            assert ".." not in path.split("/")


def test_nothing_is_written_twice(plan: Plan) -> None:
    written = [show_text(path) for step in plan.steps for path in [*step.outputs, *(file.path for file in step.files)]]
    assert sorted(written) == sorted(set(written))


def test_what_a_step_reads_was_made_before_by_a_step_it_needs_or_a_generated_file(plan: Plan) -> None:
    makers: dict[str, str] = {}
    for step in plan.steps:
        for path in map(show_text, step.inputs):
            if path.startswith(f"{plan.home}/") and "‹" not in path:
                assert path in makers, (step.id, path)
        for text in [*step.outputs, *(file.path for file in step.files)]:
            makers[show_text(text)] = step.id
    ids = [step.id for step in plan.steps]
    for step in plan.steps:
        assert set(step.needs) <= set(ids[: ids.index(step.id)])


def test_every_unknown_is_given_by_an_earlier_step(plan: Plan) -> None:
    given_so_far: set[str] = set()
    for step in plan.steps:
        assert step.unknowns() <= given_so_far, step.id
        assert not given_so_far & set(step.gives), "given twice"
        given_so_far |= set(step.gives)


def test_holes_are_numbers_only(plan: Plan) -> None:
    """A hole is filled in unescaped, so nothing but a count may be one."""
    texts = [text for step in plan.steps for text in [*step.outputs, *step.inputs, *(step.argv or ())]]
    texts += [file.content for file in plan.files()]
    names = set().union(*map(holes_in, texts))
    assert names <= {"max_batch", "run1.streams", "run2.streams", "run2_retry.streams"}


def test_settings_that_steps_use_are_settings_of_the_recipe(plan: Plan) -> None:
    for step in plan.steps:
        for name in {*step.uses, *(use for file in step.files for use in file.uses)}:
            assert any(key == name or key.startswith(f"{name}.") for key in plan.settings), (step.id, name)


@pytest.mark.parametrize("toolchain", TOOLCHAINS)
def test_programs_are_those_of_the_toolchain(toolchain: Toolchain) -> None:
    programs = {str(step.argv[0]) for step in plan_of("full", toolchain).steps if step.argv}
    own = {"ref-trtexec", "ref-deepstream-app"} if toolchain == "reference" else {"trtexec", "deepstream-app"}
    assert programs & own
    assert not any(name.startswith("ref-") for name in programs) or toolchain == "reference"
    assert "make" in programs


@given(st.integers(1, 1024), st.integers(1, 1024))
def test_batches_double_up_to_the_limit(max_batch: int, more: int) -> None:
    limit = min(1024, max_batch + more)
    sizes = batch_sizes(max_batch, limit)
    assert sizes[0] == max_batch
    assert all(after == 2 * before for before, after in itertools.pairwise(sizes))
    assert sizes[-1] <= max(limit, max_batch) < 2 * sizes[-1] or sizes[-1] == max_batch


def test_each_doubling_is_asked_for_by_all_measurements_before_it() -> None:
    plan = plan_of("full", "reference")
    assert [step.id for step in plan.steps if step.kind == "engine"] == ["engine-b16", "engine-b32", "engine-b64"]
    asked = [(condition.value, condition.than) for condition in plan.step("engine-b64").when]
    assert asked == [("peak.b16.peak_gpu_streams", 16), ("peak.b32.peak_gpu_streams", 32)]
    built = Condition(value="engine.b64.bytes", than=0)  # the engine that may fail must be there
    assert plan.step("bench-b64").when == (*plan.step("engine-b64").when, built)

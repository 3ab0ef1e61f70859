"""The steps of a plan fit together, whatever the batch sizes."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsimport.compiler.diagnostics import Report
from dsimport.compiler.load import load_recipe
from dsimport.compiler.lower import batch_sizes, lower
from dsimport.compiler.model import Toolchain
from dsimport.compiler.plan import Plan
from dsimport.compiler.resolve import resolve

RECIPE = """\
schema: 1
name: x
source: {{file: {{path: x.onnx}}}}
model: {{family: yolov8, input: {{height: 64, width: 64}}, classes: 1, labels: [a]}}
engine: {{max_batch: {0}, batch_limit: {1}}}
"""


def plan_for(max_batch: int, batch_limit: int, toolchain: Toolchain) -> Plan:
    report = Report()

    def read(path: str) -> bytes:
        if path != "x.yaml":
            raise FileNotFoundError(2, "No such file", path)
        return RECIPE.format(max_batch, batch_limit).encode()

    compiled = resolve(load_recipe("x.yaml", read, report)[0], read, report)
    assert compiled is not None, report.items
    plan = lower(compiled, toolchain, "dsimport test", report)
    assert plan is not None
    return plan


@pytest.mark.parametrize("toolchain", ["reference", "deepstream"])
@pytest.mark.parametrize(("max_batch", "batch_limit"), [(1, 1), (1, 4), (2, 2), (3, 20), (64, 512)])
def test_ids_paths_and_values_are_given_once_and_before_they_are_needed(
    max_batch: int, batch_limit: int, toolchain: Toolchain
) -> None:
    plan = plan_for(max_batch, batch_limit, toolchain)
    ids = [step.id for step in plan.steps]
    assert len(ids) == len(set(ids))
    seen: set[str] = set()
    given: set[str] = set()
    outputs: list[object] = []
    for step in plan.steps:
        assert set(step.needs) <= seen, step.id
        assert step.unknowns() <= given, step.id
        assert not given & set(step.gives), step.id
        seen.add(step.id)
        given |= set(step.gives)
        outputs += [*step.outputs, *(file.path for file in step.files)]
    assert len(outputs) == len(set(map(str, outputs)))
    assert all(str(path).startswith(("models/x/", "('models/x/")) for path in outputs)


def test_batches_double_strictly_up_to_the_limit() -> None:
    assert batch_sizes(64, 512) == (64, 128, 256, 512)
    assert batch_sizes(3, 20) == (3, 6, 12)
    assert batch_sizes(5, 5) == (5,)


def test_a_plan_survives_its_json() -> None:
    plan = plan_for(2, 8, "deepstream")
    assert Plan.model_validate_json(plan.model_dump_json()) == plan
    assert Path(plan.home) == Path("models/x")

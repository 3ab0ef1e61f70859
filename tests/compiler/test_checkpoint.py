"""Recipes whose source is a checkpoint: when it is one, what the plan then has, and which recipes make no sense."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dsimport.compiler.diagnostics import Report, Severity
from dsimport.compiler.exportenv import named_packages, pins_digest
from dsimport.compiler.load import load_recipe
from dsimport.compiler.lock import Lock, LockedExporter, LockedFile, lock_text, locked_source, read_lock
from dsimport.compiler.lower import lower
from dsimport.compiler.plan import Plan
from dsimport.compiler.resolve import resolve

PATH = "recipes/m.yaml"
TEMPLATE = """\
schema: 1
name: m
source: {source}
model:
  family: {family}
  input: {{name: pixels, height: 480, width: 640}}
  {rest}
"""
HUB = "{huggingface: {repo: acme/tiny}}"
EXPORTED = "{huggingface: {repo: acme/tiny}, export: {}}"
FOLDER = "{file: {path: ../weights}}"
FILES = tuple(
    LockedFile(path=name, size=9, sha256="0" * 64) for name in ("config.json", "model-1.safetensors", "vocab.txt")
)


def text(source: str, family: str = "rt-detr", rest: str = "classes: 3") -> str:
    return TEMPLATE.format(source=source, family=family, rest=rest)


def plan_of(recipe: str, lock: str | None = None) -> tuple[Plan | None, Report]:
    report = Report()
    files = {PATH: recipe.encode(), **({} if lock is None else {"recipes/m.lock.yaml": lock.encode()})}

    def read(path: str) -> bytes:
        if path in files:
            return files[path]
        raise FileNotFoundError(2, "No such file or directory", path)

    [loaded] = load_recipe(PATH, read, report)
    compiled = resolve(loaded, read, report)
    return (None if compiled is None else lower(compiled, "reference", "dsimport test", report)), report


def lock_of(recipe: str, digest: str | None = None, **changes: object) -> Lock:
    [loaded] = load_recipe(PATH, lambda path: recipe.encode(), Report())
    exporter = LockedExporter(python="3.11", packages=named_packages(), digest=digest or pins_digest())
    facts = {"format": 1, "source": locked_source(loaded), "files": FILES, "exporter": exporter, **changes}
    return Lock.model_validate(facts)


def planned(recipe: str, lock: str | None = None) -> Plan:
    plan, report = plan_of(recipe, lock)
    assert list(report) == []
    assert plan is not None
    return plan


def codes(recipe: str, lock: str | None = None) -> list[str]:
    plan, report = plan_of(recipe, lock)
    assert plan is None
    return [item.code for item in report.errors]


@pytest.mark.parametrize("source", [EXPORTED, FOLDER, "{file: {path: ./x.safetensors}}"])
def test_a_checkpoint_is_exported_between_acquire_and_graph(source: str) -> None:
    plan = planned(text(source))
    assert [step.id for step in plan.steps[1:5]] == ["acquire", "export", "graph", "inspect"]
    acquire, export, graph = plan.steps[1:4]
    assert acquire.outputs[0] == export.inputs[0] == "models/m/model/checkpoint/"
    assert export.outputs == graph.inputs == ("models/m/model/source/",)
    assert (export.needs, graph.needs) == (("acquire",), ("export",))
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


@pytest.mark.parametrize("source", [HUB, "{file: {path: ../m.ONNX}}", '{url: {url: "https://x/m", sha256: "%s"}}'])
def test_an_onnx_file_is_not(source: str) -> None:
    plan = planned(text(source.replace("%s", "0" * 64)))
    assert "export" not in {step.id for step in plan.steps}
    assert plan.step("graph").needs == ("acquire",)
    assert plan.settings["source.export"].value is None


def test_steps_of_an_export_as_they_were_reviewed(golden: Callable[[str | Path, str], None]) -> None:
    recipe = text(
        "{huggingface: {repo: acme/owl, revision: v2}, export: {frozen_prompt: [person, red car], opset: 18}}",
        "owlv2",
        "outputs: {logits: [1200, 2], boxes: [1200, 4]}\n  tensors: {boxes: boxes}",
    )
    plan = planned(recipe, lock_text(lock_of(recipe, commit="a" * 40)))
    steps = [plan.step(name).model_dump(mode="json") for name in ("acquire", "export")]
    for step in steps:
        step["params"].pop("pins", None)  # moves with every version
    golden("plans/export-steps.json", json.dumps(steps, indent=1, ensure_ascii=False) + "\n")


def test_prompts_become_the_classes_and_labels() -> None:
    recipe = text("{file: {path: w}, export: {frozen_prompt: [person, red car]}}", "owlvit", "labels: config")
    settings = planned(recipe.replace("  labels: config\n", "")).settings
    assert settings["model.labels"].value == ["person", "red car"]
    assert settings["model.classes"].value == 2
    assert settings["model.labels"].origin.startswith(f"{PATH}:3:")


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        (text('{url: {url: "https://x/m.onnx", sha256: "%s"}, export: {}}' % ("0" * 64)), ["A0250"]),
        (text("{ngc: {org: a, model: b, version: c}, export: {}}"), ["A0250"]),
        (text("{file: {path: m.onnx}, export: {}}"), ["A0250"]),
        (text("{huggingface: {repo: a/b}, onnx: {file: m.onnx}, export: {}}"), ["A0250"]),
        (text('{file: {path: w, sha256: "%s"}}' % ("0" * 64)), ["A0250"]),
        (text(FOLDER, "yolov8"), ["A0251"]),
        (text(FOLDER, "owlvit"), ["A0252"]),
        (text("{file: {path: w}, export: {frozen_prompt: [a]}}"), ["A0252"]),
        (text("{file: {path: w}, export: {frozen_prompt: [a, a]}}", "owlvit", "classes: 2"), ["A0252"]),
        (text("{file: {path: w}, export: {frozen_prompt: [a, b]}}", "owlvit"), ["N0323"]),
    ],
)
def test_recipes_that_make_no_sense(recipe: str, expected: list[str]) -> None:
    assert codes(recipe) == expected


def test_a_lock_without_onnx_says_that_it_is_exported() -> None:
    recipe = text(HUB)
    lock = lock_text(lock_of(recipe, commit="a" * 40, labels=("a", "b", "c")))
    plan = planned(recipe, lock)
    assert plan.step("export").kind == "export"
    assert [item["path"] for item in plan.step("acquire").params["lock"]["files"]] == [item.path for item in FILES]
    assert plan.settings["model.labels"].value == ["a", "b", "c"]
    assert read_lock(lock.encode(), "m.lock.yaml", Report()) == lock_of(recipe, commit="a" * 40, labels=("a", "b", "c"))


def test_a_locked_folder_is_watched_file_by_file() -> None:
    recipe = text(FOLDER)
    assert planned(recipe).step("acquire").inputs == ("weights/",)
    inputs = planned(recipe, lock_text(lock_of(recipe))).step("acquire").inputs
    assert inputs == ("weights/config.json", "weights/model-1.safetensors", "weights/vocab.txt")


def test_other_exporters_than_the_locks_are_told() -> None:
    recipe = text(FOLDER)
    plan, report = plan_of(recipe, lock_text(lock_of(recipe, digest="1" * 64)))
    assert plan is not None
    [warning] = list(report)
    assert (warning.code, warning.severity) == ("A0255", Severity.WARNING)


@pytest.mark.parametrize(
    ("changes", "recipe", "code"),
    [
        ({"exporter": None}, text(FOLDER), "A0220"),
        ({"onnx": "config.json"}, text(FOLDER), "A0220"),
        ({"onnx": "config.json", "exporter": None}, text(FOLDER), "A0220"),
        ({"onnx": "config.json", "exporter": None, "opset": 17}, text(EXPORTED), "A0221"),
    ],
)
def test_a_lock_is_that_of_a_file_or_of_a_checkpoint(changes: dict[str, object], recipe: str, code: str) -> None:
    assert codes(recipe, lock_text(lock_of(recipe, **changes))) == [code]

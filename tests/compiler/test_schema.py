"""The JSON Schema agrees with what dsimport itself accepts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from dsimport.compiler.diagnostics import Report
from dsimport.compiler.families import family_names
from dsimport.compiler.keys import leaf_keys
from dsimport.compiler.load import load_recipe
from dsimport.compiler.nodes import Mapping, Node, Sequence
from dsimport.compiler.schema import json_schema, schema_text
from dsimport.compiler.yamltext import parse

ROOT = Path(__file__).parent.parent.parent
SCHEMA = json_schema(["detr", "rt-detr", "yolov8"])
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

MINIMAL = """\
# yaml-language-server: $schema=../schema/recipe.schema.json
schema: 1
name: rtdetr-r18
source:
  huggingface: {repo: PekingU/rtdetr_r18vd, revision: main}
model:
  family: rt-detr
  input: {name: pixel_values, height: 640, width: 640}
  classes: 80
"""
FULL = """\
schema: 1
name: rtdetr-r18
source:
  huggingface: {repo: PekingU/rtdetr_r18vd, revision: main, token_env: HF_TOKEN}
  onnx: {variant: fp16, file: onnx/model_fp16.onnx}
  export: {task: object-detection, opset: 17, exporter: auto, frozen_prompt: [person, car]}
model:
  family: rt-detr
  input: {name: pixel_values, channels: 3, height: 640, width: 640}
  outputs: {logits: [300, 80], pred_boxes: [300, 4]}
  tensors: {boxes: pred_boxes}
  classes: 80
  labels: config
preprocess: {color: rgb, scale: 1/255, mean: [0, 0, 0], std: [1, 1, 1], resize: stretch, filter: bilinear}
parser: {threshold: 0.25, top_k: 200, nms_iou: 0.45, cluster: nms, select: pairs, march: native,
         per_class: {person: {threshold: 0.4, nms_iou: 0.5, top_k: 3}}}
graph: {dynamic-batch: true, fold-normalize: auto, fuse-head: auto, simplify: false, strip-outputs: auto,
        fold-inputs: auto, fp32-io: true}
engine: {precision: fp16, max_batch: 64, batch_limit: 512, workspace: 32768M, optimization_level: null, builder: auto,
         check: auto, strongly_typed: auto, dla: null}
pipeline: {platform: dgpu, deepstream: 9.1, tensorrt: "10.16", toolchain: auto, video: default, frames: 100,
           min_detection_rate: 0.9, muxer: {width: 1280, height: 720}, interval: 0}
benchmark: {target_fps: 30, warmup_ms: 1000, duration_s: 10, run_s: 60, video: default}
report: {formats: [md, html, pdf]}
verify: {min_match: 0.99}
matrix: {engine.precision: [fp16, fp32], model.input.height: [480, 640], parser.per_class.car.threshold: [0.5]}
"""


def raw(node: Node | None) -> Any:
    """The file as an editor's YAML library sees it."""
    if isinstance(node, Mapping):
        return {name: raw(entry.node) for name, entry in node.entries.items()}
    return [raw(item) for item in node.items] if isinstance(node, Sequence) else node.value if node else None


def document(text: str) -> Any:
    return raw(parse(text.encode(), "x.yaml", Report()))


def test_the_schema_is_itself_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_committed_schema_is_current() -> None:
    committed = (ROOT / "schema" / "recipe.schema.json").read_text(encoding="utf-8")
    assert committed == schema_text(family_names()), "run: dsimport schema -o schema/recipe.schema.json"


@pytest.mark.parametrize("text", [MINIMAL, FULL])
def test_good_recipes_pass_both_checks(text: str) -> None:
    report = Report()
    assert load_recipe("x.yaml", lambda _: text.encode(), report)
    assert report.items == []
    assert [error.message for error in VALIDATOR.iter_errors(document(text))] == []


def test_the_full_example_names_every_key_but_the_alternatives() -> None:
    alternatives = ("source.ngc", "source.file", "source.url", "extends", "matrix")
    report = Report()
    (first, *_) = load_recipe("x.yaml", lambda _: FULL.encode(), report)
    null = {"engine.optimization_level", "engine.dla"}
    for path in leaf_keys():
        if "*" not in path and not path.startswith(alternatives) and path not in null:
            assert path in first.written


@pytest.mark.parametrize(
    "change",
    [
        ("classes: 80", "clases: 80"),
        ("classes: 80", "classes: many"),
        ("family: rt-detr", "family: rtdetr"),
        ("schema: 1", "schema: 2"),
        ("name: rtdetr-r18", "name: RT DETR"),
        ("name: rtdetr-r18\n", ""),
        ("revision: main", "revison: main"),
        ("height: 640", "height: 0"),
        ("  huggingface: {repo: PekingU/rtdetr_r18vd, revision: main}", "  onnx: {variant: fp16}"),
        ("  huggingface: {", "  file: {path: x.onnx}\n  huggingface: {"),
        ("classes: 80\n", "classes: 80\nengine: {workspace: 4GB}\n"),
        ("classes: 80\n", "classes: 80\nmatrix: {engine.precison: [fp16]}\n"),
        ("classes: 80\n", "classes: 80\nmatrix: {engine.precision: [fp8]}\n"),
        ("classes: 80\n", "classes: 80\ngraph: {simplify: yes}\n"),
        ("classes: 80\n", "classes: 80\npipeline: {deepstream: '9.9'}\n"),
    ],
)
def test_bad_recipes_fail_both_checks(change: tuple[str, str]) -> None:
    assert change[0] in MINIMAL
    text = MINIMAL.replace(*change)
    assert not VALIDATOR.is_valid(document(text))
    report = Report()
    load_recipe("x.yaml", lambda _: text.encode(), report)
    unknown_family = "rtdetr\n" in text  # the loader leaves presets to the resolver
    assert bool(report.errors) is not unknown_family


def test_a_recipe_that_extends_another_one_may_be_incomplete() -> None:
    assert VALIDATOR.is_valid(
        {"schema": 1, "name": "x", "extends": "base.yaml", "source": {"onnx": {"variant": "fp16"}}}
    )
    assert not VALIDATOR.is_valid({"schema": 1, "name": "x", "extends": "base.yaml", "modle": {}})


def test_every_key_has_a_description() -> None:
    def walk(item: Any, path: str) -> None:
        for name, below in item.get("properties", {}).items():
            if "." not in name:
                assert below.get("description"), f"{path}.{name}"

    for name, definition in SCHEMA["$defs"].items():
        walk(definition, name)
    walk(SCHEMA, "recipe")

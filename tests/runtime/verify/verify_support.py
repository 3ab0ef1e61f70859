"""Applied models for verification: real parsers and models, without the engines and benchmarks in between."""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsimport.cli.session import Session
from dsimport.compiler.diagnostics import Report
from dsimport.compiler.plan import Plan
from dsimport.runtime.apply import ApplyResult, apply_plan
from dsimport.runtime.passes.run import run_passes
from dsimport.runtime.steps import HANDLERS
from dsimport.runtime.steps.base import Context, Outcome

FRAMES = 12
SIZE = (256, 192)  # of the clip and the muxer

# What a recipe has to say beside the family; input names, classes and shapes are the tiny detector's.
RECIPES: dict[str, dict[str, Any]] = {
    "yolov8": {"input": "images", "outputs": "{output0: [7, 768]}"},
    "detr": {
        "input": "pixel_values",
        "outputs": "{logits: [100, 4], pred_boxes: [100, 4]}",
        "preprocess": "{scale: 1/255, mean: [0, 0, 0], std: [1, 1, 1], resize: stretch}",
    },
    "rt-detr": {"input": "pixel_values", "outputs": "{logits: [100, 3], pred_boxes: [100, 4]}"},
    "nms-rows": {"input": "images", "outputs": "{output0: [100, 6]}"},
    "centerface": {"input": "input.1", "classes": 1},
    "yolov5": {"input": "images", "outputs": "{output0: [768, 8]}"},
    "yolox": {"input": "images", "family": "./tiny-yolox.yaml"},
    "efficient-nms": {"input": "images"},
    "detectnet": {"input": "'input_1:0'", "family": "./tiny-detectnet.yaml"},
}


def recipe_text(layout: str, **changes: str) -> str:
    """A recipe; `changes` replace or add top-level keys, their values are YAML."""
    facts = RECIPES[layout]
    classes = facts.get("classes", 3)
    model = [
        f"family: {facts.get('family', layout)}",
        f"input: {{name: {facts['input']}, height: 96, width: 128}}",
        f"classes: {classes}",
        f"labels: {'[square, circle, triangle]' if classes == 3 else '[shape]'}",
        *([f"outputs: {facts['outputs']}"] if "outputs" in facts else []),
    ]
    sections = {
        "schema": "1",
        "name": f"tiny-{layout}",
        "source": "{file: {path: model.onnx}}",
        "model": "{" + ", ".join(model) + "}",
        **({"preprocess": facts["preprocess"]} if "preprocess" in facts else {}),
        "parser": "{threshold: 0.35}",
        "engine": "{precision: fp32, max_batch: 1, batch_limit: 1}",
        "pipeline": f"{{video: clip.mp4, frames: {FRAMES}, muxer: {{width: {SIZE[0]}, height: {SIZE[1]}}}}}",
        **changes,
    }
    return "".join(f"{key}: {value}\n" for key, value in sections.items())


def _instead(context: Context) -> Outcome:
    """Stands in for steps that verification does not need; their files and values exist all the same."""
    for output in context.step.outputs:
        path = context.path(output)
        if str(output).endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("", "utf-8")
    return Outcome(dict.fromkeys(context.step.gives, 1))


def _graph(context: Context) -> Outcome:
    """The passes in this process: a new one would spend most of its time on imports."""
    params = {**context.step.params, **context.step.hints}
    places = {key: str(context.root / params[key]) for key in ("source", "target")}
    done = run_passes({**params, **places}, lambda line: None)
    moved = [item["max_abs_diff"] for item in done["passes"] if item["max_abs_diff"] is not None]
    return Outcome({"graph.max_abs_diff": done["batch_diff"], "graph.pass_diff": max(moved, default=None)})


_NEEDED = {"acquire", "emit", "build-parser"}
QUICK: Mapping[str, Any] = {
    **{kind: HANDLERS[kind] if kind in _NEEDED else _instead for kind in HANDLERS},
    "graph": _graph,
}
WITH_VERIFY = {**QUICK, "verify": HANDLERS["verify"]}


@dataclass
class Workplace:
    """A root folder with one recipe."""

    root: Path
    name: str

    @property
    def home(self) -> Path:
        return self.root / "models" / self.name

    @property
    def recipe(self) -> Path:
        return self.root / "recipes" / "recipe.yaml"

    def plan(self) -> Plan:
        """The plan of the recipe as it is now."""
        session, report = Session(argparse.Namespace(root=str(self.root), recipes=[str(self.recipe)])), Report()
        session._chosen = "reference"
        plans = list(session.plans(report))
        assert not report.errors, report.errors
        return plans[0]

    def apply(self, *, verify: bool = False) -> ApplyResult:
        """Bring everything up to date; engines and pipelines are stood in for, and so is verify unless wanted."""
        return apply_plan(self.plan(), root=self.root, handlers=WITH_VERIFY if verify else QUICK)

    def params(self) -> dict[str, Any]:
        """The verify step's params, paths made absolute."""
        params = dict(self.plan().step("verify").params)
        return {**params, **{key: str(self.root / params[key]) for key in ("config", "onnx", "source", "video")}}

    def rebuild_parser(self, change: Callable[[str], str]) -> None:
        """Compile a changed parser in the place of the right one."""
        folder = self.home / "parser"
        source = next(folder.glob("*.cpp"))
        text = source.read_text("utf-8")
        changed = change(text)
        assert changed != text, "the change does not apply"
        source.write_text(changed, "utf-8")
        subprocess.run(["make", "-s", "-C", str(folder)], check=True, capture_output=True)

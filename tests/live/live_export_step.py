"""Random-weight checkpoints of every model type, from folder to verified pipeline, with the real exporters.

Run by `make test-export`: it makes the export environment (torch, transformers, optimum) in build/ if it is not there.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
import pytest
from hub_server import HubServer
from live_cases import CASES, PROMPTS, Case

from dsimport.compiler.families import load_family
from dsimport.compiler.plan import Plan, Step
from dsimport.runtime.export.environment import Environment
from dsimport.runtime.planfile import plan_entry, write_plan_file
from dsimport.runtime.progress import Progress
from dsimport.runtime.steps.base import Context

REPO = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
FRAMES = 8
TOKEN = "hf_PlantedPlantedPlanted42"
EXACT = 2e-4  # outputs of the file against the model's, in logits and fractions


@pytest.fixture(scope="session", autouse=True)
def environment() -> Any:
    """The repository's export environment, for every command of this session."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DSIMPORT_EXPORT_ENV", os.environ.get("DSIMPORT_EXPORT_ENV", str(REPO / "build/.venv_optimum")))
        yield


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory, environment: None) -> Path:
    """A folder with a checkpoint per model type and what each computes, made in the export environment."""
    folder = tmp_path_factory.mktemp("checkpoints")
    step = Step(id="export", kind="export", title="", timeout_s=3600)
    facts = {"compiler": "dsimport", "name": "m", "recipe": "m.yaml", "home": "models/m", "toolchain": "reference"}
    plan = Plan(**facts, inputs=(), settings={}, steps=(step,))
    context = Context(folder, plan, step, {}, Progress(quiet=True), lambda *names, **fields: None)
    with Environment(context).ready("transformers-5") as python:
        variables = {**os.environ, "PYTHONPATH": str(python.overlay), "HF_HUB_OFFLINE": "1"}
        script = Path(__file__).with_name("live_checkpoints.py")
        subprocess.run([str(python.program), str(script), str(folder)], env=variables, check=True)
    return folder


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip with moving shapes."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    command = [sys.executable, str(REPO / "tests/assets/make_clip.py"), str(path), "--frames", str(FRAMES)]
    subprocess.run(command, check=True)
    return path


def recipe(case: Case, source: str) -> str:
    """The recipe of a checkpoint, as a person would write it; `source` is its source section."""
    return (
        f"schema: 1\nname: {case.plain_name}\n{source}"
        f"model:\n  family: {case.family}\n"
        f"  input: {{name: pixel_values, height: {case.height}, width: {case.width}}}\n"
        f"  outputs: {{logits: [{case.queries}, {case.columns}], pred_boxes: [{case.queries}, 4]}}\n"
        f"{'' if case.prompts else f'  classes: {case.classes}{chr(10)}'}"
        "parser: {threshold: 0.02}\n"
        "engine: {precision: fp32, max_batch: 2, batch_limit: 2}\n"
        f"pipeline: {{video: clip.mp4, frames: {FRAMES}, min_detection_rate: 0.5, "
        "muxer: {width: 256, height: 192}}\n"
        f"benchmark: {{warmup_ms: 10, duration_s: 0.1, run_s: {case.run_s}, target_fps: 1}}\n"
    )


class Project(NamedTuple):
    """A root folder with one recipe."""

    root: Path
    case: Case

    def run(self, *words: str, code: int = 0, **variables: str) -> str:
        """dsimport here; what it printed."""
        env = {**os.environ, "DSIMPORT_CACHE": str(self.root / "cache"), "NO_COLOR": "1", **variables}
        command = [str(BIN / "dsimport"), *words]
        done = subprocess.run(command, cwd=self.root, env=env, capture_output=True, text=True, timeout=900)
        assert done.returncode == code, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    def json(self, *words: str, **variables: str) -> Any:
        return json.loads(self.run(*words, "--json", **variables))

    def export(self) -> Any:
        """Apply a plan that ends with the export; its values."""
        self.run("plan", "m.yaml", "--toolchain", "reference", "-q", "-o", "whole.json")
        document = json.loads((self.root / "whole.json").read_text("utf-8"))
        whole = Plan.model_validate(document["plans"][0]["plan"])
        steps = whole.steps[: 1 + [step.id for step in whole.steps].index("export")]
        write_plan_file(self.root / "part.json", [plan_entry(whole.model_copy(update={"steps": steps}), self.root)])
        return self.json("apply", "part.json")["models"][0]["values"]

    def export_with(self, exporter: str) -> None:
        """Write the exporter into the recipe."""
        path, export = self.root / "m.yaml", f"  export: {{exporter: {exporter}}}\n"
        path.write_text(path.read_text("utf-8").replace("weights}\n", f"weights}}\n{export}"), "utf-8")

    @property
    def home(self) -> Path:
        return self.root / "models" / self.case.plain_name

    def onnx(self) -> Path:
        return self.home / "model/source" / f"{self.case.plain_name}.onnx"


@pytest.fixture
def project(tmp_path: Path, checkpoints: Path, clip: Path) -> Callable[..., Project]:
    """A function that makes a project of one case, its checkpoint copied beside the recipe."""

    def make(case: Case, folder: str = "p") -> Project:
        root = tmp_path / folder
        root.mkdir()
        shutil.copytree(checkpoints / case.name, root / "weights")
        shutil.copy(clip, root / "clip.mp4")
        export = f"  export: {{frozen_prompt: [{', '.join(PROMPTS)}]}}\n" if case.prompts else ""
        text = recipe(case, f"source:\n  file: {{path: weights}}\n{export}")
        (root / "m.yaml").write_text(text, "utf-8")
        return Project(root, case)

    return make


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_checkpoint_folder_becomes_a_verified_pipeline(
    case: Case, project: Callable[..., Project], checkpoints: Path
) -> None:
    place = project(case)
    result = place.json("apply", "m.yaml", "--toolchain", "reference")["models"][0]
    values = result["values"]
    export = load_family(case.family).export
    assert export is not None
    model = export.models[case.name]
    fitting = [name for name in model.exporters if case.height == case.width or name not in model.square]
    # The first exporter of the preset works: nothing had to be tried twice.
    assert (values["export.exporter"], values["export.attempts"]) == (fitting[0], 1)
    assert values["export.max_abs_diff"] < EXACT
    labels = PROMPTS if case.prompts else tuple(f"thing {number}" for number in range(case.classes))
    assert tuple((place.home / "config/labels.txt").read_text("utf-8").splitlines()) == labels
    assert_same_results(place.onnx(), checkpoints / f"{case.name}.npz")
    assert values["verify.rate"] == 1.0
    place.run("verify", "m.yaml", "--toolchain", "reference")
    place.run("plan", "m.yaml", "--toolchain", "reference", "--detailed-exitcode")  # 0: nothing left to do


def assert_same_results(onnx: Path, results: Path) -> None:
    """The exported file against what the model computed when it was made; queries may have changed places."""
    wanted = np.load(results)
    session = onnxruntime.InferenceSession(str(onnx), providers=["CPUExecutionProvider"])
    for images in (1, len(wanted["pixels"])):
        found = session.run(["logits", "pred_boxes"], {"pixel_values": wanted["pixels"][:images]})
        for image in range(images):
            mine = np.concatenate([tensor[image] for tensor in found], axis=1)
            theirs = np.concatenate([wanted[name][image] for name in ("scores", "boxes")], axis=1)
            apart = np.abs(mine[:, None] - theirs[None]).max(axis=2)
            assert sorted(apart.argmin(axis=1)) == list(range(len(theirs)))
            assert apart.min(axis=1).max() < EXACT * max(1.0, np.abs(theirs).max())


@pytest.mark.parametrize("name", ["rt_detr", "rt_detr_v2", "d_fine"])
def test_for_square_inputs_both_transformers_agree(name: str, project: Callable[..., Project]) -> None:
    """For others they do not: version 4 gives places each other's position embeddings."""
    case = replace(next(case for case in CASES if case.name == name), height=96)
    found = []
    pixels = np.random.default_rng(3).random((2, 3, 96, 96), np.float32)
    for exporter in ("optimum", "torch"):
        place = project(case, exporter)
        place.export_with(exporter)
        values = place.export()
        assert values["export.exporter"] == exporter
        session = onnxruntime.InferenceSession(str(place.onnx()), providers=["CPUExecutionProvider"])
        found.append(session.run(["logits", "pred_boxes"], {"pixel_values": pixels}))
    for mine, theirs in zip(*found, strict=True):
        assert np.abs(mine - theirs).max() < EXACT * max(1.0, np.abs(theirs).max())


@pytest.mark.parametrize("exporter", ["optimum", "torch", "dynamo"])
def test_every_exporter_gives_the_same_file_twice(exporter: str, project: Callable[..., Project]) -> None:
    case = next(case for case in CASES if case.name == "detr")
    files = []
    for folder in ("one", "another"):
        place = project(case, folder)
        place.export_with(exporter)
        values = place.export()
        assert (values["export.exporter"], values["export.attempts"]) == (exporter, 1)
        files.append(place.onnx().read_bytes())
    assert files[0] == files[1]


def test_a_locked_repository_gives_the_same_onnx_in_another_folder(
    checkpoints: Path, clip: Path, tmp_path: Path
) -> None:
    """Private weights on a hub: locked once, then built twice, with empty caches; the token is in no file."""
    case = next(case for case in CASES if case.name == "rt_detr_v2")
    files = {path.name: path.read_bytes() for path in (checkpoints / case.name).iterdir()}
    made = []
    with HubServer() as hub:
        repo = hub.repository("acme/tiny", files, private=True)
        hub.token = TOKEN
        access = {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN}
        for folder in ("one", "two/deeper"):
            place = Project(tmp_path / folder, case)
            place.root.mkdir(parents=True)
            shutil.copy(clip, place.root / "clip.mp4")
            text = recipe(case, "source: {huggingface: {repo: acme/tiny}}\n")
            (place.root / "m.yaml").write_text(text, "utf-8")
            if made:
                shutil.copy(tmp_path / "one/m.lock.yaml", place.root)
                repo.push({"config.json": b"{}"})
            else:
                place.run("lock", "m.yaml", **access)
            place.run("apply", "m.yaml", "--toolchain", "reference", **access)
            made.append(place.onnx().read_bytes())
    assert made[0] == made[1]
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [str(path) for path in written if TOKEN.encode() in path.read_bytes()] == []

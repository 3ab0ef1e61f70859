"""Random-weight checkpoints of every model type, from folder to verified pipeline, with the real exporters.

`dsimport init` writes the recipes, and nobody touches them. Run by `make test-export`, which makes the export
environment (torch, transformers, optimum) in build/ if it is not there.
"""

from __future__ import annotations

import fcntl
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
from cli_support import apply_patiently, quick, whatever_run_length
from hub_server import HubServer
from live_cases import CASES, PROMPTS, SQUARE, TIMM, Case, case_of

from dsimport.compiler.escape import markdown_text
from dsimport.compiler.families import load_family
from dsimport.compiler.plan import Plan, Step
from dsimport.runtime.export.environment import Environment
from dsimport.runtime.progress import Progress
from dsimport.runtime.steps.base import Context

REPO = Path(__file__).resolve().parents[2]
NOWHERE = "http://127.0.0.1:9"  # the hub of sources that need none
FRAMES = 8
TOKEN = "hf_PlantedPlantedPlanted42"
EXACT = 2e-4  # outputs of the file against the model's, in logits and fractions
WHOLE = ("m.yaml", "--toolchain", "reference")

# What a person sets for a machine without a GPU, and for weights that are sure of nothing. Everything else about the
# model comes from `init`.
MACHINE = """\
# this machine
schema: 1
parser: {{threshold: 0.02}}
engine: {{precision: fp32, max_batch: 2, batch_limit: 2}}
pipeline: {{muxer: {{width: 256, height: 192}}}}
benchmark: {{warmup_ms: 10, duration_s: 0.1, run_s: {run_s}, target_fps: 1}}
report: {{formats: [md]}}
"""


@pytest.fixture(scope="session", autouse=True)
def environment() -> Any:
    """The repository's export environment, for every command of this session."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DSIMPORT_EXPORT_ENV", os.environ.get("DSIMPORT_EXPORT_ENV", str(REPO / "build/.venv_optimum")))
        yield


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory, environment: None) -> Path:
    """A folder with a checkpoint per model type and what each computes, made in the export environment, once for all
    workers of this run."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "checkpoints"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            folder.mkdir(exist_ok=True)
            _make_checkpoints(folder)
            (folder / "done").touch()
    return folder


def _make_checkpoints(folder: Path) -> None:
    step = Step(id="export", kind="export", title="", timeout_s=3600)
    facts = {"compiler": "dsimport", "name": "m", "recipe": "m.yaml", "home": "models/m", "toolchain": "reference"}
    plan = Plan(**facts, inputs=(), settings={}, steps=(step,))
    context = Context(folder, plan, step, {}, Progress(quiet=True), lambda *names, **fields: None)
    with Environment(context).ready("transformers-5", "timm") as python:
        overlays = os.pathsep.join(map(str, python.overlays))
        variables = {**os.environ, "PYTHONPATH": overlays, "HF_HUB_OFFLINE": "1"}
        script = Path(__file__).with_name("live_checkpoints.py")
        subprocess.run([str(python.program), str(script), str(folder)], env=variables, check=True)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip with moving shapes."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    command = [sys.executable, str(REPO / "tests/assets/make_clip.py"), str(path), "--frames", str(FRAMES)]
    subprocess.run(command, check=True)
    return path


class Project(NamedTuple):
    """A root folder in which `dsimport` is run."""

    root: Path
    case: Case

    def run(self, *words: str, code: int = 0, **variables: str) -> str:
        """dsimport here; what it printed."""
        found, out, err = quick(self.root, NOWHERE, *words, **variables)
        assert found == code, out[-3000:] + err[-3000:]
        return out

    def json(self, *words: str, code: int = 0, **variables: str) -> Any:
        return json.loads(self.run(*words, "--json", code=code, **variables))

    def init(self, source: str, *words: str, **variables: str) -> Any:
        """Let `init` write the recipe of a source; what it found."""
        prompt = ("--prompt", ",".join(PROMPTS)) if self.case.prompts else ()
        told = ("--name", self.case.plain_name, "--video", "clip.mp4", "--frames", str(FRAMES))
        gate = ("--min-detection-rate", "0.5")  # weights that were never trained find something in most frames
        return self.json("init", source, "-o", "m.yaml", *told, *gate, *prompt, *words, **variables)

    def whole(self, **variables: str) -> Any:
        """Apply all of it; its values."""

        def run(*words: str) -> tuple[int, str, str]:
            return quick(self.root, NOWHERE, *words, **variables)

        return apply_patiently(run, self.root / "m.yaml", *WHOLE)["models"][0]["values"]

    def export(self, *words: str, **variables: str) -> Any:
        """Apply as far as the export; its values."""
        return self.json("apply", *WHOLE, "--until", "export", *words, **variables)["models"][0]["values"]

    def export_with(self, exporter: str) -> None:
        """Write the exporter into the recipe."""
        path, export = self.root / "m.yaml", "export: {task: object-detection"
        path.write_text(path.read_text("utf-8").replace(export, f"{export}, exporter: {exporter}"), "utf-8")

    @property
    def home(self) -> Path:
        return self.root / "models" / self.case.plain_name

    def onnx(self) -> Path:
        return self.home / "model/source" / f"{self.case.plain_name}.onnx"


@pytest.fixture
def project(tmp_path: Path, checkpoints: Path, clip: Path) -> Callable[..., Project]:
    """A function that makes a project of one case, with its checkpoint in it and a recipe that knows the machine."""

    def make(case: Case, folder: str = "p") -> Project:
        root = tmp_path / folder
        root.mkdir(parents=True)
        shutil.copytree(checkpoints / case.name, root / "weights")
        shutil.copy(clip, root / "clip.mp4")
        (root / "m.yaml").write_text(MACHINE.format(run_s=case.run_s), "utf-8")
        return Project(root, case)

    return make


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_checkpoint_folder_becomes_a_verified_pipeline(
    case: Case, project: Callable[..., Project], checkpoints: Path
) -> None:
    place = project(case)
    made = place.init("weights")
    assert (made["confidence"], {key: made["values"].get(key) for key in case.expected()}) == (
        "certain",
        case.expected(),
    )
    place.json("plan", *WHOLE, "--detailed-exitcode", code=2)
    values = place.whole()
    assert_first_exporter(case, values)
    labels = PROMPTS if case.prompts else tuple(f"thing {number}" for number in range(case.classes))
    assert tuple((place.home / "config/labels.txt").read_text("utf-8").splitlines()) == labels
    assert_same_results(place, checkpoints / f"{case.name}.npz")
    assert values["verify.rate"] == 1.0
    place.run("verify", *WHOLE)
    left, written = (place.root / "m.yaml").read_text("utf-8"), made["recipe"]["text"]
    assert whatever_run_length(left) == whatever_run_length(written)
    place.run("plan", *WHOLE, "--detailed-exitcode")  # 0: nothing left to do


def assert_first_exporter(case: Case, values: Any) -> None:
    """The first exporter of the preset worked: nothing had to be tried twice."""
    model = load_family(case.family).exported[case.kind]
    fitting = [name for name in model.exporters if case.height == case.width or name not in model.square]
    assert (values["export.exporter"], values["export.attempts"]) == (fitting[0], 1)
    assert values["export.max_abs_diff"] < EXACT


def test_the_table_of_checkpoints(
    tmp_path: Path, checkpoints: Path, golden: Callable[[str, str], None], clip: Path
) -> None:
    """Part of docs/recognition.md."""
    lines = []
    for case in CASES:
        (tmp_path / case.name).mkdir()
        place = Project(tmp_path / case.name, case)
        found = place.init(str(checkpoints / case.name), "--dry-run")["values"]
        shapes = "; ".join(f"{name} {shape}" for name, shape in found["model.outputs"].items())
        size = f"{found['model.input.height']} x {found['model.input.width']}"
        pre = ", ".join(str(found[f"preprocess.{key}"]) for key in ("color", "scale", "resize"))
        normal = ", mean and std" if any(found.get("preprocess.mean", ())) else ""
        rule = ", ".join(f"{key} {value}" for key, value in case.size.items())
        labels = "the prompts" if case.prompts else "id2label"
        texts = (case.kind, rule, found["model.family"], size, shapes, f"{found['model.classes']}, {labels}")
        cells = [markdown_text(text) for text in (*texts, pre + normal)]
        lines.append(f"| `{case.kind}` | {cells[1]} | `{case.family}` | {' | '.join(cells[3:])} |")
    golden("recognition/checkpoints.md", "\n".join(lines) + "\n")


@pytest.mark.parametrize("exporter", ["optimum", "torch"])
def test_a_backbone_of_timm_is_exported(exporter: str, project: Callable[..., Project], checkpoints: Path) -> None:
    place = project(TIMM, exporter)
    place.init("weights")
    place.export_with(exporter)
    values = place.export()
    assert (values["export.exporter"], values["export.attempts"]) == (exporter, 1)
    assert values["export.max_abs_diff"] < EXACT
    assert_same_results(place, checkpoints / f"{TIMM.name}.npz")


def test_a_recipe_with_nothing_but_what_init_wrote_is_verified(project: Callable[..., Project]) -> None:
    """The defaults, for a GPU: half precision, engines for batch 64 and more, a second per measurement and ten."""
    place = project(case_of("rt_detr"))
    (place.root / "m.yaml").unlink()
    place.init("weights")
    values = place.json("apply", *WHOLE, "--until", "verify")["models"][0]["values"]
    assert (values["max_batch"] >= 64, values["verify.rate"]) == (True, 1.0)
    place.run("verify", *WHOLE)


def assert_same_results(place: Project, results: Path) -> None:
    """The exported file against what the model computed when it was made; queries may have changed places."""
    wanted = np.load(results)
    session = onnxruntime.InferenceSession(str(place.onnx()), providers=["CPUExecutionProvider"])
    for images in (1, len(wanted["pixels"])):
        found = session.run(list(place.case.tensors), {"pixel_values": wanted["pixels"][:images]})
        for image in range(images):
            mine = np.concatenate([tensor[image] for tensor in found], axis=1)
            theirs = np.concatenate([wanted[name][image] for name in ("scores", "boxes")], axis=1)
            apart = np.abs(mine[:, None] - theirs[None]).max(axis=2)
            assert sorted(apart.argmin(axis=1)) == list(range(len(theirs)))
            assert apart.min(axis=1).max() < EXACT * max(1.0, np.abs(theirs).max())


@pytest.mark.parametrize("name", SQUARE)
def test_for_square_inputs_the_older_transformers_is_right(
    name: str, project: Callable[..., Project], checkpoints: Path
) -> None:
    """For others it is not: version 4 gives places each other's position embeddings. The model is version 5's."""
    side = SQUARE[name]
    place = project(replace(case_of(name), height=side, width=side))
    place.init("weights", "--input-size", f"{side}x{side}")
    place.export_with("optimum")
    assert place.export()["export.exporter"] == "optimum"
    assert_same_results(place, checkpoints / f"{name}-square.npz")


@pytest.mark.parametrize("exporter", ["optimum", "dynamo"])
def test_an_exporter_gives_the_same_file_twice(exporter: str, project: Callable[..., Project]) -> None:
    """That tracing does so is seen where a repository is locked."""
    files = []
    for folder in ("one", "another"):
        place = project(case_of("detr"), folder)
        place.init("weights")
        place.export_with(exporter)
        values = place.export()
        assert (values["export.exporter"], values["export.attempts"]) == (exporter, 1)
        files.append(place.onnx().read_bytes())
    assert files[0] == files[1]


def test_a_locked_repository_gives_the_same_onnx_in_another_folder(
    checkpoints: Path, clip: Path, tmp_path: Path
) -> None:
    """Private weights on a hub: locked once, then built twice, with empty caches; the token is in no file."""
    case = case_of("rt_detr_v2")
    files = {path.name: path.read_bytes() for path in (checkpoints / case.name).iterdir()}
    places = [Project(tmp_path / folder, case) for folder in ("one", "two/deeper")]
    for place in places:
        place.root.mkdir(parents=True)
        shutil.copy(clip, place.root / "clip.mp4")
    first, second = places
    with HubServer() as hub:
        repo = hub.repository("acme/tiny", files, private=True)
        hub.token = TOKEN
        access = {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN}
        (first.root / "m.yaml").write_text(MACHINE.format(run_s=case.run_s), "utf-8")
        first.init("acme/tiny", **access)
        first.json("plan", *WHOLE, "--detailed-exitcode", code=2)  # offline, and without the token
        assert first.whole(**access)["export.exporter"] == "torch"
        first.run("verify", *WHOLE)
        repo.push({"config.json": b"{}"})
        for name in ("m.yaml", "m.lock.yaml"):
            shutil.copy(first.root / name, second.root)
        second.export(**access)
    assert first.onnx().read_bytes() == second.onnx().read_bytes()
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [str(path) for path in written if TOKEN.encode() in path.read_bytes()] == []

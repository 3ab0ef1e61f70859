"""Models that look as if they had been applied: real recipes, plans and records, made-up figures and artifacts."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping
from pathlib import Path

from dsimport._version import VERSION
from dsimport.compiler.decide import Decider
from dsimport.compiler.diagnostics import Report
from dsimport.compiler.facts import settings_of
from dsimport.compiler.load import load_recipe
from dsimport.compiler.lower import lower
from dsimport.compiler.model import Toolchain
from dsimport.compiler.plan import Plan, Step, Value, fill
from dsimport.compiler.record import ModelState, StepRecord, state_text
from dsimport.compiler.resolve import resolve
from dsimport.runtime.observe import DiskObservation
from dsimport.runtime.toolversions import ToolVersions

__all__ = ["RECIPE", "plan_of", "recorded"]

RECIPE = """\
schema: 1
name: {name}
source: {{file: {{path: model.onnx}}}}
model:
  family: yolov8
  input: {{name: images, height: 640, width: 640}}
  classes: 3
  labels: [car, person, bicycle]
parser: {{threshold: {threshold}}}
engine: {{precision: {precision}, max_batch: 64, batch_limit: 256}}
pipeline: {{video: clip.mp4}}
"""
COMPILER = f"dsimport {VERSION}"


def plan_of(root: Path, name: str, toolchain: Toolchain, *, threshold: float = 0.25, precision: str = "fp16") -> Plan:
    """Write the recipe of a model, with its inputs, and plan it."""
    (root / "recipes").mkdir(parents=True, exist_ok=True)
    path = f"recipes/{name}.yaml"
    (root / path).write_text(RECIPE.format(name=name, threshold=threshold, precision=precision), "utf-8")
    for file in ("model.onnx", "clip.mp4"):
        (root / "recipes" / file).write_text(file, "utf-8")
    report = Report()

    def read(file: str) -> bytes:
        return (root / file).read_bytes()

    [loaded] = load_recipe(path, read, report)
    compiled = resolve(loaded, read, report)
    plan = None if compiled is None else lower(compiled, toolchain, COMPILER, report)
    if plan is None:
        raise SystemExit(f"the synthetic recipe does not compile: {list(report)}")
    return plan


def recorded(root: Path, plan: Plan, hardware: str, seed: int, versions: ToolVersions | None = None) -> ModelState:
    """Write what an apply of this plan would have left, with figures by `seed`; the record."""
    values = _figures(random.Random(seed))
    seen = DiskObservation(root, plan.home, versions)
    run = f"20261101T{seed % 24:02}0000Z-001"
    order = tuple(step.id for step in plan.steps)
    state = ModelState(plan=plan.digest(), recipe=plan.recipe, compiler=plan.compiler, order=order)
    inputs = {file.path: file.sha256 for file in plan.inputs}
    state = state.model_copy(update={"toolchain": plan.toolchain, "last_run": run, "inputs": inputs})
    decider = Decider(plan, state, seen)
    events = [{"event": "run-start", "plan": state.plan, "toolchain": plan.toolchain}]
    for step in plan.steps:
        if decider.decide(step).action == "skip":
            continue
        record = _ran(root, plan, step, decider, seen, values)
        decider.finished(record)
        state = state.with_step(record)
        events.append({"event": "step-end", "step": step.id, "status": "ok", "values": record.values})
    events.append({"event": "run-end", "done": list(state.steps), "failed": None})
    _write(root / plan.home / ".dsimport/runs" / f"{run}.jsonl", "".join(json.dumps(item) + "\n" for item in events))
    _write(root / plan.home / ".dsimport/state.json", state_text(state))
    data = {
        "model_name": plan.name,
        "toolchain": plan.toolchain,
        "hardware": hardware,
        "settings": {key: setting.value for key, setting in plan.settings.items()},
    }
    _write(root / plan.home / "reports/benchmark_data.json", json.dumps(data))
    return state


def _figures(generator: random.Random) -> dict[str, Value]:
    images = generator.uniform(200, 9000)
    streams = min(int(images / 30), 64)
    fps = generator.uniform(25, 33)
    found: dict[str, Value] = {"max_batch": 64, "images_per_s": images, "peak_gpu_streams": int(images / 30)}
    for prefix in ("b1", "peak.b64", "peak.b128", "peak.b256"):
        found |= {f"{prefix}.{name}": generator.uniform(1, 20) for name in ("qps", "gpu_mean_ms", "gpu_p99_ms")}
        found |= {f"{prefix}.images_per_s": images, f"{prefix}.peak_gpu_streams": streams}
    for run in ("run1", "run2", "run2_retry"):
        found |= {f"{run}.streams": streams, f"{run}.total_fps": fps * streams, f"{run}.fps_per_stream": fps}
    found |= {"run2.below_target": int(fps < 30), "verify.boxes": 90, "verify.matched": 90, "verify.rate": 1.0}
    found |= {"verify.worst_iou": 0.99, "verify.worst_score": 0.001, "kitti.frames": 100, "kitti.detections": 420}
    rate = generator.uniform(0.9, 1)
    return found | {"kitti.rate": rate, "kitti.frames_with_detections": int(100 * rate)}


def _ran(
    root: Path, plan: Plan, step: Step, decider: Decider, seen: DiskObservation, values: Mapping[str, Value]
) -> StepRecord:
    """The step as it ran: its files and outputs written, its facts taken."""
    for file in step.files:
        path, content = fill(file.path, decider.values), fill(file.content, decider.values)
        _write(root / str(path), str(content))
    facts = decider.facts(step)
    outputs = {}
    for text in step.outputs:
        name = str(fill(text, decider.values))
        target = root / name / "1.txt" if name.endswith("/") else root / name
        _write(target, f"{step.id} of {plan.name}: {hashlib.sha256(str(sorted(facts.items())).encode()).hexdigest()}\n")
        outputs[name] = seen.digest(name) or ""
    return StepRecord(
        id=step.id,
        kind=step.kind,
        status="ok",
        facts=facts,
        settings=settings_of(step, plan),
        outputs=outputs,
        values={name: values.get(name, 0) for name in step.gives},
        started="2026-11-01T00:00:00.000Z",
        seconds=1.0,
        summary="made up",
    )


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")

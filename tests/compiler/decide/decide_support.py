"""A disk and host in memory, and a stand-in for apply that records every step that is not up to date."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from dsimport.compiler.decide import Decider, decide
from dsimport.compiler.facts import settings_of
from dsimport.compiler.plan import Condition, GeneratedFile, Hole, Plan, Setting, Step, Value, fill
from dsimport.compiler.record import ModelState, StepRecord

HOME = "models/m"


@dataclass
class Memory:
    """An `Observation`: texts by path, versions by tool."""

    files: dict[str, str] = field(default_factory=dict)
    tools: dict[str, str] = field(default_factory=dict)

    def digest(self, path: str) -> str | None:
        text = self.files.get(path)
        return None if text is None else hashlib.sha256(text.encode()).hexdigest()

    def text(self, path: str) -> str | None:
        return self.files.get(path)

    def tool(self, name: str) -> str | None:
        return self.tools.get(name)


def make_plan(steps: list[Step], settings: dict[str, Any] | None = None) -> Plan:
    return Plan(
        compiler="dsimport 1",
        name="m",
        recipe="recipes/m.yaml",
        home=HOME,
        toolchain="reference",
        inputs=(),
        settings={key: Setting(value=value, origin="recipes/m.yaml:14") for key, value in (settings or {}).items()},
        steps=tuple(steps),
    )


def model_plan(threshold: float = 0.25, fps: int = 30, top: int = 128) -> Plan:
    """A plan in miniature: files, parser, doubling engines with conditions, a gate, a report."""
    config, source, library = f"{HOME}/config/m.txt", f"{HOME}/parser/m.cpp", f"{HOME}/parser/m.so"
    steps = [
        Step(
            id="emit",
            kind="emit",
            title="",
            files=(
                GeneratedFile(path=config, content=f"threshold={threshold}\n", uses=("parser.threshold",)),
                GeneratedFile(path=source, content="int x;\n", uses=("model.family",)),
            ),
        ),
        Step(
            id="build-parser",
            kind="build-parser",
            title="",
            needs=("emit",),
            inputs=(source,),
            outputs=(library,),
            argv=("make", "-C", f"{HOME}/parser"),
            tools=("g++",),
        ),
    ]
    before = 64
    steps += _engine(before, (), fps)
    batches = [before]
    while before < top:
        condition = Condition(value=f"peak.b{before}", than=before)
        before *= 2
        steps += _engine(before, (condition,), fps)
        batches.append(before)
    largest = Hole(value="max_batch")
    steps += [
        Step(id="scale", kind="scale", title="", needs=tuple(f"bench-b{n}" for n in batches), gives=("max_batch",)),
        Step(
            id="kitti",
            kind="kitti",
            title="",
            needs=("emit", "build-parser"),
            inputs=(config, library, (f"{HOME}/b", largest, ".engine"), "clip.mp4"),
            outputs=(f"{HOME}/kitti/",),
            argv=("app", "-c", config),
            tools=("app",),
        ),
    ]
    settings = {"parser.threshold": threshold, "model.family": "yolov8", "benchmark.target_fps": fps}
    return make_plan(steps, settings)


def _engine(n: int, when: tuple[Condition, ...], fps: int) -> list[Step]:
    engine = f"{HOME}/b{n}.engine"
    return [
        Step(
            id=f"engine-b{n}",
            kind="engine",
            title="",
            inputs=("model.onnx",),
            outputs=(engine,),
            argv=("trtexec", f"--saveEngine={engine}"),
            tools=("trtexec",),
            when=when,
        ),
        Step(
            id=f"bench-b{n}",
            kind="bench",
            title="",
            needs=(f"engine-b{n}",),
            inputs=(engine,),
            argv=("trtexec", f"--loadEngine={engine}"),
            params={"target_fps": fps},
            uses=("benchmark.target_fps",),
            gives=(f"peak.b{n}",),
            when=when,
        ),
    ]


def fresh_disk() -> Memory:
    return Memory(
        {"model.onnx": "onnx", "clip.mp4": "clip"}, {"trtexec": "10.14.1", "g++": "12.2.0", "app": "9.1", "make": "4"}
    )


def applied(plan: Plan, disk: Memory, values: dict[str, Value], state: ModelState | None = None) -> ModelState:
    """The record after an apply that ends well: what runs writes its files and outputs to `disk`."""
    state = state or ModelState()
    decider = Decider(plan, state, disk)
    for step in plan.steps:
        decision = decider.decide(step)
        if decision.action == "skip":
            state = state.without_result(step.id)
        elif decision.action != "same":
            state = state.with_step(_run(plan, step, decider, disk, values))
            decider.finished(state.steps[step.id])
    return state


def _run(plan: Plan, step: Step, decider: Decider, disk: Memory, values: dict[str, Value]) -> StepRecord:
    facts = decider.facts(step)
    for file in step.files:
        path, content = fill(file.path, decider.values), fill(file.content, decider.values)
        assert path is not None
        assert content is not None
        disk.files[path] = content
    outputs = [fill(path, decider.values) for path in step.outputs]
    for path in outputs:
        assert path is not None
        disk.files[path] = f"made by {step.id} of {sorted(facts.items())}"
    return StepRecord(
        id=step.id,
        kind=step.kind,
        status="ok",
        facts=facts,
        settings=settings_of(step, plan),
        outputs={path: disk.digest(path) or "" for path in outputs if path is not None},
        values={name: values[name] for name in step.gives},
    )


def actions(plan: Plan, state: ModelState | None, disk: Memory) -> dict[str, str]:
    return {decision.step.id: decision.action for decision in decide(plan, state, disk)}


def reasons(plan: Plan, state: ModelState | None, disk: Memory) -> dict[str, list[str]]:
    """Reasons in words of the steps that have any."""
    return {
        decision.step.id: [str(reason) for reason in decision.reasons]
        for decision in decide(plan, state, disk)
        if decision.reasons
    }

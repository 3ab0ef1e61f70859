"""A host made of small programs, and one engine step on it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dsimport.compiler.plan import Plan, Setting, Step
from dsimport.runtime.apply import ApplyResult, apply_plan
from dsimport.runtime.formats.trtexec import banner, log_line

HOME = "models/m"
ENGINES = f"{HOME}/benchmarks/engines"
ONNX = f"{HOME}/model/m.onnx"
VERSION = "10.16.0"
WORKSPACE = "--memPoolSize=workspace:1024M"


# Writes the file that --saveEngine names.
SAVE = 'for word; do case $word in --saveEngine=*) echo engine "$@" > "${word#*=}";; esac; done\n'


def program(folder: Path, name: str, script: str) -> None:
    """An executable shell script in a folder of PATH."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}", "utf-8")
    path.chmod(0o755)


def log_text(lines: Iterable[str], *, passed: bool, version: str = VERSION) -> str:
    """A log as trtexec leaves it: `I text`, `W text` and `E text` between the banners."""
    when = time.strptime("2026-11-25 10:00:00", "%Y-%m-%d %H:%M:%S")
    severities: Any = {"I": "I", "W": "W", "E": "E"}
    body = [log_line(severities[line[0]], line[2:], when) for line in lines]
    end = banner("PASSED" if passed else "FAILED", version, 72, "trtexec")
    return "\n".join([banner("RUNNING", version, 72, "trtexec"), *body, end]) + "\n"


def plan_of(*steps: Step, settings: Mapping[str, Any] | None = None) -> Plan:
    return Plan(
        compiler="dsimport 1",
        name="m",
        recipe="recipes/m.yaml",
        home=HOME,
        toolchain="deepstream",
        inputs=(),
        settings={key: Setting(value=value, origin="default") for key, value in (settings or {}).items()},
        steps=steps,
    )


def engine_step(n: int = 64, **changes: Any) -> Step:
    engine = f"{ENGINES}/m_dynamic_b{n}.engine"
    shape = {"min": [1, 3, 8, 8], "opt": [n, 3, 8, 8], "max": [n, 3, 8, 8]}
    step = Step(
        id=f"engine-b{n}",
        kind="engine",
        title=f"fp16, batch 1 to {n}",
        inputs=(ONNX,),
        outputs=(engine, f"{engine}.json"),
        argv=("trtexec", f"--onnx={ONNX}", "--fp16", "--skipInference", WORKSPACE, f"--saveEngine={engine}"),
        log=f"{ENGINES}/build_b{n}.log",
        params={
            "engine": engine,
            "sidecar": f"{engine}.json",
            "onnx": ONNX,
            "precision": "fp16",
            "profile": {"images": shape},
        },
        tools=("TensorRT", "GPU"),
    )
    return step.model_copy(update=changes)


def rungs(workspace: int = 2048) -> list[dict[str, Any]]:
    """The ladder of a recipe that says nothing about it."""
    simplified = f"{ENGINES}/m_simplified.onnx"
    size, level = f"--memPoolSize=workspace:{workspace}M", "--builderOptimizationLevel=2"
    return [
        {
            "for": ["workspace", "foreign-workspace"],
            "change": f"a workspace of {workspace}M",
            "argument": size,
            "setting": "engine.workspace",
            "value": f"{workspace}M",
        },
        {
            "for": ["foreign-node", "foreign-workspace"],
            "change": "a simplified graph",
            "argument": f"--onnx={simplified}",
            "setting": "graph.simplify",
            "value": "true",
            "simplify": simplified,
        },
        {
            "for": ["foreign-node", "foreign-workspace", "no-kernel"],
            "change": "optimization level 2",
            "argument": level,
            "setting": "engine.optimization_level",
            "value": "2",
        },
    ]


def with_ladder(step: Step) -> Step:
    """The step with a ladder, as the compiler makes it."""
    stem = str(step.log).removesuffix(".log")
    logs = [f"{stem}.attempt{number}.log" for number in (2, 3, 4)]
    prefix = step.id.replace("engine-", "engine.")
    return step.model_copy(
        update={
            "hints": {
                "recovery": rungs(),
                "logs": logs,
                "input": "images",
                "image": [3, 8, 8],
                "pixels": {"scale": [1.0] * 3, "bias": [0.0] * 3},
            },
            "gives": (f"{prefix}.bytes", f"{prefix}.changed"),
        }
    )


def apply(root: Path, *steps: Step) -> ApplyResult:
    model = root / ONNX
    if not model.exists():
        model.parent.mkdir(parents=True, exist_ok=True)
        model.write_bytes(b"a model")
    return apply_plan(plan_of(*steps), root=root)


def gpu(folder: Path, name: str, capability: str, driver: str = "595.10") -> None:
    """What nvidia-smi says from now on."""
    answers = f'*compute_cap*) echo "{name}, {capability}";; *) echo {driver};;'
    program(folder, "nvidia-smi", f'case "$*" in {answers} esac\n')


def trtexec(folder: Path, version: str = "10.16.0", number: str = "101600") -> None:
    """A builder of this version that always succeeds."""
    lines = ["I Selected Device: NVIDIA L4", "I Compute Capability: 8.9", f"I TensorRT version: {version}"]
    text = log_text(lines, passed=True, version=version)
    assert number in text
    program(folder, "trtexec", f"{SAVE}cat <<'END'\n{text}END\n")

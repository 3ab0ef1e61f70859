"""Plans whose steps are small shell commands, and what the tests ask of a model folder afterwards."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.compiler.plan import Condition, GeneratedFile, Hole, Plan, Setting, Step
from dsimport.runtime.apply import ApplyResult, apply_plan
from dsimport.runtime.steps.base import Context, Handler, Outcome
from dsimport.runtime.toolversions import ToolVersions

HOME = "models/m"


class FixedVersions(ToolVersions):
    """Tool versions of a host that a test makes up."""

    def __init__(self, versions: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.versions = versions or {}

    def of(self, name: str) -> str | None:
        return self.versions.get(name, "1.0")


def shell(context: Context) -> Outcome:
    """Run the step's command; its promised values are the numbers in `params.give`."""
    context.run()
    return Outcome(dict(context.step.params.get("give", {})), "done")


def gate(context: Context) -> Outcome:
    """Run the step's command, then fail as a gate does, if `params.fail` says so."""
    context.run()
    if context.step.params.get("fail"):
        raise DsimportError(Diagnostic("G0401", "no detections on clip.mp4", help=("look",)), exit_code=3)
    return Outcome({}, "passed")


HANDLERS: dict[str, str | Handler] = {
    "emit": lambda context: Outcome(),
    "engine": shell,
    "bench": shell,
    "report": shell,
    "kitti": gate,
}


def sh(script: str) -> tuple[str, ...]:
    return ("sh", "-c", script)


def make_plan(steps: list[Step], settings: Mapping[str, Any] | None = None) -> Plan:
    return Plan(
        compiler="dsimport 1",
        name="m",
        recipe="recipes/m.yaml",
        home=HOME,
        toolchain="reference",
        inputs=(),
        settings={key: Setting(value=value, origin="recipes/m.yaml:7") for key, value in (settings or {}).items()},
        steps=tuple(steps),
    )


def small_plan(threshold: float = 0.25, peak: int = 51, pause: float = 0.0, fail: bool = False) -> Plan:
    """Every kind of dependence: files, a chain, a condition, a hole in a path, a folder, a gate, a report.

    pause: seconds in the middle of every output, so that a kill finds it half written.
    """
    config = f"{HOME}/config/m.txt"

    def make(target: str, text: str) -> tuple[str, ...]:
        return sh(f"printf 'first {text}' > {target}; sleep {pause}; printf ' second\\n' >> {target}; echo made {text}")

    def engine(n: int, when: tuple[Condition, ...]) -> list[Step]:
        path = f"{HOME}/engines/b{n}.engine"
        build = Step(
            id=f"engine-b{n}",
            kind="engine",
            title="",
            outputs=(path,),
            argv=make(path, f"engine {n}"),
            log=f"{HOME}/engines/b{n}.log",
            tools=("trtexec",),
            when=when,
        )
        measure = Step(
            id=f"bench-b{n}",
            kind="bench",
            title="",
            needs=(build.id,),
            inputs=(path,),
            argv=sh(f"echo peak {peak}"),
            params={"give": {f"peak.b{n}": peak}},
            gives=(f"peak.b{n}",),
            when=when,
        )
        return [build, measure]

    largest = 128 if peak > 64 else 64
    steps = [
        Step(
            id="emit",
            kind="emit",
            title="",
            files=(GeneratedFile(path=config, content=f"threshold={threshold}\n", uses=("parser.threshold",)),),
        ),
        *engine(64, ()),
        *engine(128, (Condition(value="peak.b64", than=64),)),
        Step(
            id="scale",
            kind="bench",
            title="",
            needs=("bench-b64", "bench-b128"),
            argv=sh("true"),
            params={"give": {"max_batch": largest}},
            gives=("max_batch",),
        ),
        Step(
            id="kitti",
            kind="kitti",
            title="",
            needs=("emit",),
            inputs=(config, (f"{HOME}/engines/b", Hole(value="max_batch"), ".engine")),
            outputs=(f"{HOME}/samples/kitti/",),
            argv=sh(f"cp {config} {HOME}/samples/kitti/1.txt; sleep {pause}; cp {config} {HOME}/samples/kitti/2.txt"),
            log=f"{HOME}/ds/kitti.log",
            params={"fail": fail},
        ),
        Step(
            id="report",
            kind="report",
            title="",
            needs=("kitti", "scale"),
            outputs=(f"{HOME}/report.md",),
            argv=(*make(f"{HOME}/report.md", "report"), ("b", Hole(value="max_batch"))),
        ),
    ]
    return make_plan(steps, {"parser.threshold": threshold})


def run(
    plan: Plan,
    root: Path,
    handlers: Mapping[str, str | Handler] | None = None,
    versions: Mapping[str, str] | None = None,
) -> ApplyResult:
    return apply_plan(plan, root=root, handlers=handlers or HANDLERS, versions=FixedVersions(versions))


def tree(root: Path) -> dict[str, bytes | str]:
    """Content of every file below the model folder but the records; folders and links by name."""
    found: dict[str, bytes | str] = {}
    for folder, folders, files in os.walk(root / HOME):
        folders[:] = [name for name in folders if name != ".dsimport"]
        for name in files:
            path = Path(folder, name)
            found[path.relative_to(root).as_posix()] = path.read_bytes()
        found |= {Path(folder, name).relative_to(root).as_posix(): "folder" for name in folders}
    return found


def record(root: Path) -> dict[str, Any]:
    """`state.json` without what depends on the time of day."""
    state: dict[str, Any] = json.loads((root / HOME / ".dsimport/state.json").read_bytes())
    del state["last_run"]
    for step in state["steps"].values():
        del step["started"], step["seconds"]
    return state


def events(root: Path) -> list[dict[str, Any]]:
    runs = sorted((root / HOME / ".dsimport/runs").glob("*.jsonl"))
    return [json.loads(line) for line in runs[-1].read_text().splitlines()]


def wait_for(what: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Whether `what` becomes true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.01)
    return what()


def alive(pid: int) -> bool:
    """Whether a process runs (one that ended and was not waited for does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False

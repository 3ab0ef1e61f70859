"""Real recipes and real plans whose steps are done at once by stand-ins, so that many changes can be tried.

The stand-ins behave as the tools do in what matters for decisions: an engine and a log are never the same twice, a
library or a detection is what its inputs make it, and figures are those the test sets.
"""

from __future__ import annotations

import argparse
import hashlib
import math
from pathlib import Path

from e2e_support import recipe_text

from dsimport.cli.session import COMPILER, Session
from dsimport.compiler.decide import Decision, decide
from dsimport.compiler.diagnostics import Diagnostic, DsimportError, Report
from dsimport.compiler.plan import Plan
from dsimport.runtime.apply import ApplyResult, apply_plan
from dsimport.runtime.observe import DiskObservation
from dsimport.runtime.planfile import plan_entry, read_plan_file, write_plan_file
from dsimport.runtime.records import load_state
from dsimport.runtime.steps import HANDLERS
from dsimport.runtime.steps.base import Context, Handler, Outcome
from dsimport.runtime.toolversions import ToolVersions

NAME = "tiny-yolov8"
RECIPE = f"recipes/{NAME}.yaml"


class Versions(ToolVersions):
    """Tool versions that a test makes up."""

    def __init__(self, versions: dict[str, str]) -> None:
        super().__init__()
        self._made_up = versions

    def of(self, name: str) -> str | None:
        return self._made_up.get(name, "1.0")


class Quick:
    """A root with one recipe, `tiny-yolov8`, engines of batch 2 and, if that pays, 4.

    real: kinds of steps without a stand-in; rates: img/s by batch; fps: frames per second of a stream in every run;
    tools: versions that are not 1.0; fail: exit code by step that does not end well.
    """

    def __init__(self, root: Path, real: tuple[str, ...] = ()) -> None:
        self.root = root
        self._real = ("emit", "scale", *real)
        self.rates = {1: 100.0, 2: 200.0, 4: 300.0}
        self.fps = 40.0
        self.tools: dict[str, str] = {}
        self.fail: dict[str, int] = {}
        self._runs = 0
        (root / "recipes").mkdir(parents=True, exist_ok=True)
        (root / "recipes/model.onnx").write_text("a model", "utf-8")
        (root / "recipes/clip.mp4").write_text("a clip", "utf-8")
        self.recipe = root / RECIPE
        self.recipe.write_text(recipe_text("yolov8", batch_limit=4), "utf-8")

    def edit(self, old: str, new: str) -> None:
        """Replace one piece of the recipe's text."""
        text = self.recipe.read_text("utf-8")
        assert text.count(old) == 1, (old, text)
        self.recipe.write_text(text.replace(old, new), "utf-8")

    def plan(self) -> Plan:
        """The plan of the recipe as it is now."""
        args = argparse.Namespace(root=str(self.root), recipes=[str(self.recipe)], toolchain="reference")
        report = Report()
        plans = list(Session(args).plans(report))
        assert not report.errors, [item.message for item in report.errors]
        return plans[0]

    def decide(self, plan: Plan | None = None) -> list[Decision]:
        """What `dsimport plan` shows now."""
        plan = plan or self.plan()
        home = self.root / plan.home
        return decide(plan, load_state(home), DiskObservation(self.root, plan.home, Versions(self.tools)))

    def apply(self, plan: Plan | None = None) -> ApplyResult:
        """Apply with stand-ins."""
        handlers: dict[str, str | Handler] = dict.fromkeys(HANDLERS, self._stand_in)
        handlers |= {kind: HANDLERS[kind] for kind in self._real}
        return apply_plan(plan or self.plan(), root=self.root, handlers=handlers, versions=Versions(self.tools))

    def save(self, path: Path) -> None:
        """`plan -o`."""
        plan = self.plan()
        write_plan_file(path, [plan_entry(plan, self.root, self.decide(plan))])

    def saved(self, path: Path) -> Plan:
        """What `apply PATH` goes by; DsimportError when it is stale."""
        return read_plan_file(path, root=self.root, compiler=COMPILER)[0]

    def _stand_in(self, context: Context) -> Outcome:
        step = context.step
        own = step.kind in ("engine", "bench", "ds-run", "report")  # never the same twice
        self._runs += own
        if step.id in self.fail:
            for output in step.outputs:
                context.path(output).write_text("half", "utf-8")
            raise DsimportError(
                Diagnostic("T0602", f"{step.id} broke", help=("mend it",)), exit_code=self.fail[step.id]
            )
        seen = DiskObservation(self.root, context.plan.home, Versions(self.tools))
        inputs = [seen.digest(str(context.path(path).relative_to(self.root))) for path in step.inputs]
        made = [step.id, context.argv(), sorted(step.params.items()), inputs, self._runs * own]
        content = hashlib.sha256(repr(made).encode()).hexdigest()
        for output in step.outputs:
            place = context.path(output)
            place = place / "made.txt" if place.is_dir() else place
            place.write_text(content, "utf-8")
        return Outcome(dict(self._figures(context)), "done")

    def _bench(self, context: Context) -> dict[str, float]:
        params = context.step.params
        images, prefix = self.rates[params["batch"]], params["prefix"]
        figures = {
            "qps": images / params["batch"],
            "images_per_s": images,
            "gpu_mean_ms": 1.0,
            "gpu_min_ms": 1.0,
            "gpu_p99_ms": 1.0,
            "unstable_percent": 0.0,
            "enqueue_bound": 0,
            "yardsticks": 5.25,
            "peak_gpu_streams": math.floor(images / params["target_fps"]),
        }
        return {f"{prefix}.{key}": value for key, value in figures.items() if f"{prefix}.{key}" in context.step.gives}

    def _run(self, context: Context) -> dict[str, float]:
        params, values = context.step.params, context.values
        run, streams = params["run"], int(values[params["streams"]] or 0)
        figures: dict[str, float] = {f"{run}.total_fps": self.fps * streams, f"{run}.fps_per_stream": self.fps}
        if run == "run1":
            figures["run2.streams"] = min(math.floor(self.fps * streams / params["target_fps"]), 4)
        elif run == "run2":
            figures["run2.below_target"] = int(self.fps < params["target_fps"])
            figures["run2_retry.streams"] = max(1, streams // 2)
        return figures

    def _figures(self, context: Context) -> dict[str, float]:
        kind = context.step.kind
        if kind in ("bench", "ds-run"):
            return self._bench(context) if kind == "bench" else self._run(context)
        return dict.fromkeys(context.step.gives, 40.0)

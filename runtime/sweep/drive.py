"""A sweep of a real model: the search asks, plans answer. What was measured before is not measured again."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.compiler.layout import SweepLayout
from dsimport.compiler.plan import Plan
from dsimport.compiler.steps.sweep import run_name
from dsimport.compiler.sweep import PREPARED_BY, SweepPlans
from dsimport.runtime.apply import ApplyResult, apply_plan
from dsimport.runtime.atomic import write_bytes, write_text
from dsimport.runtime.progress import Progress
from dsimport.runtime.sweep.curve import Point
from dsimport.runtime.sweep.search import PipelineRun, Sweep, search
from dsimport.runtime.values import number

__all__ = ["SWEEP_FORMAT", "Driver", "sweep_data", "write_sweep"]

SWEEP_FORMAT = 1
TOOL_FAILED = 4


@dataclass
class Driver:
    """Applies the small plans of one sweep. failures: why an engine or a run could not be had, by step id.

    progress: makes what shows the steps of one plan.
    """

    plans: SweepPlans
    root: Path
    progress: Callable[[], Progress]
    command: Sequence[str] = ()
    failures: dict[str, Diagnostic] = field(default_factory=dict)

    def prepare(self) -> list[Diagnostic]:
        """Bring the model up to where engines can be built. DsimportError where that fails; returns its warnings."""
        result = self._apply(self.plans.base, until=PREPARED_BY)
        if result.exit_code != 0:
            raise _stopped(result)
        return result.diagnostics

    def find(self, limit: int, target_fps: float) -> Sweep:
        """The whole search. DsimportError where not even one engine can be measured, and for faults of the host."""
        try:
            return search(self.measure, self.run, limit=limit, target_fps=target_fps)
        except ValueError:
            first = next(iter(self.failures.values()))
            raise DsimportError(first, exit_code=TOOL_FAILED) from None

    def measure(self, batch: int) -> Point | None:
        """Build and measure one engine; None where its tool fails."""
        result = self._tried(self.plans.engine(batch))
        return None if result is None else Point(batch, number(result.values, f"peak.b{batch}.images_per_s"))

    def run(self, batch: int, streams: int) -> PipelineRun | None:
        """One pipeline run; None where it fails."""
        result = self._tried(self.plans.run(batch, streams))
        if result is None:
            return None
        return PipelineRun(batch, streams, number(result.values, f"{run_name(batch, streams)}.total_fps"))

    def _tried(self, plan: Plan) -> ApplyResult | None:
        result = self._apply(plan)
        if result.exit_code == TOOL_FAILED and result.failed is not None:
            self.failures[result.failed] = result.diagnostics[-1]
            return None
        if result.exit_code != 0:
            raise _stopped(result)
        return result

    def _apply(self, plan: Plan, until: str | None = None) -> ApplyResult:
        return apply_plan(plan, root=self.root, progress=self.progress(), command=self.command, until=until)


def _stopped(result: ApplyResult) -> BaseException:
    """What ended a plan, for the command to show. An interrupt is passed on as one."""
    if result.exit_code == 130:
        return KeyboardInterrupt()
    return DsimportError(result.diagnostics, exit_code=result.exit_code)


def sweep_data(plans: SweepPlans, found: Sweep, failures: dict[str, Diagnostic], target_fps: float) -> dict[str, Any]:
    """The whole sweep as data, as `sweep.json` keeps it."""
    best = found.best
    return {
        "format": SWEEP_FORMAT,
        "model_name": plans.model.name,
        "toolchain": plans.base.toolchain,
        "target_fps": target_fps,
        "engines": [asdict(point) for point in found.points],
        "failed": list(found.failed),
        "bad": list(found.bad),
        "curve": {key: value for key, value in asdict(found.curve).items() if key != "share"},
        "predicted": found.predicted,
        "runs": [{**asdict(run), "fps_per_stream": run.fps_per_stream} for run in found.runs],
        "best": None if best is None else {"batch": best.batch, "streams": best.streams},
        "bound": found.bound,
        "failures": {step: diagnostic.message for step, diagnostic in failures.items()},
    }


def write_sweep(root: Path, name: str, data: dict[str, Any], found: Sweep) -> None:
    """Write `sweep.json`, and the chart where matplotlib is installed."""
    from dsimport.runtime.sweep.chart import draw_sweep

    layout = SweepLayout(name)
    write_text(root / layout.data, json.dumps(data, indent=1, ensure_ascii=False) + "\n")
    with contextlib.suppress(ImportError):
        write_bytes(root / layout.chart, draw_sweep(data, found))

"""Plans of a sweep: small ones beside the model's own, made one after the other as the search asks for them."""

from __future__ import annotations

from dataclasses import dataclass

from dsimport.compiler.graphpasses import applied, deployed
from dsimport.compiler.labelrules import labels_text
from dsimport.compiler.layout import Layout
from dsimport.compiler.model import Model
from dsimport.compiler.parsers.names import ParserNames, parser_names
from dsimport.compiler.plan import GeneratedFile, Plan, Step
from dsimport.compiler.resolve import Compiled
from dsimport.compiler.steps.sweep import sweep_bench, sweep_engine, sweep_run
from dsimport.compiler.tools import Tools, tools_of

__all__ = ["PREPARED_BY", "SweepPlans"]

PREPARED_BY = "build-parser"  # the step of the model's own plan after which a sweep can begin


@dataclass(frozen=True)
class SweepPlans:
    """Makes the plans. base: the model's own plan, whose steps up to PREPARED_BY have been applied."""

    base: Plan
    model: Model
    names: ParserNames
    tools: Tools

    @staticmethod
    def of(base: Plan, compiled: Compiled) -> SweepPlans:
        """For a compiled recipe and the plan that was lowered from it."""
        model = compiled.resolved.model
        after = deployed(model, compiled.binding)
        return SweepPlans(base, applied(model, after), parser_names(model.name), tools_of(base.toolchain))

    def engine(self, batch: int) -> Plan:
        """Build an engine tuned for this batch and measure it."""
        return self._plan(sweep_engine(self.model, self.tools, batch), sweep_bench(self.model, self.tools, batch))

    def run(self, batch: int, streams: int) -> Plan:
        """Run so many streams on the engine of this batch."""
        step = sweep_run(self.model, self.names, self.tools, batch, streams)
        labels = self.model.model.labels
        if labels != "config":  # otherwise the step that acquires the model has written them
            file = GeneratedFile(path=Layout(self.model.name).labels, content=labels_text(labels))
            step = step.model_copy(update={"files": (file, *step.files)})
        return self._plan(step)

    def _plan(self, *steps: Step) -> Plan:
        return self.base.model_copy(update={"steps": steps, "extra": True})

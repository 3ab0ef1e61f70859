"""The plan as a picture, for reports and `dsimport graph`."""

from __future__ import annotations

from collections.abc import Sequence

from dsimport.compiler.decide import Decision
from dsimport.compiler.plan import Plan
from dsimport.compiler.render.plan_diagram import plan_diagram
from dsimport.runtime.diagram.svg import diagram_svg

__all__ = ["plan_svg"]


def plan_svg(plan: Plan, decisions: Sequence[Decision]) -> str:
    """Steps, conditions and artifacts as text of an SVG file, coloured by what becomes of each step."""
    return diagram_svg(plan_diagram(plan, decisions))

"""The likeliest causes of missing detections, from what the plan and the run's logs say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from dsimport.compiler.families import UnknownFamily, load_family
from dsimport.compiler.plan import Plan
from dsimport.runtime.formats.kitti import KittiSummary

__all__ = ["likely_causes"]

_LOG_SIGNS = (
    (re.compile(r"^.*no objects are reported.*$", re.MULTILINE), "the parser says"),
    (re.compile(r"^.*(?:ERROR|WARN).*$", re.MULTILINE), "the log says"),
)


def likely_causes(plan: Plan, root: Path, summary: KittiSummary, log: Path) -> list[str]:
    """Notes for the gate's diagnostic, most likely first; each names the evidence it rests on."""
    try:
        text = log.read_text("utf-8", "replace")
    except OSError:
        text = ""
    notes = _from_log(text)
    notes += _from_settings(plan)
    if summary.frames == 0:
        notes.insert(0, "likeliest: the pipeline wrote no frame at all; see the log")
    elif summary.frames_with_detections:
        notes.append(
            f"likeliest: detection works ({summary.detections} boxes in {summary.frames_with_detections} frames); "
            "the threshold may be high for this clip, or the clip has frames without objects"
        )
    elif not notes:
        notes.append("likeliest: preprocessing (scale, mean, color) differs from what the model was trained with")
    return notes[:8]


def _from_log(text: str) -> list[str]:
    notes = []
    for pattern, words in _LOG_SIGNS:
        match = pattern.search(text)
        if match:
            notes.append(f"{words}: {match.group(0).strip()[:200]}")
    return notes


def _from_settings(plan: Plan) -> list[str]:
    """Settings of the recipe that differ from what its family says."""
    try:
        family = load_family(str(plan.settings["model.family"].value))
    except UnknownFamily:  # a preset of the user's own: there is nothing to compare with
        return []
    notes = []
    expected: dict[str, Any] = family.flat_defaults()
    for key in ("preprocess.scale", "preprocess.mean", "preprocess.std", "preprocess.color", "preprocess.resize"):
        setting = plan.settings[key]
        if key in expected and setting.origin != f"family {family.family}" and not _same(setting.value, expected[key]):
            notes.append(f"likeliest: {key} is {setting.value} ({setting.origin}), the family expects {expected[key]}")
    threshold = plan.settings["parser.threshold"]
    if "parser.threshold" in expected and threshold.value > expected["parser.threshold"]:
        notes.append(
            f"possible: parser.threshold {threshold.value} ({threshold.origin}) is above the family's "
            f"{expected['parser.threshold']}"
        )
    return notes


def _same(value: Any, expected: Any) -> bool:
    if isinstance(expected, str):
        from dsimport.compiler.expr import ExprError, evaluate

        try:
            expected = evaluate(expected, {})
        except ExprError:
            return bool(value == expected)
    if isinstance(value, float) and isinstance(expected, (int, float)):
        return abs(value - expected) <= 1e-9 * max(abs(value), 1.0)
    if isinstance(value, (list, tuple)) and isinstance(expected, (list, tuple)):
        return len(value) == len(expected) and all(map(_same, value, expected))
    return bool(value == expected)

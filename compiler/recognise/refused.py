"""What is no object detector, known before anything is built: by config.json, or by an exporter's metadata."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.compiler.escape import single_line

__all__ = ["REFUSED_ARCHITECTURES", "check_architectures", "check_metadata"]

REFUSED_ARCHITECTURES = (
    "ForImageClassification",
    "ForSemanticSegmentation",
    "ForInstanceSegmentation",
    "ForPanopticSegmentation",
    "ForUniversalSegmentation",
    "ForDepthEstimation",
    "ForMaskedLM",
    "ForTokenClassification",
    "ForCausalLM",
)
# Named like detectors, but what comes out is a map of where text is: boxes take contours, which no parser here does.
_SEGMENTATION_TYPES = re.compile(r"pp_ocrv\d+_\w*det")
_TASKS = {
    "segment": "a -seg model: its masks are not read by a box parser",
    "pose": "a -pose model: its keypoints are not read by a box parser",
    "classify": "a -cls model: it has no boxes",
    "obb": "an -obb model: its boxes are rotated",
}


def check_architectures(config: Mapping[str, Any], path: str) -> None:
    """Refuse a config.json whose `architectures` or `model_type` name something that is not an object detector."""
    model_type = config.get("model_type")
    if isinstance(model_type, str) and _SEGMENTATION_TYPES.fullmatch(model_type):
        raise _refused(
            "A0210",
            f"model_type '{single_line(model_type)}' is a segmentation of text, not an object detector ({path})",
            "its output is a map; dsimport imports models that give boxes",
        )
    names = config.get("architectures")
    if not isinstance(names, list):
        return
    for name in names:
        refused = next((suffix for suffix in REFUSED_ARCHITECTURES if str(name).endswith(suffix)), None)
        if refused is not None:
            raise _refused(
                "A0210",
                f"architecture '{single_line(str(name))[:100]}' is not an object detector ({path})",
                "dsimport imports object-detection models only; choose a …ForObjectDetection model",
            )


def check_metadata(metadata: Mapping[str, str], path: str) -> None:
    """Refuse an ONNX file whose exporter says that it does something else (N0506)."""
    task = metadata.get("task", "").strip().lower()
    if task in _TASKS:
        raise _refused(
            "N0506",
            f"{path} says task '{task}': {_TASKS[task]}",
            "take the detection model of the same series (task detect), and export that",
        )


def _refused(code: str, message: str, advice: str) -> DsimportError:
    return DsimportError(Diagnostic(code, message, help=(advice,)))

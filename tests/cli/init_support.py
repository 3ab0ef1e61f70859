"""What the tests of `dsimport init` share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from layout_models import LAYOUTS, Layout, Out, build

__all__ = ["DETR_FILES", "LAYOUTS", "TESTS", "YOLO", "Layout", "Out", "Run", "build", "json_bytes", "refusal"]

TESTS = Path(__file__).resolve().parents[1]
Run = Callable[..., Any]

YOLO = LAYOUTS["ultralytics raw head"]
DETR = LAYOUTS["DETR (transformers, legacy)"]


def json_bytes(value: Any) -> bytes:
    return json.dumps(value).encode()


DETR_FILES = {
    "config.json": json_bytes({**(DETR.config or {}), "architectures": ["DetrForObjectDetection"]}),
    "preprocessor_config.json": json_bytes(DETR.preprocessor),
    "onnx/model.onnx": build(DETR),
    "onnx/model_quantized.onnx": b"not taken",
    "README.md": b"x",
}


def refusal(document: Any) -> tuple[str, str, str]:
    """Code, message and fixes of the one error; there is always a fix."""
    errors = [item for item in document["diagnostics"] if item["severity"] == "error"]
    assert len(errors) == 1, errors
    assert all(errors[0]["help"])
    return errors[0]["code"], errors[0]["message"], "\n".join(errors[0]["help"])

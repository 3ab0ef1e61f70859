"""Exports detectors to ONNX files, and runs the files."""

from __future__ import annotations

import contextlib
import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import torch
from live_models import Detector
from torch import nn

__all__ = ["export", "run"]

Array = npt.NDArray[Any]
NAMES = ("pixel_values", "logits", "pred_boxes")


def export(detector: Detector, model: nn.Module, folder: Path) -> Path:
    """The detector as an ONNX file with a free batch size, checked by onnx."""
    path = folder / f"{detector.name}.onnx"
    pixels = torch.rand(2, 3, detector.height, detector.width)  # two: what is traced with one keeps one
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # tracing tells about every shape that becomes a constant
        torch.onnx.export(
            model,
            (pixels,),
            str(path),
            dynamo=False,
            opset_version=17,
            input_names=[NAMES[0]],
            output_names=list(NAMES[1:]),
            dynamic_axes={name: {0: "batch"} for name in NAMES},
        )
    onnx.checker.check_model(str(path))
    return path


def run(path: Path, pixels: Array) -> tuple[Array, Array]:
    """logits and boxes of a batch, by ONNX Runtime on one core."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    logits, boxes = session.run(list(NAMES[1:]), {NAMES[0]: pixels.astype(np.float32)})
    return np.asarray(logits), np.asarray(boxes)

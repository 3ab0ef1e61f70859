"""Exports models to ONNX files, and runs the files."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import torch
from live_models import Detector
from torch import nn

__all__ = ["export", "export_model", "outputs_of", "run"]

Array = npt.NDArray[Any]
NAMES = ("pixel_values", "logits", "pred_boxes")


def export(detector: Detector, model: nn.Module, folder: Path) -> Path:
    """The detector as an ONNX file, checked by onnx."""
    path = folder / f"{detector.name}.onnx"
    export_model(model, NAMES[1:], (detector.height, detector.width), path, pixels=NAMES[0])
    onnx.checker.check_model(str(path))
    return path


def export_model(
    model: nn.Module, names: Sequence[str], size: tuple[int, int], path: Path, *, pixels: str = "images"
) -> None:
    """The model, from pixels to these outputs, as an ONNX file with a free batch size. size: height, width."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # tracing tells about every shape that becomes a constant
        torch.onnx.export(
            model,
            (torch.rand(2, 3, *size),),  # two: what is traced with one keeps one
            str(path),
            dynamo=False,
            opset_version=17,
            input_names=[pixels],
            output_names=list(names),
            dynamic_axes={name: {0: "batch"} for name in (pixels, *names)},
        )


def run(path: Path, pixels: Array) -> tuple[Array, Array]:
    """logits and boxes of a batch."""
    found = outputs_of(path, pixels.astype(np.float32))
    return found[NAMES[1]], found[NAMES[2]]


def outputs_of(path: Path, pixels: Array) -> dict[str, Array]:
    """All outputs for a batch, by name and by ONNX Runtime on one core."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    outputs = session.run(None, {session.get_inputs()[0].name: pixels})
    return dict(zip([each.name for each in session.get_outputs()], outputs, strict=True))

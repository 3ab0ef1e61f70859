"""What the tests of sources share: impatient tools, small models, and a look at everything a cache holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.compiler.recognise.refused import check_architectures
from dsimport.runtime.acquire.gather import Gathered, Pins, gather
from dsimport.runtime.acquire.sources import Tools, Wanted
from dsimport.runtime.acquire.store import Store
from dsimport.runtime.acquire.transfer import Policy

DETECTOR = {"architectures": ["TinyForObjectDetection"], "id2label": {"0": "square", "1": "circle"}}


def quick(cache: Path, say: Callable[[str], None], **patience: Any) -> Tools:
    """Tools that do not sleep between attempts."""
    policy = Policy(**{"timeout_s": 5.0, "tries": 3, "sleep": lambda seconds: None, **patience})
    return Tools(Store(cache), policy, say, lambda text: None)


def config(**changes: Any) -> bytes:
    return json.dumps({**DETECTOR, **changes}).encode()


def model(weights: int = 700, *, external: str | None = None) -> bytes:
    """An ONNX file `x * w`, larger than the size from which files are large ones; weights may lie in another file."""
    values = np.arange(weights, dtype=np.float32)
    tensor = numpy_helper.from_array(values, "w")
    if external is not None:
        onnx.external_data_helper.set_external_data(tensor, location=external)
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
    shape = ["batch", weights]
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [tensor],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()


def take(wanted: Wanted, tools: Tools, pins: Pins | None = None, *, locking: bool = False) -> Gathered:
    return gather(wanted, pins, tools, check_architectures, locking=locking)


def refused(wanted: Wanted, tools: Tools, pins: Pins | None = None, *, locking: bool = False) -> Diagnostic:
    """The one diagnostic with which this fails."""
    with pytest.raises(DsimportError) as caught:
        take(wanted, tools, pins, locking=locking)
    assert len(caught.value.diagnostics) == 1
    found = caught.value.diagnostics[0]
    assert found.help
    return found


def objects(cache: Path) -> list[Path]:
    """Whole files of the cache."""
    return sorted(path for path in (cache / "objects").rglob("*") if path.is_file())

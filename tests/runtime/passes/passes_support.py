"""Small ONNX graphs, and families bound to sizes that are quick to run."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from dsimport.compiler.diagnostics import Report
from dsimport.compiler.families import load_family
from dsimport.compiler.parsers.bind import Binding, bind
from dsimport.runtime.onnx_file import serialize
from dsimport.runtime.reference.session import open_session
from dsimport.runtime.verify.inputs import TensorShape


def bound(name: str, *, height: int = 128, width: int = 128, classes: int = 5) -> Binding:
    """A family of the package at a size."""
    report = Report()
    binding = bind(load_family(name), height=height, width=width, classes=classes, report=report)
    assert binding is not None, report.errors
    return binding


def shapes_of(binding: Binding) -> tuple[TensorShape, ...]:
    return tuple(TensorShape(item.role, item.level, item.name, item.shape) for item in binding.tensors)


def head_model(binding: Binding, opset: int = 17) -> Any:
    """A model whose outputs are a family's tensors, each handed on from an input of its own (`in_0`, ...)."""
    inputs, outputs, nodes = [], [], []
    for index, tensor in enumerate(binding.tensors):
        inputs.append(helper.make_tensor_value_info(f"in_{index}", TensorProto.FLOAT, ["batch", *tensor.shape]))
        outputs.append(helper.make_tensor_value_info(tensor.name, TensorProto.FLOAT, ["batch", *tensor.shape]))
        nodes.append(helper.make_node("Identity", [f"in_{index}"], [tensor.name]))
    graph = helper.make_graph(nodes, "head", inputs, outputs)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def image_model(
    dtype: int = TensorProto.FLOAT,
    *,
    size: tuple[int, int] = (8, 8),
    extra: dict[str, tuple[int, list[Any]]] | None = None,
) -> Any:
    """input [batch, 3, h, w] -> a padded convolution `features` and its per-channel mean `mean`.

    extra: more inputs, name to (type, shape); each is cast and multiplied into `mean`.
    """
    weights = np.random.default_rng(7).normal(size=(4, 3, 3, 3)).astype(helper.tensor_dtype_to_np_dtype(dtype))
    nodes = [
        helper.make_node("Conv", ["image", "weights"], ["features"], pads=[1, 1, 1, 1]),
        helper.make_node("ReduceMean", ["features"], ["pooled"], axes=[2, 3], keepdims=0),
    ]
    inputs = [helper.make_tensor_value_info("image", dtype, ["batch", 3, *size])]
    last = "pooled"
    for name, (kind, shape) in (extra or {}).items():
        inputs.append(helper.make_tensor_value_info(name, kind, shape))
        nodes.append(helper.make_node("Cast", [name], [f"{name}_cast"], to=dtype))
        nodes.append(helper.make_node("ReduceMean", [f"{name}_cast"], [f"{name}_mean"], axes=[1], keepdims=1))
        nodes.append(helper.make_node("Mul", [last, f"{name}_mean"], [f"{name}_out"]))
        last = f"{name}_out"
    nodes.append(helper.make_node("Identity", [last], ["mean"]))
    outputs = [
        helper.make_tensor_value_info("features", dtype, ["batch", 4, *size]),
        helper.make_tensor_value_info("mean", dtype, ["batch", 4]),
    ]
    graph = helper.make_graph(nodes, "image", inputs, outputs, [numpy_helper.from_array(weights, "weights")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def run(model: Any, **feed: Any) -> dict[str, Any]:
    """Outputs by name."""
    session = open_session(serialize(model))
    return dict(zip([item.name for item in session.outputs], session.run(feed), strict=True))

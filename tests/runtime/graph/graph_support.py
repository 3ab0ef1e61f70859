"""Small graphs, each with one property that matters for batches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Dims = Sequence[int | str | None] | None
GRID = 4 * 8 * 8  # values per image behind the convolution


def model_of(
    nodes: Sequence[onnx.NodeProto] = (),
    outputs: Sequence[tuple[str, Dims]] = (("scores", ["N", 4, 8, 8]),),
    *,
    input_dims: Dims = ("N", 3, 8, 8),
    constants: dict[str, list[int]] | None = None,
    more_inputs: Sequence[str] = (),
    ir_version: int = 8,
) -> onnx.ModelProto:
    """`images` -> Conv -> `scores`, and further nodes behind it. `constants` are int64 vectors."""
    weights = np.random.default_rng(0).random((4, 3, 3, 3), dtype=np.float32) - 0.5
    initializers = [numpy_helper.from_array(weights, "w")]
    for name, values in (constants or {}).items():
        initializers.append(helper.make_tensor(name, TensorProto.INT64, [len(values)], values))
    inputs = [helper.make_tensor_value_info("images", TensorProto.FLOAT, input_dims)]
    inputs += [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in more_inputs]
    if ir_version < 4:
        inputs += [helper.make_tensor_value_info(item.name, item.data_type, item.dims) for item in initializers]
    graph = helper.make_graph(
        [helper.make_node("Conv", ["images", "w"], ["scores"], pads=[1, 1, 1, 1]), *nodes],
        "small",
        inputs,
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, dims) for name, dims in outputs],
        initializers,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=ir_version)


def baked_reshape(shape: list[int]) -> onnx.ModelProto:
    """A Reshape to a constant shape behind the convolution, as an export with a fixed batch leaves it."""
    return model_of(
        [helper.make_node("Reshape", ["scores", "shape"], ["flat"])], [("flat", None)], constants={"shape": shape}
    )


def only_first_image() -> onnx.ModelProto:
    """All images but the first come back as zeros, with the right shape: what a batch-1 export with NMS inside does."""
    nodes = [
        helper.make_node("Slice", ["scores", "zero", "one", "zero"], ["first"]),
        helper.make_node("Mul", ["scores", "factor"], ["none_of_all"]),
        helper.make_node("Slice", ["none_of_all", "one", "many", "zero"], ["rest"]),
        helper.make_node("Concat", ["first", "rest"], ["served"], axis=0),
    ]
    model = model_of(nodes, [("served", ["N", 4, 8, 8])], constants={"zero": [0], "one": [1], "many": [2**31]})
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(1, np.float32), "factor"))
    return model


def dims_of(item: onnx.ValueInfoProto) -> list[int | str]:
    """Declared dimensions, symbols by name."""
    return [dim.dim_param or dim.dim_value for dim in item.type.tensor_type.shape.dim]

"""Passes over a model's inputs and outputs: strip-outputs, fold-inputs, fp32-io, fold-normalize."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dsimport.runtime.onnx_file import GraphError, real_inputs
from dsimport.runtime.passes.edit import Namer, dtype_of, outputs_of, prepend, redirect, subgraphs

__all__ = ["fold_inputs", "fold_normalize", "fp32_io", "strip_outputs"]

FOLDABLE = ("int64", "int32", "float32")


def strip_outputs(model: Any, outputs: Sequence[str]) -> list[str]:
    """Keep the named outputs only, and no node that only the others needed. nvinfer copies every output of every frame.

    Returns what changed, in sentences. Raises GraphError for an output that is not there.
    """
    present = outputs_of(model)
    missing = [name for name in outputs if name not in present]
    if missing:
        raise GraphError(f"the model has no output {missing[0]!r}; it has {', '.join(map(repr, present))}")
    dropped = [name for name in present if name not in outputs]
    if not dropped:
        return []
    kept = [item for item in model.graph.output if item.name in outputs]
    del model.graph.output[:]
    model.graph.output.extend(kept)
    before = len(model.graph.node)
    _drop_dead(model)
    gone = before - len(model.graph.node)
    return [f"outputs dropped: {', '.join(dropped)}" + (f", with {gone} nodes that only they needed" if gone else "")]


def _drop_dead(model: Any) -> None:
    """Remove nodes and weights that no output depends on. Nodes stand in the order of computation."""
    graph = model.graph
    wanted = {item.name for item in graph.output}
    kept = []
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            kept.append(node)
            wanted.update(node.input)
            for attribute in node.attribute:
                for body in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
                    for inner in subgraphs(body):
                        wanted.update(name for each in inner.node for name in each.input)
                        wanted.update(item.name for item in inner.output)  # a body may hand on an outer tensor
    kept.reverse()
    del graph.node[:]
    graph.node.extend(kept)
    weights = [item for item in graph.initializer if item.name in wanted]
    dead = {item.name for item in graph.initializer} - wanted
    del graph.initializer[:]
    graph.initializer.extend(weights)
    # Old files list weights among the inputs too; without its weight such an input would have to be fed.
    inputs = [item for item in graph.input if item.name not in dead]
    del graph.input[:]
    graph.input.extend(inputs)


def fold_inputs(model: Any, constants: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Give inputs besides the image a fixed value, the same for every image, so that the image is the only input left.

    constants: by input name, `value` (the numbers of one image) and `dtype`. An input that is not there is left alone:
    the exporter may have folded it. Raises GraphError where the declared type or size differs.
    """
    import numpy as np
    from onnx import helper, numpy_helper

    changes = []
    for item in real_inputs(model):
        constant = constants.get(item.name)
        if constant is None:
            continue
        dtype = str(helper.tensor_dtype_to_np_dtype(dtype_of(item)))
        if dtype not in FOLDABLE or dtype != constant["dtype"]:
            raise GraphError(f"input {item.name!r} is {dtype}, the family says {constant['dtype']}")
        value = np.array([constant["value"]], dtype)  # a batch of one broadcasts over the images
        dims = [dim.dim_value if dim.HasField("dim_value") else None for dim in item.type.tensor_type.shape.dim]
        if len(dims) != value.ndim or any(
            dim not in (None, 0, size) for dim, size in zip(dims[1:], value.shape[1:], strict=True)
        ):
            raise GraphError(f"input {item.name!r} has the shape {dims}, its constant is {list(value.shape)}")
        model.graph.initializer.append(numpy_helper.from_array(value, item.name))
        changes.append(f"input {item.name} is the constant {constant['value']}")
    rest = [item for item in model.graph.input if item.name not in constants]
    del model.graph.input[:]
    model.graph.input.extend(rest)
    return changes


def fp32_io(model: Any, input_name: str) -> list[str]:
    """Make the image input and all outputs of another floating type float32, with a Cast inside the graph.

    nvinfer writes float32 into the input whatever its type: into an FP16 input, beyond its end.
    """
    from onnx import TensorProto, helper

    floats = (TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)
    graph, namer = model.graph, Namer(model)
    changes = []
    for item in real_inputs(model):
        kind = dtype_of(item)
        if item.name == input_name and kind in floats:
            inner = namer(f"{item.name}_cast")
            redirect(graph, item.name, inner)
            prepend(graph, [helper.make_node("Cast", [item.name], [inner], name=inner, to=kind)])
            item.type.tensor_type.elem_type = TensorProto.FLOAT
            changes.append(f"input {item.name}: {TensorProto.DataType.Name(kind)} -> FLOAT")
    for item in graph.output:
        kind = dtype_of(item)
        if kind in floats:
            inner = namer(f"{item.name}_native")
            _rename_result(graph, item.name, inner)
            graph.node.append(helper.make_node("Cast", [inner], [item.name], name=namer(f"{item.name}_cast"), to=1))
            item.type.tensor_type.elem_type = TensorProto.FLOAT
            changes.append(f"output {item.name}: {TensorProto.DataType.Name(kind)} -> FLOAT")
    if changes:
        del graph.value_info[:]  # may still declare the old type of a renamed tensor
    return changes


def _rename_result(graph: Any, old: str, new: str) -> None:
    for node in graph.node:
        for index, name in enumerate(node.output):
            if name == old:
                node.output[index] = new
    redirect(graph, old, new)


def fold_normalize(model: Any, input_name: str, scale: Sequence[float], bias: Sequence[float]) -> list[str]:
    """Prepend z = y * scale + bias per channel, so that the input is plain pixels.

    Zero padding inside the network keeps its meaning, because nothing is folded into a convolution: there padding
    means the mean colour, and a mean moved into its bias would turn it into black.
    """
    import numpy as np
    from onnx import helper, numpy_helper

    graph, namer = model.graph, Namer(model)
    names = {part: namer(part) for part in ("scale", "bias", "scaled", "normalised")}
    redirect(graph, input_name, names["normalised"])
    for part, numbers in (("scale", scale), ("bias", bias)):
        values = np.asarray(numbers, dtype=np.float32).reshape(1, -1, 1, 1)
        graph.initializer.append(numpy_helper.from_array(values, names[part]))
    nodes = [
        helper.make_node("Mul", [input_name, names["scale"]], [names["scaled"]], name=names["scaled"]),
        helper.make_node("Add", [names["scaled"], names["bias"]], [names["normalised"]], name=names["normalised"]),
    ]
    prepend(graph, nodes)
    return [f"scale {list(scale)} and bias {list(bias)} per channel in front of the network"]

"""The pass to-fp16: a graph that computes in FP16 where its weights are, for engines that take their types from it.

Which operators have no FP16 form, which inputs are float32 whatever the rest is, and how a weight is rounded, is what
ONNX Runtime's own converter knows. It is not used whole: between two nodes that stay float32 it casts to FP16 and
back, and weights that such a node shares with another one are rounded for both.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from typing import Any

from dsimport.runtime.onnx_file import GraphError, one_line
from dsimport.runtime.passes.edit import Namer, subgraphs

__all__ = ["to_fp16"]

# Layers with weights. What stands in front of the first of them or behind the last one is arithmetic on pixels, boxes
# and scores: it costs next to nothing, and FP16 would round an edge near 1000 to half a pixel.
WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul", "LSTM", "GRU", "RNN")

# Sums of squares and exponentials leave the range of FP16 (65504) with ordinary activations.
UNSAFE = (
    "Exp",
    "GroupNormalization",
    "InstanceNormalization",
    "LayerNormalization",
    "Log",
    "LogSoftmax",
    "MeanVarianceNormalization",
    "Pow",
    "ReduceL2",
    "ReduceLogSumExp",
    "ReduceMean",
    "ReduceSum",
    "ReduceSumSquare",
    "Softplus",
    "Sqrt",
)
# Nodes that make tensors of a type written in an attribute or a body.
TYPED = ("Bernoulli", "Constant", "ConstantOfShape", "EyeLike", "If", "Loop", "RandomNormalLike", "Scan")


def to_fp16(model: Any) -> list[str]:
    """Convert layers and weights to FP16 in place; inputs, outputs and what is named above stay float32.

    Returns what changed, in sentences; nothing where no weight is float32. Raises GraphError where the graph's types
    cannot be told, or ONNX Runtime is not installed.
    """
    if find_spec("onnxruntime") is None:
        raise GraphError("to-fp16 needs onnxruntime: pip install 'dsimport[reference]'")
    half = _chosen(model.graph)
    floats = _float_tensors(model)
    weights = {item.name: item for item in model.graph.initializer if item.name in floats}
    if not any(name in weights for node in half for name in node.input):
        return []
    _Converter(model, floats, weights, {id(node) for node in half}).convert()
    model.ir_version = max(model.ir_version, 4)  # before, every weight had to be an input too
    del model.graph.value_info[:]
    total = sum(len(graph.node) for graph in subgraphs(model.graph))
    return [f"{len(half)} of {total} nodes and their weights in FP16, the others in float32"]


class _Converter:
    """One conversion. floats: names of the float32 tensors; half: ids of the nodes that will compute in FP16."""

    def __init__(self, model: Any, floats: set[str], weights: dict[str, Any], half: set[int]) -> None:
        self._graph, self._namer = model.graph, Namer(model)
        self._floats, self._weights, self._half = floats, weights, half
        self._nodes: list[Any] = []
        self._forms: dict[str, str] = {}  # the FP16 form of a float32 tensor

    def convert(self) -> None:
        """Rewrite the nodes in their order, so that it stays one in which they can be computed."""
        nodes = list(self._graph.node)
        wanted = {item.name for item in self._graph.output}
        for node in nodes:
            wanted.update(self._read_as_float(node))
        for node in nodes:
            if id(node) in self._half:
                self._node(node, wanted)
            else:
                self._nodes.append(node)
        unread = self._weights.keys() - wanted
        for name in unread:
            self._graph.initializer.remove(self._weights[name])
        # Old files list weights among the inputs too; without its weight such an input would have to be fed.
        inputs = [item for item in self._graph.input if item.name not in unread]
        del self._graph.input[:]
        self._graph.input.extend(inputs)
        del self._graph.node[:]
        self._graph.node.extend(self._nodes)

    def _read_as_float(self, node: Any) -> list[str]:
        if id(node) not in self._half:
            return _read(node)
        return [name for index, name in enumerate(node.input) if index in _float_inputs(node)]

    def _node(self, node: Any, wanted: set[str]) -> None:
        from onnx import TensorProto, helper

        for index, name in enumerate(node.input):
            if name in self._floats and index not in _float_inputs(node):
                node.input[index] = self._in_half(name)
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.FLOAT16
        self._nodes.append(node)
        for index, name in enumerate(node.output):
            if name in self._floats:
                node.output[index] = self._forms[name] = self._namer(f"{name}_half")
                if name in wanted:
                    back = self._namer(f"{name}_float")
                    self._nodes.append(
                        helper.make_node("Cast", [self._forms[name]], [name], back, to=TensorProto.FLOAT)
                    )

    def _in_half(self, name: str) -> str:
        """The FP16 form of a float32 tensor: what a node has made already, a weight of its own, or a Cast."""
        from onnx import TensorProto, helper
        from onnxruntime.transformers.float16 import convert_tensor_float_to_float16

        if name not in self._forms:
            form = self._forms[name] = self._namer(f"{name}_half")
            if name in self._weights:
                twin = self._graph.initializer.add()
                twin.CopyFrom(self._weights[name])
                twin.name = form
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # about rounding to 0; what it does is measured on the outputs
                    convert_tensor_float_to_float16(twin)
            else:
                self._nodes.append(helper.make_node("Cast", [name], [form], form, to=TensorProto.FLOAT16))
        return self._forms[name]


def _float_inputs(node: Any) -> Sequence[int]:
    """Inputs that are float32 by the operator's definition."""
    from onnxruntime.transformers.float16 import ALWAYS_FLOAT_INPUTS

    found: Sequence[int] = ALWAYS_FLOAT_INPUTS.get(node.op_type, ())
    # up to operator set 10 the scales come first
    return (1,) if node.op_type == "Resize" and len(node.input) == 2 else found


def _chosen(graph: Any) -> list[Any]:
    """The nodes that compute in FP16: layers with weights and what lies between them, unless FP16 is unsafe there."""
    from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST

    kept = {*UNSAFE, *TYPED, *DEFAULT_OP_BLOCK_LIST}
    readers: dict[str, list[Any]] = {}
    makers: dict[str, Any] = {}
    for node in graph.node:
        makers.update(dict.fromkeys(node.output, node))
        for name in _read(node):
            readers.setdefault(name, []).append(node)
    weighted = [node for node in graph.node if node.op_type in WEIGHTED]
    behind = _reached(weighted, lambda node: (each for name in node.output for each in readers.get(name, ())))
    before = _reached(weighted, lambda node: (makers[name] for name in _read(node) if name in makers))
    inside = (behind & before) | {id(node) for node in weighted}
    # the variance under a root, to which the small number is added
    under = {id(makers[node.input[0]]) for node in graph.node if node.op_type == "Sqrt" and node.input[0] in makers}
    return [
        node
        for node in graph.node
        if id(node) in inside - under and node.op_type not in kept and node.domain in ("", "ai.onnx")
    ]


def _reached(start: Iterable[Any], following: Callable[[Any], Iterable[Any]]) -> set[int]:
    """Ids of the nodes that are reached from these, the start itself only where it is reached again."""
    seen: set[int] = set()
    pending = list(start)
    while pending:
        for node in following(pending.pop()):
            if id(node) not in seen:
                seen.add(id(node))
                pending.append(node)
    return seen


def _read(node: Any) -> list[str]:
    """Tensors a node reads, those its bodies take from outside among them."""
    names = list(node.input)
    for attribute in node.attribute:
        for body in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
            for inner in subgraphs(body):
                names += [name for each in inner.node for name in each.input] + [item.name for item in inner.output]
    return [name for name in names if name]


def _float_tensors(model: Any) -> set[str]:
    """Names of all float32 tensors of the graph. Raises GraphError."""
    from onnx import TensorProto, shape_inference

    try:
        inferred = shape_inference.infer_shapes(model, data_prop=False).graph
    except Exception as error:  # onnx's own errors, and protobuf's beyond 2 GiB
        raise GraphError(f"to-fp16: the types of the graph cannot be told: {one_line(error)}") from None
    declared = [*inferred.input, *inferred.value_info, *inferred.output]
    types = {item.name: item.type.tensor_type.elem_type for item in declared}
    types |= {item.name: item.data_type for item in inferred.initializer}
    untold = [name for node in model.graph.node for name in node.output if name and not types.get(name)]
    if untold:
        raise GraphError(f"to-fp16: the type of tensor {untold[0]!r} cannot be told")
    return {name for name, kind in types.items() if kind == TensorProto.FLOAT}

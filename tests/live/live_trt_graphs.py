"""Small graphs with what detectors' exports are refused for, and some that look as if they were."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

__all__ = ["CASES", "Case"]

SIZE = 128


@dataclass(frozen=True)
class Case:
    """refused: operators that the parser refuses; nodes: their names; cause: why it is parsed and not built."""

    name: str
    title: str
    make: Callable[[], Any]
    refused: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    cause: str = ""


def node(kind: str, inputs: Sequence[str], outputs: Sequence[str], name: str, **attributes: Any) -> Any:
    return helper.make_node(kind, inputs, outputs, name=name, **attributes)


def constant(name: str, value: Any) -> Any:
    return numpy_helper.from_array(np.asarray(value), name)


def model(
    *nodes: Any, constants: Sequence[Any] = (), dtype: int = TensorProto.FLOAT, domains: tuple[str, ...] = ()
) -> Any:
    """From `images` to `y`."""
    graph = helper.make_graph(
        list(nodes),
        "g",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, SIZE, SIZE])],
        [helper.make_tensor_value_info("y", dtype, None)],
        initializer=list(constants),
    )
    opsets = [helper.make_opsetid("", 17), *(helper.make_opsetid(name, 1) for name in domains)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


FLAT = node("Flatten", ["images"], ["flat"], "/post/Flatten")


def unique() -> Any:
    return model(FLAT, node("Unique", ["flat"], ["y"], "/post/Unique"))


def nonzero() -> Any:
    return model(node("NonZero", ["images"], ["z"], "/post/NonZero"), node("Cast", ["z"], ["y"], "/post/Cast", to=1))


def nms() -> Any:
    return model(
        node("Reshape", ["images", "rows"], ["boxes"], "/post/Boxes"),
        node("Reshape", ["images", "row"], ["scores"], "/post/Scores"),
        node("NonMaxSuppression", ["boxes", "scores", "most", "iou", "least"], ["kept"], "/post/NMS"),
        node("Cast", ["kept"], ["y"], "/post/Cast", to=1),
        constants=[
            constant("rows", np.array([0, -1, 4], np.int64)),
            constant("row", np.array([0, 4, -1], np.int64)),
            constant("most", np.array([10], np.int64)),
            constant("iou", np.array([0.5], np.float32)),
            constant("least", np.array([0.1], np.float32)),
        ],
    )


def sequence() -> Any:
    return model(
        node("SequenceConstruct", ["images", "images"], ["list"], "/neck/List"),
        node("ConcatFromSequence", ["list"], ["y"], "/neck/Concat", axis=0),
    )


def plugin() -> Any:
    return model(node("BatchedNMSDynamic_TRT", ["images"], ["y"], "/post/NMS", domain="trt"), domains=("trt",))


def two() -> Any:
    return model(
        node("Det", ["images"], ["d"], "/head/Det"),
        FLAT,
        node("Unique", ["flat"], ["u"], "/post/Unique"),
        node("ReduceSum", ["u"], ["s"], "/post/Sum"),
        node("Add", ["d", "s"], ["y"], "/post/Add"),
    )


def random() -> Any:
    return model(node("Bernoulli", ["images"], ["y"], "/backbone/Drop"))


def loop() -> Any:
    body = helper.make_graph(
        [node("Add", ["x", "step"], ["out"], "add"), node("Identity", ["go"], ["on"], "on")],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3, SIZE, SIZE]),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("out", TensorProto.FLOAT, ["batch", 3, SIZE, SIZE]),
        ],
    )
    return model(
        helper.make_node("Loop", ["times", "yes", "images"], ["y"], name="/head/Loop", body=body),
        constants=[
            constant("times", np.array(3, np.int64)),
            constant("yes", np.array(True)),
            constant("step", np.ones(1, np.float32)),
        ],
    )


def topk() -> Any:
    return model(
        FLAT,
        node("TopK", ["flat", "k"], ["y", "index"], "/post/TopK"),
        constants=[constant("k", np.array([5000], np.int64))],
    )


CASES = (
    Case("unique", "Unique in the post-processing", unique, ("Unique",), ("/post/Unique",)),
    Case("nonzero", "NonZero in the post-processing", nonzero, ("NonZero",), ("/post/NonZero",)),
    Case("two", "two refused nodes", two, ("Det", "Unique"), ("/head/Det", "/post/Unique")),
    Case("sequence", "a list of tensors", sequence, ("ConcatFromSequence", "SequenceConstruct"), ("/neck/List",)),
    Case("plugin", "a TensorRT plugin", plugin, ("BatchedNMSDynamic_TRT",), ("/post/NMS",)),
    Case("random", "a random operator", random, ("Bernoulli",), ("/backbone/Drop",)),
    Case("nms", "NonMaxSuppression in the graph", nms, cause="TensorRT has nothing that runs /post/NMS_1"),
    Case("loop", "a Loop of three steps", loop),
    Case(
        "topk",
        "TopK of 5,000",
        topk,
        cause="/post/TopK asks for more values than TensorRT's TopK gives (3840)",
    ),
)

"""strip-outputs, fold-inputs, fp32-io and fold-normalize: what they change, and that they change nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from passes_support import image_model, run

from dsimport.runtime.onnx_file import GraphError
from dsimport.runtime.passes.tensors import fold_inputs, fold_normalize, fp32_io, strip_outputs

IMAGES = np.random.default_rng(2).integers(0, 256, (2, 3, 8, 8)).astype(np.float32)


def test_outputs_nobody_reads_go_with_what_only_they_needed() -> None:
    model = image_model()
    wanted = run(model, image=IMAGES)["features"]
    said = strip_outputs(model, ["features"])
    assert said == ["outputs dropped: mean, with 2 nodes that only they needed"]
    assert [node.op_type for node in model.graph.node] == ["Conv"]
    assert list(run(model, image=IMAGES)) == ["features"]
    np.testing.assert_array_equal(run(model, image=IMAGES)["features"], wanted)
    assert strip_outputs(model, ["features"]) == []


def test_weights_of_a_dropped_output_go_too() -> None:
    model = image_model()
    model.graph.node.append(helper.make_node("Add", ["image", "huge"], ["other"]))
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros((1, 3, 8, 8), np.float32), "huge"))
    model.graph.output.append(helper.make_tensor_value_info("other", TensorProto.FLOAT, ["batch", 3, 8, 8]))
    strip_outputs(model, ["features"])
    assert [item.name for item in model.graph.initializer] == ["weights"]


def test_weights_listed_among_the_inputs_leave_both_lists() -> None:
    """IR version 3 lists every weight as an input; one that lost its value would have to be fed."""
    model = image_model()
    model.graph.node.append(helper.make_node("Add", ["image", "huge"], ["other"]))
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros((1, 3, 8, 8), np.float32), "huge"))
    model.graph.input.append(helper.make_tensor_value_info("huge", TensorProto.FLOAT, [1, 3, 8, 8]))
    model.graph.output.append(helper.make_tensor_value_info("other", TensorProto.FLOAT, ["batch", 3, 8, 8]))
    strip_outputs(model, ["features"])
    assert "huge" not in [item.name for item in model.graph.input]
    assert list(run(model, image=IMAGES)) == ["features"]


def test_what_the_body_of_an_if_reads_is_kept() -> None:
    model = image_model()
    branch = helper.make_graph(
        [helper.make_node("Identity", ["pooled"], ["inside"])],
        "branch",
        [],
        [helper.make_tensor_value_info("inside", TensorProto.FLOAT, None)],
    )
    true = onnx.numpy_helper.from_array(np.array(True), "true")
    model.graph.initializer.append(true)
    model.graph.node.append(helper.make_node("If", ["true"], ["chosen"], then_branch=branch, else_branch=branch))
    model.graph.output.append(helper.make_tensor_value_info("chosen", TensorProto.FLOAT, ["batch", 4]))
    wanted = run(model, image=IMAGES)["chosen"]
    strip_outputs(model, ["chosen"])
    np.testing.assert_array_equal(run(model, image=IMAGES)["chosen"], wanted)


def test_an_output_that_is_not_there_is_named() -> None:
    with pytest.raises(GraphError, match=r"no output 'boxes'; it has 'features', 'mean'"):
        strip_outputs(image_model(), ["boxes"])


SIZES = {"orig_target_sizes": {"value": [640, 480], "dtype": "int64"}}


def test_an_input_becomes_the_same_constant_for_every_image() -> None:
    model = image_model(extra={"orig_target_sizes": (TensorProto.INT64, ["batch", 2])})
    alone = [run(model, image=IMAGES[i : i + 1], orig_target_sizes=np.array([[640, 480]])) for i in range(2)]
    assert fold_inputs(model, SIZES) == ["input orig_target_sizes is the constant [640, 480]"]
    assert [item.name for item in model.graph.input] == ["image"]
    for i in range(2):
        np.testing.assert_array_equal(run(model, image=IMAGES[i : i + 1])["mean"], alone[i]["mean"])
    assert fold_inputs(model, SIZES) == []


@pytest.mark.parametrize(
    ("kind", "shape", "message"),
    [
        (TensorProto.INT32, ["batch", 2], "is int32, the family says int64"),
        (TensorProto.STRING, ["batch", 2], "is object, the family says int64"),
        (TensorProto.INT64, ["batch", 4], "has the shape"),
        (TensorProto.INT64, [2], "has the shape"),
    ],
)
def test_an_input_that_is_not_what_the_family_says_is_refused(kind: int, shape: list[Any], message: str) -> None:
    model = image_model()
    model.graph.input.append(helper.make_tensor_value_info("orig_target_sizes", kind, shape))
    with pytest.raises(GraphError, match=message):
        fold_inputs(model, SIZES)


def test_every_input_and_output_is_float32_afterwards() -> None:
    model = image_model(TensorProto.FLOAT16)
    images = IMAGES / np.float32(256)  # exact in FP16
    before = run(model, image=images.astype(np.float16))
    said = fp32_io(model, "image")
    assert said == [
        "input image: FLOAT16 -> FLOAT",
        "output features: FLOAT16 -> FLOAT",
        "output mean: FLOAT16 -> FLOAT",
    ]
    onnx.checker.check_model(model, full_check=True)
    after = run(model, image=images)
    assert list(after) == ["features", "mean"]
    for name, value in after.items():
        assert value.dtype == np.float32
        # ONNX Runtime computes FP16 in float32 and leaves out roundings between casts: one unit in the last place.
        np.testing.assert_allclose(value, before[name].astype(np.float32), rtol=2**-10)
    assert fp32_io(model, "image") == []


def test_double_becomes_float32_at_the_borders_only() -> None:
    nodes = [helper.make_node("Add", ["image", "small"], ["sum"]), helper.make_node("Sub", ["sum", "image"], ["rest"])]
    ends = [helper.make_tensor_value_info(name, TensorProto.DOUBLE, ["batch", 3, 8, 8]) for name in ("image", "rest")]
    weights = [onnx.numpy_helper.from_array(np.array(2.0**-40), "small")]
    graph = helper.make_graph(nodes, "double", ends[:1], ends[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    fp32_io(model, "image")
    found = run(model, image=IMAGES)["rest"]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.float32(2.0**-40))  # float32 inside would have lost it


def test_integer_outputs_stay_integers() -> None:
    model = image_model()
    model.graph.node.append(helper.make_node("ArgMax", ["mean"], ["label"], axis=1, keepdims=0))
    model.graph.output.append(helper.make_tensor_value_info("label", TensorProto.INT64, ["batch"]))
    assert fp32_io(model, "image") == []
    assert run(model, image=IMAGES)["label"].dtype == np.int64


positive = st.floats(0.0625, 4, width=32)
numbers = st.tuples(*[positive] * 3)


@settings(max_examples=25, deadline=None)
@given(std=numbers, mean=st.tuples(*[st.floats(-2, 2, width=32)] * 3), scale=st.sampled_from([1 / 255, 1.0]))
def test_normalisation_in_the_graph_is_that_of_double_precision(
    std: tuple[float, ...], mean: tuple[float, ...], scale: float
) -> None:
    """Against the padded convolution fed with pixels normalised in float64; zero padding means the mean in both."""
    model = image_model()
    factors, shifts = [scale / s for s in std], [-m / s for m, s in zip(mean, std, strict=True)]
    exact = (IMAGES.astype(np.float64) * scale - np.reshape(mean, (1, 3, 1, 1))) / np.reshape(std, (1, 3, 1, 1))
    wanted = run(model, image=exact.astype(np.float32))["features"]
    fold_normalize(model, "image", factors, shifts)
    found = run(model, image=IMAGES)["features"]
    # float32 has 24 bits; what goes into a sum of 27 products is as large as the inputs and weights are.
    size = (np.abs(IMAGES).max(axis=(0, 2, 3)) * factors + np.abs(shifts)).max() * 27 * 4
    assert np.abs(found - wanted).max() <= size * 2**-23


def test_normalisation_reaches_every_reader_of_the_image() -> None:
    model = image_model()
    model.graph.node.append(helper.make_node("ReduceMax", ["image"], ["brightest"], keepdims=0, axes=[1, 2, 3]))
    model.graph.output.append(helper.make_tensor_value_info("brightest", TensorProto.FLOAT, ["batch"]))
    fold_normalize(model, "image", [2.0] * 3, [1.0] * 3)
    np.testing.assert_array_equal(run(model, image=IMAGES)["brightest"], IMAGES.max(axis=(1, 2, 3)) * 2 + 1)


@pytest.mark.parametrize("name", ["dsimport_scale", "dsimport_normalised", "dsimport_bias"])
def test_names_that_are_taken_are_not_taken_again(name: str) -> None:
    model = image_model()
    model.graph.node[1].output[0] = model.graph.node[2].input[0] = name
    wanted = run(model, image=IMAGES * 2)["mean"]
    fold_normalize(model, "image", [2.0] * 3, [0.0] * 3)
    onnx.checker.check_model(model)
    np.testing.assert_allclose(run(model, image=IMAGES)["mean"], wanted, rtol=1e-6)

"""A batch is held against its single images."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from graph_support import baked_reshape, model_of, only_first_image
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from dsimport.runtime.graph import GraphError, serialize, verify_batch


@settings(deadline=None, max_examples=10)
@given(st.integers(2, 9))
def test_a_graph_that_serves_every_image_passes(batch: int) -> None:
    check = verify_batch(serialize(model_of()), "images", batch)
    assert check.outputs == {"scores": (4, 8, 8)}
    assert check.max_abs_diff < 1e-4
    low, high = check.value_ranges["scores"]
    assert low < 0 < high
    assert check.unproven == ()


@pytest.mark.parametrize("batch", [2, 4])
def test_a_graph_that_serves_only_the_first_image_is_refused(batch: int) -> None:
    lost = ", ".join(str(image) for image in range(1, batch))
    with pytest.raises(GraphError, match=f"output 'served': image {lost} of a batch of {batch} differs"):
        verify_batch(serialize(only_first_image()), "images", batch)


def test_a_graph_that_mixes_the_images_is_refused() -> None:
    nodes = [
        helper.make_node("ReduceMean", ["scores"], ["mean"], axes=[0], keepdims=1),
        helper.make_node("Sub", ["scores", "mean"], ["centred"]),
    ]
    with pytest.raises(GraphError, match="output 'centred': image 0, 1, 2 of a batch of 3"):
        verify_batch(serialize(model_of(nodes, [("centred", ["N", 4, 8, 8])])), "images", 3)


def test_a_graph_that_swaps_the_images_is_refused() -> None:
    nodes = [helper.make_node("Slice", ["scores", "last", "before", "zero", "back"], ["reversed"])]
    constants = {"last": [-1], "before": [-(2**31)], "zero": [0], "back": [-1]}
    with pytest.raises(GraphError, match="output 'reversed'"):
        verify_batch(serialize(model_of(nodes, [("reversed", ["N", 4, 8, 8])], constants=constants)), "images", 2)


def test_a_baked_batch_does_not_run() -> None:
    with pytest.raises(GraphError, match="does not run at 2x3x8x8"):
        verify_batch(serialize(baked_reshape([1, 256])), "images", 2)


def test_an_output_that_merges_the_batch_is_refused() -> None:
    with pytest.raises(GraphError, match="output 'flat' is 4x64 for one image and 8x64 for a batch of 2"):
        verify_batch(serialize(baked_reshape([-1, 64])), "images", 2)


def test_an_output_that_never_changes_proves_nothing() -> None:
    nodes = [helper.make_node("Mul", ["scores", "factor"], ["zeros"])]
    model = model_of(nodes, [("zeros", ["N", 4, 8, 8]), ("scores", ["N", 4, 8, 8])])
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(1, np.float32), "factor"))
    assert verify_batch(serialize(model), "images", 2).unproven == ("zeros",)


def test_an_output_that_reacts_to_bright_images_only_is_proven_with_bright_images() -> None:
    nodes = [
        helper.make_node("Sub", ["images", "hundred"], ["darker"]),
        helper.make_node("Relu", ["darker"], ["bright"]),
    ]
    model = model_of(nodes, [("bright", ["N", 3, 8, 8])])
    model.graph.initializer.append(numpy_helper.from_array(np.full(1, 100, np.float32), "hundred"))
    check = verify_batch(serialize(model), "images", 2)
    assert check.unproven == ()
    assert check.value_ranges["bright"][1] > 100


def test_rows_in_another_order_and_values_that_are_no_numbers_are_equal() -> None:
    from dsimport.runtime.graph import _differences

    rows = np.array([[[0.9, 1.0], [0.8, 2.0], [np.nan, np.inf]]])
    assert _differences(rows, rows[:, [1, 0, 2]]) == [0.0]
    assert _differences(rows, np.where(np.isnan(rows), 0.0, rows)) == [np.inf]


@pytest.mark.parametrize("dims", [[2, 3, 8, 8], ["N", 3, "H", "W"], ["N", 192]])
def test_an_input_that_is_not_prepared_is_refused(dims: list[int | str]) -> None:
    model = model_of(input_dims=dims) if len(dims) == 4 else model_of()
    if len(dims) != 4:
        node = helper.make_node("Relu", ["images"], ["scores"])
        tensors = [helper.make_tensor_value_info(name, TensorProto.FLOAT, dims) for name in ("images", "scores")]
        graph = helper.make_graph([node], "flat", tensors[:1], tensors[1:])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    with pytest.raises(GraphError, match=r"should be \[batch, C, H, W\] with a symbolic batch"):
        verify_batch(serialize(model), "images", 2)


def test_other_inputs_and_bytes_that_are_no_model_are_refused() -> None:
    with pytest.raises(GraphError, match="only input should be 'images'"):
        verify_batch(serialize(model_of(more_inputs=["scale"])), "images", 2)
    with pytest.raises(GraphError, match="cannot be loaded"):
        verify_batch(b"garbage", "images", 2)
    with pytest.raises(ValueError, match="batch of one"):
        verify_batch(serialize(model_of()), "images", 1)


def test_half_precision_inputs_are_fed_as_such() -> None:
    weights = numpy_helper.from_array(np.full((4, 3, 3, 3), 0.1, np.float16), "w")
    graph = helper.make_graph(
        [helper.make_node("Conv", ["images", "w"], ["scores"])],
        "half",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT16, ["N", 3, 8, 8])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT16, ["N", 4, 6, 6])],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    assert verify_batch(serialize(model), "images", 2).outputs == {"scores": (4, 6, 6)}

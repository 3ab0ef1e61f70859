"""A dynamic batch is declared where the graph has one, and refused where it has not."""

from __future__ import annotations

import importlib.util

import onnx
import pytest
from graph_support import Dims, baked_reshape, dims_of, model_of
from onnx import TensorProto, helper

from dsimport.runtime.graph import GraphError, dynamic_batch, serialize, verify_batch


def made_dynamic(model: onnx.ModelProto) -> list[str]:
    changes = dynamic_batch(model, "images", 3, 8, 8)
    onnx.checker.check_model(model, full_check=True)
    return changes


@pytest.mark.parametrize(
    ("declared", "shown"),
    [
        ([10, 3, 8, 8], "[10, 3, 8, 8]"),
        ([1, 3, 32, 32], "[1, 3, 32, 32]"),
        (["N", "C", "H", "W"], "[N, C, H, W]"),
        ([None, 3, None, None], "[?, 3, ?, ?]"),
        (None, "[no shape]"),
    ],
)
def test_input_and_outputs_get_a_symbolic_batch_and_real_sizes(declared: Dims, shown: str) -> None:
    output = None if declared is None else [declared[0], 4, *declared[2:]]
    model = model_of(input_dims=declared, outputs=[("scores", output)])
    changes = made_dynamic(model)
    assert dims_of(model.graph.input[0]) == ["batch", 3, 8, 8]
    assert dims_of(model.graph.output[0]) == ["batch", 4, 8, 8]
    assert changes[0] == f"input images: {shown} -> [batch, 3, 8, 8]"
    assert changes[1].startswith("output scores: ")
    assert changes[1].endswith(" -> [batch, 4, 8, 8]")
    check = verify_batch(serialize(model), "images", 3)
    assert check.outputs == {"scores": (4, 8, 8)}


def test_a_model_that_is_dynamic_already_is_left_alone() -> None:
    model = model_of()
    made_dynamic(model)
    before = serialize(model)
    assert made_dynamic(model) == []
    assert serialize(model) == before


def test_everything_else_is_kept() -> None:
    model = model_of(input_dims=[1, 3, 8, 8])
    helper.set_model_props(model, {"task": "detect"})
    model.producer_name = "someone"
    nodes, weights = list(model.graph.node), list(model.graph.initializer)
    made_dynamic(model)
    assert list(model.graph.node) == nodes
    assert list(model.graph.initializer) == weights
    assert model.producer_name == "someone"
    assert {item.key: item.value for item in model.metadata_props} == {"task": "detect"}
    assert model.opset_import[0].version == 17


def test_weights_leave_the_inputs_of_an_old_file() -> None:
    model = model_of(input_dims=[1, 3, 8, 8], ir_version=3)
    assert [item.name for item in model.graph.input] == ["images", "w"]
    changes = made_dynamic(model)
    assert [item.name for item in model.graph.input] == ["images"]
    assert [item.name for item in model.graph.initializer] == ["w"]
    assert changes[:2] == ["1 weights dropped from the graph's inputs", "IR version 3 -> 4, which allows that"]


def test_stale_shapes_of_inner_tensors_are_replaced() -> None:
    model = model_of(
        [helper.make_node("Relu", ["scores"], ["positive"])], [("positive", [1, 4, 8, 8])], input_dims=[1, 3, 8, 8]
    )
    model.graph.value_info.append(helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 4, 8, 8]))
    model.graph.value_info.append(helper.make_tensor_value_info("gone", TensorProto.FLOAT, [7]))
    changes = made_dynamic(model)
    assert [(item.name, dims_of(item)) for item in model.graph.value_info] == [("scores", ["batch", 4, 8, 8])]
    assert changes[-1] == "shapes of inner tensors inferred anew: 2 before, 1 now"


def refusal(model: onnx.ModelProto, name: str = "images", channels: int = 3) -> str:
    """The reason for refusing; the model must not have changed."""
    before = serialize(model)
    with pytest.raises(GraphError) as caught:
        dynamic_batch(model, name, channels, 8, 8)
    assert serialize(model) == before
    return str(caught.value)


def test_an_input_that_is_not_there_is_named_with_what_there_is() -> None:
    assert refusal(model_of(), "image") == "the model has no input 'image'; it has 'images'"


def test_inputs_besides_the_image_are_refused() -> None:
    assert "inputs besides the image 'images': 'scale', 'size'" in refusal(model_of(more_inputs=["scale", "size"]))


def test_an_input_of_another_rank_is_refused() -> None:
    model = model_of()
    model.graph.input[0].CopyFrom(helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", 192]))
    assert refusal(model).startswith("input 'images' is [N, 192]; an image input has four dimensions")


def test_other_channels_are_refused() -> None:
    assert refusal(model_of(), channels=1) == "input 'images' is [N, 3, 8, 8], so it has 3 channels, not 1"


@pytest.mark.parametrize("shape", [[1, 256], [1, 4, 64], [1, -1, 64], [10, -1], [-1, 64]])
@pytest.mark.parametrize("with_onnxruntime", [True, False])
def test_a_baked_batch_is_refused(shape: list[int], with_onnxruntime: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not with_onnxruntime:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    if shape == [-1, 64] and not with_onnxruntime:
        dynamic_batch(baked_reshape(shape), "images", 3, 8, 8)  # rows are merged into the batch: only running shows it
        return
    assert "baked into" in refusal(baked_reshape(shape))


def test_an_output_without_a_batch_is_refused() -> None:
    model = model_of([helper.make_node("ReduceMax", ["scores"], ["best"], keepdims=0)], [("best", [])])
    assert "output 'best' is a scalar for one image" in refusal(model)


def test_a_size_the_network_cannot_take_is_named() -> None:
    model = model_of([helper.make_node("Add", ["scores", "images"], ["sum"])], [("sum", None)])
    assert "3x8x8" in refusal(model)


def test_without_onnxruntime_the_result_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    run, inferred = model_of(input_dims=[2, 3, 8, 8]), model_of(input_dims=[2, 3, 8, 8])
    assert made_dynamic(run)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert made_dynamic(inferred)
    assert serialize(run) == serialize(inferred)

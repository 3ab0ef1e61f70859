"""to-fp16: what computes in FP16 afterwards, what does not, and that it is the same network."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
import tinydet
from onnx import TensorProto, helper, numpy_helper
from passes_support import run
from test_run_passes import IMAGENET, apply

from dsimport.runtime.onnx_file import GraphError, serialize
from dsimport.runtime.passes import half
from dsimport.runtime.passes.edit import subgraphs
from dsimport.runtime.passes.half import to_fp16

RNG = np.random.default_rng(5)
IMAGES = RNG.integers(0, 256, (2, 3, 8, 8)).astype(np.float32)


def network(nodes: list[Any], weights: dict[str, Any], outputs: list[str], opset: int = 17) -> Any:
    """image [batch, 3, 8, 8] -> outputs of any shape."""
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, 8, 8])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
    )
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("x", 1)]
    model = helper.make_model(graph, opset_imports=imports, ir_version=8)
    inferred = onnx.shape_inference.infer_shapes(model)
    del model.graph.output[:]
    model.graph.output.extend(inferred.graph.output)
    return model


def conv(source: str, name: str) -> Any:
    return helper.make_node("Conv", [source, "kernel"], [name], pads=[1, 1, 1, 1])


KERNEL = RNG.normal(0, 0.2, (3, 3, 3, 3)).astype(np.float32)


def types(model: Any) -> dict[str, str]:
    """Element types of all tensors that nodes make, by name."""
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    found = {item.name: item.type.tensor_type.elem_type for item in (*inferred.value_info, *inferred.output)}
    return {
        node.op_type: TensorProto.DataType.Name(found[node.output[0]])
        for node in model.graph.node
        if node.output[0] in found
    }


def checked(model: Any) -> list[str]:
    """Convert, and hold what comes out against what came out before; both must be valid models."""
    names = [item.name for item in model.graph.output]
    before = run(model, image=IMAGES)
    said = to_fp16(model)
    onnx.checker.check_model(model, full_check=True)
    after = run(model, image=IMAGES)
    assert list(after) == names
    for name in names:
        assert after[name].dtype == before[name].dtype
        np.testing.assert_allclose(after[name], before[name], rtol=0.02, atol=0.02 * float(np.ptp(before[name])))
    return said


def test_the_arithmetic_around_the_layers_stays_float32() -> None:
    nodes = [
        helper.make_node("Mul", ["image", "scale"], ["pixels"]),
        conv("pixels", "first"),
        helper.make_node("Relu", ["first"], ["active"]),
        conv("active", "second"),
        helper.make_node("Add", ["second", "far"], ["boxes"]),
    ]
    model = network(nodes, {"scale": np.float32(1 / 255), "kernel": KERNEL, "far": np.float32(4096.25)}, ["boxes"])
    want = run(model, image=IMAGES)["boxes"]
    checked(model)
    assert {name: types(model)[name] for name in ("Mul", "Conv", "Relu", "Add")} == {
        "Mul": "FLOAT",
        "Conv": "FLOAT16",
        "Relu": "FLOAT16",
        "Add": "FLOAT",
    }
    # FP16 has steps of 4 at 4096: had the last node been converted, the quarter would be gone
    assert np.abs(run(model, image=IMAGES)["boxes"] - want).max() < 0.05


def test_sums_and_roots_between_layers_stay_float32() -> None:
    """A layer normalisation, decomposed, of values whose squares leave FP16."""
    nodes = [
        conv("image", "first"),
        helper.make_node("ReduceMean", ["first"], ["mean"], axes=[1]),
        helper.make_node("Sub", ["first", "mean"], ["centred"]),
        helper.make_node("Pow", ["centred", "two"], ["squares"]),
        helper.make_node("ReduceMean", ["squares"], ["variance"], axes=[1]),
        helper.make_node("Add", ["variance", "tiny"], ["positive"]),
        helper.make_node("Sqrt", ["positive"], ["deviation"]),
        helper.make_node("Div", ["centred", "deviation"], ["normal"]),
        conv("normal", "out"),
    ]
    weights = {"kernel": KERNEL * 20, "two": np.float32(2), "tiny": np.float32(1e-6)}
    model = network(nodes, weights, ["out"])
    assert np.abs(run(network(nodes[:4], weights, ["squares"]), image=IMAGES)["squares"]).max() > 65504
    checked(model)
    kinds = types(model)
    assert {kinds[name] for name in ("Pow", "ReduceMean", "Sqrt", "Add")} == {"FLOAT"}
    assert {kinds[name] for name in ("Conv", "Div")} == {"FLOAT16"}


def test_a_weight_that_both_kinds_of_nodes_read_keeps_its_float32_form() -> None:
    precise = np.full((1, 3, 1, 1), 1000.1, np.float32)
    nodes = [
        conv("image", "first"),
        helper.make_node("Div", ["first", "shared"], ["small"]),
        conv("small", "second"),
        helper.make_node("Mul", ["second", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "shared"], ["out"]),
    ]
    model = network(nodes, {"kernel": KERNEL, "shared": precise, "zero": np.float32(0)}, ["out"])
    checked(model)
    assert run(model, image=IMAGES)["out"].max() == np.float32(1000.1)
    assert sum(item.name.startswith(("shared", "dsimport_shared")) for item in model.graph.initializer) == 2
    assert sum(item.data_type == TensorProto.FLOAT for item in model.graph.initializer if "kernel" in item.name) == 0


@pytest.mark.parametrize("opset", [10, 11, 13, 19])
def test_inputs_that_an_operator_wants_in_float32_stay(opset: int) -> None:
    scales = np.array([1, 1, 2, 2], np.float32)
    inputs = ["first", "scales"] if opset < 11 else ["first", "roi", "scales"]
    nodes = [conv("image", "first"), helper.make_node("Resize", inputs, ["larger"]), conv("larger", "out")]
    weights = {"kernel": KERNEL, "scales": scales} | ({} if opset < 11 else {"roi": np.zeros(0, np.float32)})
    model = network(nodes, weights, ["out"], opset)
    checked(model)
    assert types(model)["Resize"] == "FLOAT16"


def test_a_tensor_that_is_output_and_read_further_on() -> None:
    nodes = [conv("image", "first"), helper.make_node("Cast", ["first"], ["again"], to=1), conv("again", "second")]
    model = network(nodes, {"kernel": KERNEL}, ["first", "second"])
    assert checked(model) == ["3 of 6 nodes and their weights in FP16, the others in float32"]
    assert types(model)["Conv"] == "FLOAT16"


def test_what_a_body_reads_from_outside_is_float32_there() -> None:
    def body(name: str) -> Any:
        return helper.make_graph(
            [helper.make_node("Identity", ["first"], [name])],
            name,
            [],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 3, 8, 8])],
        )

    nodes = [
        conv("image", "first"),
        helper.make_node("If", ["yes"], ["chosen"], then_branch=body("a"), else_branch=body("b")),
        conv("chosen", "out"),
    ]
    model = network(nodes, {"kernel": KERNEL, "yes": np.array(True)}, ["out"])
    checked(model)


def test_weights_that_old_files_list_among_the_inputs_leave_them() -> None:
    model = network([conv("image", "out")], {"kernel": KERNEL}, ["out"])
    model.ir_version = 3
    model.graph.input.append(helper.make_tensor_value_info("kernel", TensorProto.FLOAT, [3, 3, 3, 3]))
    checked(model)
    assert [item.name for item in model.graph.input] == ["image"]


def test_nothing_happens_twice_and_nothing_to_a_graph_without_layers() -> None:
    model = network([conv("image", "out")], {"kernel": KERNEL}, ["out"])
    to_fp16(model)
    once = serialize(model)
    assert to_fp16(model) == []
    assert serialize(model) == once
    assert to_fp16(network([helper.make_node("Relu", ["image"], ["out"])], {}, ["out"])) == []


def test_a_graph_whose_types_are_unknown_is_refused() -> None:
    odd = helper.make_node("Odd", ["first"], ["middle"], domain="x")
    nodes = [conv("image", "first"), odd, conv("middle", "out")]
    with pytest.raises(GraphError, match="the type of tensor 'middle' cannot be told"):
        to_fp16(network(nodes, {"kernel": KERNEL}, ["out"]))


def test_without_onnxruntime_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(half, "find_spec", lambda name: None)
    with pytest.raises(GraphError, match=r"dsimport\[reference\]"):
        to_fp16(network([conv("image", "out")], {"kernel": KERNEL}, ["out"]))


@pytest.mark.parametrize("layout", list(tinydet.LAYOUTS))
def test_a_real_detector_in_all_its_layouts(layout: str, tmp_path: Any) -> None:
    """The planned pass with its own check, and boxes and scores within what FP16 in the layers makes of them."""
    model = tinydet.build(layout)
    kind = tinydet.PIXELS[tinydet.LAYOUTS[layout].pixels]
    result = apply(
        tmp_path,
        model,
        [{"pass": "to-fp16"}],
        input=model.graph.input[0].name,
        image=[3, tinydet.HEIGHT, tinydet.WIDTH],
        pixels={
            "scale": [1 / (255 * s) for s in kind.std],
            "bias": [-m / s for m, s in zip(kind.mean, kind.std, strict=True)],
        },
    )
    [done] = result["passes"]
    assert done["max_abs_diff"] is not None
    made = onnx.load(tmp_path / "target.onnx")
    outside = {item.type.tensor_type.elem_type for item in (*made.graph.input, *made.graph.output)}
    assert TensorProto.FLOAT16 not in outside
    ops = {node.op_type for graph in subgraphs(made.graph) for node in graph.node}
    assert "Cast" in ops


def test_after_a_folded_normalisation(tmp_path: Any) -> None:
    model = network([conv("image", "out")], {"kernel": KERNEL}, ["out"])
    result = apply(tmp_path, model, [{"pass": "fold-normalize", **IMAGENET}, {"pass": "to-fp16"}], pixels=IMAGENET)
    assert [item["pass"] for item in result["passes"] if item["changes"]] == ["fold-normalize", "to-fp16"]

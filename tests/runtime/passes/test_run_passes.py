"""A plan's passes as a whole: order, proof, refusal, and the file that comes out."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import tinydet
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper
from passes_support import image_model, run

from dsimport.runtime.atomic import write_bytes
from dsimport.runtime.onnx_file import GraphError, read_model
from dsimport.runtime.passes import run as runner
from dsimport.runtime.passes.probe import Pixels, Probe, difference, row_difference
from dsimport.runtime.passes.run import run_passes
from dsimport.runtime.passes.store import store

UNIT = {"scale": [1 / 255] * 3, "bias": [0.0] * 3}
IMAGENET = {
    "scale": [1 / 255 / s for s in (0.229, 0.224, 0.225)],
    "bias": [-m / s for m, s in zip((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), strict=True)],
}


def apply(folder: Path, model: Any, passes: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    """Run passes over a model of 8 x 8 pixels (or as `changes` say) and give the result."""
    (folder / "source.onnx").write_bytes(model.SerializeToString())
    request = {
        "source": str(folder / "source.onnx"),
        "target": str(folder / "target.onnx"),
        "input": "image",
        "image": [3, 8, 8],
        "pixels": UNIT,
        "passes": passes,
        **changes,
    }
    return run_passes(request, lambda line: None)


DYNAMIC = {"pass": "dynamic-batch", "channels": 3, "height": 8, "width": 8}


def test_all_passes_together_serve_an_awkward_export(tmp_path: Path) -> None:
    """FP16, a second input, an output nobody reads, a std per channel."""
    model = image_model(TensorProto.FLOAT16, extra={"orig_target_sizes": (TensorProto.INT64, ["batch", 2])})
    passes = [
        {"pass": "fold-inputs", "constants": {"orig_target_sizes": {"value": [1, 2], "dtype": "int64"}}},
        {"pass": "strip-outputs", "outputs": ["mean"]},
        DYNAMIC,
        {"pass": "fp32-io"},
        {"pass": "fold-normalize", **IMAGENET},
    ]
    result = apply(tmp_path, model, passes, pixels=IMAGENET)
    done = {item["pass"]: item for item in result["passes"]}
    assert list(done) == [item["pass"] for item in passes]
    assert all(done[name]["changes"] for name in done if name != "dynamic-batch")
    for name in ("fold-inputs", "strip-outputs"):
        assert done[name]["max_abs_diff"] == 0.0
    assert done["fp32-io"]["max_abs_diff"] <= 32 * 2**-10  # one unit in the last place of FP16 values around 30
    assert 0 <= done["fold-normalize"]["max_abs_diff"] < 0.05  # in FP16, of values around 30
    assert result["batch_diff"] < 0.05
    target = read_model(tmp_path / "target.onnx")
    assert [item.name for item in target.graph.input] == ["image"]
    assert [item.name for item in target.graph.output] == ["mean"]
    assert run(target, image=np.zeros((3, 3, 8, 8), np.float32))["mean"].dtype == np.float32


def test_a_wrong_normalisation_is_not_let_through(tmp_path: Path) -> None:
    wrong = {"scale": [0.0173520736] * 3, "bias": IMAGENET["bias"]}  # the usual single factor
    with pytest.raises(GraphError, match="fold-normalize changes output 'features' by up to"):
        apply(tmp_path, image_model(), [DYNAMIC, {"pass": "fold-normalize", **wrong}], pixels=IMAGENET)
    assert not (tmp_path / "target.onnx").exists()


@pytest.mark.parametrize("layout", ["detr", "yolov8"])
def test_an_imagenet_detector_gets_plain_pixels(layout: str, tmp_path: Path) -> None:
    model = tinydet.build(layout, pixels="imagenet")
    name = tinydet.LAYOUTS[layout].input_name
    passes = [{"pass": "fold-normalize", **IMAGENET}]
    result = apply(tmp_path, model, passes, input=name, image=[3, 96, 128], pixels=IMAGENET)
    [done] = result["passes"]
    assert done["max_abs_diff"] < 2e-3  # logits of 0.5e-6 probabilities are large; scores move by less than 1e-6
    assert result["batch_diff"] < 1e-3


def test_a_model_for_another_size_is_only_compared_once_it_runs(tmp_path: Path) -> None:
    model = image_model(size=(32, 32))  # declared so; the weights do not care
    result = apply(tmp_path, model, [DYNAMIC])
    assert result["passes"][0]["changes"]
    assert result["passes"][0]["max_abs_diff"] == 0.0


def test_a_pass_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match="no pass 'quantize'"):
        apply(tmp_path, image_model(), [{"pass": "quantize"}])


def test_without_onnx_runtime_the_graph_is_changed_and_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "find_spec", lambda name: None)
    result = apply(tmp_path, image_model(), [{"pass": "strip-outputs", "outputs": ["mean"]}])
    assert result["batch_diff"] is None
    assert result["passes"][0]["max_abs_diff"] is None
    assert [item.name for item in read_model(tmp_path / "target.onnx").graph.output] == ["mean"]


class FakeSlim(types.ModuleType):
    """onnxslim with one function, which the test chooses."""

    def __init__(self, slim: Any) -> None:
        super().__init__("onnxslim")
        self.slim = slim


def without_identities(model: Any) -> Any:
    slim = onnx.ModelProto()
    slim.CopyFrom(model)
    [last] = [node for node in slim.graph.node if node.op_type == "Identity"]
    next(node for node in slim.graph.node if node.output[0] == last.input[0]).output[0] = last.output[0]
    slim.graph.node.remove(last)
    return slim


def broken(model: Any) -> Any:
    slim = without_identities(model)
    slim.graph.initializer[0].raw_data = bytes(len(slim.graph.initializer[0].raw_data))
    return slim


def failing(model: Any) -> Any:
    raise RuntimeError("unknown\nnode")


@pytest.mark.parametrize(
    ("slim", "message"),
    [
        (without_identities, ""),
        (broken, "simplify changes output"),
        (failing, "onnxslim cannot simplify the model: unknown node"),
        (lambda model: None, "gave no model back"),
    ],
)
def test_simplify_is_held_to_what_the_model_computed(
    slim: Any, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxslim", FakeSlim(slim))
    if message:
        with pytest.raises(GraphError, match=message):
            apply(tmp_path, image_model(), [{"pass": "simplify"}])
    else:
        [done] = apply(tmp_path, image_model(), [{"pass": "simplify"}])["passes"]
        assert done == {"pass": "simplify", "changes": ["3 nodes before, 2 now"], "max_abs_diff": 0.0}


def test_simplify_without_onnxslim_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxslim", None)
    with pytest.raises(GraphError, match=r"pip install 'dsimport\[reference\]'"):
        apply(tmp_path, image_model(), [{"pass": "simplify"}])


@given(st.binary(max_size=300))
def test_bytes_that_are_no_model_are_refused_in_one_line(data: bytes) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        (Path(folder) / "source.onnx").write_bytes(data)
        request = {
            "source": f"{folder}/source.onnx",
            "input": "image",
            "image": [3, 8, 8],
            "pixels": UNIT,
            "passes": [],
        }
        with pytest.raises(GraphError) as caught:
            run_passes({**request, "target": f"{folder}/target.onnx"}, lambda line: None)
        assert "\n" not in str(caught.value)


def test_weights_beside_a_model_that_is_too_large_for_one_file(tmp_path: Path) -> None:
    model = image_model()
    weights = np.random.default_rng(1).normal(size=(4, 4, 1, 64)).astype(np.float32)
    model.graph.initializer.append(onnx.numpy_helper.from_array(weights, "big"))
    whole, target = model.SerializeToString(), tmp_path / "m.onnx"
    assert store(model, target, write_bytes, limit=len(whole) - 1) is True
    assert (tmp_path / "m.onnx.data").stat().st_size == weights.nbytes
    assert target.stat().st_size < len(whole) - weights.nbytes + 500
    again = read_model(target)
    np.testing.assert_array_equal(onnx.numpy_helper.to_array(again.graph.initializer[1]), weights)
    assert store(again, target, write_bytes) is False
    assert not (tmp_path / "m.onnx.data").exists()
    assert read_model(target).graph.initializer[1].raw_data == weights.tobytes()


def test_the_probe_tells_one_image_from_a_batch() -> None:
    """A graph that computes everything from the first image passes alone and fails together."""
    model = image_model()
    before = Probe("image", (3, 8, 8), Pixels((1.0,) * 3, (0.0,) * 3), {}).run(model)
    zero = onnx.numpy_helper.from_array(np.array([0]), "first")
    model.graph.initializer.append(zero)
    model.graph.node.insert(0, helper.make_node("Gather", ["image", "first"], ["only"], axis=0))
    model.graph.node[1].input[0] = "only"
    after = Probe("image", (3, 8, 8), Pixels((1.0,) * 3, (0.0,) * 3), {}).run(model)
    assert before is not None
    assert after is not None
    with pytest.raises(GraphError, match="a batch of 2"):
        difference(before, after, "gather")


def test_a_model_that_does_not_run_gives_nothing_to_compare() -> None:
    probe = Probe("image", (3, 8, 8), Pixels((1.0,) * 3, (0.0,) * 3), {})
    assert probe.run(tinydet.build("yolov8")) is None  # its input has another name


ROW = st.tuples(*[st.floats(0, 100, width=32)] * 4, st.floats(0, 1, width=32), st.integers(0, 3).map(float))


@given(st.lists(ROW, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_rows_may_come_in_any_order_and_none_may_be_missing(rows: list[tuple[float, ...]], random: Any) -> None:
    expected = np.array(rows, np.float64)
    shuffled = rows.copy()
    random.shuffle(shuffled)
    assert row_difference(expected, np.array(shuffled), (100, 100), "x") == 0.0
    moved = expected.copy()
    moved[0, 0] += 50.0
    moved[0, 5] += 4
    with pytest.raises(GraphError, match="differ from the family's own post-processing"):
        row_difference(moved, np.array(shuffled), (100, 100), "x")

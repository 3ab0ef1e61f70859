"""fuse-head: the rows in the graph are what the family's own post-processing gives, for every family it knows."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from passes_support import bound, head_model, run, shapes_of

from dsimport.compiler.families import family_names, load_family
from dsimport.compiler.parsers.head import head_data
from dsimport.compiler.preset import CandidatesDecode
from dsimport.runtime.onnx_file import GraphError
from dsimport.runtime.passes.fuse import fuse_head
from dsimport.runtime.passes.probe import row_difference
from dsimport.runtime.verify.head import Head
from dsimport.runtime.verify.inputs import STYLES, random_tensors

# Priors that exist for one input size only, and a head for one class only.
SIZES: dict[str, dict[str, int]] = {
    "ssd-torchvision": {"height": 300, "width": 300},
    "ssdlite-torchvision": {"height": 320, "width": 320},
    "ssd-tf": {"height": 300, "width": 300},
    "yolov7-one-class": {"classes": 1},
}
DENSE = [name for name in family_names() if isinstance(load_family(name).decode, CandidatesDecode)]
ROWS = 50


@pytest.mark.parametrize("select", [None, "argmax", "pairs"])
@pytest.mark.parametrize("name", DENSE)
def test_rows_are_the_best_of_the_familys_own_results(name: str, select: Any) -> None:
    binding = bound(name, **SIZES.get(name, {}))
    head = Head.of(head_data(binding), select)
    model = head_model(binding)
    fuse_head(model, head_data(binding), select, ROWS, "rows")
    onnx.checker.check_model(model)
    rng = np.random.default_rng(3)
    images = [random_tensors(binding.family, binding.dims, shapes_of(binding), rng, style) for style in STYLES]
    feed = {f"in_{i}": np.stack([image[t.name] for image in images]) for i, t in enumerate(binding.tensors)}
    rows = run(model, **feed)["rows"]
    assert rows.shape == (len(STYLES), ROWS, 6)
    assert rows.dtype == np.float32
    for index, image in enumerate(images):
        found = head.detections(image)
        best = found[np.argsort(-found.scores, kind="stable")[: 2 * ROWS]]
        expected = np.column_stack([best.boxes, best.scores, best.classes]).astype(np.float64)
        size = (binding.width, binding.height)
        assert row_difference(expected, rows[index].astype(np.float64), size, name) <= 1e-5
        gap = np.abs(rows[index, :, 4] - best.scores[:ROWS])
        assert gap[best.scores[:ROWS] >= 0.05].max(initial=0) <= 1e-6
        assert gap.max() <= 1e-4  # ONNX Runtime's float32 sigmoid near 0, and the root of it in FCOS
        assert np.diff(rows[index, :, 4]).max() <= 1e-6  # best first, but for the rounding of a sigmoid after TopK


def test_nothing_but_the_rows_is_left() -> None:
    binding = bound("yolov8")
    model = head_model(binding)
    sentences = fuse_head(model, head_data(binding), None, ROWS, "rows")
    assert [item.name for item in model.graph.output] == ["rows"]
    assert sentences == [f"outputs output0 became rows [{ROWS}, 6]"]


@pytest.mark.parametrize("opset", [13, 18, 20])
def test_operator_sets_with_both_forms_of_reducing(opset: int) -> None:
    binding = bound("yolov8")
    model = head_model(binding, opset)
    fuse_head(model, head_data(binding), None, ROWS, "rows")
    onnx.checker.check_model(model, full_check=True)
    tensors = {"in_0": np.random.default_rng(1).random((2, *binding.tensors[0].shape), np.float32)}
    assert run(model, **tensors)["rows"].shape == (2, ROWS, 6)


def test_only_operators_that_tensorrt_has() -> None:
    used = set()
    for name in DENSE:
        binding = bound(name, **SIZES.get(name, {}))
        for select in ("argmax", "pairs"):
            model = head_model(binding)
            fuse_head(model, head_data(binding), select, ROWS, "rows")
            used |= {node.op_type for node in model.graph.node}
    # The list of onnx-tensorrt; none of these needs a plugin.
    supported = "Add ArgMax Cast Concat Div Exp Gather GatherElements Identity MatMul Min Mul ReduceMax Reshape Sigmoid"
    assert used <= {*supported.split(), "Slice", "Softmax", "Sqrt", "Sub", "Tile", "TopK", "Transpose"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"opset": 12}, "fuse-head needs operator set 13, the model has 12"),
        ({"family": "nms-rows"}, "the head of family nms-rows cannot be fused"),
        ({"output": "output0"}, "the model has a tensor 'output0' already"),
        ({"rename": "other"}, "the model has no output 'output0'"),
    ],
)
def test_heads_that_cannot_be_fused_are_refused(change: dict[str, Any], message: str) -> None:
    binding = bound("yolov8")
    model = head_model(binding, change.get("opset", 17))
    if "rename" in change:
        model.graph.output[0].name = model.graph.node[0].output[0] = change["rename"]
    head = head_data(bound(change.get("family", "yolov8")))
    with pytest.raises(GraphError, match=message):
        fuse_head(model, head, None, ROWS, change.get("output", "rows"))

"""Parts of the worker that need no torch: how far a file is from its model, and that it stands alone."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from dsimport.runtime.export.worker import numerics
from dsimport.runtime.export.worker.backbones import offline_checkpoint
from dsimport.runtime.export.worker.numerics import Mismatch, difference, frames, run

FOLDER = Path(numerics.__file__).parent
TOLERANCE = 1e-3


def tensors(rng: np.random.Generator, images: int, queries: int) -> dict[str, np.ndarray]:
    return {"scores": rng.normal(size=(images, queries, 7)), "boxes": rng.uniform(size=(images, queries, 4))}


@settings(deadline=None)
@given(
    seed=st.integers(0, 10_000), images=st.integers(1, 3), queries=st.integers(1, 130), noise=st.sampled_from([0, 9e-4])
)
def test_rounding_and_another_order_of_queries_are_no_difference(
    seed: int, images: int, queries: int, noise: float
) -> None:
    rng = np.random.default_rng(seed)
    wanted = tensors(rng, images, queries)
    order = [rng.permutation(queries) for _ in range(images)]
    found = {
        name: np.stack([tensor[image][order[image]] for image in range(images)])
        + rng.uniform(-noise, noise, tensor.shape)
        for name, tensor in wanted.items()
    }
    assert difference(found, wanted, TOLERANCE) <= noise


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), queries=st.integers(20, 300), share=st.floats(0.02, 1), image=st.integers(0, 1))
def test_wrong_queries_are_found_wherever_they_are(seed: int, queries: int, share: float, image: int) -> None:
    rng = np.random.default_rng(seed)
    wanted = tensors(rng, 2, queries)
    found = {name: tensor.copy() for name, tensor in wanted.items()}
    wrong = rng.choice(queries, max(1, int(np.ceil(share * queries))), replace=False)
    found["boxes"][image, wrong, 2] += 0.02 + rng.uniform(0, 1, len(wrong))
    with pytest.raises(Mismatch, match=f"queries of image {image}"):
        difference(found, wanted, TOLERANCE)


def test_shapes_and_one_query_twice_count() -> None:
    wanted = tensors(np.random.default_rng(0), 1, 50)
    with pytest.raises(Mismatch, match="scores is"):
        difference({**wanted, "scores": wanted["scores"][:, :49]}, wanted, TOLERANCE)
    doubled = {name: tensor[:, [0] * 50] for name, tensor in wanted.items()}
    with pytest.raises(Mismatch, match="49 of 50"):
        difference(doubled, wanted, TOLERANCE)


def test_of_many_queries_a_few_may_be_others() -> None:
    wanted = tensors(np.random.default_rng(0), 1, 300)
    found = {name: tensor.copy() for name, tensor in wanted.items()}
    found["scores"][0, :3] += 5  # chosen for a score that ties
    assert difference(found, wanted, TOLERANCE) == 0
    found["scores"][0, 3] += 5
    with pytest.raises(Mismatch, match="4 of 300"):
        difference(found, wanted, TOLERANCE)


def test_the_frames_are_different_images_in_one_range() -> None:
    images = frames(4, [3, 33, 50])
    assert images.shape == (4, 3, 33, 50)
    assert images.dtype == np.float32
    assert min(np.abs(images[a] - images[b]).max() for a in range(4) for b in range(a)) > 0.5
    assert np.abs(images).max() < 6
    assert np.array_equal(images[:1], frames(1, [3, 33, 50]))


def test_a_file_that_kept_the_batch_it_was_made_with_does_not_run(tmp_path: Path) -> None:
    node = helper.make_node("Reshape", ["x", "shape"], ["y"])
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3, 2, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3, 4])],
        [helper.make_tensor("shape", TensorProto.INT64, [3], [2, 3, 4])],
    )
    path = tmp_path / "m.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))
    outputs = {"boxes": {"of": "y", "name": "y"}}
    [found] = run(path, "x", outputs, [np.ones((2, 3, 2, 2), np.float32)])
    assert found["boxes"].shape == (2, 3, 4)
    with pytest.raises(Exception, match="Reshape"):
        run(path, "x", outputs, [np.ones((1, 3, 2, 2), np.float32)])


TIMM = {"backbone": "resnet50", "use_timm_backbone": True, "use_pretrained_backbone": True}
OPTIONS = {"backbone_config": None, "backbone_kwargs": {"in_chans": 3, "out_indices": [1, 2, 3, 4]}}
SECTION = {"model_type": "timm_backbone", "backbone": "resnet50", "use_pretrained_backbone": False}


@pytest.mark.parametrize(
    ("config", "major", "wanted"),
    [
        ({"dilation": False}, 4, {"dilation": False}),
        (TIMM, 5, {**TIMM, "use_pretrained_backbone": False}),
        ({**TIMM, **OPTIONS}, 4, {**TIMM, **OPTIONS, "use_pretrained_backbone": False}),
        (
            {**TIMM, **OPTIONS},
            5,
            {
                "use_pretrained_backbone": False,
                "backbone_config": {**SECTION, "num_channels": 3, "out_indices": [1, 2, 3, 4]},
            },
        ),
        ({"backbone_config": {**SECTION, "use_pretrained_backbone": True}}, 5, {"backbone_config": SECTION}),
        # Options of timm that read files are left out.
        (
            {**TIMM, "backbone_kwargs": {"checkpoint_path": "evil.bin", "img_size": 96}},
            4,
            {**TIMM, "use_pretrained_backbone": False, "backbone_kwargs": {"img_size": 96}},
        ),
    ],
)
def test_no_hub_is_asked_for_the_weights_of_a_backbone(
    config: dict[str, Any], major: int, wanted: dict[str, Any], tmp_path: Path
) -> None:
    source, work = tmp_path / "source", tmp_path / "work"
    source.mkdir()
    work.mkdir()
    (source / "config.json").write_text(json.dumps(config), "utf-8")
    (source / "model.safetensors").write_bytes(b"weights")
    made = offline_checkpoint(source, work, major)
    assert json.loads((made / "config.json").read_text("utf-8")) == wanted
    assert (made == source) == (config == wanted)
    assert (made / "model.safetensors").read_bytes() == b"weights"
    assert json.loads((source / "config.json").read_text("utf-8")) == config


@pytest.mark.parametrize("name", ["hf-hub:acme/evil", "local-dir:/tmp/evil", "a b"])
@pytest.mark.parametrize("section", [False, True])
def test_a_backbone_is_a_name_and_no_address(name: str, section: bool, tmp_path: Path) -> None:
    config = {"backbone": name}
    (tmp_path / "config.json").write_text(json.dumps({"backbone_config": config} if section else config), "utf-8")
    with pytest.raises(ValueError, match="none of timm"):
        offline_checkpoint(tmp_path, tmp_path / "work", 5)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.name)
def test_the_worker_stands_alone(path: Path) -> None:
    """The environment it runs in has no dsimport, and only its own folder is there."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            assert all(not alias.name.startswith("dsimport") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level <= 1
            assert not (node.module or "").startswith("dsimport")

"""What a file declares, and files that declare nothing."""

from __future__ import annotations

import hashlib
from pathlib import Path

import onnx
import pytest
from graph_support import model_of
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from dsimport.runtime.inspect_onnx import GraphError, ModelFacts, TensorFacts, inspect
from dsimport.runtime.onnx_file import read_model


def test_the_declarations_of_a_file(tmp_path: Path) -> None:
    model = model_of(input_dims=["N", 3, 8, 8], outputs=[("scores", ["N", 4, None, 8])], ir_version=3)
    model.producer_name, model.producer_version = "pytorch", "1.2"
    helper.set_model_props(model, {"task": "detect", "names": "{0: 'a'}"})
    path = tmp_path / "m.onnx"
    onnx.save(model, path)
    assert inspect(path) == ModelFacts(
        inputs=(TensorFacts("images", "float32", (None, 3, 8, 8)),),
        outputs=(TensorFacts("scores", "float32", (None, 4, None, 8)),),
        opset=17,
        producer="pytorch 1.2",
        metadata={"task": "detect", "names": "{0: 'a'}"},
        size=path.stat().st_size,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        external_files=(),
    )


def test_an_undeclared_shape_and_weights_outside_are_seen(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    onnx.save(
        model_of(outputs=[("scores", None)]), path, save_as_external_data=True, size_threshold=0, location="w.bin"
    )
    facts = inspect(path)
    assert facts.outputs == (TensorFacts("scores", "float32", None),)
    assert facts.external_files == ("w.bin",)
    assert read_model(path).graph.initializer[0].raw_data == (tmp_path / "w.bin").read_bytes()[:432]
    (tmp_path / "w.bin").unlink()
    assert inspect(path) == facts
    with pytest.raises(GraphError, match="cannot load the weights kept outside"):
        read_model(path)


@pytest.mark.parametrize("location", ["../w.bin", "/etc/passwd", "a/../../w.bin"])
def test_weights_outside_of_the_models_folder_are_not_read(tmp_path: Path, location: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    path = folder / "m.onnx"
    onnx.save(model_of(), path, save_as_external_data=True, size_threshold=0, location="w.bin")
    (folder / "w.bin").rename(tmp_path / "w.bin")
    model = onnx.load(path, load_external_data=False)
    for entry in model.graph.initializer[0].external_data:
        if entry.key == "location":
            entry.value = location
    path.write_bytes(model.SerializeToString())
    with pytest.raises(GraphError, match="cannot load the weights kept outside"):
        read_model(path)


@settings(deadline=None)
@given(st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_refused(tmp_path_factory: pytest.TempPathFactory, share: float) -> None:
    data = model_of().SerializeToString()
    path = tmp_path_factory.getbasetemp() / "cut.onnx"
    path.write_bytes(data[: int(len(data) * share)])
    for read in (inspect, read_model):
        with pytest.raises(GraphError, match="not an ONNX model, or cut short"):
            read(path)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_facts_or_an_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.onnx"
    path.write_bytes(data)
    with pytest.raises(GraphError):
        inspect(path)


@settings(deadline=None)
@given(st.data())
def test_a_damaged_file_is_facts_or_an_error(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    content = bytearray(model_of().SerializeToString())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.onnx"
    path.write_bytes(content)
    try:
        assert inspect(path).size == len(content)
    except GraphError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either way out is right


def test_a_path_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.onnx", tmp_path, Path("nul\0byte")):
        with pytest.raises(GraphError, match="cannot read"):
            inspect(path)


def test_an_output_that_is_no_tensor_is_refused(tmp_path: Path) -> None:
    model = model_of([helper.make_node("SequenceConstruct", ["scores"], ["list"])])
    model.graph.output.append(helper.make_tensor_sequence_value_info("list", TensorProto.FLOAT, None))
    onnx.save(model, tmp_path / "m.onnx")
    with pytest.raises(GraphError, match="'list' is not a tensor"):
        inspect(tmp_path / "m.onnx")


def test_a_model_of_another_operator_set_is_refused(tmp_path: Path) -> None:
    model = model_of()
    model.opset_import[0].domain = "com.example"
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(GraphError, match="standard ONNX operators"):
        inspect(tmp_path / "m.onnx")


def test_reading_leaves_no_descriptor_open(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    onnx.save(model_of(), path)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        inspect(path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before

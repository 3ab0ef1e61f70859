"""What `dsimport init` refuses before anything is built or written, each time with what to do instead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hub_server import Fault, HubServer
from init_support import DETR_FILES, LAYOUTS, YOLO, Layout, Out, Run, build, json_bytes, refusal
from layout_models import number, pixel, probability


@pytest.mark.parametrize(
    ("files", "code", "words"),
    [
        ({"README.md": b"x"}, "A0241", "no model"),
        ({"m.etlt": b"x"}, "A0245", "encrypted"),
        ({"m.engine": b"x", "notes.txt": b"x"}, "A0245", "one TensorRT version"),
        (
            {"config.json": json_bytes({"architectures": ["VitForImageClassification"]}), "model.safetensors": b"x"},
            "A0210",
            "not an object detector",
        ),
        ({"config.json": json_bytes({"model_type": "pp_ocrv5_server_det"}), "m.onnx": b"x"}, "A0210", "segmentation"),
        ({"config.json": json_bytes({"model_type": "wav2vec2"}), "model.bin": b"x"}, "N0501", "no family knows it"),
        ({"model.safetensors": b"x"}, "N0501", "no config.json"),
        ({"config.json": b"[" * 5000, "model.onnx": b"x"}, "A0203", "cannot read"),
        ({"config.json": json_bytes({"id2label": 7, "model_type": ["x"]}), "model.bin": b"x"}, "N0501", "no family"),
        ({"config.json": json_bytes({"pad": "x" * (17 << 20)}), "model.bin": b"x"}, "A0203", "too many"),
        ({"model.onnx": b"not ONNX"}, "A0301", "not an ONNX model"),
    ],
)
def test_repositories_that_are_refused(
    init: Run, hub: HubServer, tmp_path: Path, files: dict[str, bytes], code: str, words: str
) -> None:
    hub.repository("acme/other", files)
    found, message, _ = refusal(init("acme/other", code=1))
    assert (found, words in message) == (code, True), message
    assert not (tmp_path / "recipes").exists()


def test_repositories_that_want_a_token(init: Run, hub: HubServer) -> None:
    hub.token = "hf_secret"
    hub.repository("acme/gated", DETR_FILES, gated=True)
    code, _, fix = refusal(init("acme/gated", code=1))
    assert (code, "HF_TOKEN" in fix) == ("A0233", True)
    hub.repository("acme/private", DETR_FILES, private=True)
    assert refusal(init("acme/private", code=1))[0] == "A0232"
    hub.faults.append(Fault("/api/models/", times=9, status=403))
    assert refusal(init("acme/private", code=1))[0] == "A0232"


def channels_last() -> bytes:
    from onnx import TensorProto, helper

    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 64, 64, 3])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 64, 64, 3])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [image], [out])
    return bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString())


def edited(change: Callable[[Any], None], layout: Layout = YOLO) -> bytes:
    """A layout's file with its protobuf changed."""
    import onnx

    model = onnx.load_from_string(build(layout))
    change(model)
    return bytes(model.SerializeToString())


def no_batch(model: Any) -> None:
    """What is left of all images is one result, as in a finished export."""
    from onnx import helper

    output = model.graph.output[0]
    model.graph.node[-1].output[0] = "all"
    model.graph.node.append(helper.make_node("ReduceMax", ["all"], [output.name], axes=[0], keepdims=0))
    del output.type.tensor_type.shape.dim[0]


def first_image_only(model: Any) -> None:
    """Zeros for every image but the first, as Ultralytics' nms=True, dynamic=True, batch=1 has them."""
    import numpy as np
    from onnx import helper, numpy_helper

    graph, output = model.graph, model.graph.output[0]
    graph.node[-1].output[0] = "all"
    for name, value in (("zero", 0), ("one", 1), ("end", 2**31 - 1), ("axis", 0)):
        graph.initializer.append(numpy_helper.from_array(np.array([value]), name))
    graph.node.extend(
        [
            helper.make_node("Slice", ["all", "zero", "one", "axis"], ["first"]),
            helper.make_node("Slice", ["all", "one", "end", "axis"], ["rest"]),
            helper.make_node("Sub", ["rest", "rest"], ["nothing"]),
            helper.make_node("Concat", ["first", "nothing"], [output.name], axis=0),
        ]
    )


def plugin(model: Any) -> None:
    model.graph.node[-1].op_type = "EfficientNMS_TRT"


def integers(model: Any) -> None:
    from onnx import TensorProto, helper

    model.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    first = model.graph.node[0]
    name, first.input[0] = first.input[0], "floats"
    model.graph.node.insert(0, helper.make_node("Cast", [name], ["floats"], to=TensorProto.FLOAT))


def extra_input(name: str) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        from onnx import TensorProto, helper

        model.graph.input.append(helper.make_tensor_value_info(name, TensorProto.INT64, ["n", 16]))

    return change


UNKNOWN = Layout("", (Out("a", (11, 13, 17), (pixel,)), Out("b", (19, 2), (pixel,))), labels=3)
ROWS = LAYOUTS["ultralytics NMS-free rows"]


@pytest.mark.parametrize(
    ("make", "code", "words"),
    [
        (channels_last, "N0503", "channels last"),
        (lambda: edited(integers), "N0503", "uint8"),
        (lambda: edited(no_batch), "N0502", "not the batch"),
        (lambda: edited(first_image_only, ROWS), "N0502", "image 1 of a batch of 2"),
        (lambda: edited(extra_input("input_ids")), "N0504", "input_ids"),
        (lambda: edited(extra_input("pixel_mask")), "N0504", "pixel_mask"),
        (lambda: edited(plugin), "N0511", "EfficientNMS_TRT"),
        (lambda: build(replace(YOLO, metadata={**YOLO.metadata, "task": "segment"})), "N0506", "segment"),
        (lambda: build(replace(YOLO, metadata={})), "N0508", "any size"),
        (lambda: build(UNKNOWN), "N0501", "a [11, 13, 17], b [19, 2]"),
    ],
)
def test_models_that_nvinfer_cannot_serve(
    init: Run, tmp_path: Path, make: Callable[[], bytes], code: str, words: str
) -> None:
    (tmp_path / "m.onnx").write_bytes(make())
    (tmp_path / "labels.txt").write_text("a\nb\nc\n", "utf-8")
    found, message, _ = refusal(init("m.onnx", "--labels", "labels.txt", code=1))
    assert (found, words in message) == (code, True), message
    assert not (tmp_path / "recipes").exists()


def test_a_batch_that_is_only_declared_is_no_reason_to_refuse(init: Run, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(build(YOLO, batch=1))
    assert init("m.onnx")["family"] == "yolov8"


def test_labels_are_needed_and_checked(init: Run, tmp_path: Path) -> None:
    rows = Layout("nms-rows", (Out("output0", (300, 6), (pixel, pixel, pixel, pixel, probability, number)),))
    for name, made in (("bare", replace(ROWS, metadata={})), ("yolo", YOLO), ("rows", rows)):
        (tmp_path / f"{name}.onnx").write_bytes(build(made))
    evil = {**YOLO.metadata, "names": str({0: "a", 1: "b\n[property]", 2: "c"})}
    (tmp_path / "evil.onnx").write_bytes(build(replace(YOLO, metadata=evil)))
    (tmp_path / "two.txt").write_text("a\nb\n", "utf-8")
    (tmp_path / "bad.txt").write_text("a\nb;c\nd\n", "utf-8")
    code, message, fix = refusal(init("bare.onnx", code=1))
    assert (code, "nothing names the classes" in message, "--labels" in fix) == ("N0507", True, True)
    code, message, fix = refusal(init("evil.onnx", code=1))
    assert (code, "line break" in message, "--labels" in fix) == ("N0507", True, True)
    assert refusal(init("yolo.onnx", "--labels", "bad.txt", code=1))[0] == "N0321"
    assert refusal(init("yolo.onnx", "--labels", "two.txt", code=1))[0] == "N0507"
    holes = {**YOLO.metadata, "names": str({0: "a", 2: "c"})}
    (tmp_path / "holes.onnx").write_bytes(build(replace(YOLO, metadata=holes)))
    assert init("holes.onnx")["values"]["model.labels"] == ["a", "unused_1", "c"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("../../etc-none",), "N0510"),
        (("no-such-file.onnx",), "N0510"),
        (("https://user:pass@example.com/m.onnx",), "N0510"),
        (("https://huggingface.co/datasets/acme/x",), "N0510"),
        (("m.onnx", "--family", "yolov9"), "N0401"),
        (("m.onnx", "--family", "./none.yaml"), "N0402"),
        (("m.onnx", "--labels", "none.txt"), "N0322"),
        (("m.onnx", "--name", "../../evil"), "R0106"),
        (("m.onnx", "--frames", "0"), "R0105"),
        (("m.onnx", "--min-detection-rate", "2"), "R0105"),
    ],
)
def test_command_lines_that_mean_nothing(init: Run, tmp_path: Path, words: tuple[str, ...], code: str) -> None:
    (tmp_path / "m.onnx").write_bytes(build(YOLO))
    before = sorted(path.name for path in tmp_path.parent.iterdir())
    assert refusal(init(*words, code=1))[0] == code
    assert sorted(path.name for path in tmp_path.parent.iterdir()) == before
    assert not (tmp_path / "recipes").exists()

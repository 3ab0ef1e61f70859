"""What ref-deepstream-app refuses or fails at: exit 255, the reason on stderr, never a traceback."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from refapp_support import Case, write_clip, write_model

from dsimport.runtime.reference.app import main

Run = Callable[..., Any]


def failing(outcome: Any, *reasons: str) -> None:
    assert outcome.code == 255
    assert outcome.out.endswith("Quitting\nApp run failed\n")
    for reason in reasons:
        assert reason in outcome.err
    assert "Traceback" not in outcome.err + outcome.out
    assert "Internal error" not in outcome.err


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"process-mode": 2}, "does not support process-mode=2"),
        ({"network-type": 1}, "does not support network-type=1"),
        ({"cluster-mode": 1}, "does not support cluster-mode=1 (DBSCAN"),
        ({"cluster-mode": None, "enable-dbscan": 1}, "does not support cluster-mode=1"),
        ({"output-io-formats": "rows:fp16:chw"}, "does not support output-io-formats=rows:fp16:chw"),
        ({"input-tensor-from-meta": "yes"}, "as a boolean"),
        ({"gie-unique-id": 0}, "gie-unique-id of group [property] (0) should be >= 1"),
        ({"gie-unique-id": None}, "Unique ID not set"),
        ({"batch-size": 0}, "should be in the range [1,1024]"),
        ({"batch-size": 1025}, "should be in the range [1,1024]"),
        ({"network-mode": 4}, "Invalid value for 'network-mode':'4'"),
        ({"cluster-mode": 5}, "Invalid value for 'cluster-mode':'5'"),
        ({"model-color-format": 3}, "Invalid value for 'model-color-format':'3'"),
        ({"model-color-format": 2}, "model-color-format 2 needs 1 channel(s), the network has 3"),
        ({"infer-dims": "3;48"}, "array length is 2. Should be 3."),
        ({"infer-dims": "3,48,64"}, "cannot be interpreted as a number"),
        ({"infer-dims": "3;0;64"}, "not positive"),
        ({"offsets": "1;2"}, "offsets has 2 values, the network has 3 channels"),
        ({"offsets": "1;2;3;4;5"}, "array length is 5"),
        ({"net-scale-factor": "0.5 "}, "as a float number"),
        ({"mean-file": "none.ppm"}, "Could not open mean image file"),
        ({"num-detected-classes": 0}, "num-detected-classes is 0: nvinfer crashes"),
        ({"num-detected-classes": -1}, "means 4294967295 classes"),
        ({"labelfile-path": "none.txt"}, "Could not open labels file"),
        ({"labelfile-path": ""}, "Could not open labels file"),
        ({"labelfile-path": "labels.txt/x"}, "Could not parse labelfile-path"),
        ({"onnx-file": None}, "no model file matched"),
        ({"onnx-file": "none.onnx"}, "cannot read"),
        ({"custom-lib-path": "none.so"}, "Could not open custom lib"),
        ({"custom-lib-path": "labels.txt"}, "Could not open custom lib"),
        ({"custom-lib-path": None}, "custom-lib-path is not set"),
        ({"parse-bbox-func-name": None}, "parse-bbox-func-name is not set"),
        ({"parse-bbox-func-name": "Nope"}, "Could not find bbox parse function 'Nope'"),
        ({"parse-bbox-func-name": "ParseFalse"}, "ParseFalse returned false"),
        ({"model-file": "a.caffemodel"}, "does not support model-file="),
        ({"raw-output-file-write": 1}, "does not support raw-output-file-write"),
    ],
)
def test_nvinfer_keys(case: Case, run: Run, keys: Mapping[str, object], reason: str) -> None:
    case.nvinfer(**keys)
    failing(run(case.app()), reason, "ERROR from primary_gie: ")


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"topk": -1}, "topk of group [class-attrs-all] (-1) should be >= 0"),
        ({"nms-iou-threshold": 1.5}, "should be in the range [0,1]"),
        ({"pre-cluster-threshold": -0.1}, "should be >= 0"),
        ({"border-color": "1;0;0"}, "array length is 3. Should be 4."),
        ({"detected-max-h": "x"}, "cannot be interpreted as a number"),
    ],
)
def test_class_keys(case: Case, run: Run, keys: Mapping[str, object], reason: str) -> None:
    case.nvinfer(keys)
    failing(run(case.app()), reason, "Configuration file parsing failed")


@pytest.mark.parametrize(
    ("group", "reason"),
    [
        ("class-attrs-2", "Attributes specified for class 2 while element has been configured"),
        ("class-attrs-foo", "should be specified using group name"),
    ],
)
def test_class_groups(case: Case, run: Run, group: str, reason: str) -> None:
    path = case.nvinfer()
    path.write_text(path.read_text() + f"[{group}]\ntopk=1\n")
    failing(run(case.app()), reason)


def test_dbscan_inside_mode_three_is_refused(case: Case, run: Run) -> None:
    case.nvinfer({"minBoxes": 1}, cluster_mode=3)
    failing(run(case.app()), "does not support minBoxes=1 in cluster-mode 3")
    case.nvinfer({"minBoxes": 0}, cluster_mode=3)
    assert run(case.app()).code == 0


@pytest.mark.parametrize(
    ("group", "keys", "reason"),
    [
        ("source0", {"type": 4}, "does not support type=4 (RTSP)"),
        ("source0", {"type": 1}, "does not support type=1 (V4L2 camera)"),
        ("source0", {"type": 0}, "does not support type=0"),
        ("source0", {"uri": "rtsp://host/x"}, "file:// only"),
        ("source0", {"uri": None}, "has no uri"),
        ("source0", {"type": "x"}, "cannot be interpreted as a number"),
        ("source0", {"enable": 0}, "no source is enabled"),
        ("source0", {"enable": None}, "no source is enabled"),
        ("source0", {"type": 3, "uri": "file://a%20b%d.mp4"}, "a printf directive that does not take"),
        ("source0", {"type": 3, "uri": "file://a%s.mp4"}, "a printf directive that does not take"),
        ("source0", {"type": 3, "uri": "file://a%"}, "a printf directive that does not take"),
        ("source0", {"type": 3, "num-sources": 1025}, "App supports max 1024 sources"),
        ("sourcex", {"enable": 1}, "is not in the form"),
        ("source-list", {"list": "a"}, "[source-attr-all] group not present"),
        ("sink0", {"type": 2}, "does not support type=2 (EGL)"),
        ("sink0", {"type": 4}, "does not support type=4 (UDP or RTSP)"),
        ("sink0", {"type": 3}, "has no output-file"),
        ("sink0", {"type": 3, "output-file": "x.avi", "container": 7}, "is neither 1 nor 2"),
        ("streammux", {"width": 0}, "needs width and height"),
        ("streammux", {"height": None}, "needs width and height"),
        ("streammux", {"enable-padding": 1}, "does not support enable-padding=1"),
        ("tracker", {"enable": 1}, "does not support [tracker]"),
        ("tiled-display", {"enable": 1}, "does not support [tiled-display]"),
        ("secondary-gie0", {"enable": 1}, "does not support [secondary-gie0]"),
        ("primary-gie", {"config-file": None}, "Config file not provided"),
        ("primary-gie", {"plugin-type": 1}, "does not support plugin-type=1"),
        ("tests", {"pipeline-recreate-sec": 5}, "does not support pipeline-recreate-sec=5"),
        ("application", {"enable-perf-measurement": 1}, "divides by zero"),
    ],
)
def test_application_keys(case: Case, run: Run, group: str, keys: Mapping[str, object], reason: str) -> None:
    failing(run(case.app({group: keys})), reason, "Failed to parse config file")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("app.yml", "", "the YAML form is not supported"),
        ("app.yaml", "", "the YAML form is not supported"),
        ("app.ini", "", "is not parsed"),
        ("none.txt", None, "No such file or directory"),
        ("app.txt", "nonsense", "not a key-value pair"),
        ("app.txt", "\ufeff[application]\n", "not a key-value pair"),
    ],
)
def test_application_files(tmp_path: Path, run: Run, name: str, content: str | None, reason: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    failing(run(path), reason)


def test_nvinfer_files(case: Case, run: Run) -> None:
    for name, reason in (("none.txt", "No such file"), ("labels.txt", "not a key-value pair"), ("x.yml", "YAML form")):
        failing(run(case.app({"primary-gie": {"config-file": name}})), reason, "Configuration file parsing failed")
    (case.folder / "empty.txt").write_text("[other]\n")
    failing(run(case.app({"primary-gie": {"config-file": "empty.txt"}})), "Could not find group property")


@pytest.mark.parametrize("keep", [0, 100, 0.5, 0.95])
def test_truncated_videos(case: Case, run: Run, keep: float) -> None:
    clip = write_clip(case.folder / "clip.mp4", list(range(0, 250, 5)), (320, 240))
    data = clip.read_bytes()
    clip.write_bytes(data[: int(keep if keep > 1 else keep * len(data))])
    failing(run(case.app()), "ERROR from src_elem0: ", f"Debug info: file://{clip}")


def test_a_video_whose_data_ends_early(case: Case, run: Run) -> None:
    """The index is at the front, so the file opens; the frames it promises are not all there."""
    import av

    clip = case.folder / "clip.mp4"
    whole = write_clip(case.folder / "whole.mp4", list(range(0, 250, 5)), (320, 240))
    with av.open(str(whole)) as source, av.open(str(clip), "w", options={"movflags": "faststart"}) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) * 2 // 3])
    failing(run(case.app()), "ERROR from src_elem0: ")


@pytest.mark.parametrize("content", [None, b"", b"not a video", bytes(5000)])
def test_files_that_are_no_video(case: Case, run: Run, content: bytes | None) -> None:
    (case.folder / "clip.mp4").unlink()
    if content is not None:
        (case.folder / "clip.mp4").write_bytes(content)
    failing(run(case.app()), "ERROR from src_elem0: ")


def test_one_bad_source_of_three_ends_the_run(case: Case, run: Run) -> None:
    (case.folder / "bad.mp4").write_bytes(b"x" * 100)
    good = {"enable": 1, "type": 2, "uri": "file://clip.mp4"}
    groups = {"source1": {**good, "uri": "file://bad.mp4"}, "source2": good}
    failing(run(case.app(groups)), "ERROR from src_elem1: ")


def test_an_output_file_that_cannot_be_written(case: Case, run: Run) -> None:
    target = case.folder / "nowhere" / "out.mp4"
    failing(run(case.app({"sink0": {"type": 3, "output-file": target}})), "Could not write", str(target))


def identity_model(path: Path, inputs: list[Any], elem: int = TensorProto.FLOAT) -> None:
    graph = helper.make_graph(
        [helper.make_node("Identity", [inputs[0].name], ["rows"])],
        "g",
        inputs,
        [helper.make_tensor_value_info("rows", elem, None)],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)


def test_models_that_nvinfer_cannot_take(case: Case, run: Run) -> None:
    model = case.folder / "model.onnx"
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, 48, 64])
    data = model.read_bytes()
    model.write_bytes(data[: len(data) // 2])
    failing(run(case.app()), "NVDSINFER_CONFIG_FAILED")
    identity_model(model, [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 9])])
    failing(run(case.app()), "needs a first input of rank 4")
    identity_model(model, [image, helper.make_tensor_value_info("size", TensorProto.FLOAT, ["n", 2])])
    failing(run(case.app()), "more inputs than the image ('size')")
    identity_model(
        model, [helper.make_tensor_value_info("image", TensorProto.FLOAT16, ["n", 3, 48, 64])], TensorProto.FLOAT16
    )
    failing(run(case.app()), "is float16; nvinfer writes float32 into it")
    identity_model(model, [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, "h", "w"])])
    case.nvinfer(infer_dims=None)
    failing(run(case.app()), "Explicit config dims is invalid")


def test_a_model_that_fails_while_it_runs(case: Case, run: Run) -> None:
    """Its batch is baked into a Reshape, so two frames at once do not fit."""
    model = onnx.load(write_model(case.folder / "model.onnx", [(0, 0.9, 0, 0, 1, 1)]))
    model.graph.initializer[2].CopyFrom(numpy_helper.from_array(np.array([1, 1, 6]), "shape"))
    onnx.save(model, case.folder / "model.onnx")
    case.nvinfer(batch_size=2)
    groups = {"source0": {"type": 3, "num-sources": 2}, "streammux": {"batch-size": 2}}
    failing(run(case.app(groups)), "Failed to queue input batch for inferencing")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "Specify config file with -c option"),
        (["--nonsense"], "Unknown option --nonsense"),
        (["-c"], "Missing argument for -c"),
        (["-i", "file:///x", "-c", "a.txt"], "does not support -i"),
        (["--abi", "7", "-c", "a.txt"], "take 8 or 9, not '7'"),
    ],
)
def test_command_line(capfd: pytest.CaptureFixture[str], arguments: list[str], reason: str) -> None:
    assert main(arguments) == 255
    assert reason in capfd.readouterr().err


@pytest.mark.parametrize(
    ("option", "wanted"), [("--help", "--cfg-file"), ("-h", "--abi 8|9"), ("-v", "DeepStreamSDK 9")]
)
def test_help_and_version(capfd: pytest.CaptureFixture[str], option: str, wanted: str) -> None:
    assert main([option]) == 0
    assert wanted in capfd.readouterr().out


def test_config_options_may_be_attached(case: Case) -> None:
    app = case.app()
    assert main([f"-c{app}", "-t", "--gst-debug=3"]) == 0
    assert main([f"--cfg-file={app}"]) == 0


def test_object_layout_by_option_and_environment(
    case: Case, run: Run, compile_parsers: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    case.nvinfer(custom_lib_path=compile_parsers(8))
    assert run(case.app(), options=("--abi=8",)).code == 0
    wanted = case.kitti()
    monkeypatch.setenv("DSIMPORT_REF_ABI", "8")
    assert run(case.app()).code == 0
    assert case.kitti() == wanted
    case.nvinfer(custom_lib_path=compile_parsers(8, 24))
    monkeypatch.setenv("DSIMPORT_REF_ABI", "9")
    failing(run(case.app()), "compiled for objects of 24 bytes, not 28")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.sampled_from(["app.txt", "nvinfer.txt"]),
    st.integers(0, 10_000),
    st.sampled_from(["", "\0", "%", "=", "[", "\\", "999999999999", "-1", "é", "\n", "../", "$(x)"]),
)
def test_damaged_configs_never_end_in_a_traceback(case: Case, name: str, place: int, insert: str) -> None:
    case.nvinfer()
    case.app({"application": {"gie-kitti-output-dir": None}})
    path = case.folder / name
    text = path.read_text()
    place %= len(text)
    path.write_text(text[:place] + insert + text[place + 1 :])
    assert main(["-c", str(case.folder / "app.txt")]) in (0, 255)

"""Whole runs of ref-deepstream-app: files in, KITTI files, video, lines and exit codes out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from refapp_support import Case, write_clip, write_model

from dsimport.runtime.formats.kitti import KittiLine, format_line, parse_line, read_folder
from dsimport.runtime.formats.perf import parse_perf

Run = Callable[..., Any]
PERSON = format_line(KittiLine("person", 4, 6, 24, 16, float(np.float32(0.9))))
CAR = format_line(KittiLine("car", 30, 20, 42, 36, float(np.float32(0.8))))


def test_a_run_writes_one_file_per_frame(case: Case, run: Run) -> None:
    outcome = run(case.app())
    assert outcome.code == 0
    assert case.kitti() == {f"00_000_{frame:06d}.txt": PERSON + CAR for frame in range(6)}
    lines = [line for line in outcome.out.splitlines() if line and not line.startswith(("\t", "Runtime"))]
    assert [line.split(">: ")[-1] for line in lines[1:]] == [
        "Pipeline ready",
        "Pipeline running",
        "Received EOS. Exiting ...",
        "Quitting",
        "App run successful",
    ]
    assert "reference implementation" in lines[0]


def test_detections_follow_the_pixels_of_their_own_frame(case: Case, run: Run) -> None:
    """Four streams of different length, in batches; each frame's box tells its mean colour."""
    write_model(case.folder / "model.onnx", [(0, 0.9, 0, 0, 9, 9)], follow=0.2)
    shades = [range(10, 240, step) for step in (23, 31, 47, 59)]
    sources: dict[str, dict[str, object]] = {}
    for index, values in enumerate(shades):
        write_clip(case.folder / f"clip{index}.mp4", list(values))
        sources[f"source{index}"] = {"enable": 1, "type": 2, "uri": f"file://clip{index}.mp4"}
    case.nvinfer(batch_size=2)
    outcome = run(case.app({**sources, "streammux": {"batch-size": 4}}))
    assert outcome.code == 0
    assert sorted(case.kitti()) == sorted(
        f"00_{index:03d}_{frame:06d}.txt" for index, values in enumerate(shades) for frame in range(len(values))
    )
    for index in range(len(shades)):
        with av.open(str(case.folder / f"clip{index}.mp4")) as container:
            means = [frame.to_ndarray(format="rgb24")[..., 0].mean() for frame in container.decode(video=0)]
        for frame, mean in enumerate(means):
            line = parse_line(case.kitti()[f"00_{index:03d}_{frame:06d}.txt"])
            assert line is not None
            assert line.left == pytest.approx(0.2 * mean, abs=1e-3)


def test_boxes_are_in_pixels_of_the_muxer(case: Case, run: Run) -> None:
    run(case.app({"streammux": {"width": 640, "height": 240}}))
    first = parse_line(case.kitti()["00_000_000000.txt"].splitlines()[0])
    assert first == KittiLine("person", 40, 30, 240, 80, 0.9)


def test_letterboxed_boxes_come_back(case: Case, run: Run) -> None:
    case.nvinfer(infer_dims="3;64;64", maintain_aspect_ratio=1, symmetric_padding=1)
    write_model(case.folder / "model.onnx", [(0, 0.9, 4, 8 + 6, 20, 10)], size=(64, 64))
    run(case.app())
    assert case.kitti()["00_000_000000.txt"] == PERSON


def test_cluster_mode_zero_overrides_the_class_attributes(case: Case, run: Run) -> None:
    spread = [(0, 0.9 - 0.01 * index, 2 * index, 2 * index, 1, 1) for index in range(22)]
    write_model(case.folder / "model.onnx", [*spread, (0, 0.5, 0, 0, 1, 0.6)])
    case.nvinfer({"topk": 100, "nms-iou-threshold": 1}, cluster_mode=None)
    outcome = run(case.app())
    assert "cluster-mode is 0 or absent" in outcome.err
    assert len(case.kitti()["00_000_000000.txt"].splitlines()) == 20
    case.nvinfer({"topk": 100, "nms-iou-threshold": 1})
    assert "cluster-mode is 0" not in run(case.app()).err
    assert len(case.kitti()["00_000_000000.txt"].splitlines()) == 23


def test_a_box_a_thousandth_below_the_frame_disappears_unless_cropped(case: Case, run: Run) -> None:
    write_model(case.folder / "model.onnx", [(0, 0.9, 0, 40, 8, 8.001)])
    run(case.app())
    assert set(case.kitti().values()) == {""}  # the files are there all the same
    case.nvinfer(crop_objects_to_roi_boundary=1)
    run(case.app())
    assert {len(text.splitlines()) for text in case.kitti().values()} == {1}


def test_interval_skips_batches(case: Case, run: Run) -> None:
    case.nvinfer(interval=1)
    run(case.app())
    assert [bool(text) for text in case.kitti().values()] == [True, False] * 3


def test_keys_of_the_application_override_the_nvinfer_file(case: Case, run: Run) -> None:
    case.nvinfer(gie_unique_id=None, batch_size=8, interval=0)
    overrides = {"gie-unique-id": 1, "interval": 5, "batch-size": 2}
    assert run(case.app({"primary-gie": overrides})).code == 0
    assert [bool(text) for text in case.kitti().values()] == [True] + [False] * 5
    assert (case.folder / "model.onnx_b2_gpu0_fp32.engine").is_file()


def test_static_batch_and_nhwc_models(case: Case, run: Run) -> None:
    rows = [(0, 0.9, 4, 6, 20, 10), (1, 0.8, 30, 20, 12, 16)]
    write_model(case.folder / "model.onnx", rows, batch=1)
    assert run(case.app()).code == 0
    write_model(case.folder / "model.onnx", rows, nhwc=True)
    case.nvinfer(network_input_order=1)
    assert run(case.app()).code == 0
    assert set(case.kitti().values()) == {PERSON + CAR}


def test_multi_uri_expands_the_index(case: Case, run: Run) -> None:
    for index in range(2):
        write_clip(case.folder / f"c%_{index:02d}.mp4", [10 * index] * (index + 1))
    app = case.app({"source0": {"type": 3, "num-sources": 2, "uri": "file://c%%_%02d.mp4"}})
    assert run(app).code == 0
    assert list(case.kitti()) == ["00_000_000000.txt", "00_001_000000.txt", "00_001_000001.txt"]


def test_source_list(case: Case, run: Run) -> None:
    lists = {"num-source-bins": 2, "list": "file://clip.mp4;file://clip.mp4", "sensor-id-list": "a;b"}
    lists["sensor-name-list"] = "a;b"
    groups: dict[str, dict[str, object]] = {"source-list": lists, "source-attr-all": {"type": 3}}
    assert run(case.app({**groups, "source0": {"enable": 0}})).code == 0
    assert len(case.kitti()) == 12


def test_drop_frame_interval_keeps_every_nth(case: Case, run: Run) -> None:
    run(case.app({"source0": {"drop-frame-interval": 4}}))
    assert len(case.kitti()) == 2


def test_two_configs_are_two_instances(case: Case, run: Run) -> None:
    assert run(case.app(), case.app(name="second.txt")).code == 0
    assert {name[:2] for name in case.kitti()} == {"00", "01"}


def test_unknown_keys_are_reported_where_the_vendor_does(case: Case, run: Run) -> None:
    case.nvinfer({"tpok": 1}, model_type="x")
    outcome = run(case.app({"source0": {"urri": "x"}, "streammux": {"batch": 1}, "nonsense": {"a": 1}}))
    assert outcome.code == 0
    assert "Unknown or legacy key specified 'model-type' for group [property]\n" in outcome.err
    assert "Unknown key 'tpok' for group [property]\n" in outcome.err
    assert "** WARN: <parse_source:0>: Unknown key 'urri' for group [source0]\n" in outcome.out
    assert "** WARN: <parse_streammux:0>: Unknown key 'batch' for group [streammux]\n" in outcome.out
    assert "nonsense" not in outcome.out + outcome.err


def test_a_label_with_blanks_moves_the_columns_and_is_read_back(case: Case, run: Run) -> None:
    (case.folder / "labels.txt").write_text("traffic light\n\ncar;vehicle\n")
    run(case.app())
    assert case.kitti()["00_000_000000.txt"].splitlines()[0].split()[:3] == ["traffic", "light", "0.0"]
    assert read_folder(case.folder / "kitti").class_counts == {"traffic light": 6, "car": 6}


def test_a_class_without_a_label_has_an_empty_one(case: Case, run: Run) -> None:
    (case.folder / "labels.txt").write_text("person\n")
    run(case.app())
    assert case.kitti()["00_000_000000.txt"] == PERSON + CAR.replace("car", "")


def test_a_video_with_boxes(case: Case, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(case.folder)
    sink = {"type": 3, "output-file": "out file.mp4", "container": 1}
    assert run(case.app({"sink0": sink, "osd": {"enable": 1}, "streammux": {"width": 320, "height": 240}})).code == 0
    with av.open("out file.mp4") as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(stream)]
        assert (stream.codec_context.name, stream.width, stream.height) == ("mpeg4", 320, 240)
    assert len(frames) == 6
    red, green, _ = frames[0][55, 20]  # on the left border of the first box, which is at 20, 30
    assert red > 150 > 80 > green


def test_an_engine_is_built_once_and_used_when_named(case: Case, run: Run) -> None:
    engine = case.folder / "model.onnx_b1_gpu0_fp16.engine"
    case.nvinfer(network_mode=2, model_engine_file=engine.name)
    first = run(case.app())
    assert "will rebuild" in first.err
    assert engine.is_file()
    (case.folder / "model.onnx").unlink()
    second = run(case.app())
    assert (second.code, second.err) == (0, "")


def test_int8_without_calibration_becomes_fp16(case: Case, run: Run) -> None:
    case.nvinfer(network_mode=1, int8_calib_file="missing.bin")
    assert "falls back to fp16" in run(case.app()).err
    assert (case.folder / "model.onnx_b1_gpu0_fp16.engine").is_file()


def test_an_engine_for_smaller_batches_is_rebuilt(case: Case, run: Run) -> None:
    case.nvinfer()
    run(case.app())
    case.nvinfer(batch_size=4, model_engine_file="model.onnx_b1_gpu0_fp32.engine")
    outcome = run(case.app())
    assert "its largest batch 1 is below batch-size 4" in outcome.err
    assert outcome.code == 0


def test_a_missing_kitti_folder_is_said_once(case: Case, run: Run) -> None:
    outcome = run(case.app({"application": {"gie-kitti-output-dir": "nowhere"}}))
    assert outcome.code == 0
    assert outcome.out.count("cannot write") == 1


def program(case: Case, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    code = "import sys; from dsimport.runtime.reference.app import main; sys.exit(main())"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", code, *arguments], cwd=case.folder, **{**pipes, **options})


def endless(case: Case, **application: object) -> Path:
    perf = {"enable-perf-measurement": 1, "perf-measurement-interval-sec": 1, "gie-kitti-output-dir": None}
    groups = {"application": {**perf, **application}, "tests": {"file-loop": 1}}
    return case.app({**groups, "source0": {"type": 3, "num-sources": 2}, "streammux": {"batch-size": 2}})


def test_an_endless_run_prints_rows_and_ends_at_q(case: Case) -> None:
    with program(case, "-c", str(endless(case))) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        lines = []
        while len(parse_perf("".join(lines))) < 2:
            lines.append(process.stdout.readline())
            assert lines[-1], process.stderr.read() if process.stderr else ""
        out, err = process.communicate("q\n", timeout=20)
    rows = parse_perf("".join(lines))
    assert process.returncode == 0
    assert out.endswith("Quitting\nApp run successful\n")
    assert lines.count("**PERF:  FPS 0 (Avg)\tFPS 1 (Avg)\t\n") == 1
    assert all(len(row.instant) == 2 for row in rows)
    assert rows[-1].instant[0] > 6  # more than one round through the clip
    assert err.count("\n") == 1  # the engine's rebuild


def test_sigint_ends_well(case: Case) -> None:
    with program(case, "-c", str(endless(case)), stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        while "Runtime commands" not in process.stdout.readline():
            pass
        time.sleep(0.2)
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert out.endswith("App run successful\n")
    assert "User Interrupted.." in err
    assert "Traceback" not in err


def test_a_synchronised_sink_keeps_the_videos_pace(case: Case, run: Run) -> None:
    started = time.monotonic()
    run(case.app({"sink0": {"sync": 1}}))
    assert time.monotonic() - started >= 5 / 25  # from the first frame to the sixth at 25 per second


def test_a_synchronised_run_matches_a_fast_one(case: Case, run: Run) -> None:
    run(case.app())
    fast = case.kitti()
    run(case.app({"sink0": {"sync": 1}}))
    assert case.kitti() == fast

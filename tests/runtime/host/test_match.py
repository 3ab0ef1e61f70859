"""A host against a plan: versions, and the streams that its decoders carry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from host_support import MadeUp
from hypothesis import given
from hypothesis import strategies as st

from dsimport.compiler.defaults import DEFAULT_VIDEO
from dsimport.compiler.gpus import GPUS, decode_limit, gpu_named
from dsimport.compiler.plan import Plan, Setting
from dsimport.runtime.host.match import Clip, clip_of, decode_note, measured_streams, mismatches

A100 = "NVIDIA A100-SXM4-40GB, 595.58.03, 40960, 8.0"


def plan(toolchain: str = "deepstream", **settings: Any) -> Plan:
    values = {
        "pipeline.deepstream": "9.1",
        "pipeline.tensorrt": "10.16",
        "benchmark.video": DEFAULT_VIDEO,
        "benchmark.target_fps": 30.0,
        "engine.batch_limit": 512,
    } | settings
    return Plan(
        compiler="dsimport 1",
        name="m",
        recipe="recipes/m.yaml",
        home="models/m",
        toolchain=toolchain,  # type: ignore[arg-type]
        inputs=(),
        settings={key: Setting(value=value, origin="recipes/m.yaml:7") for key, value in values.items()},
        steps=(),
    )


def codes(made: MadeUp, wanted: Plan) -> list[str]:
    return [item.code for item in mismatches(made.host, wanted)]


def test_the_versions_that_were_planned_for(made: MadeUp) -> None:
    made.tensorrt()
    made.deepstream()
    assert codes(made, plan()) == []


def test_other_versions_are_errors_with_the_recipe_value_to_change(made: MadeUp) -> None:
    made.tensorrt(tool="100900", library="10.9.0")
    made.deepstream("8.0.0", "10.9")
    first, second = mismatches(made.host, plan())
    assert (first.code, second.code) == ("H0510", "H0511")
    assert first.message == "m is planned for DeepStream 9.1 (recipes/m.yaml:7), this host has 8.0.0"
    assert first.help == ('write pipeline.deepstream: "8.0" into the recipe, or run on a host with DeepStream 9.1',)
    assert 'pipeline.tensorrt: "10.9"' in second.help[0]
    assert codes(made, plan(**{"pipeline.deepstream": "8.0", "pipeline.tensorrt": "10.9"})) == []


def test_trtexec_and_library_must_agree(made: MadeUp) -> None:
    made.tensorrt(tool="101600", library="10.16.1")
    assert codes(made, plan()) == ["H0512"]


def test_the_reference_toolchain_has_every_release(made: MadeUp) -> None:
    made.deepstream("6.4.0", "8.6")
    assert codes(made, plan("reference")) == []


def test_what_does_not_tell_its_version_is_no_mismatch(made: MadeUp) -> None:
    made.says("deepstream-app", "hello")
    made.says("trtexec", "hello")
    made.says("ldconfig", "")
    assert codes(made, plan()) == []


def test_decoders_that_end_first_are_told_beforehand(made: MadeUp) -> None:
    made.gpu(A100)
    note = decode_note(made.host, plan())
    assert note is not None
    # 75 published H.264 streams of 1920x1080; the clip has 1280x720.
    limit = 75 * 1920 * 1080 // (1280 * 720)
    assert note.message == (
        f"NVIDIA A100-SXM4-40GB decodes {limit} streams of this clip at 30 fps; the plan goes up to 512"
    )
    assert note.severity.value == "note"
    assert "not measured" in note.notes[1]
    assert decode_note(made.host, plan(), peak=limit) is None, "inference ends first"
    assert decode_note(made.host, plan("reference")) is None


def test_a_gpu_without_a_published_figure_gets_no_guess(made: MadeUp) -> None:
    made.gpu("NVIDIA L4, 595.58.03, 23034, 8.9")
    assert decode_note(made.host, plan()) is None
    made.gpu("NVIDIA Something 9000, 595.58.03, 23034, 12.0")
    assert decode_note(made.host, plan()) is None


def test_other_clips_are_asked_of_mediainfo(made: MadeUp) -> None:
    assert clip_of(made.host, "recipes/a.mp4") is None, "without mediainfo nothing is assumed"
    track = {"@type": "Video", "Format": "HEVC", "Width": "3840", "Height": "2160", "FrameRate": "25.000"}
    made.says("mediainfo", json.dumps({"media": {"track": [{"@type": "General"}, track]}}))
    assert clip_of(made.host, "recipes/b.mp4") == Clip("h265", 3840, 2160, 25.0)
    for broken in ("", "[]", '{"media": null}', '{"media": {"track": [{"@type": "Video"}]}}'):
        made.says("mediainfo", broken)
        assert clip_of(made.host, f"recipes/{len(broken)}.mp4") is None


def test_the_largest_measured_peak_counts() -> None:
    assert measured_streams({"kitti.rate": 1.0}) is None
    values = {"peak.b64.peak_gpu_streams": 90, "peak.b128.peak_gpu_streams": 110.0, "peak.b256.peak_gpu_streams": None}
    assert measured_streams(values) == 110.0


@pytest.mark.parametrize(
    ("name", "nvdec", "nvenc"),
    [
        ("NVIDIA H100 80GB HBM3", 7, 0),
        ("NVIDIA A100-PCIE-40GB", 5, 0),
        ("NVIDIA A10", 2, 1),
        ("NVIDIA A10G", 2, 1),
        ("Tesla T4", 2, 1),
        ("NVIDIA L40S", 3, 3),
        ("NVIDIA L4", 4, 2),
        ("NVIDIA RTX 6000 Ada Generation", 3, 3),
        ("NVIDIA GeForce RTX 4090", 1, 2),
        ("NVIDIA Jetson Orin Nano Developer Kit", 1, 0),
    ],
)
def test_names_find_their_own_row(name: str, nvdec: int, nvenc: int) -> None:
    gpu = gpu_named(name)
    assert gpu is not None
    assert (gpu.nvdec, gpu.nvenc) == (nvdec, nvenc)


def test_every_figure_names_its_source() -> None:
    assert [gpu.pattern for gpu in GPUS if bool(gpu.streams) != bool(gpu.source)] == []


@given(
    st.sampled_from(["Tesla V100-SXM2-16GB", "NVIDIA A100-SXM4-80GB", "NVIDIA H200"]),
    st.sampled_from(["h264", "h265"]),
    st.integers(16, 8192),
    st.integers(16, 8192),
    st.floats(1, 240),
)
def test_fewer_pixels_never_carry_fewer_streams(name: str, codec: str, width: int, height: int, fps: float) -> None:
    small, large = (decode_limit(name, codec, side, height, fps) for side in (width, width * 2))
    assert small is not None
    assert large is not None
    assert small.streams >= large.streams
    published = decode_limit(name, codec, 1920, 1080, 30)
    gpu = gpu_named(name)
    assert gpu is not None
    assert published is not None
    assert published.streams == gpu.streams[codec]


def test_nonsense_sizes_are_not_answered() -> None:
    for size in ((0, 720, 30.0), (1280, -1, 30.0), (1280, 720, 0.0), (1280, 720, float("nan"))):
        assert decode_limit("NVIDIA A100-SXM4-80GB", "h264", *size) is None


def test_a_clip_is_looked_for_below_the_root(made: MadeUp, tmp_path: Path) -> None:
    made.program("mediainfo", f'echo "$2" > {tmp_path}/asked; exit 1')
    clip_of(made.host, "recipes/a b.mp4")
    assert (tmp_path / "asked").read_text("utf-8") == f"{made.host.work}/recipes/a b.mp4\n"

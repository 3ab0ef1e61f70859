"""Geometry, normalisation and tensor order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from refapp_support import Case, f32

from dsimport.runtime.reference.console import Console
from dsimport.runtime.reference.nvinfer_config import read_nvinfer_config
from dsimport.runtime.reference.preprocess import PreprocessError, Preprocessor, geometry


@pytest.mark.parametrize(
    ("frame", "network", "keep", "symmetric", "wanted"),
    [
        # source, size inside the network, offset
        ((1280, 720), (300, 300), True, False, (1280, 720, 300, 168, 0, 0)),
        ((1280, 720), (300, 300), False, True, (1280, 720, 300, 300, 0, 0)),
        ((1920, 1080), (960, 544), True, True, (1920, 1080, 960, 540, 0, 2)),
        ((1279, 719), (300, 300), True, False, (1278, 718, 300, 168, 0, 0)),
        ((720, 1280), (300, 300), True, True, (720, 1280, 168, 300, 66, 0)),
        ((100, 100), (65, 50), True, True, (100, 100, 50, 50, 7, 0)),  # the odd pixel goes to the right
    ],
)
def test_placement(
    frame: tuple[int, int], network: tuple[int, int], keep: bool, symmetric: bool, wanted: tuple[int, ...]
) -> None:
    place = geometry(frame, network, keep_aspect=keep, symmetric=symmetric)
    got = (place.source_width, place.source_height, place.width, place.height, place.left, place.top)
    assert got == wanted
    assert place.ratio_x == wanted[2] / wanted[0]
    assert place.ratio_y == wanted[3] / wanted[1]


def test_ratios_differ_after_truncation() -> None:
    place = geometry((1280, 720), (300, 300), keep_aspect=True, symmetric=False)
    assert place.ratio_x == 0.234375
    assert round(place.ratio_y, 5) == 0.23333


@given(st.tuples(st.integers(2, 4000), st.integers(2, 4000)), st.tuples(st.integers(32, 2000), st.integers(32, 2000)))
def test_the_frame_lies_inside_the_network(frame: tuple[int, int], network: tuple[int, int]) -> None:
    try:
        place = geometry(frame, network, keep_aspect=True, symmetric=True)
    except PreprocessError:
        assert max(frame) / min(frame) > min(network) / 2  # nothing is left of a very long frame
        return
    assert 0 <= place.left <= network[0] - place.width - place.left <= place.left + 1
    assert 0 <= place.top <= network[1] - place.height - place.top <= place.top + 1
    assert network[0] == place.width or network[1] == place.height


def tensor(case: Case, frame: Any, size: tuple[int, int, int] = (3, 48, 64), **keys: object) -> Any:
    """What the network would get for a frame, with an nvinfer file of these keys."""
    config = read_nvinfer_config(case.nvinfer(**keys), Console())
    preprocessor = Preprocessor(config, size, frame.shape[1::-1])
    out = np.full(preprocessor.shape, np.nan, np.float32)
    preprocessor.write(frame, out)
    return out


@pytest.fixture
def picture() -> Any:
    return np.random.default_rng(7).integers(0, 256, (48, 64, 3), dtype=np.uint8)


@pytest.mark.parametrize("nhwc", [0, 1])
@pytest.mark.parametrize(("color", "order"), [(0, [0, 1, 2]), (1, [2, 1, 0])])
def test_normalisation_is_float32_by_output_channel(
    case: Case, picture: Any, color: int, order: list[int], nhwc: int
) -> None:
    offsets = (123.675, 116.28, 103.53)
    keys = {"net-scale-factor": 0.0173520736, "offsets": "123.675;116.28;103.53"}
    got = tensor(case, picture, **keys, model_color_format=color, network_input_order=nhwc)
    for channel, source in enumerate(order):
        wanted = f32(0.0173520736) * (picture[..., source].astype(np.float32) - f32(offsets[channel]))
        assert np.array_equal(got[..., channel] if nhwc else got[channel], wanted)


@pytest.mark.parametrize("scale", ["0", "-2"])
def test_without_a_positive_scale_offsets_are_ignored(case: Case, picture: Any, scale: str) -> None:
    got = tensor(case, picture, **{"net-scale-factor": scale, "offsets": "1;2;3"})
    assert np.array_equal(got, picture.transpose(2, 0, 1).astype(np.float32))


def test_padding_is_black_before_normalisation(case: Case, picture: Any) -> None:
    keys = {"net-scale-factor": 0.5, "offsets": "10;20;30", "scaling-filter": 0}
    got = tensor(case, picture, (3, 64, 64), **keys, maintain_aspect_ratio=1, symmetric_padding=1)
    inside = f32(0.5) * (
        picture.transpose(2, 0, 1).astype(np.float32) - np.array([10, 20, 30], np.float32)[:, None, None]
    )
    assert np.array_equal(got[:, 8:56], inside)
    for channel, value in enumerate((-5, -10, -15)):
        assert (got[channel, :8] == value).all()
        assert (got[channel, 56:] == value).all()


def test_gray_network(case: Case) -> None:
    shade = np.full((48, 64, 3), 80, np.uint8)
    got = tensor(case, shade, (1, 48, 64), model_color_format=2, **{"net-scale-factor": 2, "offsets": "30"})
    assert got.shape == (1, 48, 64)
    assert (got == 100).all()


@pytest.mark.parametrize("color", [0, 1])
def test_mean_image_keeps_its_own_order(case: Case, picture: Any, color: int) -> None:
    mean = np.random.default_rng(8).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    (case.folder / "mean.ppm").write_bytes(b"P6 64 48 255\n" + mean.tobytes())
    keys = {"net-scale-factor": 0.1, "offsets": "9;9;9", "mean-file": "mean.ppm"}
    got = tensor(case, picture, **keys, model_color_format=color)
    source = picture[..., ::-1] if color else picture
    wanted = f32(0.1) * (source.astype(np.float32) - mean.astype(np.float32))
    assert np.array_equal(got, wanted.transpose(2, 0, 1))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "Could not open"),
        (b"P5 64 48 255\n", "no PPM header"),
        (b"P6 48 64 255\n" + bytes(9216), "not 64x48"),
        (b"P6 64 48 255\n" + bytes(9215), "truncated"),
    ],
)
def test_bad_mean_image(case: Case, picture: Any, content: bytes | None, reason: str) -> None:
    if content is not None:
        (case.folder / "mean.ppm").write_bytes(content)
    with pytest.raises(PreprocessError, match=reason):
        tensor(case, picture, mean_file="mean.ppm")


def test_offsets_must_match_the_channels(case: Case, picture: Any) -> None:
    with pytest.raises(PreprocessError, match="offsets has 2 values"):
        tensor(case, picture, offsets="1;2")


@pytest.mark.parametrize(("chosen", "same"), [("0", "6"), ("5", "6"), ("6", "0")])
def test_default_filter_is_nearest(case: Case, picture: Any, chosen: str, same: str) -> None:
    first, second = (tensor(case, picture, (3, 31, 37), scaling_filter=item) for item in (chosen, same))
    assert np.array_equal(first, second)
    values = set(np.unique(picture).astype(np.float32).tolist())
    assert set(np.unique(first).tolist()) <= values  # nearest invents no value


def test_filters_differ(case: Case, picture: Any) -> None:
    results = [tensor(case, picture, (3, 31, 37), scaling_filter=item) for item in range(5)]
    assert all(not np.array_equal(a, b) for i, a in enumerate(results) for b in results[:i])


def test_too_small_frame() -> None:
    with pytest.raises(PreprocessError, match="too small"):
        geometry((1, 100), (64, 48), keep_aspect=False, symmetric=False)


def test_a_link_to_a_config_starts_from_the_files_own_folder(case: Case, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = elsewhere / "link.txt"
    link.symlink_to(case.nvinfer())
    assert read_nvinfer_config(link, Console()).labels_file == str(case.folder / "labels.txt")

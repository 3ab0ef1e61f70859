"""The number, shape and pool texts of trtexec, as its own C++ library reads them."""

from __future__ import annotations

import math
import string
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsimport.runtime.reference.trtexec_values import (
    BadValue,
    OutOfRange,
    io_formats,
    layer_types,
    memory_pools,
    name_and_text,
    percentiles,
    shape_list,
    stof,
    stoi,
)


@pytest.mark.parametrize(
    ("text", "value"), [("10", 10), ("10.5", 10), ("10abc", 10), ("  7", 7), ("-1", -1), ("+3", 3), ("010", 10)]
)
def test_an_int_is_read_from_the_start(text: str, value: int) -> None:
    assert stoi(text) == value


@pytest.mark.parametrize("text", ["", "a1", "--1", "x10", ".5", "٣"])
def test_what_is_no_int_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadValue, match=r"^stoi$"):
        stoi(text)


@pytest.mark.parametrize("text", ["2147483648", "-2147483649", "9" * 5000])
def test_an_int_outside_32_bits_is_not_caught_by_the_parser(text: str) -> None:
    with pytest.raises(OutOfRange):
        stoi(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.5s", 1.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3x", 1000.0),
        ("-2", -2.0),
        ("0x1p3", 8.0),
        ("0x", 0.0),
        ("inf", math.inf),
    ],
)
def test_a_float_is_read_from_the_start(text: str, value: float) -> None:
    assert stof(text) == value


@pytest.mark.parametrize("text", ["1e39", "9" * 60, "0x1p9999"])
def test_a_float_outside_single_precision_is_not_caught_by_the_parser(text: str) -> None:
    with pytest.raises(OutOfRange):
        stof(text)


@settings(deadline=None)
@given(st.text(max_size=20))
def test_any_text_is_a_number_or_refused(text: str) -> None:
    for read in (stoi, stof):
        with suppress(BadValue, OutOfRange):
            assert isinstance(read(text), int if read is stoi else float)


# facts: the last character is the unit, case-insensitive, base 2; none means M; `32768MiB` and `4GB` end in B.
@pytest.mark.parametrize(
    ("text", "mib"),
    [
        ("32768", 32768.0),
        ("32768M", 32768.0),
        ("32768m", 32768.0),
        ("32G", 32768.0),
        ("512K", 0.5),
        ("32768MiB", 0.03125),
        ("4GB", 4 / 2**20),
        ("0.25M", 0.25),
        ("1e3", 1000.0),
    ],
)
def test_a_pool_size_has_the_unit_of_its_last_character(text: str, mib: float) -> None:
    assert memory_pools(f"workspace:{text}") == {"workspace": mib}


def test_shared_memory_is_in_kib_and_several_pools_fit_in_one_option() -> None:
    assert memory_pools("tacticSharedMem:2,dlaSRAM:1G") == {"tacticSharedMem": 2048.0, "dlaSRAM": 1024.0}


@pytest.mark.parametrize(
    "text", ["workspace:4T", "workspace:abc", "workspace:-1M", "nosuchpool:1M", "workspace", "'a:1"]
)
def test_a_wrong_pool_is_refused(text: str) -> None:
    with pytest.raises(BadValue):
        memory_pools(text)


NAMES = st.text(st.sampled_from(string.ascii_letters + string.digits + "._:/*-"), min_size=1, max_size=12)
SHAPES = st.lists(st.integers(0, 2**31 - 1), max_size=5).map(tuple)


@settings(deadline=None)
@given(st.dictionaries(NAMES, SHAPES, max_size=4), st.booleans())
def test_shapes_are_read_as_written(shapes: dict[str, tuple[int, ...]], quoted: bool) -> None:
    def text(name: str, shape: tuple[int, ...]) -> str:
        return (f"'{name}':" if quoted else f"{name}:") + ("x".join(map(str, shape)) or "scalar")

    assert shape_list(",".join(text(*item) for item in shapes.items()), "--shapes") == shapes


def test_commas_inside_a_shape_make_several_tensors() -> None:
    assert shape_list("x:1,3,640", "--shapes") == {"x": (1,), "3": (3,), "640": (640,)}


@pytest.mark.parametrize("text", ["x:1x", "x:axb", "x", "x:1x2,", "'x:1x2"])
def test_a_wrong_shape_is_refused(text: str) -> None:
    with pytest.raises(BadValue):
        shape_list(text, "--shapes")


def test_a_name_ends_at_the_last_colon() -> None:
    assert name_and_text("input:0:1x3") == ("input:0", "1x3")
    assert name_and_text("'input:0':1x3") == ("input:0", "1x3")


def test_percentiles_replace_the_default_and_stay_within_0_and_100() -> None:
    assert percentiles("50,99.9") == (50.0, 99.9)
    for text in ("-1", "100.1", "nan", "50,x"):
        with pytest.raises(BadValue):
            percentiles(text)


def test_formats_need_a_type_and_a_layout() -> None:
    assert io_formats("fp32:chw,fp16:chw+hwc8") == ("fp32:chw", "fp16:chw+hwc8")
    for text in ("fp16", "fp31:chw", "fp16:nchw"):
        with pytest.raises(BadValue):
            io_formats(text)


def test_layer_types_are_checked() -> None:
    assert layer_types("a/b:fp16,c:fp32+int32") == {"a/b": ("fp16",), "c": ("fp32", "int32")}
    with pytest.raises(BadValue, match="Invalid DataType half"):
        layer_types("a:half")

"""How trtexec reads the text after `--name=`: the C++ library's number rules, shapes, memory pools, formats."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = [
    "BadValue",
    "OutOfRange",
    "Shape",
    "io_formats",
    "layer_types",
    "memory_pools",
    "name_and_text",
    "percentiles",
    "shape_list",
    "split",
    "stof",
    "stoi",
]

Shape = tuple[int, ...]

_INT = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)", re.ASCII)
_FLOAT = re.compile(
    r"[ \t\n\v\f\r]*([+-]?)(?:0[xX]([0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)(?:[pP]([+-]?[0-9]+))?"
    r"|((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|inf(?:inity)?|nan))",
    re.ASCII | re.IGNORECASE,
)
_MAX_DIGITS = 400  # far beyond every range, and short of Python's own limit for int()
_FLOAT_MAX = 3.4028234663852886e38
_UNITS = {"B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_POOLS = ("workspace", "dlaSRAM", "dlaLocalDRAM", "dlaGlobalDRAM", "tacticSharedMem")
_TYPES = ("fp32", "fp16", "bf16", "int8", "fp8", "int32", "int64", "bool", "uint8", "int4")
_FORMATS = (
    *("chw", "chw2", "chw4", "hwc8", "chw16", "chw32", "dhwc8", "cdhw32", "hwc", "dhwc"),
    *("dla_linear", "hwc16", "dla_hwc4"),
)


class BadValue(Exception):
    """trtexec prints its help, this text, and fails."""


class OutOfRange(Exception):
    """trtexec does not catch this one where it parses: it fails with "Uncaught exception detected" and no help."""


def stoi(text: str) -> int:
    """An int32 from the start of the text: `10.5` is 10, `10abc` is 10. Raises BadValue, OutOfRange."""
    found = _INT.match(text)
    if not found:
        raise BadValue("stoi")
    if len(found[1]) > _MAX_DIGITS or not -(2**31) <= (value := int(found[1])) < 2**31:
        raise OutOfRange("stoi")
    return value


def stof(text: str, *, name: str = "stof", limit: float = _FLOAT_MAX) -> float:
    """A float from the start of the text; hexadecimal, `inf` and `nan` count. Raises BadValue, OutOfRange."""
    found = _FLOAT.match(text)
    if not found:
        raise BadValue(name)
    sign, mantissa, exponent, decimal = found.groups()
    try:
        value = float.fromhex(f"0x{mantissa}p{exponent or 0}") if mantissa else float(decimal)
    except OverflowError:
        raise OutOfRange(name) from None
    if abs(value) > limit and not (decimal or "").lower().startswith("inf"):
        raise OutOfRange(name)
    return -value if sign == "-" else value


def split(text: str, separator: str) -> list[str]:
    """Parts between separators; an empty text has none, a separator at the end adds an empty one."""
    return text.split(separator) if text else []


def name_and_text(item: str) -> tuple[str, str]:
    """`name:value`, split at the last colon; the name may stand in single quotes. Raises BadValue."""
    quoted = split(item, "'")
    if len(quoted) == 3:
        return quoted[0] + quoted[1], quoted[2][1:]
    if len(quoted) != 1:
        raise BadValue(f"cannot split {item!r} into name:value (an empty item, or a single quote without its partner)")
    name, colon, value = item.rpartition(":")
    return (name, value) if colon else (item, item)


def shape_list(text: str, option: str) -> dict[str, Shape]:
    """`name:1x3x640x640,name2:scalar`. `name:1,3,640` is three tensors named `name`, `3` and `640`, as in trtexec."""
    shapes = {}
    for item in split(text, ","):
        name, value = name_and_text(item)
        dims = [] if value == "scalar" else split(value, "x")
        try:
            shapes[name.replace("'", "")] = tuple(stoi(dim) for dim in dims)
        except BadValue as error:
            raise BadValue(f"{error} conversion failure: {option} has no shape in {item!r}") from None
    return shapes


def memory_pools(text: str) -> dict[str, float]:
    """Pool sizes in MiB, `tacticSharedMem` in KiB.

    The unit is the last character, whatever stands before it: `32768MiB` is 32768 bytes.
    """
    pools = {}
    for item in split(text, ","):
        pool, size = name_and_text(item)
        if not size:
            raise OutOfRange("memory pool size is empty")
        bytes_ = _pool_bytes(size)
        if bytes_ < 0:
            raise BadValue(f"Negative memory pool size: {bytes_:.6f}")
        if pool not in _POOLS:
            if pool:
                raise BadValue(f"Unknown memory pool: {pool}")
            continue  # trtexec lets `:5G` pass without effect
        pools[pool] = bytes_ / (_UNITS["K"] if pool == "tacticSharedMem" else _UNITS["M"])
    return pools


def _pool_bytes(size: str) -> float:
    text = size + "M" if size[-1] in "0123456789" else size
    unit = text[-1].upper()
    try:
        number = stof(text, name="stod", limit=1.7976931348623157e308)
        if unit not in _UNITS:
            valid = ", ".join(_UNITS)
            raise BadValue(f"Error parsing {size!r}: invalid unit specifier '{unit}', valid base-2 suffixes: {valid}.")
    except BadValue as error:
        raise BadValue(f"{error} conversion failure: failed to parse --memPoolSize.") from None
    return number * _UNITS[unit]


def percentiles(text: str) -> tuple[float, ...]:
    """`90,95,99`, each in 0..100. Raises BadValue."""
    values = tuple(stof(item) for item in split(text, ","))
    for value in values:
        if not 0 <= value <= 100:  # refuses nan too
            raise BadValue(f"Percentile {value:.6f} is not in [0,100]")
    return values


def io_formats(text: str) -> tuple[str, ...]:
    """`fp32:chw,fp16:chw+hwc8`: checked and given back item by item. Raises BadValue."""
    items = split(text, ",")
    for item in items:
        kind, colon, formats = item.partition(":")
        if not colon:
            raise BadValue(f"Invalid IOFormat {item}")
        _check_type(kind)
        for name in split(formats, "+"):
            if name not in _FORMATS:
                raise BadValue(f"Invalid TensorFormat {name}")
    return tuple(items)


def layer_types(text: str) -> Mapping[str, tuple[str, ...]]:
    """`layer:fp16,other:fp32+int32`: types by layer. Raises BadValue."""
    layers = {}
    for item in split(text, ","):
        name, value = name_and_text(item)
        kinds = tuple(split(value, "+"))
        for kind in kinds:
            _check_type(kind)
        layers[name] = kinds
    return layers


def _check_type(kind: str) -> None:
    """Raises BadValue unless trtexec knows the data type."""
    if kind not in _TYPES:
        raise BadValue(f"Invalid DataType {kind}")

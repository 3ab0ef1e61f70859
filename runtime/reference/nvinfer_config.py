"""The nvinfer configuration file, as gst-nvinfer reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dsimport.compiler.numbers import as_float32
from dsimport.compiler.nvinfer_keys import CLASS_ATTRS, CLASS_ATTRS_PREFIX, PROPERTY, Key, Kind, Use

from .console import BusError, Console
from .keyfile import KeyFile, KeyFileError
from .paths import nvinfer_path

__all__ = ["ELEMENT", "MAX_CLASSES", "ClassParams", "NvinferConfig", "read_nvinfer_config"]

ELEMENT = "primary_gie"  # the element's name in deepstream-app's pipeline
MAX_CLASSES = 1 << 16  # of the reference: nvinfer has no limit and would take 4294967295 for -1

_FIELDS = {
    "pre-cluster-threshold": "pre_threshold",
    "threshold": "pre_threshold",
    "post-cluster-threshold": "post_threshold",
    "nms-iou-threshold": "nms_iou",
    "topk": "topk",
    "minBoxes": "min_boxes",
    "roi-top-offset": "roi_top",
    "roi-bottom-offset": "roi_bottom",
    "detected-min-w": "min_width",
    "detected-min-h": "min_height",
    "detected-max-w": "max_width",
    "detected-max-h": "max_height",
    "border-color": "border_color",
    "bg-color": "background_color",
}


@dataclass(frozen=True)
class ClassParams:
    """The [class-attrs-…] of one class. Thresholds are float32 values, sizes are pixels of the muxed frame."""

    pre_threshold: float = as_float32(0.2)
    post_threshold: float = 0.0
    nms_iou: float = as_float32(0.3)
    topk: int = -1
    min_boxes: int = 0
    roi_top: int = 0
    roi_bottom: int = 0
    min_width: int = 0
    min_height: int = 0
    max_width: int = 0
    max_height: int = 0
    border_color: tuple[float, ...] = (1.0, 0.0, 0.0, 1.0)
    background_color: tuple[float, ...] | None = None


@dataclass(frozen=True)
class NvinferConfig:
    """What a configuration file says, after defaults and deprecated spellings.

    unique_id, batch_size, interval and engine_file may be overridden by the application.
    dims: channels, height, width of infer-dims, or None. offsets: one per channel of the network, or empty.
    classes: one entry per class. Paths are absolute text; the files need not exist.
    """

    path: Path
    unique_id: int
    batch_size: int
    interval: int
    engine_file: str | None
    onnx_file: str | None
    precision: str
    cluster_mode: int
    classes: tuple[ClassParams, ...]
    labels_file: str | None
    color_format: int
    scale: float
    offsets: tuple[float, ...]
    mean_file: str | None
    keep_aspect: bool
    symmetric_padding: bool
    scaling_filter: int
    nhwc: bool
    dims: tuple[int, int, int] | None
    output_names: tuple[str, ...]
    int8_calibration: str | None
    parser_library: str | None
    parser_function: str | None
    filter_out: frozenset[int]
    crop_to_frame: bool


class _ParseError(Exception):
    """One reason why the file does not parse."""


def read_nvinfer_config(path: Path, console: Console) -> NvinferConfig:
    """Read a `.txt` configuration file. Messages about keys go to the console as nvinfer prints them.

    Raises BusError for everything that makes nvinfer's start fail, and for what the reference does not implement.
    """
    if path.suffix in (".yml", ".yaml"):
        raise _failed(path, "the YAML form of nvinfer configs is not supported by the reference; use the .txt form")
    try:
        file = KeyFile.load(path)
    except KeyFileError as error:
        raise _failed(path, f"Failed to load config file: {error}") from None
    if not file.has_group("property"):
        raise _failed(path, "Could not find group property")
    try:
        values = _read_group(file, "property", PROPERTY, path, console)
    except _ParseError as error:
        raise _failed(path, str(error), "Failed to parse group property") from None
    _refuse_unsupported(values)
    try:
        return _assemble(path, values, _read_classes(file, values, path, console))
    except _ParseError as error:
        raise _failed(path, str(error)) from None


def _failed(path: Path, *evidence: str) -> BusError:
    failure = BusError(ELEMENT, "Configuration file parsing failed", f"Config file path: {path}")
    failure.evidence = evidence
    return failure


def _read_group(file: KeyFile, group: str, table: Mapping[str, Key], path: Path, console: Console) -> dict[str, Any]:
    """Values of the known keys of a group, checked against their ranges. Raises _ParseError."""
    values: dict[str, Any] = {}
    for name in file.keys(group):
        key = table.get(name)
        if key is None:
            kind = "Unknown or legacy key specified" if table is PROPERTY else "Unknown key"
            # nvinfer names [property] here whatever the group is.
            console.err(f"{kind} '{name}' for group [property]")
            continue
        if key.deprecated:
            console.err(f"Warn: '{name}' parameter has been deprecated. Use '{key.deprecated}' instead.")
        values[name] = _read_value(file, group, key, path)
        _check_range(group, key, values[name])
    return values


def _read_value(file: KeyFile, group: str, key: Key, path: Path) -> Any:
    readers = {
        Kind.INT: file.integer,
        Kind.BOOL: file.boolean,
        Kind.DOUBLE: file.number,
        Kind.STRING: file.string,
        Kind.PATH: file.string,
        Kind.STRINGS: file.strings,
        Kind.INTS: file.integers,
        Kind.DOUBLES: file.numbers,
    }
    try:
        value: Any = readers[key.kind](group, key.name)
    except KeyFileError as error:
        raise _ParseError(f"Error while parsing config file: {error}") from None
    if isinstance(value, list):
        return tuple(value)
    if key.kind is Kind.PATH:
        try:
            return nvinfer_path(path, value)
        except OSError as error:
            raise _ParseError(f"Error: Could not parse {key.name} ({error.strerror}: {value})") from None
    return value


def _check_range(group: str, key: Key, value: Any) -> None:
    name = f"{key.name} of group [{group}]"
    if isinstance(value, tuple):
        if key.count and not key.count[0] <= len(value) <= key.count[1]:
            low, high = key.count
            wanted = str(low) if low == high else f"{low} to {high}"
            raise _ParseError(f"Error. '{key.name}' array length is {len(value)}. Should be {wanted}.")
        return
    if key.choices is not None and value not in key.choices:
        raise _ParseError(f"Error. Invalid value for '{key.name}':'{value}'")
    if key.low is not None and not value >= key.low:
        if key.high is None:
            raise _ParseError(f"Error: {name} ({value}) should be >= {key.low:g}")
        raise _ParseError(f"Error: {name} ({value}) should be in the range [{key.low:g},{key.high:g}]")
    if key.high is not None and value > key.high:
        raise _ParseError(f"Error: {name} ({value}) should be in the range [{key.low or 0:g},{key.high:g}]")


def _refuse_unsupported(values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        key = PROPERTY[name]
        if key.use is Use.REFUSED and value not in key.neutral:
            shown = ";".join(map(str, value)) if isinstance(value, tuple) else value
            raise BusError(ELEMENT, f"the reference does not support {name}={shown}: {key.note}")
    if values.get("cluster-mode") == 1 or ("cluster-mode" not in values and values.get("enable-dbscan")):
        raise BusError(ELEMENT, "the reference does not support cluster-mode=1 (DBSCAN is inside a closed library)")


def _read_classes(file: KeyFile, values: Mapping[str, Any], path: Path, console: Console) -> tuple[ClassParams, ...]:
    count = values.get("num-detected-classes", 0)
    if count == 0:
        raise BusError(ELEMENT, "num-detected-classes is 0: nvinfer crashes on the first frame")
    if not 0 < count <= MAX_CLASSES:
        raise BusError(
            ELEMENT,
            f"num-detected-classes={count} means {count % (1 << 32)} classes; the reference takes {MAX_CLASSES}",
        )
    base = ClassParams()
    everywhere = f"{CLASS_ATTRS_PREFIX}all"
    if file.has_group(everywhere):
        base = _class_params(base, file, everywhere, path, console)
    classes = [base] * count
    for group in file.groups():
        if not group.startswith(CLASS_ATTRS_PREFIX) or group == everywhere:
            continue
        index = _class_index(group, count)
        classes[index] = _class_params(classes[index], file, group, path, console)
    return tuple(classes)


def _class_index(group: str, count: int) -> int:
    found = re.match(r"\s*\+?(\d+)", group[len(CLASS_ATTRS_PREFIX) :], re.ASCII)  # strtoull: `1abc` is 1
    if not found:
        raise _ParseError(
            f"Invalid group [{group}]. Class attributes should be specified using group name "
            f"'{CLASS_ATTRS_PREFIX}<class-id>'"
        )
    if len(found.group(1)) > 18 or int(found.group(1)) >= count:
        raise _ParseError(
            f"Attributes specified for class {found.group(1)} while element has been "
            f"configured with num-detected-classes={count}"
        )
    return int(found.group(1))


def _class_params(base: ClassParams, file: KeyFile, group: str, path: Path, console: Console) -> ClassParams:
    try:
        values = _read_group(file, group, CLASS_ATTRS, path, console)
    except _ParseError as error:
        raise _ParseError(f"{error}; Error while parsing group {group}") from None
    changes: dict[str, Any] = {}
    for name, value in values.items():
        if name in _FIELDS:
            changes[_FIELDS[name]] = as_float32(value) if CLASS_ATTRS[name].kind is Kind.DOUBLE else value
    return replace(base, **changes)


def _assemble(path: Path, values: Mapping[str, Any], classes: tuple[ClassParams, ...]) -> NvinferConfig:
    def get(name: str) -> Any:
        return values.get(name, PROPERTY[name].default)

    dims = get("infer-dims")
    for legacy in ("input-dims", "uff-input-dims"):
        if dims is None and legacy in values:
            dims = values[legacy][:3]
    if dims is not None and min(dims) < 1:
        raise _ParseError(f"Error: infer-dims {dims} has a dimension that is not positive")
    mode, minimum = get("cluster-mode"), max(params.min_boxes for params in classes)
    if mode == 3 and minimum > 0:
        raise BusError(ELEMENT, f"the reference does not support minBoxes={minimum} in cluster-mode 3 (closed DBSCAN)")
    return NvinferConfig(
        path=path,
        unique_id=get("gie-unique-id"),
        batch_size=get("batch-size"),
        interval=get("interval"),
        engine_file=get("model-engine-file"),
        onnx_file=get("onnx-file"),
        precision=("fp32", "int8", "fp16", "best")[get("network-mode")],
        cluster_mode=mode,
        classes=classes,
        labels_file=get("labelfile-path"),
        color_format=get("model-color-format"),
        scale=as_float32(get("net-scale-factor")),
        offsets=tuple(as_float32(item) for item in get("offsets") or ()),
        mean_file=get("mean-file"),
        keep_aspect=get("maintain-aspect-ratio"),
        symmetric_padding=get("symmetric-padding"),
        scaling_filter=get("scaling-filter"),
        nhwc=get("network-input-order") == 1,
        dims=dims,
        output_names=get("output-blob-names") or (),
        int8_calibration=get("int8-calib-file"),
        parser_library=get("custom-lib-path"),
        parser_function=get("parse-bbox-func-name"),
        filter_out=frozenset(get("filter-out-class-ids") or ()),
        crop_to_frame=get("crop-objects-to-roi-boundary"),
    )

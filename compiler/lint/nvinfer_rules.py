"""What must hold between the keys of [property], and what looks right and means something else."""

from __future__ import annotations

import re

from dsimport.compiler.diagnostics import Report
from dsimport.compiler.escape import single_line
from dsimport.compiler.lint.values import Section
from dsimport.compiler.nvinfer_keys import MODE_ZERO, PROPERTY

__all__ = ["check_property"]

_DETECTOR, _INSTANCES = 0, 3
_PRECISIONS = ("fp32", "int8", "fp16", "best")
_CHANNELS = {0: 3, 1: 3, 2: 1}  # by model-color-format
_COLORS = ("RGB", "BGR", "GRAY")
_IO_TYPES = ("fp32", "fp16", "int32", "int8")
_IO_FORMATS = ("chw", "chw2", "chw4", "hwc8", "chw16", "chw32")
_LAYER_PRECISIONS = ("fp32", "fp16", "int8")
_LAYER_DEVICES = ("gpu", "dla")

# Engine files are named like this by nvinfer itself and by most tools: batch, then perhaps device and precision.
_ENGINE = re.compile(r"_b(\d+)(?:_(?:gpu|dla)\d+_(fp32|fp16|int8|best))?\.engine$")


def check_property(section: Section, report: Report) -> None:
    """Add the findings that no single value shows."""
    _identity(section, report)
    _clustering(section, report)
    _classes(section, report)
    _channels(section, report)
    _normalisation(section, report)
    _geometry(section, report)
    _engine(section, report)
    _precision(section, report)
    _parser(section, report)
    _modes(section, report)
    _io_formats(section, report)


def _identity(section: Section, report: Report) -> None:
    if not section.has("gie-unique-id"):
        report.warning(
            "C0202",
            "gie-unique-id is missing: nvinfer does not start unless the application sets unique-id",
            section.span(),
            help="write gie-unique-id=1",
        )


def _clustering(section: Section, report: Report) -> None:
    if section.get("network-type") != _DETECTOR or section.get("cluster-mode") != 0:
        return
    if "cluster-mode" in section.unread or section.get("enable-dbscan"):
        return
    iou, topk = MODE_ZERO
    report.warning(
        "C0203",
        f"cluster-mode {'0' if section.has('cluster-mode') else 'is missing, which'} means NMS with IoU {iou:g} and "
        f"at most {topk} objects per class, whatever [class-attrs-…] says",
        section.value_span("cluster-mode"),
        help="write cluster-mode=2 for NMS with your own thresholds, or 4 for none",
    )


def _classes(section: Section, report: Report) -> None:
    count = section.get("num-detected-classes")
    if "num-detected-classes" in section.unread:
        return
    if section.get("network-type") in (_DETECTOR, _INSTANCES) and count <= 0:
        report.error(
            "C0204",
            "num-detected-classes is missing: nvinfer crashes on the first frame"
            if not section.has("num-detected-classes")
            else f"num-detected-classes cannot be {count}: nvinfer crashes on the first frame"
            if count == 0
            else f"num-detected-classes cannot be {count}: it is taken as {count % (1 << 32)}",
            section.value_span("num-detected-classes"),
            help="write the number of the model's classes",
        )
    for key in ("filter-out-class-ids", "operate-on-class-ids"):
        for index in section.get(key) or ():
            if index < 0 or (key == "filter-out-class-ids" and 0 < count <= index):
                why = "negative: nvinfer ends with an exception" if index < 0 else f"beyond the {count} classes"
                report.error(
                    "C0220",
                    f"'{key}' has the class {index}, which is {why}",
                    section.value_span(key),
                    help="class indices count from 0",
                )


def _channels(section: Section, report: Report) -> None:
    color = section.get("model-color-format")
    if "model-color-format" in section.unread:
        return
    wanted = _CHANNELS[color]
    dims = section.get("infer-dims")
    if dims is not None and dims[0] != wanted:
        report.error(
            "C0209",
            f"infer-dims has {dims[0]} channels, model-color-format {color} ({_COLORS[color]}) needs {wanted}",
            section.value_span("infer-dims"),
            help="infer-dims is channels;height;width whatever network-input-order is",
        )
    elif dims is not None and min(dims) < 1:
        report.error(
            "C0209", "infer-dims must be positive", section.value_span("infer-dims"), help="write e.g. 3;640;640"
        )
    offsets = section.get("offsets")
    if offsets and len(offsets) != wanted:
        report.error(
            "C0208",
            f"{len(offsets)} offsets for {wanted} channels: nvinfer does not start",
            section.value_span("offsets"),
            help=f"write {wanted} numbers, in the channel order of the network",
        )
    if section.get("network-input-order") == 1 and dims is None:
        report.error(
            "C0216",
            "network-input-order=1 (NHWC) without infer-dims: nvinfer takes height, width and channels wrong",
            section.value_span("network-input-order"),
            help="write infer-dims=channels;height;width",
        )


def _normalisation(section: Section, report: Report) -> None:
    scale = section.get("net-scale-factor")
    if "net-scale-factor" in section.values and not scale > 0:
        report.warning(
            "C0210",
            f"net-scale-factor={scale:g} is taken as 1, and offsets are ignored",
            section.value_span("net-scale-factor"),
            help="write the factor for pixels of 0..255, e.g. 0.0039215697 for 1/255",
        )
    if section.has("mean-file") and section.get("offsets"):
        report.warning(
            "C0211", "mean-file replaces the offsets", section.key_span("offsets"), help="remove one of the two"
        )


def _geometry(section: Section, report: Report) -> None:
    keeps = section.get("maintain-aspect-ratio") or "maintain-aspect-ratio" in section.unread
    if section.get("symmetric-padding") and not keeps:
        report.warning(
            "C0212",
            "symmetric-padding does nothing without maintain-aspect-ratio=1",
            section.key_span("symmetric-padding"),
            help="write maintain-aspect-ratio=1, or remove the line",
        )


def _engine(section: Section, report: Report) -> None:
    sources = ("onnx-file", "tlt-encoded-model", "engine-create-func-name", "custom-network-config")
    can_build = any(section.has(key) for key in sources)
    engine = section.get("model-engine-file")
    if not can_build and not section.has("model-engine-file"):
        report.error(
            "C0214",
            "neither onnx-file nor model-engine-file: there is no network to run",
            section.span(),
            help="write onnx-file, and model-engine-file where an engine exists",
        )
    elif not can_build:
        report.warning(
            "C0214",
            "without onnx-file nvinfer cannot build the engine again, and does not start when it does not fit",
            section.key_span("model-engine-file"),
            help="write onnx-file too",
        )
    found = _ENGINE.search(engine or "")
    if found and {"batch-size", "network-mode"} & section.unread:
        return
    if found and section.get("batch-size") > int(found.group(1)):
        report.warning(
            "C0219",
            f"batch-size {section.get('batch-size')} with an engine named for batch {found.group(1)}: nvinfer builds "
            "another engine at every start",
            section.value_span("batch-size" if section.has("batch-size") else "model-engine-file"),
            help="lower batch-size, or name an engine built for it",
        )
    if found and found.group(2) and found.group(2) != _PRECISIONS[section.get("network-mode")]:
        report.warning(
            "C0219",
            f"network-mode {section.get('network-mode')} is {_PRECISIONS[section.get('network-mode')]}, the engine is "
            f"named for {found.group(2)}; nvinfer does not compare them",
            section.value_span("network-mode"),
            help="0 is fp32, 1 int8, 2 fp16, 3 best",
        )


def _precision(section: Section, report: Report) -> None:
    mode = section.get("network-mode")
    if "network-mode" in section.unread or mode == 0:
        return
    span = section.value_span("network-mode")
    if mode in (1, 3) and not section.has("int8-calib-file") and not section.get("strongly-typed"):
        report.warning(
            "C0213",
            f"network-mode {mode} ({_PRECISIONS[mode]}) without int8-calib-file: an engine is built in fp16",
            span,
            help="write int8-calib-file, or network-mode=2",
        )
    if section.get("strongly-typed"):
        report.warning(
            "C0222",
            f"strongly-typed=1 takes the types from the graph; network-mode {mode} does not change them",
            span,
            help="write network-mode=0, which also names the engine that nvinfer builds",
        )


def _parser(section: Section, report: Report) -> None:
    kind = section.get("network-type")
    library, function = section.has("custom-lib-path"), section.has("parse-bbox-func-name")
    if kind == _DETECTOR and not function:
        report.warning(
            "C0215",
            "without parse-bbox-func-name nvinfer's own parser runs, which only reads outputs named cov and bbox, and "
            "crashes on others",
            section.key_span("custom-lib-path"),
            help="write parse-bbox-func-name and custom-lib-path",
        )
    elif kind == _DETECTOR and not library:
        report.warning(
            "C0215",
            "parse-bbox-func-name without custom-lib-path: only functions of nvinfer's own libraries are found",
            section.key_span("parse-bbox-func-name"),
            help="write custom-lib-path",
        )
    if kind == _INSTANCES and not section.has("parse-bbox-instance-mask-func-name"):
        report.error(
            "C0217",
            "network-type 3 needs parse-bbox-instance-mask-func-name",
            section.value_span("network-type"),
            help="write it, or correct network-type",
        )
    if section.get("output-instance-mask") and section.get("cluster-mode") != 4:
        report.error(
            "C0217",
            "output-instance-mask=1 needs cluster-mode=4: nvinfer does not start",
            section.key_span("output-instance-mask"),
            help="write cluster-mode=4",
        )


def _modes(section: Section, report: Report) -> None:
    if section.get("process-mode") == 1 and "process-mode" not in section.unread:
        for name in section.values:
            if PROPERTY[name].secondary and section.get(name) != PROPERTY[name].default:
                report.warning(
                    "C0218",
                    f"'{name}' does nothing in process-mode 1",
                    section.key_span(name),
                    help="remove the line, or write process-mode=2 for a secondary network",
                )
    if section.has("use-dla-core") and not section.get("enable-dla") and "enable-dla" not in section.unread:
        report.warning(
            "C0218",
            "use-dla-core does nothing without enable-dla=1",
            section.key_span("use-dla-core"),
            help="write enable-dla=1, or remove the line",
        )


def _io_formats(section: Section, report: Report) -> None:
    for key, form, first, second in (
        ("output-io-formats", "name:type:format", _IO_TYPES, _IO_FORMATS),
        ("layer-device-precision", "layer:precision:device", _LAYER_PRECISIONS, _LAYER_DEVICES),
    ):
        for item in section.get(key) or ():
            parts = item.rsplit(":", 2)
            if len(parts) == 3 and parts[0] and parts[1] in first and parts[2] in second:
                continue
            report.error(
                "C0221",
                f"'{key}' cannot have the item '{single_line(item)}'",
                section.value_span(key),
                help=f"wanted: {form} with one of {', '.join(first)} and one of {', '.join(second)}",
            )

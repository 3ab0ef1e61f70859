"""Every key of an nvinfer configuration file: type, range, default, and what the reference toolchain does with it.

The one home of these facts; the emitters, the linter of configuration files and the reference programs read them here.
Source: DeepStream 9.1, gst-nvinfer and nvdsinfer.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["CLASS_ATTRS", "CLASS_ATTRS_PREFIX", "MODE_ZERO", "NOT_KEYS", "PROPERTY", "Key", "Kind", "Use"]

CLASS_ATTRS_PREFIX = "class-attrs-"

# cluster-mode 0, which is also what an absent key means, without OpenCV: (NMS IoU threshold, topk) for every class.
MODE_ZERO = (0.5, 20)


class Kind(str, Enum):
    """How GLib reads the value."""

    INT = "int"
    BOOL = "bool"
    DOUBLE = "double"
    STRING = "string"
    PATH = "path"
    STRINGS = "string list"
    INTS = "int list"
    DOUBLES = "double list"


class Use(str, Enum):
    """What the reference toolchain does with the key."""

    USED = "used"
    NO_EFFECT = "no effect"  # on a GPU it moves speed, memory or another mode, never a detection
    REFUSED = "refused"  # unless its value is one of `neutral`


Value = int | float | str | bool | tuple[int, ...] | tuple[float, ...] | tuple[str, ...] | None


@dataclass(frozen=True)
class Key:
    """One key.

    low, high: inclusive range of an int or double, or None; outside it the parse fails.
    choices: the only values that parse, or None.
    count: how many items a list has, at least and at most, or None.
    default: what holds when the key is absent; None where there is no value.
    neutral: values that change nothing, so that a REFUSED key with one of them is accepted.
    note: one line for people; for a refused key, why.
    modes: the cluster modes that look at the key, or None for all.
    secondary: only looked at in process-mode 2.
    trap: why a value other than the default does harm or nothing at all, for whoever writes the key by hand.
    """

    name: str
    kind: Kind
    default: Value = None
    use: Use = Use.USED
    low: float | None = None
    high: float | None = None
    choices: tuple[int, ...] | None = None
    count: tuple[int, int] | None = None
    neutral: tuple[Value, ...] = ()
    deprecated: str = ""
    note: str = ""
    modes: tuple[int, ...] | None = None
    secondary: bool = False
    trap: str = ""


def _table(*keys: Key) -> dict[str, Key]:
    return {key.name: key for key in keys}


_INT, _BOOL, _DOUBLE, _STRING, _PATH = Kind.INT, Kind.BOOL, Kind.DOUBLE, Kind.STRING, Kind.PATH
_NONE, _REFUSED = Use.NO_EFFECT, Use.REFUSED
_DETECTOR = "only detectors (network-type 0) are implemented"
_SECONDARY = "only matters in process-mode 2"
_DEBUG = "debugging aid of nvinfer that is not implemented"
_LEGACY = "Caffe, UFF and TLT models have no parser any more"

PROPERTY: dict[str, Key] = _table(
    Key("gie-unique-id", _INT, 0, low=1, note="required: 0 fails at start unless the application sets it"),
    Key("gpu-id", _INT, 0, _NONE, note="parsing fails where there is no GPU; the reference accepts it"),
    Key("process-mode", _INT, 1, _REFUSED, choices=(1, 2), neutral=(1,), note="secondary mode is not implemented"),
    Key("interval", _INT, 0, low=0, note="batches skipped between two inferences"),
    Key("secondary-reinfer-interval", _INT, 2147483647, _NONE, note=_SECONDARY, secondary=True),
    Key("labelfile-path", _PATH, note="one class per line; empty lines are skipped, text after ';' is dropped"),
    Key("batch-size", _INT, 1, low=1, high=1024),
    Key("network-mode", _INT, 0, choices=(0, 1, 2, 3), note="0 fp32, 1 int8, 2 fp16, 3 best; only used when building"),
    Key("network-type", _INT, 0, _REFUSED, choices=(0, 1, 2, 3, 100), neutral=(0,), note=_DETECTOR),
    Key("cluster-mode", _INT, 0, choices=(0, 1, 2, 3, 4), note="0 or absent: NMS 0.5 and topk 20 for every class"),
    Key("num-detected-classes", _INT, 0, note="0 crashes a detector; never checked"),
    Key("model-color-format", _INT, 0, choices=(0, 1, 2), note="0 RGB, 1 BGR, 2 GRAY"),
    Key("net-scale-factor", _DOUBLE, 1.0, note="0 or less means 1, and offsets are ignored"),
    Key("offsets", Kind.DOUBLES, count=(0, 4), note="one per channel of the network, in its channel order"),
    Key("mean-file", _PATH, note="PPM of the network's size; replaces offsets"),
    Key("maintain-aspect-ratio", _BOOL, False),
    Key("symmetric-padding", _BOOL, False, note="only with maintain-aspect-ratio=1"),
    Key("scaling-filter", _INT, 6, choices=(0, 1, 2, 3, 4, 5, 6), note="0 nearest, 1 bilinear, 6 default = nearest"),
    Key("scaling-compute-hw", _INT, 0, _NONE, choices=(0, 1, 2)),
    Key("network-input-order", _INT, 0, choices=(0, 1), note="0 NCHW, 1 NHWC"),
    Key("infer-dims", Kind.INTS, count=(3, 3), note="always c;h;w"),
    Key("onnx-file", _PATH, note="needed whenever the engine must be built"),
    Key("model-engine-file", _PATH),
    Key("output-blob-names", Kind.STRINGS, note="only used to warn about names that the engine lacks"),
    Key("output-io-formats", Kind.STRINGS, use=_REFUSED, neutral=((),), note="changes the types of the outputs"),
    Key("layer-device-precision", Kind.STRINGS, use=_NONE),
    Key("int8-calib-file", _PATH, note="int8 needs it, else the build falls back to fp16"),
    Key(
        "workspace-size",
        _INT,
        0,
        _NONE,
        note="parsed, without effect in nvinfer",
        trap="nvinfer parses it and never uses it",
    ),
    Key(
        "force-implicit-batch-dim",
        _BOOL,
        False,
        _REFUSED,
        neutral=(False,),
        note="builds without profile and precision",
        trap="an engine is then built without a profile and without the precision of network-mode",
    ),
    Key("strongly-typed", _BOOL, False, _NONE),
    Key("custom-lib-path", _PATH),
    Key("parse-bbox-func-name", _STRING, note="absent: the built-in resnet parser"),
    Key("parse-bbox-instance-mask-func-name", _STRING, use=_NONE, note=_DETECTOR),
    Key("parse-classifier-func-name", _STRING, use=_NONE, note=_DETECTOR),
    Key("parse-segmentation-func-name", _STRING, use=_NONE, note=_DETECTOR),
    Key("engine-create-func-name", _STRING, use=_REFUSED, neutral=("",), note="builds a TensorRT engine in C++"),
    Key("custom-network-config", _STRING, use=_NONE),
    Key("enable-dla", _BOOL, False, _NONE, note="the accelerator of a Jetson; the reference computes on the CPU"),
    Key("use-dla-core", _INT, 0, _NONE),
    Key("tensor-meta-pool-size", _INT, 2, _NONE),
    Key("output-tensor-meta", _BOOL, False, _NONE, note="attaches raw tensors for downstream elements"),
    Key("output-instance-mask", _BOOL, False, _REFUSED, neutral=(False,), note=_DETECTOR),
    Key("input-tensor-from-meta", _BOOL, False, _NONE, note="deepstream-app switches it off again"),
    Key("classifier-threshold", _DOUBLE, 0.0, _NONE, low=0),
    Key("segmentation-threshold", _DOUBLE, 0.0, _NONE, low=0),
    Key("segmentation-output-order", _INT, 0, _NONE, choices=(0, 1)),
    Key("classifier-type", _STRING, use=_NONE),
    Key("classifier-async-mode", _BOOL, False, _NONE),
    Key("operate-on-gie-id", _INT, -1, _NONE, note=_SECONDARY, secondary=True),
    Key("operate-on-class-ids", Kind.INTS, use=_NONE, note=_SECONDARY, secondary=True),
    Key("filter-out-class-ids", Kind.INTS, note="drops detections of these classes"),
    Key("input-object-min-width", _INT, 0, _NONE, low=0, note=_SECONDARY, secondary=True),
    Key("input-object-min-height", _INT, 0, _NONE, low=0, note=_SECONDARY, secondary=True),
    Key("input-object-max-width", _INT, 0, _NONE, low=0, note=_SECONDARY, secondary=True),
    Key("input-object-max-height", _INT, 0, _NONE, low=0, note=_SECONDARY, secondary=True),
    Key("crop-objects-to-roi-boundary", _BOOL, False, note="1 clips boxes at the frame's edge; 0 drops them below it"),
    Key(
        "disable-output-host-copy",
        _INT,
        0,
        _REFUSED,
        neutral=(0,),
        note="the parser would get device pointers",
        trap="a parser that reads its tensors on the CPU gets pointers to GPU memory",
    ),
    Key("auto-inc-mem", _INT, 1, _NONE),
    Key("max-gpu-mem-per", _INT, 99, _NONE),
    Key(
        "dump-input-tensor",
        _INT,
        0,
        _REFUSED,
        neutral=(0,),
        note=_DEBUG,
        trap="it appends to ip_tensor_dump.bin in the working directory for every batch",
    ),
    Key(
        "dump-output-tensor",
        _INT,
        0,
        _REFUSED,
        neutral=(0,),
        note=_DEBUG,
        trap="it copies as many bytes as the input has, and reads beyond the end of small outputs",
    ),
    Key(
        "overwrite-input-tensor",
        _INT,
        0,
        _REFUSED,
        neutral=(0,),
        note=_DEBUG,
        trap="the network no longer sees the frame",
    ),
    Key(
        "overwrite-output-tensor",
        _INT,
        0,
        _REFUSED,
        neutral=(0,),
        note=_DEBUG,
        trap="the parser no longer sees what the network computed",
    ),
    Key("ip-tensor-file", _PATH, use=_NONE, note=_DEBUG),
    Key("op-tensor-files", Kind.STRINGS, use=_NONE, note=_DEBUG),
    Key(
        "raw-output-file-write",
        _BOOL,
        False,
        _REFUSED,
        neutral=(False,),
        note=_DEBUG,
        trap="it writes every tensor of every batch into the working directory",
    ),
    Key("warmup-engine", _BOOL, False, _NONE),
    Key(
        "stabilize-buffer-count",
        _INT,
        0,
        _REFUSED,
        neutral=(0,),
        note="the first buffers would be lost",
        trap="the first buffers are dropped and never reach the elements behind",
    ),
    Key(
        "dynamic-properties",
        _STRING,
        use=_NONE,
        note="parsed, without effect in nvinfer",
        trap="nvinfer stores it and never applies it",
    ),
    Key("tlt-encoded-model", _PATH, use=_REFUSED, note=_LEGACY),
    Key("tlt-model-key", _STRING, use=_NONE),
    Key("is-classifier", _BOOL, False, _REFUSED, neutral=(False,), deprecated="network-type", note=_DETECTOR),
    Key("enable-dbscan", _BOOL, False, deprecated="cluster-mode", note="means cluster-mode 1 unless that is given"),
    Key("input-dims", Kind.INTS, count=(4, 4), deprecated="infer-dims", note="c;h;w;order, ignored with infer-dims"),
    Key(
        "uff-input-dims", Kind.INTS, count=(4, 4), deprecated="infer-dims", note="c;h;w;order, ignored with infer-dims"
    ),
    Key(
        "model-file",
        _PATH,
        use=_REFUSED,
        note=_LEGACY,
        trap="TensorRT has no parser for this format any more, so no engine can be built from it",
    ),
    Key(
        "proto-file",
        _PATH,
        use=_REFUSED,
        note=_LEGACY,
        trap="TensorRT has no parser for this format any more, so no engine can be built from it",
    ),
    Key(
        "uff-file",
        _PATH,
        use=_REFUSED,
        note=_LEGACY,
        trap="TensorRT has no parser for this format any more, so no engine can be built from it",
    ),
    Key("uff-input-order", _INT, 0, _NONE, choices=(0, 1, 2)),
    Key("uff-input-blob-name", _STRING, use=_NONE),
)

CLASS_ATTRS: dict[str, Key] = _table(
    Key("pre-cluster-threshold", _DOUBLE, 0.2, low=0, note="keeps a confidence that equals it"),
    Key("threshold", _DOUBLE, 0.2, low=0, deprecated="pre-cluster-threshold"),
    Key(
        "post-cluster-threshold",
        _DOUBLE,
        0.0,
        low=0,
        note="drops a confidence that equals it; unused in mode 4",
        modes=(1, 2, 3),
    ),
    Key("nms-iou-threshold", _DOUBLE, 0.3, low=0, high=1, modes=(2, 3)),
    Key("topk", _INT, -1, low=0, note="-1, the default, cannot be written; 0 keeps nothing", modes=(1, 2, 3, 4)),
    Key("eps", _DOUBLE, 0.0, _NONE, low=0, note="DBSCAN and group rectangles", modes=(0, 1, 3)),
    Key("group-threshold", _INT, 0, _NONE, low=0, note="group rectangles", modes=(0,)),
    Key("minBoxes", _INT, 0, low=0, note="DBSCAN, which is not implemented; 0 switches it off", modes=(1, 3)),
    Key("dbscan-min-score", _DOUBLE, 0.0, _NONE, low=0, note="DBSCAN", modes=(1, 3)),
    Key("roi-top-offset", _INT, 0, low=0),
    Key("roi-bottom-offset", _INT, 0, low=0),
    Key("detected-min-w", _INT, 0, low=0),
    Key("detected-min-h", _INT, 0, low=0),
    Key("detected-max-w", _INT, 0, low=0, note="0: no limit"),
    Key("detected-max-h", _INT, 0, low=0, note="0: no limit"),
    Key("border-color", Kind.DOUBLES, (1.0, 0.0, 0.0, 1.0), count=(4, 4), note="r;g;b;a"),
    Key("bg-color", Kind.DOUBLES, count=(4, 4), note="r;g;b;a"),
)

# Names that are often written into [property] although nvinfer does not know them, and what to write instead.
NOT_KEYS = {
    "input-tensor-meta": "that is the element's property; the key is input-tensor-from-meta",
    "gie-kitti-output-dir": "it belongs into [application] of the deepstream-app configuration",
    "parse-func": "write parse-bbox-func-name",
    "custom-lib-name": "write custom-lib-path",
    "model-type": "write network-type",
}

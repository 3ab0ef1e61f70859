"""Groups and keys of a deepstream-app configuration file, and what the reference toolchain does with each.

The one home of these facts, shared by the emitters, the linter and the reference programs. Source: DeepStream 9.1.
"""

from __future__ import annotations

from .nvinfer_keys import Key, Kind, Use

__all__ = ["GROUPS", "MAX_SOURCES", "REFUSED_GROUPS", "SINK_TYPES", "SOURCE_TYPES"]

MAX_SOURCES = 1024

SOURCE_TYPES = {
    1: "V4L2 camera",
    2: "URI",
    3: "MultiURI",
    4: "RTSP",
    5: "CSI camera",
    6: "audio wav",
    7: "audio URI",
    8: "ALSA",
    9: "IPC",
}
SINK_TYPES = {1: "fake", 2: "EGL", 3: "encode to file", 4: "UDP or RTSP", 5: "DRM", 6: "message broker"}

# Beginnings of the names of groups that the reference refuses when they are enabled.
REFUSED_GROUPS = (
    "secondary-gie",
    "secondary-pre-process",
    "pre-process",
    "tracker",
    "tiled-display",
    "segvisual",
    "dewarper",
    "message-consumer",
    "message-converter",
    "img-save",
    "nvds-analytics",
    "ds-example",
    "visionencoder",
    "text-embedder",
    "replay",
    "audio-transform",
    "audio-classifier",
)

_I, _B, _S, _P, _D = Kind.INT, Kind.BOOL, Kind.STRING, Kind.PATH, Kind.DOUBLES


def _used(name: str, kind: Kind, default: int | str | bool | None = None, note: str = "") -> Key:
    return Key(name, kind, default, note=note)


def _ignored(kind: Kind, *names: str) -> list[Key]:
    return [Key(name, kind, use=Use.NO_EFFECT) for name in names]


def _refused(name: str, kind: Kind, neutral: int | bool | str, note: str) -> Key:
    return Key(name, kind, neutral, Use.REFUSED, neutral=(neutral,), note=note)


def _group(*parts: Key | list[Key]) -> dict[str, Key]:
    keys = [key for part in parts for key in ([part] if isinstance(part, Key) else part)]
    return {key.name: key for key in keys}


_SOURCE = _group(
    _used("enable", _I, 0),
    _used("type", _I, 0, "2 URI, 3 MultiURI; the others are refused"),
    _used("uri", _S, note="file:// only; with type 3 it is a printf format that gets the source's index"),
    _used("num-sources", _I, 1, "type 3; below 1 means 1"),
    _used("drop-frame-interval", _I, 0, "n above 1: every n-th frame is kept"),
    _ignored(_I, "gpu-id", "cudadec-memtype", "nvbuf-memory-type", "camera-width", "camera-height", "camera-fps-n"),
    _ignored(_I, "camera-fps-d", "camera-csi-sensor-id", "camera-v4l2-dev-node", "latency", "num-decode-surfaces"),
    _ignored(_I, "num-extra-surfaces", "drop-on-latency", "camera-id", "rtsp-reconnect-interval-sec"),
    _ignored(_I, "init-rtsp-reconnect-interval-sec", "rtsp-reconnect-attempts", "simulate-fps-interval-ms"),
    _ignored(_I, "intra-decode-enable", "low-latency-decode", "select-rtp-protocol", "set-rtp-protocol", "leaky"),
    _ignored(_I, "max-size-buffers", "buffer-mode", "source-id", "smart-record", "smart-rec-video-cache"),
    _ignored(_I, "smart-rec-cache", "smart-rec-container", "smart-rec-start-time", "smart-rec-default-duration"),
    _ignored(_I, "smart-rec-duration", "smart-rec-interval", "udp-buffer-size", "extract-sei-type5-data"),
    _ignored(_B, "sensorID-padID-mapping"),
    _ignored(_S, "alsa-device", "video-format", "smart-rec-dir-path", "smart-rec-file-prefix"),
)

GROUPS: dict[str, dict[str, Key]] = {
    "application": _group(
        _used("enable-perf-measurement", _I, 0),
        _used("perf-measurement-interval-sec", _I, 0, "0, the default, divides by zero: always set it"),
        _used("gie-kitti-output-dir", _P, note="must exist; one file per frame"),
        _ignored(_I, "global-gpu-id"),
        Key("kitti-track-output-dir", _P, use=Use.NO_EFFECT, note="needs a tracker"),
        Key("reid-track-output-dir", _P, use=Use.NO_EFFECT, note="needs a tracker"),
        Key("terminated-track-output-dir", _P, use=Use.NO_EFFECT, note="needs a tracker"),
        Key("shadow-track-output-dir", _P, use=Use.NO_EFFECT, note="needs a tracker"),
    ),
    "source": _SOURCE,
    "source-attr-all": _SOURCE,
    "source-list": _group(
        _used("num-source-bins", _I, 0),
        _used("list", Kind.STRINGS),
        _used("sensor-id-list", Kind.STRINGS, note="only its length is checked, against num-source-bins"),
        _used("sensor-name-list", Kind.STRINGS, note="only its length is checked, against num-source-bins"),
        _refused("use-nvmultiurisrcbin", _B, False, "sources are managed over HTTP"),
        _ignored(_B, "dummy-payload", "custom-ts-to-rfc", "stream-name-display", "enable-error-propagation"),
        _ignored(_S, "batched-sensor-name", "http-ip", "http-port", "sei-uuid", "proto-lib", "conn-str", "topic"),
        _ignored(_I, "max-batch-size", "sgie-batch-size", "extract-sei-type5-data", "low-latency-mode"),
    ),
    "streammux": _group(
        _used("batch-size", _I, 0, "0: the number of sources"),
        _used("width", _I, 0, "applied only if width and height are both set"),
        _used("height", _I, 0, "applied only if width and height are both set"),
        _ignored(_I, "batched-push-timeout", "live-source", "gpu-id", "nvbuf-memory-type", "buffer-pool-size"),
        _ignored(_I, "compute-hw", "sync-inputs-ntp", "sync-inputs", "attach-sys-ts-as-ntp", "cache-buffer-timeout"),
        _ignored(_I, "num-surfaces-per-frame", "extract-sei-type5-data", "extract-sei-sim-time"),
        _ignored(_I, "align-first-buffer", "failsafe-flush-count", "drop-backward-sei"),
        _refused("enable-padding", _I, 0, "the vendor's padding is inside a closed library"),
        _ignored(_B, "sort-batch", "cache-buffer", "frame-num-reset-on-stream-reset", "frame-num-reset-on-eos"),
        _ignored(_B, "async-process", "drop-pipeline-eos"),
        _ignored(_S, "config-file-path", "frame-duration", "max-latency"),
    ),
    "sink": _group(
        _used("enable", _I, 0),
        _used("type", _I, 0, "1 fake, 3 encode to file; the others are refused"),
        _used("sync", _I, 0, "1: frames leave at the video's own pace"),
        _used("source-id", _I, 0, "the source this sink shows"),
        _used("container", _I, 1, "1 mp4, 2 mkv"),
        _used("output-file", _S, note="as written: relative to the working directory"),
        _used("bitrate", _I, 0, "bits per second; 0: the encoder's default"),
        Key("codec", _I, 1, Use.NO_EFFECT, note="the reference always writes MPEG-4 part 2"),
        Key("enc-type", _I, 0, Use.NO_EFFECT, note="the reference always encodes on the CPU"),
        _ignored(_I, "gpu-id", "nvbuf-memory-type", "width", "height", "profile", "iframeinterval", "copy-meta"),
        _ignored(_I, "output-io-mode", "sw-preset", "rtsp-port", "udp-port", "color-range", "conn-id", "plane-id"),
        _ignored(_I, "set-mode", "link-to-demux", "compute-hw", "msg-conv-payload-type", "msg-conv-comp-id"),
        _ignored(_I, "multiple-payloads", "msg-conv-msg2p-new-api", "msg-conv-frame-interval", "msg-broker-comp-id"),
        _ignored(_I, "disable-msgconv", "sleep-time"),
        _ignored(_B, "qos", "nvdslogger", "show-fps", "show-latency", "new-api", "msg-conv-dummy-payload"),
        _ignored(_S, "msg-conv-config", "msg-conv-msg2p-lib", "debug-payload-dir", "msg-broker-proto-lib", "topic"),
        _ignored(_S, "msg-broker-conn-str", "msg-broker-config", "udp-buffer-size", "msg-conv-embedding-filter"),
    ),
    "primary-gie": _group(
        _used("enable", _I, 0),
        _used("config-file", _P, note="required"),
        _used("batch-size", _I, note="overrides the nvinfer file, as do the next three"),
        _used("model-engine-file", _P),
        _used("interval", _I),
        _used("gie-unique-id", _I),
        _refused("plugin-type", _I, 0, "only nvinfer (0) is implemented"),
        _refused("infer-raw-output-dir", _P, "", "raw outputs are not written"),
        _refused("input-tensor-meta", _B, False, "there is no preprocess plugin"),
        Key("labelfile-path", _P, use=Use.NO_EFFECT, note="nvinfer's own labelfile-path is what counts"),
        _ignored(_I, "gpu-id", "nvbuf-memory-type", "operate-on-gie-id", "min-crop-size", "verbose"),
        _ignored(_I, "audio-framesize", "audio-hopsize", "audio-input-rate"),
        _ignored(Kind.INTS, "operate-on-class-ids"),
        _ignored(_S, "audio-transform", "model-variant", "device", "backend", "triton-url", "triton-model"),
        _ignored(_D, "bbox-border-color", "bbox-bg-color"),
    ),
    "osd": _group(
        _used("enable", _I, 0),
        _used("display-text", _B, True),
        _used("display-bbox", _B, True),
        _ignored(
            _I, "gpu-id", "process-mode", "border-width", "text-size", "show-clock", "clock-x-offset", "clock-y-offset"
        ),
        _ignored(_I, "clock-text-size", "nvbuf-memory-type"),
        _ignored(_B, "display-mask"),
        _ignored(_D, "text-color", "text-bg-color", "clock-color", "border-color"),
        _ignored(_S, "font", "hw-blend-color-attr"),
    ),
    "tests": _group(
        _used("file-loop", _I, 0, "not 0: files start again at their end, so the run never ends"),
        _refused("pipeline-recreate-sec", _I, 0, "the pipeline is not created again"),
    ),
}

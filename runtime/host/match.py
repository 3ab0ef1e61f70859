"""A host against a plan: versions that must agree before anything is built, and what the decoders will allow."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from dsimport.compiler.defaults import DEFAULT_VIDEO
from dsimport.compiler.diagnostics import Diagnostic, Severity
from dsimport.compiler.escape import single_line
from dsimport.compiler.gpus import decode_limit
from dsimport.compiler.plan import Plan, Value
from dsimport.runtime.host.base import Host
from dsimport.runtime.host.deepstream import release_version
from dsimport.runtime.host.graphics import devices
from dsimport.runtime.host.tensorrt import library_version, trtexec_version

__all__ = ["Clip", "clip_of", "decode_note", "measured_streams", "mismatches"]


def mismatches(host: Host, plan: Plan) -> list[Diagnostic]:
    """H0510, H0511 and H0512 where the host's DeepStream and TensorRT are not those that the plan was made for.

    The reference toolchain plays whatever release the plan names. A version that nothing tells is no mismatch.
    """
    if plan.toolchain == "reference":
        return []
    found = []
    tool, library = trtexec_version(), library_version(host)
    if (error := _compare("H0510", "pipeline.deepstream", "DeepStream", release_version(host), plan)) is not None:
        found.append(error)
    if (error := _compare("H0511", "pipeline.tensorrt", "TensorRT", tool or library, plan)) is not None:
        found.append(error)
    if tool and library and tool.split(".")[:3] != library.split(".")[:3]:
        found.append(
            Diagnostic(
                "H0512",
                f"trtexec is TensorRT {tool}, and DeepStream loads TensorRT {library}",
                help=("install the trtexec of the same TensorRT, or put it first on PATH",),
            )
        )
    return found


def _compare(code: str, key: str, title: str, there: str | None, plan: Plan) -> Diagnostic | None:
    setting = plan.settings[key]
    wanted = str(setting.value)
    parts = wanted.split(".")
    if there is None or there.split(".")[: len(parts)] == parts:
        return None
    have = ".".join(there.split(".")[:2])
    return Diagnostic(
        code,
        f"{plan.name} is planned for {title} {wanted} ({setting.origin}), this host has {single_line(there)}",
        help=(f'write {key}: "{single_line(have)}" into the recipe, or run on a host with {title} {wanted}',),
        notes=(f"what is emitted depends on the version of {title}",),
    )


@dataclass(frozen=True)
class Clip:
    """What a decoder has to do for one stream. codec: `h264`, `h265`, or as mediainfo calls it; size in pixels."""

    codec: str
    width: int
    height: int
    fps: float


_CODECS = {"AVC": "h264", "HEVC": "h265"}


def clip_of(host: Host, video: str) -> Clip | None:
    """Codec, size and rate of a clip: the sample's are known, others are asked of mediainfo; None without it."""
    if video == DEFAULT_VIDEO:
        return Clip("h264", 1280, 720, 30.0)
    answer = host.ask("mediainfo", "--Output=JSON", str((host.work / video).absolute()))
    if answer is None or not answer.good:
        return None
    try:
        tracks = json.loads(answer.text)["media"]["track"]
        track = next(item for item in tracks if item["@type"] == "Video")
        codec = _CODECS.get(track["Format"], track["Format"])
        return Clip(codec, int(track["Width"]), int(track["Height"]), float(track["FrameRate"]))
    except (ValueError, KeyError, TypeError, StopIteration):
        return None


def measured_streams(values: Mapping[str, Value]) -> float | None:
    """PEAK_GPU_STREAMS of the largest batch among a record's values; None before one was measured."""
    peaks = [value for name, value in values.items() if name.endswith(".peak_gpu_streams")]
    return max((float(value) for value in peaks if isinstance(value, (int, float))), default=None)


def decode_note(host: Host, plan: Plan, peak: float | None = None) -> Diagnostic | None:
    """H0514, a note: the benchmark's streams that the GPU can decode, where that is less than what they could reach.

    peak: streams that inference alone carries, once it was measured; before, the plan's largest batch stands for it.
    """
    found = devices(host) if plan.toolchain == "deepstream" else ()
    clip = clip_of(host, str(plan.settings["benchmark.video"].value)) if found else None
    if clip is None:
        return None
    fps = float(plan.settings["benchmark.target_fps"].value)
    limit = decode_limit(found[0].name, clip.codec, clip.width, clip.height, fps)
    most = peak if peak is not None else float(plan.settings["engine.batch_limit"].value)
    if limit is None or limit.streams >= most:
        return None
    about = "" if limit.certain else "about "
    reach = f"inference carries {most:.0f}" if peak is not None else f"the plan goes up to {most:.0f}"
    return Diagnostic(
        "H0514",
        f"{found[0].name} decodes {about}{limit.streams} streams of this clip at {fps:g} fps; {reach}",
        Severity.NOTE,
        help=("above that number a total that no longer grows says something about the decoder, not about the model",),
        notes=(
            f"clip: {clip.codec} {clip.width}x{clip.height}",
            f"published figure, scaled from 1920x1080 at 30 fps, not measured: {limit.source}",
        ),
    )

"""DeepStream: its release, headers and sample clip, and the GStreamer elements that pipelines need."""

from __future__ import annotations

from dsimport.compiler.defaults import DEFAULT_VIDEO
from dsimport.runtime.host.base import Fact, Host
from dsimport.runtime.host.graphics import devices

__all__ = ["element", "headers", "release", "release_version", "sample_video"]

HEADERS = "/opt/nvidia/deepstream/deepstream/sources/includes"


def release_version(host: Host) -> str | None:
    """`9.1.0` as deepstream-app tells it; None where it is not there or says nothing."""
    answer = host.ask("deepstream-app", "--version-all")
    return None if answer is None else answer.find(r"deepstream-app version (\d+(?:\.\d+)+)")


def release(host: Host) -> Fact:
    """DeepStream's release, with the TensorRT it says it uses."""
    answer = host.ask("deepstream-app", "--version-all")
    if answer is None:
        return Fact(None)
    version = release_version(host)
    if version is None:
        last = (answer.text.strip().splitlines() or ["nothing"])[-1]
        return Fact("unknown release", f"deepstream-app said: {last}", "run `deepstream-app --version-all` by hand")
    tensorrt = answer.find(r"TensorRT Version: *([\d.]+)")
    return Fact(f"{version}{f' with TensorRT {tensorrt}' if tensorrt else ''}")


def headers(host: Host) -> Fact:
    """DeepStream's own headers, which the parser's Makefile prefers to those that dsimport brings."""
    return Fact(HEADERS if host.path(f"{HEADERS}/nvdsinfer_custom_impl.h").is_file() else None)


def sample_video(host: Host) -> Fact:
    """The clip that recipes use unless they name another one."""
    return Fact(DEFAULT_VIDEO if host.path(DEFAULT_VIDEO).is_file() else None)


def element(host: Host, *names: str) -> Fact:
    """Whether GStreamer has all elements; the value names them."""
    if host.ask("gst-inspect-1.0", "--version") is None:
        return Fact(None, "gst-inspect-1.0 was not found", "apt-get install gstreamer1.0-tools")
    missing = [name for name in names if not _has(host, name)]
    if not missing:
        return Fact(", ".join(names))
    problem = f"without {', '.join(missing)}"
    if not devices(host) and any(name.startswith("nv") for name in missing):
        problem += "; NVIDIA's plugins do not load without a GPU"
    return Fact(None, problem)


def _has(host: Host, name: str) -> bool:
    answer = host.ask("gst-inspect-1.0", "--exists", name)
    return answer is not None and answer.good

"""TensorRT: trtexec, the library that DeepStream loads, and whether they agree."""

from __future__ import annotations

import re
from pathlib import Path

from dsimport.runtime.host.base import Fact, Host
from dsimport.runtime.toolversions import ToolVersions, find_program

__all__ = ["agreement", "libnvinfer", "library_version", "trtexec", "trtexec_version"]

# Where NVIDIA's packages put it, which is on nobody's PATH.
TRTEXEC_PLACE = "/usr/src/tensorrt/bin/trtexec"
DEEPSTREAM_LIBRARY = "/opt/nvidia/deepstream/deepstream/lib/libnvds_infer.so"
_VERSION = re.compile(r"libnvinfer\.so\.(\d+(?:\.\d+)+)")


def trtexec_version() -> str | None:
    """`10.16.0` from trtexec's banner; None where it is not there or says nothing."""
    version = ToolVersions().of("trtexec")
    return version if version is not None and re.fullmatch(r"\d+(?:\.\d+)+", version) else None


def trtexec(host: Host) -> Fact:
    """Version and place of trtexec."""
    path = find_program("trtexec")
    if path is None:
        if host.path(TRTEXEC_PLACE).is_file():
            return Fact(None, f"{TRTEXEC_PLACE} is not on PATH", f"export PATH=$PATH:{Path(TRTEXEC_PLACE).parent}")
        return Fact(None)
    version = trtexec_version()
    if version is None:
        return Fact(path, "it does not tell its version", "run `trtexec --help` and see what is wrong")
    return Fact(f"{version} ({path})")


def library_version(host: Host) -> str | None:
    """Version of the libnvinfer that DeepStream's nvinfer loads, else of the one that the loader finds first."""
    answer = host.ask("ldd", DEEPSTREAM_LIBRARY) if host.path(DEEPSTREAM_LIBRARY).exists() else None
    place = answer.find(r"libnvinfer\.so\.\d+ => (\S+)") if answer is not None else None
    # Users other than root often have no /sbin on PATH.
    answer = host.ask("ldconfig", "-p") or host.ask("/sbin/ldconfig", "-p") if place is None else None
    if answer is not None:
        place = answer.find(r"libnvinfer\.so\.\d+ .*=> (\S+)")
    if place is None:
        return None
    try:
        real = host.path(place).resolve(strict=True)
    except (OSError, RuntimeError):
        return None
    found = _VERSION.search(real.name)
    return found.group(1) if found else None


def libnvinfer(host: Host) -> Fact:
    """Version of TensorRT's library."""
    return Fact(library_version(host))


def agreement(host: Host) -> Fact:
    """Whether engines that trtexec builds can be loaded by DeepStream: both must be the same TensorRT."""
    tool, library = trtexec_version(), library_version(host)
    if tool is None or library is None:
        return Fact(None)
    if tool.split(".")[:3] != library.split(".")[:3]:
        problem = f"trtexec is TensorRT {tool}, DeepStream loads {library}: its engines will be refused"
        return Fact(f"{tool} / {library}", problem, "install the trtexec of the same TensorRT (package libnvinfer-bin)")
    return Fact(f"both {library}")

"""Operating system, platform, disk and Python of a host."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import sys

from dsimport.runtime.host.base import Fact, Host
from dsimport.runtime.toolversions import ToolVersions, find_program

__all__ = ["disk", "is_jetson", "jetson", "modules", "operating_system", "program", "python"]

MIN_FREE_MB = 500
ROOMY_MB = 20_000  # engines up to the batch limit, their logs and the export environment
MIN_PYTHON = (3, 10)


def operating_system(host: Host) -> Fact:
    """Name and version of the system, and the machine's architecture."""
    text = host.text("/etc/os-release") or ""
    found = re.search(r'^PRETTY_NAME="?([^"\n]+)', text, re.MULTILINE)
    return Fact(f"{found.group(1) if found else platform.system()}, {platform.machine()}")


def is_jetson(host: Host) -> bool:
    """Whether this is a Jetson, whose GPU is part of the chip."""
    return host.path("/etc/nv_tegra_release").is_file()


def jetson(host: Host) -> Fact:
    """Module and Jetson Linux release; no value on other machines."""
    text = host.text("/etc/nv_tegra_release")
    if text is None:
        return Fact(None)
    release = re.search(r"R(\d+).*?REVISION:\s*([\d.]+)", text)
    model = (host.text("/proc/device-tree/model") or "Jetson").strip("\0\n ")
    return Fact(f"{model}, Jetson Linux {release.group(1)}.{release.group(2)}" if release else model)


def disk(host: Host) -> Fact:
    """Free space where models are written, and whether this user may write there."""
    place = host.work
    while not place.exists() and place != place.parent:
        place = place.parent
    free = shutil.disk_usage(place).free // 2**20
    value = f"{free / 1024:.1f} GiB free on {place.absolute()}"
    if not os.access(place, os.W_OK):
        return Fact(value, "this user may not write there", "choose another folder with --root")
    if free < MIN_FREE_MB:
        return Fact(None, f"only {free} MiB free", f"free at least {MIN_FREE_MB} MiB, or use --root")
    if free < ROOMY_MB:
        return Fact(value, "engines of large batches may not fit", "free some space, or use --root")
    return Fact(value)


def python(host: Host) -> Fact:
    """Version of the interpreter that runs dsimport."""
    return Fact(".".join(map(str, sys.version_info[:3])))


def modules(host: Host, *names: str) -> Fact:
    """Whether every Python module of an extra is installed; the value names them."""
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        return Fact(None, f"without {', '.join(missing)}")
    return Fact(", ".join(names))


def program(host: Host, name: str) -> Fact:
    """Version of a program, with its place."""
    path = find_program(name)
    if path is None:
        return Fact(None)
    version = ToolVersions().of(name)
    return Fact(f"{version} ({path})" if version else path)

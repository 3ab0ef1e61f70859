"""What a machine is: the facts that figures measured on it depend on, kept in the record of every step that ran."""

from __future__ import annotations

import functools
import os
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path

from dsimport.compiler.escape import single_line
from dsimport.runtime.toolversions import ask, find_program

__all__ = ["host_facts", "parse_nvidia_smi"]

_QUERY = "--query-gpu=name,memory.total,driver_version"
_PACKAGES = ("onnx", "onnxruntime", "torch")
MAX_TEXT = 200


@functools.cache
def host_facts() -> dict[str, str]:
    """Facts of this machine by name, in words; those that cannot be found out are left out. Asked once a process.

    os, processor, cores, memory; python and the versions of onnx, onnxruntime and torch; with NVIDIA's driver also
    gpu, gpu_memory, driver and cuda (the newest release that the driver serves).
    """
    facts = {
        "os": _os_name(),
        "processor": _processor(),
        "cores": str(os.cpu_count() or ""),
        "memory": _memory(),
        "python": platform.python_version(),
        **{name: _version(name) for name in _PACKAGES},
        **_gpu(),
    }
    return {name: single_line(text)[:MAX_TEXT] for name, text in facts.items() if text}


def parse_nvidia_smi(query: str, banner: str) -> dict[str, str]:
    """GPU facts from the CSV of a query (name, memory, driver; one line a GPU) and from the table's head."""
    rows = [[cell.strip() for cell in line.split(",")] for line in query.splitlines()]
    rows = [row for row in rows if len(row) == 3 and row[0]]
    if not rows:
        return {}
    names, memory, drivers = (list(dict.fromkeys(column)) for column in zip(*rows, strict=True))
    count = f"{len(rows)} x " if len(rows) > 1 else ""
    cuda = re.search(r"CUDA Version:\s*([\d.]+)", banner)
    facts = {"gpu": count + ", ".join(names), "gpu_memory": ", ".join(memory), "driver": ", ".join(drivers)}
    return facts | ({"cuda": cuda[1]} if cuda else {})


def _gpu() -> dict[str, str]:
    program = find_program("nvidia-smi")
    if program is None:
        return {}
    return parse_nvidia_smi(_output(program, _QUERY, "--format=csv,noheader"), _output(program))


def _output(*argv: str) -> str:
    """Standard output of a program that ended well; else nothing."""
    answer = ask(*argv, stderr=subprocess.DEVNULL)
    return answer[1] if answer is not None and answer[0] == 0 else ""


def _os_name() -> str:
    try:
        pretty = platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        pretty = ""
    kernel = f"{platform.system()} {platform.release()} {platform.machine()}"
    return f"{pretty} ({kernel})" if pretty else kernel


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor()


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB"
    except (OSError, ValueError):
        return ""


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""

"""Where programs are, which version they have, and how to get those that are missing. The one home of these facts."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.compiler.escape import single_line
from dsimport.compiler.tools import BUILD_ENGINE

__all__ = [
    "API_TENSORRT",
    "DRIVER",
    "GPU",
    "RTX",
    "TENSORRT",
    "ToolVersions",
    "ask",
    "find_program",
    "missing_program",
]

PROBE_TIMEOUT_S = 30.0
# Found beside the interpreter: a virtual environment need not be activated for them.
OWN_PREFIX = "ref-"
# What a host has besides programs, asked for in the same way and shown under these names.
TENSORRT, API_TENSORRT, RTX, GPU, DRIVER = "TensorRT", "TensorRT for Python", "TensorRT-RTX", "GPU", "driver"
_RTX_PACKAGE = "tensorrt-rtx-cu13-bindings"


@dataclass(frozen=True)
class Program:
    """How a program tells its version: arguments and a pattern with one group; and where it comes from.

    asks: the program that tells, where it has another name. places: folders to look in after PATH.
    """

    get: str
    arguments: tuple[str, ...] = ("--version",)
    pattern: str = r"^(.+)$"
    cached: bool = True
    asks: str = ""
    places: tuple[str, ...] = ()


_TRTEXEC = "trtexec"
_NO_GPU = "it comes with NVIDIA's driver; on a host without a GPU use --toolchain reference"
_PROGRAMS: dict[str, Program] = {
    DRIVER: Program(_NO_GPU, ("--query-gpu=driver_version", "--format=csv,noheader"), cached=False, asks="nvidia-smi"),
    # Of several, the first one listed.
    GPU: Program(
        _NO_GPU,
        ("--query-gpu=name,compute_cap", "--format=csv,noheader"),
        r"^(.+, \d+\.\d+)\s*$",
        cached=False,
        asks="nvidia-smi",
    ),
    "deepstream-app": Program(
        "it is part of the DeepStream SDK; on a host without it use --toolchain reference",
        ("--version-all",),
        r"(?is)^(?:.*?deepstream-app version\s+(\S+).*)$",
    ),
    "g++": Program("apt-get install g++", pattern=r"^g\+\+.*?(\d+\.\d+[.\d]*)\s*$"),
    "gst-launch-1.0": Program("apt-get install gstreamer1.0-tools", pattern=r"version ([\d.]+)"),
    "make": Program("apt-get install make", pattern=r"GNU Make ([\d.]+)"),
    "mediainfo": Program("apt-get install mediainfo", pattern=r"MediaInfoLib - v([\d.]+)"),
    "nvidia-smi": Program(
        _NO_GPU,
        ("--query-gpu=name,driver_version", "--format=csv,noheader"),
        cached=False,  # another GPU can stand behind the same program
    ),
    "timeout": Program("apt-get install coreutils", pattern=r"([\d.]+)\s*$"),
    _TRTEXEC: Program(
        "it is part of TensorRT (Debian package libnvinfer-bin); on a host without it use --toolchain reference",
        ("--help",),
        r"\[TensorRT v(\d+)\]",
        places=("/usr/src/tensorrt/bin",),  # where Debian's package has it
    ),
    "wkhtmltopdf": Program("apt-get install wkhtmltopdf", pattern=r"([\d.]+)"),
}
_OWN = Program("it is installed with dsimport: pip install 'dsimport[reference]'")


def find_program(name: str) -> str | None:
    """Absolute path of a program: on PATH, or where its package puts it. A name with `/` is taken as it is, from the
    current folder."""
    if _is_own(name) and "/" not in name:
        beside = Path(sys.executable).with_name(name)
        if beside.is_file() and os.access(beside, os.X_OK):
            return str(beside)
    found = shutil.which(name)
    if found is None and "/" not in name and name in _PROGRAMS:
        found = shutil.which(name, path=os.pathsep.join(_PROGRAMS[name].places))
    return None if found is None else os.path.abspath(found)  # noqa: PTH100 - resolving links would rename programs


def missing_program(name: str, what_for: str = "") -> DsimportError:
    """T0601 with how to get the program. A missing tool is the host's fault: exit code 1."""
    program = _OWN if _is_own(name) else _PROGRAMS.get(name)
    get = program.get if program else "install it, or put its folder on PATH"
    notes = (f"needed by: {what_for}",) if what_for else ()
    return DsimportError(Diagnostic("T0601", f"{single_line(name)} was not found on PATH", help=(get,), notes=notes))


def _is_own(name: str) -> bool:
    return name.startswith(OWN_PREFIX) or name == BUILD_ENGINE


class ToolVersions:
    """Versions by program name. `known` carries what was learnt: path, size, times and inode of the file, version."""

    def __init__(self, known: Mapping[str, list[str]] | None = None) -> None:
        self.known: dict[str, list[str]] = dict(known or {})
        self._asked: dict[str, str | None] = {}

    def learn(self, known: Mapping[str, list[str]]) -> None:
        """Take over what another run found out, for programs not asked yet."""
        for name, entry in known.items():
            self.known.setdefault(name, entry)

    def of(self, name: str) -> str | None:
        """The version, `unknown version` where a program is there and does not tell; None where it is not there."""
        if name not in self._asked:
            self._asked[name] = self._ask(name)
        return self._asked[name]

    def _ask(self, name: str) -> str | None:
        if name == TENSORRT:
            return self.of(_TRTEXEC) or self.of(API_TENSORRT)
        if name == API_TENSORRT:
            return _module_version(("tensorrt",), ("tensorrt",))
        if name == RTX:
            return _module_version(("tensorrt_rtx", "tensorrt_rtx_bindings"), ("tensorrt-rtx", _RTX_PACKAGE))
        program = _PROGRAMS.get(name, Program(""))
        path = find_program(program.asks or name)
        if path is None:
            return None
        if name.startswith(OWN_PREFIX):
            return _own_version()
        try:
            status = Path(path).stat()
        except OSError:
            return None
        stamp = [path, *(str(item) for item in (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino))]
        known = self.known.get(name)
        if program.cached and known is not None and known[:-1] == stamp:
            return known[-1]
        version = _probe(path, program)
        if program.cached and version is not None:
            self.known[name] = [*stamp, version]
        return version or "unknown version"


def _own_version() -> str:
    from importlib import metadata

    from dsimport._version import VERSION

    try:
        return f"{VERSION} (onnxruntime {metadata.version('onnxruntime')})"
    except metadata.PackageNotFoundError:
        return f"{VERSION} (without onnxruntime)"


def _module_version(modules: tuple[str, ...], packages: tuple[str, ...]) -> str | None:
    """The version of the first package that is installed; None where none of the modules is."""
    from importlib import metadata, util

    if all(util.find_spec(name) is None for name in modules):
        return None
    for package in packages:
        with contextlib.suppress(metadata.PackageNotFoundError):
            return metadata.version(package)
    return "unknown version"


def ask(*argv: str, stderr: int = subprocess.STDOUT) -> tuple[int, str] | None:
    """Exit code of a program, and the beginning of what it printed; None where it cannot be started or does not end.

    stderr: where its errors go, as `subprocess` names it; among the rest unless said otherwise.
    """
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            timeout=PROBE_TIMEOUT_S,
            start_new_session=True,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.returncode, done.stdout[:100_000].decode("utf-8", "replace")


def _probe(path: str, program: Program) -> str | None:
    answer = ask(path, *program.arguments)
    if answer is None:
        return None
    found = re.search(program.pattern, answer[1], re.MULTILINE)
    return None if found is None else _tensorrt(program, single_line(found.group(1).strip())[:80])


def _tensorrt(program: Program, version: str) -> str:
    """`101600` is 10.16.0, and up to TensorRT 9 `8601` is 8.6.1."""
    if "TensorRT" not in program.pattern or not version.isdigit():
        return version
    number = int(version)
    base = 10000 if number >= 100000 else 1000
    return f"{number // base}.{number % base // 100}.{number % 100}"

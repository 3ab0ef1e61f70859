"""Hosts that a test makes up: programs that print what the real ones print, and files where the real ones lie."""

from __future__ import annotations

import os
from pathlib import Path

from dsimport.compiler.defaults import DEFAULT_VIDEO
from dsimport.runtime.host.base import Host

SMI = """\
+-----------------------------------------------------------------------------------------+
| NVIDIA-SMI {driver}              Driver Version: {driver}      CUDA Version: {cuda}     |
+-----------------------------------------+------------------------+----------------------+
"""

VERSION_ALL = """\
deepstream-app version {0}
DeepStreamSDK {0}
CUDA Driver Version: 13.2
CUDA Runtime Version: 13.2
TensorRT Version: {1}
cuDNN Version: 9.20
libNVWarp360 Version: 2.0.1d3
"""

ELEMENTS = (
    "nvinfer nvstreammux nvv4l2decoder nvvideoconvert nvdsosd decodebin qtdemux matroskademux h264parse h265parse "
    "nvv4l2h264enc qtmux theoraenc oggmux"
)


class MadeUp:
    """A host below `folder`: `host` sees it, and `path` is its PATH."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.root = folder / "root"
        for path in (self.bin, self.root, folder / "work"):
            path.mkdir(parents=True)
        self.host = Host(root=self.root, work=folder / "work", timeout_s=5)

    @property
    def path(self) -> str:
        return os.pathsep.join([str(self.bin), "/usr/bin", "/bin"])

    def program(self, name: str, script: str) -> None:
        """A program: the body of a shell script."""
        file = self.bin / name
        file.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
        file.chmod(0o755)

    def says(self, name: str, text: str, exit_code: int = 0) -> None:
        """A program that prints the same whatever it is asked."""
        self.program(name, f"cat <<'END'\n{text}\nEND\nexit {exit_code}")

    def file(self, absolute: str, text: str = "") -> Path:
        """A file of the host."""
        place = self.root / absolute.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, "utf-8")
        return place

    def gpu(self, rows: str, driver: str = "595.58.03", cuda: str = "13.2", *, old: bool = False) -> None:
        """nvidia-smi with these CSV rows; old: it does not know the field compute_cap."""
        refuse = (
            "*compute_cap*) echo 'Field \"compute_cap\" is not a valid field to query.'; exit 2 ;;\n" if old else ""
        )
        self.program(
            "nvidia-smi",
            f"case \"$*\" in\n{refuse}*--query-gpu=*) cat <<'END'\n{rows}\nEND\n;;\n"
            f"*) cat <<'END'\n{SMI.format(driver=driver, cuda=cuda)}END\n;;\nesac",
        )

    def tensorrt(self, tool: str = "101600", library: str = "10.16.0") -> None:
        """trtexec and libnvinfer of these versions."""
        self.says("trtexec", f"&&&& RUNNING TensorRT.trtexec [TensorRT v{tool}] [b72] # trtexec --help")
        real = self.file(f"/usr/lib/x86_64-linux-gnu/libnvinfer.so.{library}")
        name = f"libnvinfer.so.{library.split('.')[0]}"
        (real.parent / name).symlink_to(real.name)
        self.says("ldconfig", f"2 libs found\n\t{name} (libc6,x86-64) => /usr/lib/x86_64-linux-gnu/{name}")

    def deepstream(self, release: str = "9.1.0", tensorrt: str = "10.16", elements: str = ELEMENTS) -> None:
        """deepstream-app, its files and its GStreamer elements."""
        self.says("deepstream-app", VERSION_ALL.format(release, tensorrt))
        self.file("/opt/nvidia/deepstream/deepstream/sources/includes/nvdsinfer_custom_impl.h")
        self.file(DEFAULT_VIDEO)
        self.program(
            "gst-inspect-1.0",
            '[ "$1" = --exists ] || { echo "gst-inspect-1.0 version 1.24.2"; exit 0; }\n'
            f'case " {elements} " in *" $2 "*) exit 0 ;; *) exit 1 ;; esac',
        )

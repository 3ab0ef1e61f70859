"""The table of checks: what is looked at, who needs it, and how to get it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial

from dsimport.compiler.model import Toolchain
from dsimport.compiler.tools import tools_of
from dsimport.runtime.host import deepstream, graphics, system, tensorrt
from dsimport.runtime.host.base import Fact, Host

__all__ = ["CHECKS", "Check", "Finding", "Status", "run_checks"]

_SDK = "install the DeepStream SDK for this platform (docs.nvidia.com/metropolis/deepstream)"


class Status(str, Enum):
    """ok; warn: it works without, or with less; missing: a chosen toolchain cannot do without; absent: nobody asks."""

    OK = "ok"
    WARN = "warn"
    MISSING = "missing"
    ABSENT = "absent"


@dataclass(frozen=True)
class Check:
    """One line of `doctor`. needed, useful: toolchains that cannot do without it, and those that do more with it."""

    id: str
    title: str
    probe: Callable[[Host], Fact]
    fix: str
    needed: tuple[Toolchain, ...] = ()
    useful: tuple[Toolchain, ...] = ()


@dataclass(frozen=True)
class Finding:
    """A check's result. found: the probe's words; fix: empty where nothing has to be done."""

    id: str
    title: str
    status: Status
    found: str
    fix: str = ""


_GPU: tuple[Toolchain, ...] = ("deepstream",)
_CPU: tuple[Toolchain, ...] = ("reference",)
_ALL: tuple[Toolchain, ...] = ("deepstream", "reference")


def _program(name: str, fix: str, needed: tuple[Toolchain, ...] = (), useful: tuple[Toolchain, ...] = ()) -> Check:
    return Check(name, name, partial(lambda host, word: system.program(host, word), word=name), fix, needed, useful)


def _elements(title: str, fix: str, *names: str, needed: bool = True) -> Check:
    who = {"needed": _GPU} if needed else {"useful": _GPU}
    return Check(title, title, lambda host: deepstream.element(host, *names), fix, **who)


def _extra(name: str, *modules: str, needed: tuple[Toolchain, ...] = ()) -> Check:
    fix = f"pip install 'dsimport[{name}]'"
    return Check(f"extra-{name}", f"extra {name}", lambda host: system.modules(host, *modules), fix, needed)


CHECKS: tuple[Check, ...] = (
    Check("system", "system", system.operating_system, ""),
    Check("jetson", "Jetson", system.jetson, ""),
    Check("driver", "NVIDIA driver", graphics.driver, "install NVIDIA's driver", _GPU),
    Check("gpu", "GPU", graphics.gpu, "without a GPU use --toolchain reference", _GPU),
    Check("capability", "compute capability", graphics.capability, "", useful=()),
    Check("cuda", "CUDA", graphics.cuda, "install the CUDA toolkit that goes with the DeepStream release", useful=_GPU),
    Check("trtexec", "trtexec", tensorrt.trtexec, "apt-get install libnvinfer-bin (NVIDIA's repository)", _GPU),
    Check("libnvinfer", "libnvinfer", tensorrt.libnvinfer, "apt-get install libnvinfer10 (NVIDIA's repository)", _GPU),
    Check("tensorrt", "trtexec and libnvinfer", tensorrt.agreement, "", useful=()),
    Check("deepstream", "DeepStream", deepstream.release, _SDK, _GPU),
    Check("headers", "DeepStream headers", deepstream.headers, f"{_SDK}; dsimport brings its own meanwhile"),
    Check("video", "sample video", deepstream.sample_video, "install the samples, or name a clip in pipeline.video",
          useful=_GPU),
    _elements("inference elements", _SDK, "nvinfer", "nvstreammux", "nvv4l2decoder", "nvvideoconvert", "nvdsosd"),
    _elements("parsers and demuxers", "apt-get install gstreamer1.0-plugins-good gstreamer1.0-plugins-bad",
              "decodebin", "qtdemux", "matroskademux", "h264parse", "h265parse", needed=False),
    _elements("NVENC element", _SDK, "nvv4l2h264enc", "h264parse", "qtmux", needed=False),
    _elements("theora fallback", "apt-get install gstreamer1.0-plugins-base", "theoraenc", "oggmux", needed=False),
    Check("nvenc", "NVENC", graphics.nvenc, "nothing to do: the visual check encodes with theoraenc", useful=_GPU),
    Check("nvdec", "NVDEC", graphics.nvdec, "without a decoder there are no pipelines", useful=_GPU),
    _program("g++", "apt-get install g++", _ALL),
    _program("make", "apt-get install make", _ALL),
    _program("timeout", "apt-get install coreutils", _ALL),
    _program("wkhtmltopdf", "apt-get install wkhtmltopdf; only PDF reports need it"),
    _program("mediainfo", "apt-get install mediainfo; only names the codec of other clips"),
    Check("disk", "disk", system.disk, "free some space, or use --root", _ALL),
    Check("python", "Python", system.python, "", _ALL),
    _extra("reference", *tools_of("reference").modules, needed=_CPU),
    _extra("hub", "huggingface_hub"),
    _extra("report", "matplotlib", "markdown", "pdfkit"),
    _extra("tensorrt", "tensorrt"),
)  # fmt: skip


def run_checks(host: Host, toolchains: Sequence[Toolchain], only: Sequence[str] = ()) -> list[Finding]:
    """Every check, or those with the ids in `only`, judged for the chosen toolchains."""
    return [judge(check, check.probe(host), toolchains) for check in CHECKS if not only or check.id in only]


def judge(check: Check, fact: Fact, toolchains: Sequence[Toolchain]) -> Finding:
    """What a fact means for the toolchains."""
    fix = fact.fix or check.fix
    if fact.value is not None and not fact.problem:
        return Finding(check.id, check.title, Status.OK, fact.value)
    asked = {"needed": set(check.needed) & set(toolchains), "useful": set(check.useful) & set(toolchains)}
    if fact.value is not None:
        return Finding(check.id, check.title, Status.WARN, f"{fact.value}: {fact.problem}", fix)
    found = fact.problem or "not found"
    if asked["needed"]:
        return Finding(check.id, check.title, Status.MISSING, found, fix)
    return Finding(check.id, check.title, Status.WARN if asked["useful"] else Status.ABSENT, found, fix)

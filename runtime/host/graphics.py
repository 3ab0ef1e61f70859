"""Driver, GPUs, CUDA, and the engines for video."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from dsimport.compiler.gpus import Gpu, decode_limit, gpu_named
from dsimport.runtime.host.base import Answer, Fact, Host
from dsimport.runtime.host.system import is_jetson, jetson

__all__ = ["Device", "capability", "cuda", "devices", "driver", "gpu", "nvdec", "nvenc"]

_QUERY = ("name", "driver_version", "memory.total", "compute_cap")
CUDA_PLACES = ("/usr/local/cuda/version.json", "/usr/local/cuda/version.txt")


@dataclass(frozen=True)
class Device:
    """One GPU. memory: MiB, None where it is the host's own; capability: `8.9`, empty where it is not told."""

    name: str
    driver: str
    memory: int | None
    capability: str

    @property
    def known(self) -> Gpu | None:
        """Its row in the table of models."""
        return gpu_named(self.name)


def devices(host: Host) -> tuple[Device, ...]:
    """Every GPU of the host, in nvidia-smi's order. A Jetson has one, known from its device tree."""
    if is_jetson(host):
        name = (jetson(host).value or "Jetson").split(",")[0]
        known = gpu_named(name)
        return (Device(name, "", None, known.capability if known else ""),)
    answer = _query(host, _QUERY) or _query(host, _QUERY[:3])  # compute_cap is unknown to drivers below 510
    if answer is None:
        return ()
    return tuple(found for line in answer.text.splitlines() if (found := _device(line)) is not None)


def _query(host: Host, fields: tuple[str, ...]) -> Answer | None:
    answer = host.ask("nvidia-smi", f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits")
    return answer if answer is not None and answer.good else None


def _device(line: str) -> Device | None:
    cells = [cell.strip() for cell in line.split(",")]
    if len(cells) < 3:
        return None
    capability = cells[3] if len(cells) > 3 and re.fullmatch(r"\d+\.\d+", cells[3]) else ""
    return Device(cells[0], cells[1], int(cells[2]) if cells[2].isdigit() else None, capability)


def driver(host: Host) -> Fact:
    """Version of NVIDIA's driver; on a Jetson it is part of the system."""
    if is_jetson(host):
        return Fact("part of Jetson Linux")
    found = devices(host)
    if found:
        return Fact(found[0].driver)
    answer = host.ask("nvidia-smi")
    if answer is None:
        return Fact(None)
    said = (answer.text.strip().splitlines() or ["nvidia-smi gives no answer"])[0]
    problem = "nvidia-smi does not end" if answer.timed_out else said
    return Fact(None, problem, "load the driver (reboot after an update); in a container start with --gpus all")


def gpu(host: Host) -> Fact:
    """Names and memory of the GPUs."""
    found = devices(host)
    if not found:
        return Fact(None)
    texts = [f"{item.name}{f' ({item.memory / 1024:.1f} GiB)' if item.memory else ''}" for item in found]
    return Fact(", ".join(dict.fromkeys(texts)) + (f" x {len(texts)}" if len(texts) > 1 else ""))


def capability(host: Host) -> Fact:
    """Compute capability of every GPU; a host with several kinds needs an engine for each."""
    found = list(dict.fromkeys(item.capability for item in devices(host) if item.capability))
    if not found:
        return Fact(None)
    if len(found) > 1:
        problem = "several kinds of GPUs: an engine serves one of them only"
        return Fact(", ".join(found), problem, "choose one with CUDA_VISIBLE_DEVICES")
    return Fact(found[0])


def cuda(host: Host) -> Fact:
    """Version of the CUDA toolkit, and the newest one that the driver takes."""
    text = host.text(CUDA_PLACES[0])
    toolkit = _json_version(text) if text else None
    toolkit = toolkit or _first(r"CUDA Version ([\d.]+)", host.text(CUDA_PLACES[1]) or "")
    if toolkit is None and (answer := host.ask("nvcc", "--version")) is not None:
        toolkit = answer.find(r"release ([\d.]+)")
    smi = host.ask("nvidia-smi")
    most = smi.find(r"CUDA Version:\s*([\d.]+)") if smi is not None else None
    if toolkit is None and most is None:
        return Fact(None)
    value = f"toolkit {toolkit or 'not installed'}" + (f", driver takes up to {most}" if most else "")
    if toolkit and most and _numbers(toolkit)[:2] > _numbers(most)[:2]:
        problem = f"CUDA {toolkit} is newer than the driver takes"
        return Fact(value, problem, "install a newer driver, or the forward compatibility package")
    return Fact(value)


def _json_version(text: str) -> str | None:
    try:
        return str(json.loads(text)["cuda"]["version"])
    except (ValueError, KeyError, TypeError):
        return None


def _first(pattern: str, text: str) -> str | None:
    found = re.search(pattern, text)
    return found.group(1) if found else None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def nvenc(host: Host) -> Fact:
    """Whether the GPU has an encoder, by the table of models."""
    found = devices(host)
    if not found:
        return Fact(None)
    known = found[0].known
    if known is None:
        return Fact("not known for this GPU: the visual check tries it")
    if known.nvenc == 0:
        return Fact(None, f"{found[0].name} has no encoder")
    return Fact(f"{known.nvenc} engine{'s' if known.nvenc > 1 else ''}")


def nvdec(host: Host) -> Fact:
    """Decoders of the GPU, and how many streams NVIDIA says they carry."""
    found = devices(host)
    if not found:
        return Fact(None)
    known = found[0].known
    if known is None:
        return Fact("not known for this GPU")
    parts = [f"{known.nvdec} engine{'s' if known.nvdec > 1 else ''}"]
    for codec, title in (("h264", "H.264"), ("h265", "H.265")):
        limit = decode_limit(found[0].name, codec, 1920, 1080, 30)
        if limit is not None:
            parts.append(f"{'about ' if not limit.certain else ''}{limit.streams} {title} streams of 1080p30")
    published = " (published by NVIDIA, not measured)" if len(parts) > 1 else "; no published number of streams"
    return Fact(", ".join(parts) + published)

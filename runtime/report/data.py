"""`benchmark_data.json`: every figure of a model's run, null where nothing was measured."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dsimport.compiler.layout import Layout
from dsimport.compiler.plan import Plan, Value
from dsimport.runtime.formats.kitti import read_folder

__all__ = ["DATA_FORMAT", "collect"]

DATA_FORMAT = 1
TOP_CLASSES = 10


def collect(plan: Plan, root: Path, values: Mapping[str, Value], seconds: Mapping[str, float]) -> dict[str, Any]:
    """The report's data. `values`: what the steps gave; `seconds`: how long each took, by step id."""
    layout = Layout(plan.name)
    batch = values.get("max_batch")
    engine = f"{plan.name}_dynamic_b{batch}.engine" if batch is not None else None
    return {
        "format": DATA_FORMAT,
        "model_name": plan.name,
        "toolchain": plan.toolchain,
        "hardware": _hardware(plan.toolchain),
        "engine": engine,
        "engine_bytes": _size(root / layout.home / "benchmarks/engines" / engine) if engine else None,
        "onnx_bytes": _size(root / layout.onnx),
        "max_bs": batch,
        "trtexec": {
            "bs1": _bench(values, "b1", 1),
            "bsmax": _bench(values, f"peak.b{batch}", batch),
            "built": _built(plan, values),
            "ended": _ended(plan, values),
        },
        "peak_gpu_streams": values.get("peak_gpu_streams"),
        "deepstream": {
            "run1": _run(values, "run1"),
            "run2": _run(values, "run2_retry" if values.get("run2_retry.total_fps") is not None else "run2"),
            "run2_halved": values.get("run2_retry.total_fps") is not None,
        },
        "verify": _verify(values),
        "kitti": _kitti(root / layout.kitti_folder, values),
        "visual": _visual(root / layout.home / "samples/single_stream.json"),
        "settings": {key: setting.value for key, setting in plan.settings.items()},
        "seconds": dict(seconds),
        "system": _system(),
    }


def _hardware(toolchain: str) -> str:
    machine = f"{platform.system()} {platform.machine()}, {_processor()}"
    if toolchain == "reference":
        return f"this machine's CPU through ONNX Runtime ({machine}); these are not TensorRT figures"
    return f"TensorRT and DeepStream on this host ({machine})"


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown processor"


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _bench(values: Mapping[str, Value], prefix: str, batch: Value) -> dict[str, Value]:
    def get(name: str) -> Value:
        return values.get(f"{prefix}.{name}")

    return {
        "batch": batch if get("qps") is not None else None,
        "qps": get("qps"),
        "gpu_mean_ms": get("gpu_mean_ms"),
        "p99_ms": get("gpu_p99_ms"),
        "imgs_per_sec": get("images_per_s"),
    }


def _built(plan: Plan, values: Mapping[str, Value]) -> list[dict[str, Value]]:
    """One entry per engine that was measured on the way to the largest batch."""
    batches = [int(step.params["batch"]) for step in plan.steps if step.kind == "bench" and step.id != "bench-b1"]
    entries = (
        {
            "batch": batch,
            "imgs_per_sec": values.get(f"peak.b{batch}.images_per_s"),
            "peak_gpu_streams": values.get(f"peak.b{batch}.peak_gpu_streams"),
        }
        for batch in batches
    )
    return [entry for entry in entries if entry["imgs_per_sec"] is not None]


def _ended(plan: Plan, values: Mapping[str, Value]) -> dict[str, Value] | None:
    """The step that ended the doubling by failing, and why; None where the throughput or the limit did."""
    failed = (step for step in plan.steps if step.may_fail is not None and values.get(step.may_fail) is not None)
    return next(({"step": step.id, "why": values[str(step.may_fail)]} for step in failed), None)


def _run(values: Mapping[str, Value], run: str) -> dict[str, Value]:
    total = values.get(f"{run}.total_fps")
    return {
        "streams": values.get(f"{run}.streams") if total is not None else None,
        "total_fps": total,
        "fps_per_stream": values.get(f"{run}.fps_per_stream"),
    }


def _verify(values: Mapping[str, Value]) -> dict[str, Value] | None:
    """How well the parser agrees with an independent post-processing; boxes and matched are those on frames."""
    if values.get("verify.boxes") is None:
        return None
    return {name: values[f"verify.{name}"] for name in ("boxes", "matched", "rate", "worst_iou", "worst_score")}


def _kitti(folder: Path, values: Mapping[str, Value]) -> dict[str, Any] | None:
    if values.get("kitti.frames") is None:
        return None
    summary = read_folder(folder)
    classes = sorted(summary.class_counts.items(), key=lambda item: (-item[1], item[0]))[:TOP_CLASSES]
    return {
        "frames": values["kitti.frames"],
        "frames_with_detections": values["kitti.frames_with_detections"],
        "detections": values["kitti.detections"],
        "rate": values["kitti.rate"],
        "top_classes": [{"label": label, "count": count} for label, count in classes],
    }


def _visual(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _system() -> dict[str, str]:
    return {
        "os": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "python": platform.python_version(),
    }

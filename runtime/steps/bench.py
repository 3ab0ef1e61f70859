"""Steps `bench` and `scale`: trtexec's throughput, and what it means in camera streams."""

from __future__ import annotations

import math

from dsimport.compiler.diagnostics import Diagnostic, DsimportError, Severity
from dsimport.compiler.plan import Value
from dsimport.runtime.atomic import write_text
from dsimport.runtime.formats.trtexec import parse_trtexec_log
from dsimport.runtime.steps.base import Context, Outcome
from dsimport.runtime.toolversions import find_program

__all__ = ["peak_streams", "run", "scale"]


def peak_streams(images_per_s: float, target_fps: float) -> int:
    """PEAK_GPU_STREAMS of the seed: how many streams at `target_fps` the engine alone could feed."""
    return math.floor(images_per_s / target_fps)


def run(context: Context) -> Outcome:
    """Run trtexec and read its log. One query is one batch, so images/s = qps x batch."""
    if context.step.hints.get("optional") and find_program(context.argv()[0]) is None:
        return _not_measured(context)
    context.run()
    result = parse_trtexec_log(context.log_path.read_text("utf-8", "replace"))
    if result.qps is None or not math.isfinite(result.qps) or result.qps <= 0:
        raise DsimportError(
            Diagnostic(
                "T0411",
                "the benchmark ended without a throughput figure",
                help=(f"read {context.log_path}; a summary is missing when profiling flags are added",),
            ),
            exit_code=4,
        )
    params = context.step.params
    prefix, batch = params["prefix"], params["batch"]
    images = result.qps * batch
    peak = peak_streams(images, params["target_fps"])
    values = {
        f"{prefix}.qps": result.qps,
        f"{prefix}.images_per_s": images,
        f"{prefix}.gpu_mean_ms": result.gpu_mean_ms,
        f"{prefix}.gpu_min_ms": result.gpu_min_ms,
        f"{prefix}.gpu_p99_ms": result.gpu_p99_ms,
        f"{prefix}.peak_gpu_streams": peak,
        # Zero where trtexec did not find it worth a warning.
        f"{prefix}.unstable_percent": result.unstable_percent or 0.0,
        f"{prefix}.enqueue_bound": int(result.enqueue_bound),
        f"{prefix}.yardsticks": result.yardsticks,
    }
    for warning in result.warnings:
        context.say(warning)
    mean, p99 = result.gpu_mean_ms, result.gpu_p99_ms
    compute = "" if mean is None else f"   compute {mean:.1f} ms" + ("" if p99 is None else f" (p99 {p99:.1f})")
    kept = {name: value for name, value in values.items() if name in context.step.gives}
    return Outcome(kept, f"{images:,.0f} img/s{compute}   peak {peak} streams")


def _not_measured(context: Context) -> Outcome:
    """Engines can be built without trtexec, and pipelines run; only trtexec measures an engine alone."""
    text = f"{context.argv()[0]} is not on this host: throughput of the engine alone was not measured"
    context.warn(
        Diagnostic("T0417", text, severity=Severity.WARNING, help=("install it (Debian package libnvinfer-bin)",))
    )
    write_text(context.log_path, text + "\n")
    return Outcome(dict.fromkeys(context.step.gives), "not measured: no trtexec")


def scale(context: Context) -> Outcome:
    """End the doubling: the largest batch that was measured, its figures, and the streams of run 1."""
    params = context.step.params
    measured = [n for n in params["batches"] if context.values.get(f"peak.b{n}.images_per_s") is not None]
    if not measured:  # without trtexec nothing asks for more than the first engine, and it is run full
        first = params["batches"][0]
        nothing: dict[str, Value] = {"images_per_s": None, "peak_gpu_streams": None}
        given = {"max_batch": first, **nothing, "run1.streams": first}
        return Outcome(given, f"batch {first}, throughput not measured")
    largest = max(measured)
    images = float(context.values[f"peak.b{largest}.images_per_s"] or 0.0)
    peak = peak_streams(images, params["target_fps"])
    # A machine that carries no stream at the target rate is still run with one, to see how far it gets.
    streams = max(1, min(peak, largest))
    values = {"max_batch": largest, "images_per_s": images, "peak_gpu_streams": peak, "run1.streams": streams}
    return Outcome(values, f"batch {largest}, floor({images:,.1f} / {params['target_fps']:g}) = {peak} streams")

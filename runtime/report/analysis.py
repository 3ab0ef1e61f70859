"""What the figures say about where the time goes: the lines of the report's section 10."""

from __future__ import annotations

from dsimport.runtime.report.schema import BenchmarkData, Run

__all__ = ["analysis_lines", "efficiency"]

# Above this share of trtexec's rate the engine is what limits the pipeline.
ENGINE_BOUND = 0.9
# Totals of two runs with different numbers of streams that differ by less are the same total.
SATURATED = 0.05


def efficiency(run: Run, data: BenchmarkData) -> str:
    """The run's total over trtexec's at the largest batch, in percent."""
    share = _share(run, data)
    return "not measured" if share is None else f"{share:.1%}"


def analysis_lines(data: BenchmarkData) -> list[str]:
    """Formulas with their numbers, the gap, and what bounds it; empty without both kinds of runs."""
    peak, runs = data.trtexec.bsmax.imgs_per_sec, data.deepstream.named()
    if not peak or not runs:
        return []
    lines = [f"{name}: {run.total_fps:,.1f} / {peak:,.1f} img/s = {efficiency(run, data)}" for name, run in runs]
    best = max((run for _, run in runs), key=lambda run: run.total_fps or 0.0)
    lines += _gap(best.total_fps or 0.0, peak)
    return [*lines, _bound(data, [run for _, run in runs], best)]


def _gap(total: float, peak: float) -> list[str]:
    if total <= 0:
        return []
    pipeline, engine = 1000 / total, 1000 / peak
    if pipeline <= engine:
        return [f"gap: none; an image takes {pipeline:.3g} ms in the pipeline and {engine:.3g} ms in trtexec"]
    times = f"{pipeline:.3g} ms in the pipeline and {engine:.3g} ms in trtexec"
    rest = f"{pipeline - engine:.3g} ms is decoding, scaling, parsing and waiting that inference does not hide"
    return [f"gap: an image takes {times}; the difference of {rest}"]


def _bound(data: BenchmarkData, runs: list[Run], best: Run) -> str:
    share = _share(best, data) or 0.0
    device = "CPU" if data.toolchain == "reference" else "GPU"
    if share > 1.0:
        return (
            f"bound by: the {device}'s inference. More than 100 % is seen where an engine is faster at the pipeline's "
            "batch than at the benchmark's, or where the machine was busier during one of the two"
        )
    if share >= ENGINE_BOUND:
        return f"bound by: the {device}'s inference; the pipeline adds less than {1 - ENGINE_BOUND:.0%}"
    totals = [run.total_fps or 0.0 for run in runs]
    streams = {run.streams for run in runs}
    if len(streams) > 1 and max(totals) - min(totals) <= SATURATED * max(totals):
        return "bound by: the pipeline; the total does not move with the number of streams, so decoding is saturated"
    extra = " Decoding, scaling and inference share the same cores" if data.toolchain == "reference" else ""
    return f"bound by: the pipeline, which feeds the {device} {share:.0%} of what the engine could take.{extra}"


def _share(run: Run, data: BenchmarkData) -> float | None:
    peak = data.trtexec.bsmax.imgs_per_sec
    return None if run.total_fps is None or not peak else run.total_fps / peak

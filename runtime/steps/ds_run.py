"""Step `ds-run`: a multi-stream deepstream-app benchmark."""

from __future__ import annotations

import math

from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.compiler.plan import Value
from dsimport.runtime.formats.nvinfer_log import built_inside
from dsimport.runtime.formats.perf import parse_perf, stalled_streams, steady_fps
from dsimport.runtime.steps.base import TOOL_FAILED, Context, Outcome

__all__ = ["run", "run2_streams"]


def run2_streams(total_fps: float, target_fps: float, max_batch: int) -> int:
    """RT_STREAMS of the seed, at least one: the streams that run 1's total could serve at the target rate."""
    return max(1, min(math.floor(total_fps / target_fps), max_batch))


def run(context: Context) -> Outcome:
    """Run for the fixed time and read the steady PERF rows of all streams."""
    context.run()
    params = context.step.params
    streams = params["streams"]
    if isinstance(streams, str):  # a value that an earlier step gave
        streams = int(context.values[streams] or 0)
    fps = _rates(context, streams)
    total, run_name, target = math.fsum(fps), params["run"], params["target_fps"]
    per_stream = total / streams
    values: dict[str, Value] = {f"{run_name}.total_fps": total, f"{run_name}.fps_per_stream": per_stream}
    if run_name == "run1":
        values["run2.streams"] = run2_streams(total, target, int(context.values["max_batch"] or 1))
    elif run_name == "run2":
        values["run2.below_target"] = int(per_stream < target)
        values["run2_retry.streams"] = max(1, streams // 2)
    verdict = "real time" if per_stream >= target else f"below {target:g} fps"
    return Outcome(values, f"{streams} streams x {per_stream:.1f} fps = {total:,.1f} img/s, {verdict}")


def _rates(context: Context, streams: int) -> tuple[float, ...]:
    """Frames per second of every stream. DsimportError where the log says that they are not those of the engine."""
    log = context.log_path.read_text("utf-8", "replace")
    rows = parse_perf(log)
    fps, stalled = steady_fps(rows), stalled_streams(rows)
    if (built := built_inside(log)) is not None:
        raise _unusable(
            "T0419",
            f"nvinfer built an engine inside the run of {streams} streams: {built}",
            "the lines before it in the log say why the planned engine was not usable; `dsimport plan` says what moved",
            context,
        )
    if fps is None:
        found = "no steady PERF row"
    elif len(fps) != streams or min(fps) <= 0:
        found = f"PERF rows of {len(fps)} streams: {min(fps):.1f} fps at least"
    elif stalled:
        found = f"stream {', '.join(map(str, stalled))} stood still for the second half of the run"
    else:
        return fps
    what = f"the run of {streams} streams gave no usable rate: {found}"
    raise _unusable("T0412", what, "raise benchmark.run_s if the engine loads slowly", context)


def _unusable(code: str, what: str, fix: str, context: Context) -> DsimportError:
    return DsimportError(Diagnostic(code, what, help=(f"read {context.log_path}; {fix}",)), exit_code=TOOL_FAILED)

"""A sweep for people: what was measured, what it means, what to put into the recipe."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["sweep_lines"]

_BOUND = {
    "engine": "the engine is the limit",
    "pipeline": "decoding or the host is the limit: the engine alone gives more",
    "unknown": "no pipeline run ended well",
}


def sweep_lines(data: Mapping[str, Any]) -> Iterable[str]:
    """The lines shown after a sweep, of the data that `sweep.json` has."""
    target = data["target_fps"]
    where = "on this CPU, not TensorRT" if data["toolchain"] == "reference" else "TensorRT"
    yield f"{data['model_name']}: sweep for {target:g} fps ({where})"
    yield f"  {'batch':>5}  {'img/s':>9}  {'streams':>7}"
    for engine in data["engines"]:
        note = "   below the curve of its neighbours" if engine["batch"] in data["bad"] else ""
        fed = min(engine["batch"], int(engine["images_per_s"] // target))
        yield f"  {engine['batch']:>5}  {engine['images_per_s']:>9,.1f}  {fed:>7}{note}"
    for batch in data["failed"]:
        yield f"  {batch:>5}  could not be built or measured"
    curve = data["curve"]
    yield f"  {curve['kind']} curve, off by {curve['error']:.1%} (root mean square); predicts batch {data['predicted']}"
    for run in data["runs"]:
        verdict = "real time" if run["fps_per_stream"] >= target else f"below {target:g} fps"
        yield (
            f"  pipeline, engine of batch {run['batch']}: {run['streams']} streams x {run['fps_per_stream']:.1f} fps, "
            f"{verdict}"
        )
    yield from _recommendation(data)


def _recommendation(data: Mapping[str, Any]) -> Iterable[str]:
    best = data["best"]
    if best is None:
        yield f"no run carried a stream at {data['target_fps']:g} fps; {_BOUND[data['bound']]}"
        return
    yield f"best: {best['streams']} streams on the engine of batch {best['batch']}; {_BOUND[data['bound']]}"
    yield f"recipe: engine: {{max_batch: {best['batch']}, batch_limit: {best['batch']}}}"

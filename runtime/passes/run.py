"""Applying a plan's passes to a model: each changes the graph, and is proven by running it before and after."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsimport.runtime.atomic import write_bytes
from dsimport.runtime.graph import dynamic_batch, verify_batch
from dsimport.runtime.onnx_file import GraphError, read_model, serialize
from dsimport.runtime.passes import simplify as slimming
from dsimport.runtime.passes.half import to_fp16
from dsimport.runtime.passes.store import store
from dsimport.runtime.passes.tensors import fold_inputs, fold_normalize, fp32_io, strip_outputs

if TYPE_CHECKING:
    from dsimport.runtime.passes.probe import Probe, Results

__all__ = ["run_passes"]

VERIFY_BATCH = 2
Item = dict[str, Any]


def run_passes(request: dict[str, Any], say: Callable[[str], None]) -> dict[str, Any]:
    """Read `source`, apply `passes` in order, write `target`, and check that every image of a batch is served.

    request: source, target (absolute paths), input (name), image (channels, height, width), pixels (scale and bias per
    channel: what the network wants, from pixels of 0..255), passes. The result has per pass `pass`, `changes` and
    `max_abs_diff` (None where nothing changed, or ONNX Runtime cannot run the model), and `batch_diff`, `files`.
    Raises GraphError where the model cannot be used, or a pass changes what it computes.
    """
    model = read_model(Path(request["source"]))
    can_run = find_spec("onnxruntime") is not None
    probe = _probe(request) if can_run else None
    before = probe.run(model) if probe else None
    half = False
    done = []
    for item in request["passes"]:
        old = before
        changes = _apply(model, request["input"], item)
        distance = None
        if changes and probe:
            probe.folded |= item["pass"] == "fold-normalize"
            before = probe.run(model)
            half |= item["pass"] in ("fp32-io", "to-fp16")
            distance = _compare(item, old, before, request, half)
        for change in changes:
            say(f"{item['pass']}: {change}")
        if distance is not None:
            say(f"{item['pass']}: before and after differ by at most {distance:.3g}")
        done.append({"pass": item["pass"], "changes": changes, "max_abs_diff": distance})
    return {"passes": done, "batch_diff": _finish(model, request, can_run, say)}


def _probe(request: dict[str, Any]) -> Probe:
    from dsimport.runtime.passes.probe import Pixels, Probe

    pixels = Pixels(tuple(request["pixels"]["scale"]), tuple(request["pixels"]["bias"]))
    channels, height, width = request["image"]
    folded = (item["constants"] for item in request["passes"] if item["pass"] == "fold-inputs")
    constants: dict[str, Any] = next(folded, {})
    return Probe(request["input"], (channels, height, width), pixels, constants)


def _apply(model: Any, input_name: str, item: Item) -> list[str]:
    kind = item["pass"]
    if kind == "dynamic-batch":
        return dynamic_batch(model, input_name, item["channels"], item["height"], item["width"])
    if kind == "strip-outputs":
        return strip_outputs(model, item["outputs"])
    if kind == "fold-inputs":
        return fold_inputs(model, item["constants"])
    if kind == "fp32-io":
        return fp32_io(model, input_name)
    if kind == "fold-normalize":
        return fold_normalize(model, input_name, item["scale"], item["bias"])
    if kind == "fuse-head":
        from dsimport.runtime.passes.fuse import fuse_head  # family presets, and pydantic with them

        return fuse_head(model, item["head"], item["select"], item["rows"], item["output"])
    if kind == "to-fp16":
        return to_fp16(model)
    if kind == "simplify":
        return slimming.simplify(model)
    raise GraphError(f"this dsimport has no pass {kind!r}")


def _compare(item: Item, old: Results | None, new: Results | None, request: dict[str, Any], half: bool) -> float | None:
    """How far a pass moved the outputs; None where there was nothing to compare with."""
    if old is None:
        return None
    if new is None:
        raise GraphError(f"after {item['pass']} the model does not run any more")
    if item["pass"] == "fuse-head":
        return _compare_fused(item, old, new, request)
    from dsimport.runtime.passes.probe import HALF_RELATIVE, RELATIVE, difference

    return difference(old, new, item["pass"], HALF_RELATIVE if half else RELATIVE)


def _compare_fused(item: Item, old: Results, new: Results, request: dict[str, Any]) -> float:
    """The rows against the family's own post-processing (in numpy) of the outputs they replaced, image by image."""
    import numpy as np

    from dsimport.runtime.passes.probe import row_difference
    from dsimport.runtime.verify.head import Head, VerifyError

    head = Head.of(item["head"], item["select"])
    size = (int(request["image"][2]), int(request["image"][1]))
    largest = 0.0
    for rows_of, raw in ((new.alone, old.alone), (new.together, old.together)):
        if rows_of is None or raw is None:
            continue
        for index, rows in enumerate(rows_of[item["output"]]):
            try:
                found = head.detections({name: array[index] for name, array in raw.items()})
            except VerifyError as error:
                raise GraphError(f"fuse-head: {error}") from None
            best = found[np.argsort(-found.scores, kind="stable")[: 2 * len(rows)]]
            expected = np.column_stack([best.boxes, best.scores, best.classes]).astype(np.float64)
            largest = max(largest, row_difference(expected, rows.astype(np.float64), size, "fuse-head"))
    return largest


def _finish(model: Any, request: dict[str, Any], can_run: bool, say: Callable[[str], None]) -> float | None:
    """Check the batch and write the file."""
    target = Path(request["target"])
    if store(model, target, write_bytes):
        say("the weights are kept beside the model: it is larger than one file can be, and was not run")
        return None
    if not can_run:
        # A GPU host may lack ONNX Runtime: then trtexec is the first to run the graph.
        say("onnxruntime is not installed: the graph was not run")
        return None
    check = verify_batch(serialize(model), request["input"], VERIFY_BATCH)
    say(f"batch {VERIFY_BATCH} against batch 1: largest difference {check.max_abs_diff:.3g}")
    return check.max_abs_diff

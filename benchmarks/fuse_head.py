"""fuse-head: bytes copied per frame before and after, and what the rows cost in ONNX Runtime, interleaved in one run.

Usage: python benchmarks/fuse_head.py [--runs N] [--size 640] [--json FILE]

The network in front of the head is a stand-in with 3.7 billion multiplications at 640 x 640, about those of YOLOv8n;
what it computes is added to fixed random head tensors, so both graphs do the same work up to the head. Times are CPU
time of the one thread that computes: wall time on a shared machine measures its other users. `ratio` is the median over
runs of fused/raw; `control` is the same for the raw graph against a second session of itself, which shows what the
ratio is worth.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from dsimport.compiler.diagnostics import Report
from dsimport.compiler.families import family_names, load_family
from dsimport.compiler.graphpasses import FUSED_ROWS
from dsimport.compiler.parsers.bind import Binding, bind
from dsimport.compiler.parsers.blocks import blocks_of
from dsimport.compiler.parsers.head import head_data
from dsimport.compiler.preset import CandidatesDecode
from dsimport.runtime.onnx_file import serialize
from dsimport.runtime.passes.fuse import fuse_head
from dsimport.runtime.reference.session import open_session

CLASSES = 80
TIMED = ("yolov8", "yolov5", "yolox-raw", "nanodet", "rt-detr")
PRIORS = {"ssd-tf": 300, "ssd-torchvision": 300, "ssdlite-torchvision": 320}
ONE_CLASS = ("yolov7-one-class",)
# Channels in, channels out, stride.
LAYERS = (
    *((3, 32, 2), (32, 64, 2), (64, 96, 2), (96, 128, 1)),
    *((128, 128, 1), (128, 128, 2), (128, 192, 1), (192, 192, 1)),
)
LONGEST = 1.05  # of the raw graph's time
NOISE = 0.02  # a control further from 1 than this, and the run decides nothing


def bound(name: str, size: int) -> Binding:
    """A family at this size; SSD's priors exist at one size only."""
    side = PRIORS.get(name, size)
    report = Report()
    binding = bind(
        load_family(name), height=side, width=side, classes=1 if name in ONE_CLASS else CLASSES, report=report
    )
    if binding is None:
        raise SystemExit(f"{name}: {report.errors[0].message}")
    return binding


def trunk_and_head(binding: Binding) -> Any:
    """image -> convolutions -> one flat vector per image -> the family's tensors, with varied plausible values."""
    rng = np.random.default_rng(1)
    nodes, weights, last = [], [], "image"
    for index, (before, after, stride) in enumerate(LAYERS):
        values = rng.normal(0, 1 / math.sqrt(9 * before), (after, before, 3, 3)).astype(np.float32)
        weights.append(numpy_helper.from_array(values, f"w{index}"))
        nodes.append(helper.make_node("Conv", [last, f"w{index}"], [f"c{index}"], pads=[1] * 4, strides=[stride] * 2))
        nodes.append(helper.make_node("Relu", [f"c{index}"], [f"r{index}"]))
        last = f"r{index}"
    nodes.append(helper.make_node("ReduceMean", [last], ["mean"], axes=[1, 2, 3], keepdims=1))
    nodes.append(helper.make_node("Flatten", ["mean"], ["flat"]))
    outputs = []
    for index, tensor in enumerate(binding.tensors):
        values = rng.beta(0.2, 8, (1, *tensor.shape)).astype(np.float32)
        weights += [
            numpy_helper.from_array(values, f"base{index}"),
            numpy_helper.from_array(np.array([0, *[1] * len(tensor.shape)], np.int64), f"shape{index}"),
        ]
        nodes.append(helper.make_node("Reshape", ["flat", f"shape{index}"], [f"shift{index}"]))
        nodes.append(helper.make_node("Add", [f"base{index}", f"shift{index}"], [tensor.name]))
        outputs.append(helper.make_tensor_value_info(tensor.name, TensorProto.FLOAT, ["batch", *tensor.shape]))
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, binding.height, binding.width])
    graph = helper.make_graph(nodes, "stand-in", [image], outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def measure(binding: Binding, rows: int, runs: int) -> dict[str, float]:
    """Median milliseconds of CPU time of both graphs, their ratio run by run, and the raw graph's against itself."""
    model = trunk_and_head(binding)
    sessions = {"raw": open_session(serialize(model), threads=1), "again": open_session(serialize(model), threads=1)}
    fuse_head(model, head_data(binding), None, rows, "rows")
    sessions["fused"] = open_session(serialize(model), threads=1)
    feed = {"image": np.random.default_rng(2).random((1, 3, binding.height, binding.width), np.float32)}
    times: dict[str, list[float]] = {name: [] for name in sessions}
    names = list(sessions)
    for turn in range(runs + 2):
        for name in names[turn % 3 :] + names[: turn % 3]:  # each in each place: caches favour the later ones
            started = time.thread_time()
            sessions[name].run(feed)
            if turn >= 2:
                times[name].append((time.thread_time() - started) * 1e3)

    def ratio(name: str) -> float:
        return statistics.median(one / raw for one, raw in zip(times[name], times["raw"], strict=True))

    middle = {name: statistics.median(values) for name, values in times.items()}
    return {"raw_ms": middle["raw"], "fused_ms": middle["fused"], "ratio": ratio("fused"), "control": ratio("again")}


def verdict(table: list[dict[str, Any]]) -> int:
    """0 where every ratio is small enough, 1 where one is not, 2 where the machine was too busy to tell."""
    timed = [row for row in table if "ratio" in row]
    noisy = [row["family"] for row in timed if abs(row["control"] - 1) > NOISE]
    slow = [row["family"] for row in timed if row["ratio"] > LONGEST and row["family"] not in noisy]
    print(f"more than {LONGEST:.0%} of the raw graph's time: {', '.join(slow) or 'none'}")
    if noisy:
        print(f"undecided, the control is off by more than {NOISE:.0%}: {', '.join(noisy)}")
    return 1 if slow else 2 if noisy else 0


def main() -> int:
    """Print the table and the verdict, which is the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=21)
    parser.add_argument("--size", type=int, default=640)
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    table: list[dict[str, Any]] = []
    heads = ("family", "raw bytes", "fused", "fewer", "raw ms", "fused ms", "ratio", "control")
    print("{:24} {:>12} {:>7} {:>6} {:>8} {:>9} {:>6} {:>8}".format(*heads))
    for name in family_names():
        if not isinstance(load_family(name).decode, CandidatesDecode):
            continue
        binding = bound(name, args.size)
        raw = 4 * sum(math.prod(tensor.shape) for tensor in binding.tensors)
        rows = min(FUSED_ROWS, sum(block.count for block in blocks_of(binding)))
        row: dict[str, Any] = {"family": name, "raw_bytes": raw, "fused_bytes": rows * 24}
        if name in TIMED:
            row |= measure(binding, rows, args.runs)
        table.append(row)
        timed = ""
        if "ratio" in row:
            timed = f"{row['raw_ms']:8.2f} {row['fused_ms']:9.2f} {row['ratio']:6.3f} {row['control']:8.3f}"
        print(f"{name:24} {raw:12,} {rows * 24:7,} {raw / (rows * 24):6.0f} {timed}")
    if args.json:
        args.json.write_text(json.dumps(table, indent=1) + "\n", "utf-8")
    return verdict(table)


if __name__ == "__main__":
    sys.exit(main())

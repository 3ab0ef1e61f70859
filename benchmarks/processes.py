"""Whole processes against `python -c pass`, interleaved in one run: medians, and ratios to that baseline.

Usage: python benchmarks/processes.py [--runs N] [--json FILE]
Needs the demonstration applied once (`make demo`) for the last row.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DSIMPORT = str(Path(sys.executable).with_name("dsimport"))

RECIPE = """\
schema: 1
name: {name}
source: {{file: {{path: model.onnx}}}}
model:
  family: yolov8
  input: {{name: images, height: 640, width: 640}}
  classes: 3
  labels: [car, person, bicycle]
preprocess: {{color: rgb, scale: 1/255, resize: letterbox-center}}
parser: {{threshold: 0.25, top_k: 200, nms_iou: 0.45}}
engine: {{precision: fp16, max_batch: 64, batch_limit: 256}}
pipeline: {{deepstream: "9.1", frames: 100}}
benchmark: {{target_fps: 30, warmup_ms: 1000, duration_s: 10}}
"""


def write_recipes(folder: Path, count: int) -> None:
    """`count` different recipes in a new folder."""
    folder.mkdir(parents=True)
    for index in range(count):
        (folder / f"model-{index:04}.yaml").write_text(RECIPE.format(name=f"model-{index:04}"), "utf-8")


def measure(command: list[str], cwd: Path) -> tuple[float, float]:
    """Wall seconds and peak resident MiB of one whole process; SystemExit when it fails."""
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"failed: {' '.join(command)}")
    return seconds, usage.ru_maxrss / 1024


def main() -> None:
    """Run every command `runs` times in turn with the baseline, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--json", metavar="FILE")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temp:
        base = Path(temp)
        for count in (1, 100, 1000):
            write_recipes(base / f"r{count}", count)
        plan = [DSIMPORT, "plan", "--toolchain", "deepstream"]
        rows: dict[str, tuple[list[str], Path, int]] = {
            "python -c pass": ([sys.executable, "-c", "pass"], base, args.runs),
            "dsimport --version": ([DSIMPORT, "--version"], base, args.runs),
            "plan, 1 recipe": ([*plan, "r1"], base, args.runs),
            "plan, 100 recipes": ([*plan, "r100"], base, args.runs),
            "plan, 1,000 recipes": ([*plan, "r1000"], base, max(3, args.runs // 2)),
        }
        if (ROOT / "models/centerface/.dsimport/state.json").exists():
            again = [DSIMPORT, "apply", "recipes/centerface.yaml", "--toolchain", "reference"]
            rows["apply, nothing to do"] = (again, ROOT, args.runs)
        results: dict[str, list[tuple[float, float]]] = {name: [] for name in rows}
        for turn in range(-1, args.runs):
            for name, (command, cwd, runs) in rows.items():
                if turn < runs:
                    found = measure(command, cwd)
                    if turn >= 0:  # the first turn warms the page cache
                        results[name].append(found)
    report(results, args.json)


def report(results: dict[str, list[tuple[float, float]]], target: str | None) -> None:
    """Print medians and ratios; write them as JSON too where asked."""
    baseline = statistics.median(seconds for seconds, _ in results["python -c pass"])
    table = {}
    print(f"{'command':<24} {'median':>9} {'x python':>9} {'peak MiB':>9}  runs")
    for name, found in results.items():
        median = statistics.median(seconds for seconds, _ in found)
        peak = max(memory for _, memory in found)
        table[name] = {"median_s": median, "ratio": median / baseline, "peak_mib": peak, "runs": len(found)}
        print(f"{name:<24} {median * 1000:>6.0f} ms {median / baseline:>9.1f} {peak:>9.0f}  {len(found)}")
    if target:
        Path(target).write_text(json.dumps(table, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()

"""`dsimport init` as whole processes: a local ONNX file, and a loopback hub repository of 1,000 files, nothing cached.

Usage: python benchmarks/init.py [--runs N]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
for folder in ("benchmarks", "tests/assets", "tests/runtime/acquire"):
    sys.path.insert(0, str(ROOT / folder))

import tinydet  # noqa: E402
from hub_server import HubServer  # noqa: E402
from processes import DSIMPORT, measure  # noqa: E402

FILES = 1000
CONFIG = {"model_type": "rt_detr", "id2label": {"0": "square", "1": "circle", "2": "triangle"}}


def repository(server: HubServer) -> None:
    """A detector among many other files."""
    files = {f"checkpoints/step-{index:04}/state.json": b"{}" for index in range(FILES - 2)}
    model = tinydet.build("rt-detr", height=640, width=640).SerializeToString()
    server.repository("bench/net", {**files, "config.json": json.dumps(CONFIG).encode(), "onnx/model.onnx": model})


def main() -> None:
    """Measure in turn, and print medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    results: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as temp, HubServer() as server:
        base = Path(temp)
        (base / "labels.txt").write_text("square\ncircle\ntriangle\n", "utf-8")
        model = base / "net.onnx"
        model.write_bytes(tinydet.build("yolov8", height=640, width=640).SerializeToString())
        repository(server)
        os.environ |= {"HF_ENDPOINT": server.url, "HF_HOME": str(base / "hf"), "DSIMPORT_CACHE": str(base / "cache")}
        rows = {
            f"a local file, 640 x 640, {model.stat().st_size / 1e6:.1f} MB": ["net.onnx", "--labels", "labels.txt"],
            f"a hub repository of {FILES:,} files": ["bench/net"],
        }
        for turn in range(-1, args.runs):
            for name, words in rows.items():
                shutil.rmtree(base / "cache", ignore_errors=True)
                shutil.rmtree(base / "hf", ignore_errors=True)
                found = measure([DSIMPORT, "init", *words, "-o", "net.yaml"], base)
                if turn >= 0:  # the first turn warms the page cache
                    results.setdefault(name, []).append(found)
                for made in base.glob("*.yaml"):
                    made.unlink()
    print(f"{'dsimport init':<36} {'median':>9} {'slowest':>9} {'peak MiB':>9}  runs")
    for name, measured in results.items():
        times = [seconds * 1000 for seconds, _ in measured]
        peak = max(memory for _, memory in measured)
        print(f"{name:<36} {statistics.median(times):>6.0f} ms {max(times):>6.0f} ms {peak:>9.0f}  {len(times)}")


if __name__ == "__main__":
    main()

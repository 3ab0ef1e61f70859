"""ref-deepstream-app against a bare ONNX Runtime loop over the same frames at the same batch, in turn, in one run.

The bare loop decodes every frame beforehand, so it only scales, normalises and infers; the pipeline decodes, scales to
the muxer, scales to the network, normalises, infers, parses, clusters and counts. Both run the model of an applied
plan, single process, default threads.

Usage: python benchmarks/pipeline.py [NAME] [--streams 1 2] [--seconds 8] [--turns 3] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
APP = str(Path(sys.executable).with_name("ref-deepstream-app"))

BARE = """
import json, sys, time
import av, cv2, numpy as np, onnxruntime as ort
request = json.loads(sys.argv[1])
height, width, batch = request["height"], request["width"], request["batch"]
frames = []
with av.open(request["video"]) as container:
    for frame in container.decode(video=0):
        frames.append(frame.to_ndarray(format="rgb24"))
session = ort.InferenceSession(request["onnx"], providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name
tensor = np.empty((batch, 3, height, width), np.float32)
scale = np.float32(request["scale"])
outputs = request["outputs"]
done, at = 0, 0
def one():
    global at
    for slot in range(batch):
        picture = cv2.resize(frames[at % len(frames)], (width, height), interpolation=cv2.INTER_LINEAR)
        at += 1
        for channel in range(3):
            np.multiply(picture[..., channel], scale, out=tensor[slot, channel])
    session.run(outputs, {name: tensor})
one()
started = time.perf_counter()
while time.perf_counter() - started < request["seconds"]:
    one()
    done += batch
print(done / (time.perf_counter() - started))
"""


def bare_fps(request: dict[str, Any]) -> float:
    """Frames per second of the bare loop, in a process of its own."""
    done = subprocess.run([sys.executable, "-c", BARE, json.dumps(request)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def pipeline_fps(config: Path, seconds: float) -> float:
    """Total frames per second of ref-deepstream-app: the last running averages of all streams."""
    process = subprocess.Popen([APP, "-c", str(config)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    time.sleep(seconds + 2)
    process.send_signal(signal.SIGINT)
    text = process.communicate()[0].decode("utf-8", "replace")
    rows = re.findall(r"^\*\*PERF:  (\d.*)$", text, re.MULTILINE)
    averages = re.findall(r"\(([\d.]+)\)", rows[-1])
    return sum(map(float, averages))


def run_config(name: str, streams: int) -> Path:
    """The emitted configuration of run 1 with another number of streams, beside the original."""
    folder = ROOT / "models" / name / "benchmarks/ds"
    text = (folder / "deepstream_app_run1.txt").read_text("utf-8")
    for key in ("num-sources", "batch-size"):
        text = re.sub(rf"^{key}=.*$", f"{key}={streams}", text, flags=re.MULTILINE)
    handle, path = tempfile.mkstemp(prefix="bench_", suffix=".txt", dir=folder)
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
    return Path(path)


def main() -> None:
    """Measure in turn; print medians and their ratio per number of streams."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="?", default="centerface")
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json", metavar="FILE")
    args = parser.parse_args()
    data = json.loads((ROOT / "models" / args.name / "reports/benchmark_data.json").read_text("utf-8"))
    settings = data["settings"]
    table = {}
    print(f"{'streams = batch':<16} {'bare loop':>10} {'pipeline':>10} {'ratio':>7}")
    for streams in args.streams:
        request = {
            "onnx": str(ROOT / "models" / args.name / "model" / f"{args.name}.onnx"),
            "video": str(ROOT / settings["benchmark.video"]),
            "height": settings["model.input.height"],
            "width": settings["model.input.width"],
            "scale": settings["preprocess.scale"],
            "outputs": list(settings["model.outputs"]),
            "batch": streams,
            "seconds": args.seconds,
        }
        config = run_config(args.name, streams)
        try:
            pairs = [(bare_fps(request), pipeline_fps(config, args.seconds)) for _ in range(args.turns)]
        finally:
            config.unlink()
        bare, pipeline = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratio = statistics.median(b / a for a, b in pairs)
        table[str(streams)] = {"bare_fps": bare, "pipeline_fps": pipeline, "ratio": ratio, "turns": args.turns}
        print(f"{streams:<16} {bare:>10.1f} {pipeline:>10.1f} {ratio:>7.2f}")
    if args.json:
        Path(args.json).write_text(json.dumps(table, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()

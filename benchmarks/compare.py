"""`dsimport compare` on real runs of the reference toolchain, every second one slowed down by 10 %.

Usage: python benchmarks/compare.py [--runs N] [--trials N]
A tiny detector is measured again and again, in turn as it is and with an ONNX Runtime that takes a ninth more time for
each query (throughput falls by a tenth). Both use one thread, since threads that wait for each other add up what a
shared host steals from each. Each trial draws two sets of seven of the plain runs, and one of the slow ones. What
counts is the gate that CI uses: `--fail-on METRIC=5%`.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/e2e"))

from e2e_support import ASSETS, FRAMES, Project

from dsimport.runtime.compare.history import Run, read_history
from dsimport.runtime.compare.judge import Side, compare_sides, regressions
from dsimport.runtime.compare.metrics import figures_of_values

EACH = 7
MODEL = "tiny-yolov8"
GATES = ("bsmax.gpu_min_ms", "bsmax.gpu_mean_ms", "images_per_s")

PLANTED = "PLANTED_SLOWDOWN"
# Python runs this at its start, in the reference programs too.
PLANT = f"""
import os
import time
try:
    import onnxruntime
except ImportError:
    pass
else:
    class Session(onnxruntime.InferenceSession):
        def __init__(self, model, sess_options=None, **kwargs):
            options = sess_options or onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            super().__init__(model, options, **kwargs)

        def run(self, *args, **kwargs):
            started = time.perf_counter()
            result = super().run(*args, **kwargs)
            end = time.perf_counter()
            end += (end - started) / 9 if "{PLANTED}" in os.environ else 0
            while time.perf_counter() < end:
                pass
            return result
    onnxruntime.InferenceSession = Session
"""


def measured(folder: Path, runs: int) -> tuple[list[Run], list[Run]]:
    """`runs` runs as they are, and as many slowed down, in turn."""
    (folder / "recipes").mkdir()
    subprocess.run(
        [sys.executable, str(ASSETS / "tinydet.py"), "yolov8", str(folder / "recipes/model.onnx")], check=True
    )
    clip = [sys.executable, str(ASSETS / "make_clip.py"), str(folder / "recipes/clip.mp4"), "--frames", str(FRAMES)]
    subprocess.run(clip, check=True)
    plant = folder / "plant"
    plant.mkdir()
    (plant / "sitecustomize.py").write_text(PLANT, "utf-8")
    os.environ["PYTHONPATH"] = str(plant)
    project = Project(folder)
    recipe = project.write("yolov8", run_s=3, fps=1)
    recipe.write_text(recipe.read_text("utf-8").replace("duration_s: 0.2", "duration_s: 1"), "utf-8")
    command = ["apply", f"recipes/{MODEL}.yaml", "--toolchain", "reference"]
    project.json(*command)
    for _ in range(runs):
        project.json(*command, "--again", "bench-b2")
        os.environ[PLANTED] = "1"
        project.json(*command, "--again", "bench-b2")
        del os.environ[PLANTED]
    history = read_history(folder / "models" / MODEL)[1:]
    return history[::2], history[1::2]


def side(runs: list[Run]) -> Side:
    """What `dsimport compare` makes of these runs."""
    figures = [figures_of_values(run.measured) for run in runs]
    together = {name: [one[name] for one in figures] for name in figures[0]}
    return Side("side", "reference", "", together, together)


def main() -> None:
    """Measure, draw, compare and count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--trials", type=int, default=20)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temp:
        plain, slow = measured(Path(temp), args.runs)
    generator = random.Random(0)
    right = {gate: {"planted": 0, "none": 0} for gate in GATES}
    for _ in range(args.trials):
        drawn = generator.sample(plain, 2 * EACH)
        before, after = side(drawn[:EACH]), side(drawn[EACH:])
        slower = side(generator.sample(slow, EACH))
        for gate, counts in right.items():
            counts["planted"] += bool(regressions(compare_sides(before, slower), {gate: 0.05}))
            counts["none"] += not regressions(compare_sides(before, after), {gate: 0.05})
    print(f"{len(plain)} runs as they are and {len(slow)} slowed down, on this CPU; {args.trials} trials")
    for gate, counts in right.items():
        values = [figures_of_values(run.measured)[gate] for run in plain]
        others = [figures_of_values(run.measured)[gate] for run in slow]
        spread = statistics.stdev(values) / statistics.mean(values)
        moved = statistics.median(others) / statistics.median(values) - 1
        print(
            f"{gate:<20} spread {spread:6.1%}  moved by {moved:+6.1%}  "
            f"right: {counts['planted']} with the slowdown, {counts['none']} without"
        )


if __name__ == "__main__":
    main()

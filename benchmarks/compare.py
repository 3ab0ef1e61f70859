"""`dsimport compare` on real runs of the reference toolchain: verdicts with and without a planted slowdown of 10 %.

Usage: python benchmarks/compare.py [--runs N] [--trials N]
A tiny detector is measured again and again. Each trial draws two sets of five of these runs; the slowdown is planted in
the figures of one. What counts is the gate that CI uses: `--fail-on images_per_s=5%`.
"""

from __future__ import annotations

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/e2e"))

from e2e_support import ASSETS, FRAMES, Project

from dsimport.runtime.compare.history import read_history
from dsimport.runtime.compare.judge import Side, compare_sides, regressions
from dsimport.runtime.compare.metrics import figures_of_values

EACH = 5
MODEL = "tiny-yolov8"


def measured(folder: Path, runs: int) -> list[float]:
    """Images per second of `runs` runs of one plan."""
    (folder / "recipes").mkdir()
    subprocess.run(
        [sys.executable, str(ASSETS / "tinydet.py"), "yolov8", str(folder / "recipes/model.onnx")], check=True
    )
    clip = [sys.executable, str(ASSETS / "make_clip.py"), str(folder / "recipes/clip.mp4"), "--frames", str(FRAMES)]
    subprocess.run(clip, check=True)
    project = Project(folder)
    recipe = project.write("yolov8", run_s=3, fps=1)
    recipe.write_text(recipe.read_text("utf-8").replace("duration_s: 0.2", "duration_s: 1"), "utf-8")
    again = ["--again", "bench-b2"]
    for index in range(runs):
        project.json("apply", f"recipes/{MODEL}.yaml", "--toolchain", "reference", *(again if index else []))
    history = read_history(folder / "models" / MODEL)
    figures = [figures_of_values(run.measured).get("images_per_s") for run in history]
    return [figure for figure in figures if figure is not None]


def side(figures: list[float]) -> Side:
    return Side("side", "reference", "", {"images_per_s": figures}, {"images_per_s": figures})


def main() -> None:
    """Measure, draw, compare and count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--trials", type=int, default=20)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temp:
        figures = measured(Path(temp), args.runs)
    spread = statistics.stdev(figures) / statistics.mean(figures)
    generator = random.Random(0)
    right = {"planted": 0, "none": 0}
    for _ in range(args.trials):
        drawn = generator.sample(figures, 2 * EACH)
        before, after = drawn[:EACH], drawn[EACH:]
        for name, factor in (("planted", 0.9), ("none", 1.0)):
            compared = compare_sides(side(before), side([figure * factor for figure in after]))
            failed = regressions(compared, {"images_per_s": 0.05})
            right[name] += bool(failed) == (name == "planted")
    print(f"{len(figures)} runs, mean {statistics.mean(figures):,.0f} img/s on this CPU, spread {spread:.1%}")
    print(f"right: {right['planted']} of {args.trials} with 10 % planted, {right['none']} of {args.trials} without")


if __name__ == "__main__":
    main()

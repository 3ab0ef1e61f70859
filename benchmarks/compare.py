"""`dsimport compare` on real runs of the demonstration, every second one slowed down by 10 %.

Usage: python benchmarks/compare.py [--runs N] [--trials N]
The demonstration's latency benchmark (`bench-b1`) is repeated, in turn as it is and with a reference toolchain whose
every query of the model takes a ninth more time of the CPU (throughput falls by a tenth). Each trial draws two sets of
seven of the plain runs, and one of the slow ones. What counts is the gate that CI uses: `--fail-on METRIC=5%`.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from dsimport.runtime.compare.history import Run, read_history
from dsimport.runtime.compare.judge import Side, compare_sides, regressions
from dsimport.runtime.compare.metrics import figures_of_values
from dsimport.runtime.reference.yardstick import NAME as YARDSTICK

ROOT = Path(__file__).resolve().parents[1]
EACH = 7
MODEL = "centerface"
STEP = "bench-b1"
GATES = ("b1.yardsticks", "b1.gpu_min_ms", "b1.gpu_mean_ms", "b1.qps")

PLANTED = "PLANTED_SLOWDOWN"
# Python runs this at its start, in the reference programs too.
PLANT = f"""
import os
import time
if "{PLANTED}" in os.environ:
    from dsimport.runtime.reference import session
    plain = session.Session.run
    def run(self, feed):
        started = time.thread_time()
        result = plain(self, feed)
        now = time.thread_time()
        end = now + (now - started) / 9 * (self.inputs[0].name != {YARDSTICK!r})
        while time.thread_time() < end:
            pass
        return result
    session.Session.run = run
"""


def measured(folder: Path, runs: int) -> tuple[list[Run], list[Run]]:
    """`runs` runs as they are, and as many slowed down, in turn."""
    (folder / "recipes").mkdir()
    (folder / "build").mkdir()
    shutil.copy(ROOT / f"recipes/{MODEL}.yaml", folder / "recipes")
    (folder / "build/demo").symlink_to(ROOT / "build/demo")
    (folder / "plant").mkdir()
    (folder / "plant/sitecustomize.py").write_text(PLANT, "utf-8")
    plain = {**os.environ, "PYTHONPATH": str(folder / "plant")}
    for again in (False, *(True,) * runs):
        _apply(folder, plain, again)
        if again:
            _apply(folder, {**plain, PLANTED: "1"}, again)
    history = read_history(folder / "models" / MODEL)[1:]
    return history[::2], history[1::2]


def _apply(folder: Path, environment: dict[str, str], again: bool) -> None:
    command = [str(Path(sys.executable).with_name("dsimport")), "apply", f"recipes/{MODEL}.yaml"]
    command += ["--toolchain", "reference", "--until", STEP, *(("--again", STEP) if again else ())]
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


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
    print(
        f"{len(plain)} runs as they are and {len(slow)} slowed down, on this CPU; {args.trials} trials, {EACH} a side"
    )
    for gate, counts in right.items():
        values = [figures_of_values(run.measured)[gate] for run in plain]
        others = [figures_of_values(run.measured)[gate] for run in slow]
        spread = statistics.stdev(values) / statistics.mean(values)
        moved = statistics.median(others) / statistics.median(values) - 1
        print(
            f"{gate:<15} spread {spread:6.1%}  moved by {moved:+6.1%}  "
            f"right: {counts['planted']} with the slowdown, {counts['none']} without"
        )


if __name__ == "__main__":
    main()

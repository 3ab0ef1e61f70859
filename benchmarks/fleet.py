"""`dsimport fleet` over many synthetic models: seconds of the whole process, and the size of the page.

Usage: python benchmarks/fleet.py [--models N] [--runs N] [--keep DIR]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from processes import DSIMPORT, measure
from synthetic import plan_of, recorded

from dsimport.runtime.toolversions import ToolVersions

HARDWARE = ("NVIDIA L4", "NVIDIA H100 80GB")


def make(root: Path, count: int) -> None:
    """`count` models; of every tenth the recipe has changed since, every twelfth was measured on a CPU."""
    versions = ToolVersions()
    for index in range(count):
        toolchain = "reference" if index % 12 == 0 else "deepstream"
        name = f"detector-{index:04}-of-a-fleet"
        plan = plan_of(root, name, toolchain)  # type: ignore[arg-type]
        recorded(root, plan, "a CPU" if toolchain == "reference" else HARDWARE[index % 2], index, versions)
        (root / plan.home / "reports/benchmark_report.md").write_text("# Benchmark report\n", "utf-8")
        if index % 10 == 0:
            plan_of(root, name, toolchain, precision="fp32")  # type: ignore[arg-type]


def main() -> None:
    """Make the models, then measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=500)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--keep", metavar="DIR", help="make the models there and leave them")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temp:
        root = Path(args.keep or temp)
        started = time.perf_counter()
        make(root, args.models)
        print(f"{args.models} models made in {time.perf_counter() - started:.1f} s", file=sys.stderr)
        rows = {"fleet": [DSIMPORT, "fleet", str(root)], "fleet --json": [DSIMPORT, "fleet", str(root), "--json"]}
        for name, command in rows.items():
            found = [measure(command, root) for _ in range(args.runs + 1)][1:]
            seconds = statistics.median(item[0] for item in found)
            print(f"{name:<14} {args.models} models  {seconds:6.2f} s  {max(item[1] for item in found):5.0f} MiB peak")
        print(f"page           {(root / 'fleet.html').stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()

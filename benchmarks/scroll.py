"""Scrolling the fleet's page in Chromium, in turn with an empty page as long: times between frames, and long tasks.

Usage: python benchmarks/scroll.py [--models N] [--runs N]
Needs `sh scripts/setup-browser.sh .venv`. Chromium draws without a GPU here, so what counts is the ratio.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

from fleet import make

from dsimport.cli.main import run

EMPTY = "<!doctype html><title>empty</title><div style='height:{height}px'></div>"
# From top to bottom in 120 frames: milliseconds between frames, and tasks longer than 50 ms.
SCROLL = """() => {
  const gaps = [], long = [], steps = 120, height = document.documentElement.scrollHeight - innerHeight;
  new PerformanceObserver((list) => long.push(...list.getEntries())).observe({entryTypes: ["longtask"]});
  let last = null;
  const step = (now) => {
    if (last !== null) gaps.push(now - last);
    last = now;
    if (gaps.length >= steps) return window.scrolled = [gaps, long.length, height];
    scrollTo(0, height * gaps.length / steps);
    requestAnimationFrame(step);
  };
  scrollTo(0, 0);
  requestAnimationFrame(step);
}"""


def scrolled(browser: Any, address: str) -> tuple[list[float], int, int]:
    """Milliseconds between frames, the number of long tasks, and the pixels scrolled."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(address)
    page.wait_for_timeout(500)
    page.evaluate(SCROLL)
    while (found := page.evaluate("window.scrolled")) is None:
        page.wait_for_timeout(100)
    page.close()
    gaps, long, height = found
    return gaps, long, height


def show(name: str, gaps: list[float], long: int) -> None:
    """One row of the table."""
    ordered = sorted(gaps)
    late = sum(gap > 1000 / 30 for gap in gaps) / len(gaps)
    print(
        f"{name:<12} {statistics.median(gaps):7.1f} ms median {ordered[int(len(ordered) * 0.99)]:7.1f} ms p99 "
        f"{late:7.1%} of frames later than 1/30 s {long:4} tasks longer than 50 ms"
    )


def main() -> None:
    """Make the page, scroll both in turn, print."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=500)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    found: dict[str, tuple[list[float], list[int]]] = {"empty page": ([], []), "fleet page": ([], [])}
    with tempfile.TemporaryDirectory() as temp, sync_playwright() as driver:
        root, empty = Path(temp), Path(temp) / "empty.html"
        make(root, args.models)
        if run(["fleet", str(root)]) != 0:
            raise SystemExit("no page was made")
        program = shutil.which("chromium") or shutil.which("google-chrome")
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for _ in range(args.runs):
            gaps, long, height = scrolled(browser, (root / "fleet.html").as_uri())
            empty.write_text(EMPTY.format(height=height + 800), "utf-8")
            others, none, _ = scrolled(browser, empty.as_uri())
            for name, more, tasks in (("fleet page", gaps, long), ("empty page", others, none)):
                found[name][0].extend(more)
                found[name][1].append(tasks)
        browser.close()
    print(f"{args.models} models, {height} pixels in 120 frames, {args.runs} times")
    for name, (gaps, tasks) in found.items():
        show(name, gaps, sum(tasks))


if __name__ == "__main__":
    main()

"""`dsimport compare`: two sets of figures side by side, with what is noise and what is not."""

from __future__ import annotations

import argparse
import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dsimport.runtime.compare.judge import Comparison

__all__ = ["register", "run"]

FORMATS = ("text", "markdown", "json")
GATE_FAILED = 3


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "compare",
        help="two models, reports or runs side by side",
        description="Compare two models, reports (benchmark_data.json or its folder) or runs (MODEL@RUN, see "
        "models/MODEL/.dsimport/runs): differences, the noise that repeated runs show, and a verdict per metric.",
    )
    parser.add_argument("a", metavar="A", help="what is compared with: the figures before")
    parser.add_argument("b", metavar="B", help="what is compared: the figures now")
    parser.add_argument("--root", default=".", metavar="DIR", help="folder that holds models/ (default: here)")
    parser.add_argument(
        "--fail-on",
        metavar="METRIC=SHARE",
        action="append",
        default=[],
        help="exit 3 where a metric is worse by this share or more, beyond noise: regression=5%% for all of them, "
        "images_per_s=3%% for one",
    )
    parser.add_argument("--format", choices=FORMATS, default="text", help="markdown is for pull requests")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Show the comparison; exit 3 when --fail-on is hit."""
    from dsimport.cli.output import write, write_json
    from dsimport.runtime.compare.judge import compare_sides, regressions
    from dsimport.runtime.compare.show import Shown, comparison_document, comparison_markdown, comparison_text
    from dsimport.runtime.compare.sides import read_sides

    limits = _limits(args.fail_on)
    a, b = read_sides(Path(args.root), args.a, args.b)
    compared = compare_sides(a, b)
    if limits:
        _refuse_blind_gate(compared, limits)
    shown = Shown(a, b, compared, regressions(compared, limits))
    if args.format == "json":
        write_json(comparison_document(shown))
    else:
        text = comparison_markdown(shown) if args.format == "markdown" else comparison_text(shown)
        write(text, sys.stdout)
    return GATE_FAILED if shown.failed else 0


def _limits(words: Sequence[str]) -> dict[str, float]:
    """Shares by metric; DsimportError P0712 for what is no limit."""
    from dsimport.compiler.diagnostics import Diagnostic, DsimportError
    from dsimport.compiler.escape import single_line
    from dsimport.runtime.compare.metrics import METRICS

    names = ["regression", *(item.key for item in METRICS)]
    limits: dict[str, float] = {}
    for word in words:
        name, _, amount = word.partition("=")
        found = re.fullmatch(r"(\d{1,4}(?:\.\d{1,6})?)(%?)", amount)
        share = math.nan if found is None else float(found[1]) / (100 if found[2] else 1)
        if name not in names or not 0 <= share <= 1:
            raise DsimportError(
                Diagnostic(
                    "P0712",
                    f"--fail-on does not understand '{single_line(word)}'",
                    help=("write e.g. regression=5%", f"metrics: {', '.join(names)}"),
                )
            )
        limits[name] = share
    return limits


def _refuse_blind_gate(compared: Sequence[Comparison], limits: dict[str, float]) -> None:
    """A gate that looks at nothing must not pass: P0713 where a metric it names, or every speed, cannot be compared."""
    from dsimport.compiler.diagnostics import Diagnostic, DsimportError

    judged = {item.metric.key for item in compared if item.verdict != "not comparable"}
    speeds = {item.metric.key for item in compared if item.metric.speed}
    blind = [name for name in limits if not (speeds & judged if name == "regression" else name in judged)]
    if not blind:
        return
    reasons = tuple(f"{item.metric.key}: {item.why}" for item in compared if item.why)
    raise DsimportError(
        Diagnostic(
            "P0713",
            f"--fail-on {blind[0]} has nothing to judge: it cannot be compared",
            notes=reasons,
            help=("compare figures of one toolchain, of runs that measured the same things",),
        )
    )

"""Diagnostic codes of what is made of figures and plans: comparisons, the fleet's page, pictures (see `codes`)."""

from __future__ import annotations

from dsimport.compiler.codedoc import CodeDoc

__all__ = ["FIGURE_CODES"]

FIGURE_CODES: dict[str, CodeDoc] = {
    "P0710": CodeDoc(
        "nothing to compare has this name",
        "`compare` takes the name of a model that was applied below the root folder, one of its runs as MODEL@RUN\n"
        "(the names of files in `models/MODEL/.dsimport/runs`, without `.jsonl`), or a report: its\n"
        "`benchmark_data.json` or the folder that holds it.",
    ),
    "P0711": CodeDoc(
        "not the data of a report",
        "A `benchmark_data.json` is a JSON object with a `model_name`. This file is something else, was cut, or is\n"
        "larger than any report. `dsimport apply` writes it anew with the step `report`.",
    ),
    "P0712": CodeDoc(
        "a limit that cannot be read",
        "`--fail-on` takes a metric and a share, such as `images_per_s=3%` or `b1.gpu_mean_ms=0.05`. `regression`\n"
        "stands for every metric. Rates (`kitti.rate`, `verify.rate`) are shares already: their limit is in points.",
    ),
    "P0713": CodeDoc(
        "a gate with nothing to judge",
        "`--fail-on` names a metric that cannot be compared: it was not measured on one side, the toolchains differ\n"
        "(a CPU's speed says nothing about TensorRT's), or a setting it rests on is another. A gate that looks at\n"
        "nothing would always pass, so it is an error.",
    ),
    "P0714": CodeDoc(
        "more than one plan to draw",
        "A picture shows one plan. A folder of recipes, or a recipe with a `matrix`, makes several: `--name` says\n"
        "which one is meant.",
    ),
    "P0715": CodeDoc(
        "a PNG on a terminal",
        "`dsimport graph --format png` writes bytes, so it needs the name of a file: `-o plan.png`. The other formats\n"
        "are text and go to standard output without one.",
    ),
}

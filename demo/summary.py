"""What `make demo` ends with: the figures of one model, read from its report.

Usage: python -m demo.summary NAME
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SUFFIXES = (".json", ".md", ".html", ".pdf", ".png")


def summary(data: dict[str, Any], files: Sequence[str]) -> str:
    """A few lines for a person. files: those of the report."""
    kitti, run1, run2 = data["kitti"], data["deepstream"]["run1"], data["deepstream"]["run2"]
    bench = data["trtexec"]["bsmax"]
    return "\n".join(
        (
            f"model            {data['model_name']}, toolchain {data['toolchain']}",
            f"hardware         {data['hardware']}",
            f"detections       {kitti['detections']} boxes",
            f"detection rate   {kitti['frames_with_detections']}/{kitti['frames']}",
            f"throughput       {bench['imgs_per_sec']:.1f} img/s at batch {bench['batch']}",
            f"streams, run 1   {run1['streams']} at {run1['fps_per_stream']:.1f} fps",
            f"streams, run 2   {run2['streams']} at {run2['fps_per_stream']:.1f} fps",
            f"visual check     models/{data['model_name']}/samples/ ({data['visual']['mode']})",
            f"report           models/{data['model_name']}/reports/: {', '.join(files)}",
            f"PDF made by      {data['pdf']['made_by'] or 'nothing: no converter is here'}",
        )
    )


def main() -> None:
    """Print the summary of the model named on the command line."""
    path = Path("models") / sys.argv[1] / "reports" / "benchmark_data.json"
    folder = path.parent
    files = sorted(str(item.relative_to(folder)) for item in folder.rglob("*") if item.suffix in SUFFIXES)
    print(summary(json.loads(path.read_text("utf-8")), files))


if __name__ == "__main__":
    main()

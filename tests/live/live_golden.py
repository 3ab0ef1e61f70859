"""Writes what others' post-processing makes of small seeded tensors to tests/golden/exactness, for the base test run.

Usage: python tests/live/live_golden.py [FAMILY...]
"""

from __future__ import annotations

import json
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import live_paths  # noqa: F401 - the parsers' own tests have the tensors
import numpy as np
from live_compare import rows
from live_processors import PROCESSORS, Processor
from live_source import PostProcess, Shape, Source, roles
from live_sources import SOURCES
from parser_build import representative
from parser_tensors import Frozen, by_role, tensors

GOLDEN = Path(__file__).parents[1] / "golden" / "exactness"
STYLES = ("sparse", "edges", "one class")
OBJECTS = 16  # of a frame, about


def of_queries(processor: Processor) -> PostProcess:
    """An image processor as a function of tensors by role."""
    return lambda t, shape, threshold: processor(
        t["scores"].numpy(), t["boxes"].numpy(), threshold=threshold, height=shape.height, width=shape.width
    )


def sources() -> dict[str, tuple[str, PostProcess]]:
    """By family: whose code, and the code; torchvision's and Ultralytics' only where they are installed."""
    found: dict[str, tuple[str, PostProcess]] = {}
    for processor in PROCESSORS.values():
        found.setdefault(processor.family, (processor.source, of_queries(processor)))
    decoded: dict[str, Source] = dict(SOURCES)
    if find_spec("torchvision") is not None and find_spec("ultralytics") is not None:
        from live_heads import HEADS
        from live_yolo import YOLO_TITLE, queries, suppressed

        decoded |= HEADS
        plain: PostProcess = lambda t, _, threshold: suppressed(t["output"], threshold)  # noqa: E731
        found |= {"yolov8": (YOLO_TITLE, plain), "nms-rows": (YOLO_TITLE, plain)}
        rtdetr: PostProcess = lambda t, shape, threshold: queries(t["output"], threshold, (shape.height, shape.width))  # noqa: E731
        found["ultralytics-rtdetr"] = (YOLO_TITLE, rtdetr)
    return found | {family: (source.title, source.post_process) for family, source in decoded.items()}


def document(family: str, title: str, post_process: PostProcess) -> dict[str, Any]:
    """One family's frames: style and seed of the tensors, the threshold, and the objects cut to the input."""
    binding = representative(family)
    shape = Shape(binding.height, binding.width, binding.classes)
    frames = []
    for seed, style in enumerate(STYLES):
        named = by_role(binding, tensors(binding, Frozen(seed), style))
        inputs = roles([{role: array.astype(np.float32) for role, array in named.items()}])
        scores = np.sort(post_process(inputs, shape, 0.0)[0].scores)
        most = min(OBJECTS, len(scores) - 1)  # where a tensor says how many rows count, there may be few
        threshold = float(np.float32(scores[len(scores) - most - 1 :][:2].astype(float).mean()))
        [found] = post_process(inputs, shape, threshold)
        table = rows(found, (shape.height, shape.width))
        objects = [[int(row[0]), *(float(f"{value:.8g}") for value in row[1:])] for row in table]
        frames.append({"style": style, "seed": seed, "threshold": threshold, "objects": objects})
    return {"source": title, "frames": frames}


def text(value: dict[str, Any]) -> str:
    """JSON with an object a line."""
    lines = []
    for frame in value["frames"]:
        head = json.dumps({key: item for key, item in frame.items() if key != "objects"})
        objects = ",\n   ".join(json.dumps(each) for each in frame["objects"])
        lines.append(f'  {head[:-1]}, "objects": [\n   {objects}]}}')
    body = ",\n".join(lines)
    return f'{{"source": {json.dumps(value["source"])}, "frames": [\n{body}\n]}}\n'


def main() -> None:
    """Write one file per family, or those of the families named."""
    GOLDEN.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    for family, (title, post_process) in sources().items():
        if family in (sys.argv[1:] or [family]):
            (GOLDEN / f"{family}.json").write_text(text(document(family, title, post_process)), "utf-8")


if __name__ == "__main__":
    main()

"""Generated parsers against torchvision and Ultralytics themselves: random tensors, their exports, their suppression.

Run by `make test-live-others`: both want gigabytes of torch. What they gave is committed for the base test run.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from live_compare import Tally
from live_export import export_model, outputs_of
from live_heads import HEADS, TITLE, raw_model
from live_outputs import by_role_of, compare_outputs
from live_random import compare_random
from live_results import Tallies
from live_sets import Frame, compare_sets
from live_source import Shape, Source, roles
from live_weights import images
from live_yolo import YOLO_TITLE, YOLOS, Yolo, exported, queries, suppressed
from parser_build import FUNCTION, Workshop, bound
from parser_host import Parser

from dsimport.runtime.reference.cluster import nms, overlaps

Array = npt.NDArray[Any]
PART = "exports"  # of the results that are kept
RANDOM = HEADS | {
    source.family: source
    for source in (
        Source("nms-rows", YOLO_TITLE, lambda t, _, threshold: suppressed(t["output"], threshold)),
        Source("ultralytics-rtdetr", YOLO_TITLE, lambda t, s, x: queries(t["output"], x, (s.height, s.width))),
        Source("yolov8", YOLO_TITLE, lambda t, _, threshold: suppressed(t["output"], threshold)),
    )
}
CLASSES = 5  # of the exported torchvision models
YOLO_CLASSES = 80
IOU = 0.7
HITS = 40
NEAR = 3e-4  # of the overlap that suppresses: Ultralytics adds thousands of pixels to a box before it works it out


@pytest.mark.parametrize("family", RANDOM)
def test_random_tensors_give_the_same_results(family: str, workshop: Workshop, tallies: Tallies) -> None:
    tally = tallies.setdefault((family, RANDOM[family].title, "random"), Tally())
    compare_random(RANDOM[family], workshop, tally)
    assert tally.tensors >= 200
    assert tally.objects > 1000
    assert (tally.missing, tally.extra) == (0, 0)


@pytest.mark.parametrize("family", HEADS)
def test_torchvisions_models_give_its_results(
    family: str, workshop: Workshop, tallies: Tallies, tmp_path: Path
) -> None:
    source = HEADS[family]
    height, width = source.size
    binding = bound(family, height=height, width=width, classes=CLASSES)
    names = [tensor.name for tensor in binding.tensors]
    background = getattr(binding.family.decode.scores, "background", "none") != "none"
    model = raw_model(family, CLASSES + background, names)
    path = tmp_path / "model.onnx"
    export_model(model, names, source.size, path)
    tally = tallies.setdefault((family, TITLE, "model"), Tally())
    for batch in (1, 4):
        outputs = outputs_of(path, images(batch, source.size, batch).numpy())
        inputs = roles([by_role_of(binding, outputs, at) for at in range(batch)])
        process = partial(source.post_process, inputs, Shape(height, width, CLASSES))
        compare_outputs(binding, outputs, process, workshop.library(binding), tally)
    assert tally.objects > 0
    assert (tally.missing, tally.extra) == (0, 0)


@pytest.mark.parametrize("yolo", YOLOS, ids=lambda yolo: f"{yolo.name} {yolo.batches}")
@pytest.mark.filterwarnings("ignore")
def test_ultralytics_exports_give_its_results(
    yolo: Yolo, workshop: Workshop, tallies: Tallies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = exported(yolo)
    tally = tallies.setdefault((yolo.family, YOLO_TITLE, "model"), Tally())
    before = tally.objects
    for batch in yolo.batches:
        outputs = outputs_of(path, images(batch, yolo.size, batch).numpy())
        height, width = yolo.size
        shapes = {name: array.shape[1:] for name, array in outputs.items()}
        binding = bound(yolo.family, height=height, width=width, classes=YOLO_CLASSES, outputs=shapes)
        [output] = map(torch.from_numpy, outputs.values())
        rows = partial(queries, output, size=yolo.size) if "rtdetr" in yolo.config else partial(suppressed, output)
        compare_outputs(binding, outputs, rows, workshop.library(binding), tally)
    assert tally.objects > before
    assert (tally.missing, tally.extra) == (0, 0)


@pytest.mark.parametrize("classes", [1, 6])
def test_clustering_keeps_what_ultralytics_keeps(classes: int, workshop: Workshop, tallies: Tallies) -> None:
    """Boxes inside the image: Ultralytics suppresses before it cuts to the image, nvinfer after the parser cut."""
    binding = bound("yolov8", height=160, width=160, classes=classes)
    tally = tallies.setdefault(("yolov8", YOLO_TITLE, "random, clustered"), Tally())
    rng = np.random.default_rng(classes)
    frame = Frame((160, 160), 0.25, rounds=False)
    with Parser(workshop.library(binding), FUNCTION) as parser:
        for _ in range(100):
            output = crowded(binding.tensors[0].shape, rng)
            [wanted] = suppressed(torch.from_numpy(output[None]), frame.threshold, IOU)
            found = parser({"output0": output}, width=160, height=160, thresholds=[frame.threshold] * classes)
            kept, unsure = clustered(found)
            if unsure:
                tally.undecided += 1
            else:
                tally.add(compare_sets(kept, wanted, partial(replace, wanted), frame))
    assert tally.tensors > 80
    assert (tally.missing, tally.extra) == (0, 0)


def crowded(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """A frame of raw YOLO outputs whose boxes crowd around a few places inside an image of 160 pixels."""
    centres = rng.uniform(50, 110, (8, 2))[rng.integers(8, size=shape[1])]
    output = rng.uniform(0, 0.2, shape)
    output[:2] = centres.T + rng.normal(0, 2, (2, shape[1]))
    output[2:4] = rng.uniform(30, 60, (2, shape[1]))
    hits = rng.integers(shape[1], size=HITS)
    output[4 + rng.integers(shape[0] - 4, size=HITS), hits] = rng.uniform(0.3, 1, HITS)
    return output.astype(np.float32)


def clustered(found: Array) -> tuple[Array, bool]:
    """nvinfer's suppression of the objects, and whether an overlap is too near to the limit to tell."""
    renamed = found.astype([(name if name != "score" else "confidence", kind) for name, kind in found.dtype.descr])
    kept, unsure = [], False
    for label in np.unique(found["class_id"]):
        index = np.flatnonzero(found["class_id"] == label)
        own = renamed[index]
        sides = [own[name] for name in ("left", "top", "width", "height")]
        overlap = overlaps([side[:, None] for side in sides], [side[None] for side in sides])
        unsure |= bool((np.abs(overlap - IOU) < NEAR).any())
        kept.append(index[nms(own, IOU)])
    return found[np.concatenate(kept)] if kept else found, unsure

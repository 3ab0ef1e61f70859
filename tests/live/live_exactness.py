"""Generated parsers against the models' own post-processing in transformers, on the same tensors.

Run by `make test-live`; the base test run does not collect files of this name, since they want torch.
"""

from __future__ import annotations

from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from live_compare import Case, Tally, apart, compare, precision
from live_export import export, run
from live_models import DETECTORS, Detector, build
from live_processors import PROCESSORS, Processor
from live_queries import QUERIES
from live_results import Tallies
from live_tensors import STYLES, tensors
from parser_build import FUNCTION, Workshop, bound
from parser_host import Parser

from dsimport.compiler.parsers.area import Area, active_area

Array = npt.NDArray[Any]
PART = "queries"  # of the results that are kept
FRAME = (720, 1280)  # height and width of what the camera shows; matters where the input is letterboxed
SIZES = {"detr": (750, 1333), "owlvit": (768, 768), "owlv2": (960, 960), "pp-doclayout": (800, 800)}
CLASS_COUNTS = (1, 6, 91, 1000)
MAX_QUERIES = 300
REPEATS = 4  # of each style: with four class counts at least 200 tensors
BATCH = 4
BATCHES = (1, BATCH)


def key(name: str, kind: str) -> tuple[str, str, str]:
    """Of a processor's comparisons with tensors of a kind."""
    processor = PROCESSORS[name]
    return processor.family, f"{processor.source}, {name}", kind


class Comparison:
    """A processor and the compiled parser of its family, for one shape of tensors."""

    def __init__(
        self, processor: Processor, workshop: Workshop, *, height: int, width: int, queries: int, columns: int
    ) -> None:
        self.processor = processor
        self.queries, self.columns = queries, columns
        self.classes = columns - processor.softmax
        tensors_ = bound(processor.family).tensors
        outputs = {tensor.name: (queries, 4 if tensor.role == "boxes" else columns) for tensor in tensors_}
        self.binding = bound(processor.family, height=height, width=width, classes=self.classes, outputs=outputs)
        resize = self.binding.family.defaults.preprocess.resize
        self.area: Area = active_area(resize, height=height, width=width, frame_height=FRAME[0], frame_width=FRAME[1])
        self.limit = queries if processor.limit == "queries" else processor.limit
        self.library = workshop.library(self.binding, area=self.area)
        self.precision = precision(columns, softmax=processor.softmax)

    def compare(self, logits: Array, boxes: Array, threshold: float) -> Tally:
        """Of a batch: logits [N, Q, C], boxes [N, Q, 4]."""
        shown = (self.area.height, self.area.width)
        frame_of = {"threshold": threshold, "height": shown[0], "width": shown[1]}
        wanted = self.processor(logits.astype(self.precision), boxes.astype(self.precision), **frame_of)
        scores_name = self.binding.tensors[self.binding.tensor("scores")].name
        boxes_name = self.binding.tensors[self.binding.tensor("boxes")].name
        size = {"height": self.binding.height, "width": self.binding.width}
        total = Tally()
        if self.precision is np.float64:
            total.own = apart(self.processor(logits, boxes, **frame_of), wanted)
        with Parser(self.library, FUNCTION) as parser:
            for frame, results in enumerate(wanted):
                named = {scores_name: logits[frame], boxes_name: boxes[frame]}
                found = parser(named, **size, thresholds=[threshold] * self.classes)
                case = Case(
                    logits[frame],
                    boxes[frame],
                    threshold,
                    **size,
                    shown=shown,
                    softmax=self.processor.softmax,
                    limit=self.limit,
                    inclusive=self.processor.inclusive,
                )
                total.add(compare(found, results, case))
        return total


def thresholds(scores: Array, default: float) -> list[float]:
    """The family's, and some that lie between scores: as float32, since that is what they are compared as."""
    ordered = np.unique(scores)
    between = [(ordered[int(len(ordered) * q)] + ordered[int(len(ordered) * q) - 1]) / 2 for q in (0.3, 0.6, 0.95)]
    return [float(np.float32(value)) for value in (default, *between)]


@pytest.mark.filterwarnings("ignore")  # of others' modules, for releases to come
@pytest.mark.parametrize("detector", [*DETECTORS, *QUERIES], ids=lambda detector: detector.name)
def test_models_results_are_the_parsers(
    detector: Detector, workshop: Workshop, tallies: Tallies, tmp_path: Path
) -> None:
    model = build(detector)
    pixels = torch.rand(BATCH, 3, detector.height, detector.width, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted = [output.numpy() for output in model(pixels)]
    path = export(detector, model, tmp_path)
    shape = {"height": detector.height, "width": detector.width}
    comparison = Comparison(
        PROCESSORS[detector.name], workshop, **shape, queries=detector.queries, columns=detector.columns
    )
    tally = tallies.setdefault(key(detector.name, "model"), Tally())
    for batch in BATCHES:
        logits, boxes = run(path, pixels[:batch].numpy())
        for frame in range(batch):
            assert_same_queries((logits[frame], boxes[frame]), (wanted[0][frame], wanted[1][frame]))
        for threshold in thresholds(best_scores(logits, comparison), comparison.binding.family.defaults.threshold):
            tally.add(comparison.compare(logits, boxes, threshold))
    assert tally.objects > 0
    assert (tally.missing, tally.extra) == (0, 0)


def assert_same_queries(found: tuple[Array, Array], wanted: tuple[Array, Array]) -> None:
    """Of one frame: the export computes what the model computes. A wrong one is off by 0.1 and more.

    Models that choose their queries order them by score, and two of nearly the same score may change places.
    """
    one, other = (np.nan_to_num(np.concatenate(tensors_, axis=1), neginf=-1e9) for tensors_ in (found, wanted))
    difference = np.abs(one[:, None] - other[None]).max(axis=2)
    nearest = difference.argmin(axis=1)
    assert sorted(nearest) == list(range(len(other)))
    assert difference.min(axis=1).max() < 1e-3


def best_scores(logits: Array, comparison: Comparison) -> Array:
    """The best class's of each query; logits [N, Q, C]."""
    tensor = torch.from_numpy(logits)
    softmax = comparison.processor.softmax
    scores = torch.softmax(tensor, -1)[..., :-1] if softmax else torch.sigmoid(tensor)
    return np.asarray(scores.amax(-1).numpy())


@pytest.mark.parametrize("name", PROCESSORS)
def test_random_tensors_give_the_same_results(name: str, workshop: Workshop, tallies: Tallies) -> None:
    processor = PROCESSORS[name]
    rng = np.random.default_rng(sum(name.encode()))
    tally = tallies.setdefault(key(name, "random"), Tally())
    for classes in CLASS_COUNTS:
        comparison = of_random_tensors(processor, workshop, classes)
        styles = [style for style in STYLES if is_defined(processor, style)] * REPEATS
        sizes = cycle(BATCHES)
        while styles:
            size = next(sizes)
            default = comparison.binding.family.defaults.threshold
            threshold = float(np.float32(rng.choice([0.5, default, rng.uniform(0.05, 0.95)])))
            shape = comparison.queries, comparison.columns
            batch, styles = styles[:size], styles[size:]
            frames = [tensors(style, *shape, threshold, rng, softmax=processor.softmax) for style in batch]
            logits, boxes = (np.stack(each) for each in zip(*frames, strict=True))
            tally.add(comparison.compare(logits, boxes, threshold))
    assert tally.tensors >= 200
    assert (tally.missing, tally.extra) == (0, 0)


def of_random_tensors(processor: Processor, workshop: Workshop, classes: int) -> Comparison:
    """At the sizes that the family's models have, as far as that stays quick."""
    height, width = SIZES.get(processor.family, (640, 640))
    queries = min(int(bound(processor.family).dims["queries"]), MAX_QUERIES)
    columns = classes + processor.softmax
    return Comparison(processor, workshop, height=height, width=width, queries=queries, columns=columns)


def is_defined(processor: Processor, style: tuple[str, str]) -> bool:
    """Whether the processor says what it does with such tensors."""
    if style[1] == "not finite" and (processor.name == "omdet-turbo" or processor.clamps):
        return False  # the one stops with an assertion, the others make edges of the image out of infinities
    # Without a limit and a softmax, a NaN hides the other classes of its query from the processor, not from the parser.
    return not (style[0] == "nan" and processor.limit is None and not processor.softmax)

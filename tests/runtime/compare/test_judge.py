"""Verdicts: laws that hold for any figures, and twenty planted slowdowns of twenty found."""

from __future__ import annotations

import dataclasses
import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsimport.runtime.compare.judge import Side, compare_sides, noise_band, regressions
from dsimport.runtime.compare.metrics import METRICS, figures_of_data, figures_of_values
from dsimport.runtime.compare.show import Shown, comparison_document, comparison_markdown, comparison_text

OPPOSITE = {"better": "worse", "worse": "better"}

shares = st.floats(0, 1)
amounts = st.floats(1e-3, 1e6) | st.sampled_from([1e-300, 1e300])


@st.composite
def sides(draw: st.DrawFn) -> Side:
    """A side with any metrics, any number of runs."""
    samples, repeats = {}, {}
    for metric in draw(st.lists(st.sampled_from(METRICS), unique=True)):
        figure = shares if metric.scale == "points" else amounts
        samples[metric.key] = draw(st.lists(figure, min_size=1, max_size=4))
        repeats[metric.key] = draw(st.lists(figure, max_size=5))
    samples["max_batch"] = [draw(st.sampled_from([1.0, 2.0]))]
    settings = draw(st.sampled_from([{}, {"benchmark.target_fps": 30}, {"benchmark.target_fps": 25}]))
    toolchain = draw(st.sampled_from(["reference", "deepstream", ""]))
    return Side("side", toolchain, "", samples, repeats, settings)


@given(sides(), sides())
def test_swapping_the_sides_swaps_the_verdicts(a: Side, b: Side) -> None:
    there, back = compare_sides(a, b), compare_sides(b, a)
    assert [OPPOSITE.get(item.verdict, item.verdict) for item in there] == [item.verdict for item in back]
    assert [(item.a, item.b) for item in there] == [(item.b, item.a) for item in back]


@given(sides())
def test_nothing_differs_from_itself(side: Side) -> None:
    assert {item.verdict for item in compare_sides(side, side)} <= {"same", "not comparable"}


@given(sides(), sides(), st.floats(0.01, 100))
def test_the_unit_of_a_quotient_does_not_matter(a: Side, b: Side, factor: float) -> None:
    def scaled(side: Side) -> Side:
        def times(figures: Any) -> Any:
            return {
                metric.key: [value * factor for value in figures[metric.key]]
                for metric in METRICS
                if metric.scale == "ratio" and not metric.step and metric.key in figures
            } | {"max_batch": side.samples["max_batch"]}

        return dataclasses.replace(side, samples=times(side.samples), repeats=times({"max_batch": [], **side.repeats}))

    plain = {item.metric.key: item for item in compare_sides(a, b)}
    for item in compare_sides(scaled(a), scaled(b)):
        before = plain[item.metric.key]
        edge = before.band is not None and before.change is not None
        if edge and abs(abs(before.change or 0) - before.band.width) < 1e-6:  # type: ignore[union-attr]
            continue  # on the edge of the band rounding decides
        assert item.verdict == before.verdict


@given(sides(), sides())
def test_another_toolchain_is_never_faster_or_slower(a: Side, b: Side) -> None:
    for item in compare_sides(a, b):
        if item.metric.speed and item.verdict in OPPOSITE:
            assert a.toolchain == b.toolchain != ""


@given(sides(), sides(), st.floats(0, 1))
def test_every_form_shows_every_comparison(a: Side, b: Side, limit: float) -> None:
    compared = compare_sides(a, b)
    shown = Shown(a, b, compared, regressions(compared, {"regression": limit}))
    assert len(comparison_text(shown).split("\n\n")[1].splitlines()) == 1 + len(compared)
    rows = [line for line in comparison_markdown(shown).splitlines() if line.startswith("|")]
    assert len(rows) == 2 + len(compared)
    document = json.loads(json.dumps(comparison_document(shown), allow_nan=False))
    assert [entry["verdict"] for entry in document["metrics"]] == [item.verdict for item in compared]
    assert all(item.verdict == "worse" for item in shown.failed)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
names = st.sampled_from(["bsmax", "bs1", "run1", "run2", "rate", "qps", "gpu_mean_ms", "total_fps", "imgs_per_sec"])
tops = st.sampled_from(["trtexec", "deepstream", "kitti", "verify", "peak_gpu_streams", "max_bs"])
nested = st.dictionaries(names, json_values | st.dictionaries(names, json_values))


@given(st.dictionaries(tops, json_values | nested), st.dictionaries(st.text(), json_values))
def test_figures_of_any_file_can_be_compared(data: dict[str, Any], values: dict[str, Any]) -> None:
    for figures in (figures_of_data(data), figures_of_values(values)):
        side = Side("x", "reference", "", {key: [figure] for key, figure in figures.items()})
        assert {item.verdict for item in compare_sides(side, side)} <= {"same", "not comparable"}


def measured(generator: random.Random, runs: int, noise: float, slower: float = 0.0) -> Side:
    """A side whose machine has this noise (a share), and is slower by a share."""
    figures: dict[str, list[float]] = {}
    for metric in METRICS:
        base = 100 * (1 - slower if metric.better == "higher" else 1 / (1 - slower))
        if metric.speed and not metric.step:
            figures[metric.key] = [base * generator.gauss(1, noise) for _ in range(runs)]
    return Side("x", "reference", "", {**figures, "max_batch": [2]}, figures)


@pytest.mark.parametrize(("runs", "noise"), [(1, 0.005), (3, 0.01), (6, 0.01), (8, 0.015)])
def test_twenty_planted_slowdowns_of_twenty_are_found_and_none_where_there_is_none(runs: int, noise: float) -> None:
    wrong = []
    for seed in range(20):
        generator = random.Random(seed)
        before, same = measured(generator, runs, noise), measured(generator, runs, noise)
        slower = measured(generator, runs, noise, slower=0.1)
        limit = {"regression": 0.05}
        if {item.verdict for item in compare_sides(before, same)} != {"same"}:
            wrong.append((seed, "none planted"))
        if {item.verdict for item in compare_sides(before, slower) if item.metric.assumed < 0.1} != {"worse"}:
            wrong.append((seed, "planted"))
        if regressions(compare_sides(before, same), limit) or not regressions(compare_sides(before, slower), limit):
            wrong.append((seed, "gate"))
    assert wrong == []


def test_repetition_narrows_or_widens_the_assumed_band() -> None:
    throughput = METRICS[0]
    alone = measured(random.Random(0), 1, 0.0)
    assert noise_band(throughput, alone, alone).width == pytest.approx(throughput.assumed)
    assert noise_band(throughput, alone, alone).repeats == 0
    quiet, loud = measured(random.Random(0), 6, 0.001), measured(random.Random(0), 6, 0.08)
    assert noise_band(throughput, quiet, quiet).width < throughput.assumed < noise_band(throughput, loud, loud).width


def test_a_lasting_step_in_the_history_is_hardly_noise() -> None:
    """Figures that jump once say less about noise than the same figures mixed."""
    throughput = METRICS[0]
    jump, mixed = [100.0] * 5 + [90.0] * 5, [100.0, 90.0] * 5

    def width(figures: list[float]) -> float:
        side = Side("x", "reference", "", {throughput.key: [100.0]}, {throughput.key: figures})
        return noise_band(throughput, side, side).width

    assert width(jump) < width(mixed) / 2


def stalled(side: Side, which: int) -> Side:
    """The side, but the host stood still for half of one of its runs."""
    ratio = {"higher": 1 / 1.5, "lower": 1.5}
    figures = {
        item.key: [figure * (ratio[item.better] if index == which else 1) for index, figure in enumerate(found)]
        for item in METRICS
        if (found := side.samples.get(item.key))
    }
    return Side("x", "reference", "", {**figures, "max_batch": [2]}, figures)


def test_a_run_during_which_the_host_stalled_hides_no_regression_and_makes_none() -> None:
    wrong = []
    for seed in range(20):
        generator = random.Random(seed)
        before, same = (stalled(measured(generator, 7, 0.01), seed % 7) for _ in range(2))
        slower = stalled(measured(generator, 7, 0.01, slower=0.1), (seed + 3) % 7)
        limit = {"regression": 0.05}
        if regressions(compare_sides(before, same), limit) or not regressions(compare_sides(before, slower), limit):
            wrong.append(seed)
    assert wrong == []


def swinging(generator: random.Random, cost: float) -> Side:
    """Five runs on a host whose speed swings by half: every time swings along, the cost in yardsticks hardly does."""
    figures: dict[str, list[float]] = {"b1.gpu_mean_ms": [], "b1.gpu_min_ms": [], "b1.yardsticks": []}
    for _ in range(5):
        swing = generator.choice([1.0, 1.2, 1.57])
        figures["b1.gpu_mean_ms"].append(40 * cost * swing * generator.gauss(1, 0.05))
        figures["b1.gpu_min_ms"].append(35 * cost * swing * generator.gauss(1, 0.02))
        figures["b1.yardsticks"].append(5.3 * cost * generator.gauss(1, 0.015))
    return Side("x", "reference", "", figures, figures)


def test_on_a_host_whose_speed_swings_the_cost_in_yardsticks_tells() -> None:
    limit = {"regression": 0.05}
    for seed in range(20):
        generator = random.Random(seed)
        before, same, slower = (swinging(generator, cost) for cost in (1, 1, 10 / 9))
        assert regressions(compare_sides(before, same), limit) == []
        assert "b1.yardsticks" in [item.metric.key for item in regressions(compare_sides(before, slower), limit)]

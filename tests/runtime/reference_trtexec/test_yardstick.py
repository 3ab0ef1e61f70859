"""What a query costs in yardsticks: by a clock that only moves while a network runs, and once by the real one."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trtexec_support import Run, conv_model

from dsimport.runtime.formats.trtexec import parse_trtexec_log, yardstick_line
from dsimport.runtime.reference.session import Session, SessionError, open_session
from dsimport.runtime.reference.yardstick import NAME, Cost, cost, yardstick_model

INPUTS = {"images": np.zeros((1, 3, 8, 8), np.float32)}


class Machine:
    """A clock, in seconds, and networks that take as long as the test says; `speed` may swing."""

    def __init__(self, query_s: float, yardstick_s: float, speed: Callable[[int], float] = lambda _: 1.0) -> None:
        self.now, self.runs = 0.0, {True: 0, False: 0}
        self._seconds, self._speed = {True: yardstick_s, False: query_s}, speed

    def run(self, session: Session, feed: Mapping[str, Any]) -> list[Any]:
        assert [item.name for item in session.inputs] == list(feed)
        is_yardstick = session.inputs[0].name == NAME
        self.runs[is_yardstick] += 1
        self.now += self._seconds[is_yardstick] / self._speed(sum(self.runs.values()))
        return []


def measured(machine: Machine, seconds: float, monkeypatch: pytest.MonkeyPatch) -> Cost:
    with monkeypatch.context() as patch:
        patch.setattr(Session, "run", lambda session, feed: machine.run(session, feed))
        return cost(conv_model().SerializeToString(), INPUTS, seconds, lambda: machine.now)


@pytest.mark.parametrize(
    ("query_s", "yardstick_s"), [(0.05, 0.01), (0.011, 0.01), (0.001, 0.01), (1e-5, 0.01), (9, 0.01)]
)
def test_the_cost_is_the_quotient_of_both(query_s: float, yardstick_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(query_s, yardstick_s)
    found = measured(machine, 2, monkeypatch)
    assert found.yardsticks == pytest.approx(query_s / yardstick_s)
    assert found.pairs >= 3
    assert machine.now >= 2
    # Neither of the two takes nearly all of the time, except where one query outlasts everything.
    if 1e-4 < query_s < 1:
        assert 0.1 < machine.runs[True] * yardstick_s / machine.now < 0.7


@pytest.mark.parametrize("every", [7, 30, 101])
def test_a_machine_that_slows_down_for_a_while_changes_nothing(every: int, monkeypatch: pytest.MonkeyPatch) -> None:
    swings = Machine(0.04, 0.01, lambda run: 0.6 if run // every % 3 == 0 else 1.0)
    assert measured(swings, 5, monkeypatch).yardsticks == pytest.approx(4, rel=1e-9)


def test_a_clock_that_stands_still_still_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    assert measured(Machine(0, 0), 0, monkeypatch) == Cost(0, 3)


def test_a_model_that_does_not_take_the_inputs_is_one_error() -> None:
    with pytest.raises(SessionError):
        cost(conv_model().SerializeToString(), {"other": INPUTS["images"]}, 0, time.thread_time)
    with pytest.raises(SessionError):
        cost(b"garbage", INPUTS, 0, time.thread_time)


def test_the_yardstick_is_the_same_every_time_and_computes() -> None:
    assert yardstick_model() == yardstick_model()
    (made,) = open_session(yardstick_model(), threads=1).run({NAME: np.full((1, 3, 480, 640), 0.5, np.float32)})
    assert made.shape == (1, 64, 60, 80)
    smallest = np.finfo(np.float32).tiny
    assert np.all(made > 1e6 * smallest)  # far from denormals, which would be slow on some machines only


def test_ref_trtexec_tells_the_cost_of_what_it_ran(ref_trtexec: Run, dynamic_onnx: Path) -> None:
    ran = ref_trtexec(f"--onnx={dynamic_onnx}", "--duration=0", "--iterations=2", "--warmUp=0")
    (line,) = [text for text in ran.infos if "yardsticks" in text]
    assert re.fullmatch(r"Compute on one thread: \S+ yardsticks, median of \d+", line)
    found = parse_trtexec_log(ran.out).yardsticks
    assert found is not None
    assert 0 < found < 1  # a few pixels against 480 x 640


@given(st.floats(1e-9, 1e9), st.integers(3, 10**6))
def test_the_line_is_read_back(yardsticks: float, pairs: int) -> None:
    assert parse_trtexec_log(yardstick_line(yardsticks, pairs)).yardsticks == pytest.approx(yardsticks, rel=1e-5)

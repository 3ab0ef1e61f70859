"""What one query of a model costs in yardsticks: queries of a small fixed network that runs in turn with it.

The speed of a shared CPU swings by half within seconds, and every time measured on it swings along; a quotient of two
networks that take turns hardly does. Both run on one thread and are timed by what that thread got of the CPU, so that
neither other processes count nor threads that wait for each other. A faster ONNX Runtime speeds up both: this says
what a model costs, not how fast a machine is.
"""

from __future__ import annotations

import functools
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dsimport.runtime.reference.session import Session, open_session

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["NAME", "Cost", "cost", "yardstick_model"]

NAME = "yardstick"  # of its input and its graph

# Output channels, kernel, stride, groups (0: one per channel). Layers as detectors have them, from 480 x 640 pixels
# down: those that wait for memory and those that compute. About 11 ms on one core.
_LAYERS = (
    (16, 3, 2, 1),
    (16, 3, 1, 0),
    (32, 1, 1, 1),
    (32, 3, 2, 0),
    (48, 1, 1, 1),
    (48, 3, 1, 0),
    (48, 1, 1, 1),
    (48, 3, 2, 0),
    (64, 1, 1, 1),
    (64, 3, 1, 1),
)
_SHAPE = (1, 3, 480, 640)
_WEIGHT = 0.01
_FEWEST = 3  # pairs
_MOST_IN_TURN = 64  # queries of a tiny model between two of the yardstick


@dataclass(frozen=True)
class Cost:
    """yardsticks: what one query takes, in those of the yardstick; the median of `pairs` quotients."""

    yardsticks: float
    pairs: int


def cost(onnx: bytes, inputs: Mapping[str, NDArray[Any]], seconds: float, clock: Callable[[], float]) -> Cost:
    """Measure the model on these inputs for at least `seconds` of the clock, and three pairs. Raises SessionError.

    onnx: a serialised ModelProto. clock: seconds that the calling thread had of a CPU, see `time.thread_time`.
    """
    model = functools.partial(open_session(onnx, threads=1).run, inputs)
    yardstick = _yardstick()
    model(), yardstick()  # the first query allocates
    each = _in_turn(_time(model, clock), _time(yardstick, clock))
    quotients: list[float] = []
    before, end = _time(yardstick, clock), clock() + seconds
    while len(quotients) < _FEWEST or clock() < end:
        query = sum(_time(model, clock) for _ in range(each)) / each
        after = _time(yardstick, clock)
        quotients.append(2 * query / max(before + after, 1e-9))  # a coarse clock may stand still
        before = after
    return Cost(statistics.median(quotients), len(quotients))


def yardstick_model() -> bytes:
    """The yardstick as a serialised ModelProto. Its weights do not matter, only that they are no denormals."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes, weights = [], []
    tensor, channels = NAME, _SHAPE[1]
    for at, (outputs, kernel, stride, groups) in enumerate(_LAYERS):
        groups = groups or channels
        weight = np.full((outputs, channels // groups, kernel, kernel), _WEIGHT, np.float32)
        weights.append(numpy_helper.from_array(weight, f"w{at}"))
        shape = {"pads": [kernel // 2] * 4, "strides": [stride] * 2, "group": groups}
        nodes.append(helper.make_node("Conv", [tensor, f"w{at}"], [f"c{at}"], **shape))
        nodes.append(helper.make_node("Relu", [f"c{at}"], [f"r{at}"]))
        tensor, channels = f"r{at}", outputs
    given = helper.make_tensor_value_info(NAME, TensorProto.FLOAT, _SHAPE)
    made = helper.make_tensor_value_info(tensor, TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, NAME, [given], [made], weights)
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def _yardstick() -> Callable[[], object]:
    import numpy as np

    session: Session = open_session(yardstick_model(), threads=1)
    return functools.partial(session.run, {NAME: np.full(_SHAPE, 0.5, np.float32)})


def _in_turn(query: float, yardstick: float) -> int:
    """How many queries take about as long as the yardstick."""
    return max(1, min(round(yardstick / max(query, 1e-9)), _MOST_IN_TURN))


def _time(run: Callable[[], object], clock: Callable[[], float]) -> float:
    started = clock()
    run()
    return clock() - started

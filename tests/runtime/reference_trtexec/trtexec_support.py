"""What the tests of ref-trtexec share: a tiny model, and the result of a run taken apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Run = Callable[..., "Ran"]
QUICK = ("--duration=0", "--warmUp=0", "--iterations=3")


@dataclass(frozen=True)
class Ran:
    """What one run of the program left behind."""

    code: int
    out: str
    err: str

    @property
    def errors(self) -> list[str]:
        """Texts of the [E] lines."""
        return [line.split("] [E] ", 1)[1] for line in self.err.splitlines() if "] [E] " in line]

    @property
    def warnings(self) -> list[str]:
        """Texts of the [W] lines after the first, in which the program says what it is."""
        return [line.split("] [W] ", 1)[1] for line in self.err.splitlines() if "] [W] " in line][1:]

    @property
    def infos(self) -> list[str]:
        """Texts of the [I] lines."""
        return [line.split("] [I] ", 1)[1] for line in self.out.splitlines() if "] [I] " in line]

    @property
    def verdict(self) -> str:
        """The word of the last &&&& line."""
        return self.out.splitlines()[-1].split()[1]


def conv_model(batch: int | str = "N", size: int | str = 8) -> onnx.ModelProto:
    """`images [batch, 3, size, size]` -> Conv -> `scores [batch, 4, size, size]`."""
    weights = np.random.default_rng(0).random((4, 3, 3, 3), dtype=np.float32)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["images", "w"], ["scores"], pads=[1, 1, 1, 1])],
        "tiny",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, 3, size, size])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [batch, 4, size, size])],
        [numpy_helper.from_array(weights, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

"""Tiny ONNX models with a convolution, and a way to run ref-trtexec in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from dsimport.runtime.reference.trtexec import main
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


@pytest.fixture
def dynamic_onnx(tmp_path: Path) -> Path:
    """A model with a symbolic batch."""
    path = tmp_path / "dynamic.onnx"
    onnx.save(conv_model(), path)
    return path


@pytest.fixture
def static_onnx(tmp_path: Path) -> Path:
    """A model for batches of two only."""
    path = tmp_path / "static.onnx"
    onnx.save(conv_model(batch=2), path)
    return path


@pytest.fixture
def ref_trtexec(capsys: pytest.CaptureFixture[str]) -> Run:
    """`ref_trtexec("--onnx=…", …)` runs the program."""

    def run(*arguments: str) -> Ran:
        capsys.readouterr()
        code = main(["trtexec", *arguments])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run

"""Tiny ONNX models with a convolution, and a way to run ref-trtexec in this process."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from trtexec_support import Ran, Run, conv_model

from dsimport.runtime.reference.trtexec import main


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

"""ONNX Runtime's sessions and their errors."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper
from trtexec_support import conv_model

from dsimport.runtime.reference import session as session_module
from dsimport.runtime.reference.session import SessionError, TensorInfo, open_session


def test_a_session_knows_its_tensors_and_runs() -> None:
    session = open_session(conv_model().SerializeToString(), threads=1)
    assert session.inputs == [TensorInfo("images", "float32", ("N", 3, 8, 8))]
    assert session.outputs == [TensorInfo("scores", "float32", ("N", 4, 8, 8))]
    (scores,) = session.run({"images": np.zeros((5, 3, 8, 8), np.float32)})
    assert scores.shape == (5, 4, 8, 8)
    assert not scores.any()


@pytest.mark.parametrize(
    "feed",
    [
        {},
        {"other": np.zeros((1, 3, 8, 8), np.float32)},
        {"images": np.zeros((1, 3, 8, 8), np.float64)},
        {"images": np.zeros((1, 3, 8), np.float32)},
        {"images": np.zeros((1, 2, 8, 8), np.float32)},
    ],
)
def test_a_feed_that_does_not_fit_is_one_line_and_prints_nothing(
    feed: dict[str, np.ndarray], capfd: pytest.CaptureFixture[str]
) -> None:
    session = open_session(conv_model().SerializeToString())
    with pytest.raises(SessionError, match=r"^[^\n]+$"):
        session.run(feed)
    assert capfd.readouterr() == ("", "")


def test_a_model_that_cannot_be_loaded_is_one_line_and_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    unknown = conv_model()
    unknown.graph.node[0].op_type = "EfficientNMS_TRT"
    for data in (b"", b"garbage", unknown.SerializeToString()):
        with pytest.raises(SessionError, match=r"^[^\n]+$"):
            open_session(data)
    assert capfd.readouterr() == ("", "")


def test_a_tensor_that_is_none_is_refused_by_name() -> None:
    model = conv_model()
    model.graph.node.append(helper.make_node("SequenceConstruct", ["scores"], ["list"]))
    model.graph.output.append(helper.make_tensor_sequence_value_info("list", TensorProto.FLOAT, None))
    with pytest.raises(SessionError, match="'list' has type seq"):
        open_session(model.SerializeToString())


def test_a_model_beyond_two_gigabytes_is_refused_by_size(monkeypatch: pytest.MonkeyPatch) -> None:
    data = conv_model().SerializeToString()
    monkeypatch.setattr(session_module, "MAX_MODEL_BYTES", len(data) - 1)
    with pytest.raises(SessionError, match=f"the model has {len(data)} bytes; .* up to 2 GiB"):
        open_session(data)


def test_a_missing_onnxruntime_is_said_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(SessionError, match=r"pip install 'dsimport\[reference\]'"):
        open_session(conv_model().SerializeToString())


def test_a_profile_is_written_where_asked(tmp_path: Path) -> None:
    session = open_session(conv_model().SerializeToString(), profile=str(tmp_path / "p"))
    session.run({"images": np.zeros((1, 3, 8, 8), np.float32)})
    assert Path(session.end_profile()).parent == tmp_path

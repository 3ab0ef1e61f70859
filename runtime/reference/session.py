"""ONNX Runtime behind a narrow door: one CPU session, its tensors, and errors as one exception type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MAX_MODEL_BYTES", "Session", "SessionError", "TensorInfo", "open_session"]

MAX_MODEL_BYTES = (1 << 31) - 1  # protobuf's limit for one message

_QUIET = 4  # fatal only: every error also arrives as an exception, which is reported once
_DTYPES = {
    "bool": "bool",
    "double": "float64",
    "float": "float32",
    "float16": "float16",
    **{f"{sign}int{bits}": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}


class SessionError(Exception):
    """ONNX Runtime refused the model or failed to run it; the text is its reason, in one line."""


@dataclass(frozen=True)
class TensorInfo:
    """A declared input or output.

    dtype: numpy's name, e.g. `float32`. shape: an int where the dimension is fixed, else its symbol, or None.
    """

    name: str
    dtype: str
    shape: tuple[int | str | None, ...]


class Session:
    """A loaded model. `inputs` and `outputs` are in the model's order."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.inputs: list[TensorInfo] = [_info(item) for item in session.get_inputs()]
        self.outputs: list[TensorInfo] = [_info(item) for item in session.get_outputs()]

    def run(self, feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """All outputs, in the order of `outputs`. Raises SessionError."""
        try:
            results: list[NDArray[Any]] = self._session.run(None, dict(feed))
        except Exception as error:
            raise SessionError(_reason(error)) from None
        return results

    def end_profile(self) -> str:
        """Stop profiling a session opened with `profile`, and give the path of the JSON file it wrote."""
        return str(self._session.end_profiling())


def open_session(
    onnx: bytes, *, threads: int | None = None, profile: str | None = None, as_it_is: bool = False
) -> Session:
    """Load a model for the CPU.

    onnx: a serialised ModelProto with all its weights inside, at most 2 GiB (a bigger one cannot be one message).
    threads: size of the pool that computes one inference; None lets ONNX Runtime take one per core.
    profile: how the path of a file begins that gets the time of every node (Chrome trace events); see `end_profile`.
    as_it_is: run the graph's own nodes. Optimising thousands of them takes seconds, and a few runs win none back.
    Raises SessionError.
    """
    if len(onnx) > MAX_MODEL_BYTES:
        raise SessionError(f"the model has {len(onnx)} bytes; the reference toolchain loads models up to 2 GiB")
    try:
        import onnxruntime
    except ImportError:
        raise SessionError("onnxruntime is not installed: pip install 'dsimport[reference]'") from None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _QUIET
    if as_it_is:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    if threads is not None:
        options.intra_op_num_threads = threads
    if profile is not None:
        options.enable_profiling = True
        options.profile_file_prefix = profile
    try:
        # Its errors have no common base class below Exception.
        session = onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise SessionError(_reason(error)) from None
    return Session(session)


def _info(item: Any) -> TensorInfo:
    kind = str(item.type)
    dtype = _DTYPES.get(kind.removeprefix("tensor(").removesuffix(")")) if kind.startswith("tensor(") else None
    if dtype is None:
        raise SessionError(f"tensor {item.name!r} has type {kind}, which the reference toolchain does not handle")
    return TensorInfo(item.name, dtype, tuple(item.shape))


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    _, mark, rest = text.partition("[ONNXRuntimeError] : ")
    if not mark:
        return text
    return rest.split(" : ", 2)[-1]  # "<number> : <STATUS> : <message>"

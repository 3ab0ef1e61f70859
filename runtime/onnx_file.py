"""Reading and writing ONNX files that nobody vouches for. `onnx` is imported where it is used."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

__all__ = ["GraphError", "one_line", "parse_model", "read_file", "read_model", "real_inputs", "serialize"]


class GraphError(Exception):
    """The model cannot be used as asked; the text says what is wrong with it, in one line."""


def read_model(path: Path) -> Any:
    """The ModelProto of a file, weights kept in files beside it embedded. Raises GraphError."""
    from onnx.external_data_helper import load_external_data_for_model

    model = parse_model(read_file(path), str(path))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about keys it does not know; the tensors are read all the same
            load_external_data_for_model(model, str(path.parent))
    except Exception as error:  # onnx raises its own ValidationError here, OSError, ValueError and others
        raise GraphError(f"{path}: cannot load the weights kept outside of it: {one_line(error)}") from None
    return model


def read_file(path: Path) -> bytes:
    """The file's bytes. Raises GraphError."""
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: NUL byte in the path
        raise GraphError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None


def parse_model(data: bytes, name: str) -> Any:
    """The ModelProto in these bytes, external weights not looked at. Raises GraphError that begins with `name`."""
    import onnx

    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except Exception as error:  # protobuf's DecodeError, whose module comes without types
        raise GraphError(f"{name}: not an ONNX model, or cut short: {one_line(error)}") from None
    if not model.opset_import or not model.graph.output:
        raise GraphError(f"{name}: not an ONNX model, or cut short: it has no operator set or no outputs")
    return model


def serialize(model: Any) -> bytes:
    """The model's bytes, the same for the same model. Raises GraphError where it exceeds protobuf's 2 GiB."""
    try:
        return bytes(model.SerializeToString(deterministic=True))
    except Exception as error:  # ValueError or EncodeError, by protobuf's version
        raise GraphError(f"cannot serialise the model (2 GiB is the limit): {one_line(error)}") from None


def real_inputs(model: Any) -> list[Any]:
    """The graph's inputs without the weights that files of IR version 3 list among them."""
    weights = {item.name for item in model.graph.initializer}
    return [item for item in model.graph.input if item.name not in weights]


def one_line(error: Exception) -> str:
    """The error's text without its line breaks."""
    return " ".join(str(error).split())

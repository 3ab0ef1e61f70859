"""Writing a model: in one file where that is possible, else with its weights beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from dsimport.runtime.onnx_file import GraphError, one_line, serialize

__all__ = ["LIMIT", "store"]

LIMIT = (1 << 31) - (1 << 24)  # protobuf's 2 GiB for one message, with room for what it counts beside the weights
LARGE = 1024  # bytes from which a weight goes to the other file


def store(model: Any, target: Path, write: Callable[[Path, bytes], None], limit: int = LIMIT) -> bool:
    """Write the model to `target`; True where its weights went to `<target>.data`, which TensorRT and ONNX Runtime read
    from there. A `.data` file of an earlier, larger model is removed.

    write: puts bytes into a place atomically. The weights are written first: the model never names missing ones.
    Raises GraphError.
    """
    beside = target.with_name(f"{target.name}.data")
    if model.ByteSize() <= limit:
        write(target, serialize(model))
        beside.unlink(missing_ok=True)
        return False
    from onnx.external_data_helper import set_external_data

    pieces, at = [], 0
    for tensor in model.graph.initializer:
        if not tensor.HasField("raw_data") or len(tensor.raw_data) < LARGE:
            continue
        data = tensor.raw_data
        set_external_data(tensor, beside.name, offset=at, length=len(data))
        tensor.ClearField("raw_data")
        pieces.append(data)
        at += len(data)
    try:
        write(beside, b"".join(pieces))
    except MemoryError as error:
        raise GraphError(f"not enough memory to write the weights: {one_line(error)}") from None
    write(target, serialize(model))
    return True

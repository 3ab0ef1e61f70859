"""What an ONNX file says about itself, without running it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsimport.runtime.onnx_file import GraphError, parse_model, read_file, real_inputs

__all__ = ["GraphError", "ModelFacts", "TensorFacts", "inspect"]


@dataclass(frozen=True)
class TensorFacts:
    """A declared input or output.

    dtype: numpy's name. dims: None for a symbolic dimension; the whole is None where the file declares no shape.
    """

    name: str
    dtype: str
    dims: tuple[int | None, ...] | None


@dataclass(frozen=True)
class ModelFacts:
    """Facts of one file.

    inputs: without the weights that old files list among them. opset: version of the standard operator set.
    producer: name and version of the exporter, as written. metadata: the exporter's own key and value texts.
    size: bytes of the file itself. sha256: of the file itself. external_files: names of files that hold its weights.
    """

    inputs: tuple[TensorFacts, ...]
    outputs: tuple[TensorFacts, ...]
    opset: int
    producer: str
    metadata: dict[str, str]
    size: int
    sha256: str
    external_files: tuple[str, ...]


def inspect(path: Path) -> ModelFacts:
    """Read a file's declarations. Raises GraphError where it is missing, cut short, or not an ONNX model."""
    data = read_file(path)
    model = parse_model(data, str(path))
    opset = next((item.version for item in model.opset_import if item.domain in ("", "ai.onnx")), None)
    if opset is None:
        raise GraphError(f"{path}: the model does not use the standard ONNX operators")
    return ModelFacts(
        inputs=tuple(_facts(item, path) for item in real_inputs(model)),
        outputs=tuple(_facts(item, path) for item in model.graph.output),
        opset=opset,
        producer=" ".join(part for part in (model.producer_name, model.producer_version) if part),
        metadata={item.key: item.value for item in model.metadata_props},
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        external_files=_external_files(model),
    )


def _facts(item: Any, path: Path) -> TensorFacts:
    from onnx.helper import tensor_dtype_to_np_dtype

    if not item.type.HasField("tensor_type"):
        raise GraphError(f"{path}: {item.name!r} is not a tensor")
    kind = item.type.tensor_type
    try:
        dtype = str(tensor_dtype_to_np_dtype(kind.elem_type))
    except KeyError:
        raise GraphError(f"{path}: {item.name!r} has the unknown element type {kind.elem_type}") from None
    if not kind.HasField("shape"):
        return TensorFacts(item.name, dtype, None)
    dims = tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in kind.shape.dim)
    return TensorFacts(item.name, dtype, dims)


def _external_files(model: Any) -> tuple[str, ...]:
    names = {
        entry.value
        for tensor in model.graph.initializer
        for entry in tensor.external_data
        if tensor.data_location == tensor.EXTERNAL and entry.key == "location"
    }
    return tuple(sorted(names))

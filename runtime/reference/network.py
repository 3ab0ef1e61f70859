"""From an nvinfer configuration to a network that runs: engine file, check, rebuild, input and output facts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .console import BusError, Console
from .engine_file import ENGINE_FORMAT, EngineError, EngineMeta, read_engine, write_engine
from .nvinfer_config import ELEMENT, NvinferConfig
from .session import Session, SessionError, open_session

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["InitError", "Layer", "Network", "open_network"]

_BUILDER = "ref-deepstream-app"
_DTYPES = {"float32": 0, "float16": 1, "int8": 2, "int32": 3, "int64": 4, "uint8": 5, "bool": 5}
_MAX_DIMS = 8


class InitError(BusError):
    """NvDsInferContext cannot be created; `status` is the vendor's name of the reason."""

    def __init__(self, status: str, *evidence: str, config: Path | None = None) -> None:
        super().__init__(ELEMENT, "Failed to create NvDsInferContext instance")
        self.evidence = tuple(f"Error in NvDsInferContextImpl::initialize(): {line}" for line in evidence)
        self.debug = f"Config file path: {config}, NvDsInfer Error: NVDSINFER_{status}"


@dataclass(frozen=True)
class Layer:
    """An output as the parser sees it: dims without the batch, nvinfer's number of the data type, numpy's name."""

    name: str
    data_type: int
    dtype: str


@dataclass(frozen=True)
class Network:
    """A loaded network. Sizes are of one image; min_batch and max_batch come from the engine's profile."""

    session: Session
    input_name: str
    channels: int
    height: int
    width: int
    min_batch: int
    max_batch: int
    layers: tuple[Layer, ...]

    def run(self, batch: NDArray[Any]) -> list[NDArray[Any]]:
        """Outputs for a batch of images, float32, in the engine's order. Raises SessionError."""
        import numpy as np

        count = len(batch)
        if count < self.min_batch:  # nvinfer raises a smaller batch to what the engine accepts
            batch = np.concatenate([batch, np.zeros((self.min_batch - count, *batch.shape[1:]), batch.dtype)])
        return self.session.run({self.input_name: batch})


def open_network(config: NvinferConfig, batch_size: int, console: Console) -> Network:
    """Load the engine, or build one as nvinfer does. Raises InitError."""
    loaded = _load_engine(config, batch_size, console) or _build(config, batch_size, console)
    meta, onnx = loaded
    try:
        session = open_session(onnx)
    except SessionError as error:
        raise InitError("TENSORRT_ERROR", f"cannot load the model: {error}", config=config.path) from None
    channels, height, width = _image_size(config, meta, session)
    return Network(
        session=session,
        input_name=session.inputs[0].name,
        channels=channels,
        height=height,
        width=width,
        min_batch=meta.min_shape[0],
        max_batch=meta.max_shape[0],
        layers=_layers(config, session, console),
    )


def _load_engine(config: NvinferConfig, batch_size: int, console: Console) -> tuple[EngineMeta, bytes] | None:
    """The configured engine if it can be used; None, after a warning, where nvinfer would build another one."""
    if not config.engine_file:
        return None
    try:
        meta, onnx = read_engine(Path(config.engine_file))
    except EngineError as error:
        console.err(f"WARNING: deserialize engine from file {config.engine_file} failed: {error}; will rebuild")
        return None
    reason = _unfit(config, meta, batch_size)
    if reason:
        console.err(f"WARNING: engine {config.engine_file} does not fit the configuration: {reason}; will rebuild")
        return None
    return meta, onnx


def _unfit(config: NvinferConfig, meta: EngineMeta, batch_size: int) -> str | None:
    if len(meta.max_shape) != 4:
        return None  # reported by the image check, as nvinfer does
    if meta.max_shape[0] < batch_size:
        return f"its largest batch {meta.max_shape[0]} is below batch-size {batch_size}"
    if config.dims is None:
        return None
    wanted = (batch_size, *_ordered(config.dims, config.nhwc))
    if all(low <= dim <= high for low, dim, high in zip(meta.min_shape, wanted, meta.max_shape, strict=True)):
        return None
    shapes = " to ".join("x".join(map(str, shape)) for shape in (meta.min_shape, meta.max_shape))
    return f"batch-size and infer-dims {'x'.join(map(str, wanted))} are outside its profile {shapes}"


def _ordered(dims: tuple[int, int, int], nhwc: bool) -> tuple[int, int, int]:
    channels, height, width = dims
    return (height, width, channels) if nhwc else dims


def _build(config: NvinferConfig, batch_size: int, console: Console) -> tuple[EngineMeta, bytes]:
    if not config.onnx_file:
        raise InitError("CONFIG_FAILED", "no model file matched: the engine must be built and onnx-file is not set",
                        config=config.path)  # fmt: skip
    precision = _precision(config, console)
    onnx, name, dims = _reshaped(config)
    meta = EngineMeta(
        format=ENGINE_FORMAT,
        input_name=name,
        min_shape=(1, *dims),
        opt_shape=(batch_size, *dims),
        max_shape=(batch_size, *dims),
        precision=precision,
        onnx_sha256=hashlib.sha256(onnx).hexdigest(),
        builder=_BUILDER,
    )
    target = Path(f"{config.onnx_file}_b{batch_size}_gpu0_{precision}.engine")
    console.err(
        f"WARNING: building an engine from {config.onnx_file} at start, which takes minutes on a GPU; it is written to "
        f"{target} and used again only where model-engine-file names it"
    )
    try:
        write_engine(target, meta, onnx)
    except OSError as error:
        console.err(f"WARNING: failed to serialize engine to {target}: {error.strerror}")
    return meta, onnx


def _precision(config: NvinferConfig, console: Console) -> str:
    if config.precision not in ("int8", "best"):
        return config.precision
    if config.int8_calibration and Path(config.int8_calibration).is_file():
        raise BusError(ELEMENT, f"the reference does not support building with int8-calib-file ({config.precision})")
    console.err(f"WARNING: no int8 calibration file: network-mode {config.precision} falls back to fp16")
    return "fp16"


def _reshaped(config: NvinferConfig) -> tuple[bytes, str, tuple[int, ...]]:
    """The ONNX model with a dynamic batch and the configured dims; its input's name; dims of one image."""
    import onnx

    try:
        model = onnx.load(str(config.onnx_file))
    except Exception as error:  # protobuf, the file system and external data each raise their own kind
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InitError("CONFIG_FAILED", f"cannot read {config.onnx_file}: {text}", config=config.path) from None
    constants = {item.name for item in model.graph.initializer}
    inputs = [item for item in model.graph.input if item.name not in constants]
    if not inputs:
        raise InitError("TENSORRT_ERROR", f"{config.onnx_file} has no input", config=config.path)
    shape = inputs[0].type.tensor_type.shape
    if len(shape.dim) != 4:
        raise InitError("CONFIG_FAILED", "infer-dims needs a first input of rank 4; "
                        f"{inputs[0].name!r} has rank {len(shape.dim)}", config=config.path)  # fmt: skip
    if config.dims is not None:
        dims = _ordered(config.dims, config.nhwc)
    elif all(dim.HasField("dim_value") and dim.dim_value > 0 for dim in shape.dim[1:]):
        dims = (shape.dim[1].dim_value, shape.dim[2].dim_value, shape.dim[3].dim_value)
    else:
        raise InitError("CONFIG_FAILED", "Explicit config dims is invalid: the model's height or width is dynamic "
                        "and infer-dims is not set", config=config.path)  # fmt: skip
    shape.dim[0].dim_param = "batch"
    for dim, size in zip(list(shape.dim)[1:], dims, strict=True):
        dim.dim_value = size
    for output in model.graph.output:  # a declared batch would only make the runtime complain
        if output.type.tensor_type.HasField("shape") and output.type.tensor_type.shape.dim:
            output.type.tensor_type.shape.dim[0].dim_param = "batch"
    del model.graph.value_info[:]
    try:
        return model.SerializeToString(), inputs[0].name, dims
    except ValueError:
        raise InitError("CONFIG_FAILED", f"{config.onnx_file} is larger than 2 GiB with its weights inside, which the "
                        "reference does not load", config=config.path) from None  # fmt: skip


def _image_size(config: NvinferConfig, meta: EngineMeta, session: Session) -> tuple[int, int, int]:
    first = session.inputs[0]
    if len(session.inputs) > 1:
        names = ", ".join(repr(item.name) for item in session.inputs[1:])
        raise InitError("CUSTOM_LIB_FAILED", f"the model has more inputs than the image ({names}); the reference "
                        "does not ask the custom library to fill them", config=config.path)  # fmt: skip
    if len(first.shape) != 4 or len(meta.max_shape) != 4:
        raise InitError("CONFIG_FAILED", f"input {first.name!r} is not a image[CHW]", config=config.path)
    if first.dtype != "float32":
        raise InitError("CONFIG_FAILED", f"input {first.name!r} is {first.dtype}; nvinfer writes float32 into it "
                        "unchecked, beyond the buffer's end", config=config.path)  # fmt: skip
    # Without infer-dims nvinfer takes them as C, H, W even where the order is NHWC.
    channels, height, width = config.dims or meta.max_shape[1:]
    wanted = 1 if config.color_format == 2 else 3
    if channels != wanted:
        raise InitError("CONFIG_FAILED", f"model-color-format {config.color_format} needs {wanted} channel(s), the "
                        f"network has {channels}", config=config.path)  # fmt: skip
    return channels, height, width


def _layers(config: NvinferConfig, session: Session, console: Console) -> tuple[Layer, ...]:
    layers = []
    for item in session.outputs:
        if item.dtype not in _DTYPES:
            raise InitError("TENSORRT_ERROR", f"Unknown data type {item.dtype} of output {item.name!r}",
                            config=config.path)  # fmt: skip
        if len(item.shape) > _MAX_DIMS + 1:
            raise InitError("TENSORRT_ERROR", f"output {item.name!r} has more than {_MAX_DIMS} dims",
                            config=config.path)  # fmt: skip
        layers.append(Layer(item.name, _DTYPES[item.dtype], item.dtype))
    present = {layer.name for layer in layers}
    for name in config.output_names:
        if name not in present:
            console.err(f"WARNING: Could not find output layer '{name}' in engine")
    return tuple(layers)

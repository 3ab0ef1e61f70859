"""Work on ONNX graphs: making the batch dynamic, and proving by running it that every image of a batch is served.

Nothing here knows a model family. `onnx`, numpy and ONNX Runtime are imported where they are used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dsimport.runtime.onnx_file import GraphError, one_line, parse_model, read_model, real_inputs, serialize

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsimport.runtime.reference.session import Session

__all__ = [
    "BATCH_SYMBOL",
    "BatchCheck",
    "GraphError",
    "dynamic_batch",
    "parse_model",
    "read_model",
    "serialize",
    "verify_batch",
]

BATCH_SYMBOL = "batch"
_FIRST_IR_WITH_HIDDEN_WEIGHTS = 4  # before it, every weight had to be listed among the graph's inputs
_SEED = 1  # fixed: a model is judged the same way in every run
_SCALES = (1.0, 255.0)  # networks take 0..1 or 0..255; which one it is does not matter as long as outputs react
_RELATIVE = 1e-3  # of the value range: batched kernels round differently, a lost image is off by much of the range
_ABSOLUTE = 1e-4

Dim = int | str | None


@dataclass(frozen=True)
class BatchCheck:
    """What running a batch against its single images showed.

    outputs: shape per image (without the batch), by name, in the model's order.
    max_abs_diff: largest difference between an image alone and in the batch, over all outputs, in their own units.
    value_ranges: smallest and largest value of each output over the images.
    unproven: outputs that came out the same for every image, so that the comparison says nothing about them.
    """

    outputs: dict[str, tuple[int, ...]]
    max_abs_diff: float
    value_ranges: dict[str, tuple[float, float]]
    unproven: tuple[str, ...] = ()


def dynamic_batch(model: Any, input_name: str, channels: int, height: int, width: int) -> list[str]:
    """Declare the input as `[batch, channels, height, width]` with `batch` symbolic, in place.

    Weights listed among the inputs are dropped from there, outputs are declared as `[batch, …]` with the dimensions
    they really have, and the shapes of inner tensors are inferred anew; nothing else is touched.
    Returns what changed, one sentence each, and nothing for a model that was like this already.
    Raises GraphError, and leaves the model as it was, for inputs besides the image, an input that is not rank 4 or
    has other channels, and a batch that is baked into the graph. That is found by running it with one image and with
    two; where ONNX Runtime is missing, only by inferring shapes, which sees less.
    """
    import onnx

    new = onnx.ModelProto()
    new.CopyFrom(model)
    changes = _drop_weights_from_inputs(new)
    image = _image_input(new, input_name, channels)
    changes += _declare(image, _dims(image), (BATCH_SYMBOL, channels, height, width), "input")
    declared = {item.name: _dims(item) for item in new.graph.output}
    for item in new.graph.output:
        item.type.tensor_type.ClearField("shape")  # fixed to the old size; ONNX Runtime would warn or refuse
    old_inner = _by_name(new.graph.value_info)
    del new.graph.value_info[:]
    _infer_inner_shapes(new)
    shapes = _shapes_by_running(new, input_name, (channels, height, width)) if _can_run() else _shapes_by_inference(new)
    for item in new.graph.output:
        changes += _declare(item, declared[item.name], (BATCH_SYMBOL, *shapes[item.name]), "output")
    inner = _by_name(new.graph.value_info)
    if inner != old_inner and (changes or old_inner):
        changes.append(f"shapes of inner tensors inferred anew: {len(old_inner)} before, {len(inner)} now")
    model.CopyFrom(new)
    return changes


def _drop_weights_from_inputs(model: Any) -> list[str]:
    kept = real_inputs(model)
    dropped = len(model.graph.input) - len(kept)
    if not dropped:
        return []
    del model.graph.input[:]
    model.graph.input.extend(kept)
    changes = [f"{dropped} weights dropped from the graph's inputs"]
    if model.ir_version < _FIRST_IR_WITH_HIDDEN_WEIGHTS:
        changes.append(f"IR version {model.ir_version} -> {_FIRST_IR_WITH_HIDDEN_WEIGHTS}, which allows that")
        model.ir_version = _FIRST_IR_WITH_HIDDEN_WEIGHTS
    return changes


def _image_input(model: Any, name: str, channels: int) -> Any:
    inputs = {item.name: item for item in real_inputs(model)}
    if name not in inputs:
        raise GraphError(f"the model has no input {name!r}; it has {_names(inputs)}")
    others = [other for other in inputs if other != name]
    if others:
        raise GraphError(
            f"the model has inputs besides the image {name!r}: {_names(others)}; "
            "export it with the image as its only input"
        )
    dims = _dims(inputs[name])
    if dims is not None and len(dims) != 4:
        raise GraphError(f"input {name!r} is {_dims_text(dims)}; an image input has four dimensions, N x C x H x W")
    if dims is not None and isinstance(dims[1], int) and dims[1] != channels:
        raise GraphError(f"input {name!r} is {_dims_text(dims)}, so it has {dims[1]} channels, not {channels}")
    return inputs[name]


def _can_run() -> bool:
    from importlib.util import find_spec

    return find_spec("onnxruntime") is not None


def _shapes_by_inference(model: Any) -> dict[str, tuple[Dim, ...]]:
    shapes = {}
    for item in model.graph.output:
        dims = _dims(item)
        if not dims or isinstance(dims[0], int):
            raise GraphError(
                f"output {item.name!r} is inferred as {_dims_text(dims)}: the batch is baked into the graph, or cannot "
                "be followed without running it; install onnxruntime, or export it again with a dynamic batch"
            )
        shapes[item.name] = dims[1:]
    return shapes


def _shapes_by_running(model: Any, input_name: str, image: tuple[int, int, int]) -> dict[str, tuple[Dim, ...]]:
    """Each output's shape per image. Raises GraphError where two images do not give twice the rows of one."""
    session = _open(serialize(model), f" with an input of {_size_text(image)}")
    images = _images(session, input_name, 2, image, _SCALES[0])
    size = _size_text(image)
    one = _run(session, {input_name: images[:1]}, f"with one image of {size}; another batch or size is baked into it")
    two = _run(session, {input_name: images}, f"with two images of {size}; the batch is baked into it")
    shapes: dict[str, tuple[Dim, ...]] = {}
    for info, single, double in zip(session.outputs, one, two, strict=True):
        if single.shape[:1] != (1,) or double.shape != (2, *single.shape[1:]):
            raise GraphError(
                f"output {info.name!r} is {_size_text(single.shape)} for one image and {_size_text(double.shape)} for "
                "two: its first dimension is not the batch, or the batch is baked into the graph; export it again with "
                "a dynamic batch"
            )
        shapes[info.name] = single.shape[1:]
    return shapes


def _infer_inner_shapes(model: Any) -> None:
    import onnx

    try:
        inferred = onnx.shape_inference.infer_shapes(model, strict_mode=False)
    except Exception as error:  # InferenceError, or ValueError for a model beyond protobuf's limit
        raise GraphError(f"shapes cannot be inferred with a dynamic batch: {one_line(error)}") from None
    model.graph.value_info.extend(inferred.graph.value_info)
    for output, known in zip(model.graph.output, inferred.graph.output, strict=True):
        output.CopyFrom(known)


def _declare(item: Any, old: tuple[Dim, ...] | None, wanted: tuple[Dim, ...], what: str) -> list[str]:
    """Set the declared dimensions and say so where they differ from the old ones."""
    shape = item.type.tensor_type.shape
    del shape.dim[:]
    for dim in wanted:
        new = shape.dim.add()
        if isinstance(dim, int):
            new.dim_value = dim
        else:
            new.dim_param = dim
    return [] if old == wanted else [f"{what} {item.name}: {_dims_text(old)} -> {_dims_text(wanted)}"]


def verify_batch(onnx_bytes: bytes, input_name: str, batch: int) -> BatchCheck:
    """Run `batch` different images one by one and together, and compare per image.

    onnx_bytes: a model whose input is declared `[symbol, C, H, W]`, as `dynamic_batch` leaves it. batch: at least 2.
    Raises GraphError that names the output and the images where they differ: such a graph serves only some images of a
    batch, although it runs.
    """
    if batch < 2:
        raise ValueError("a batch of one has nothing to be compared with")
    session = _open(onnx_bytes)
    image = _image_size(session, input_name)
    for scale in _SCALES:
        check = _compare(session, input_name, _images(session, input_name, batch, image, scale))
        if not check.unproven:
            break
    return check


def _compare(session: Session, input_name: str, images: NDArray[Any]) -> BatchCheck:
    import numpy as np

    batch = len(images)
    alone = [
        _run(session, {input_name: images[i : i + 1]}, f"at {_size_text((1, *images.shape[1:]))}") for i in range(batch)
    ]
    together = _run(session, {input_name: images}, f"at {_size_text(images.shape)}")
    shapes: dict[str, tuple[int, ...]] = {}
    ranges: dict[str, tuple[float, float]] = {}
    unproven: list[str] = []
    largest = 0.0
    for at, info in enumerate(session.outputs):
        singles = [results[at] for results in alone]
        _check_shapes(info.name, singles, together[at])
        single = np.concatenate(singles).astype(np.float64)
        finite = single[np.isfinite(single)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
        differences = _differences(single, together[at].astype(np.float64))
        lost = [i for i, diff in enumerate(differences) if diff > max(_ABSOLUTE, _RELATIVE * (high - low))]
        if lost:
            raise GraphError(
                f"output {info.name!r}: image {_numbers(lost)} of a batch of {batch} differs from the same image run "
                f"alone by up to {max(differences):.3g} (values range from {low:.3g} to {high:.3g}); the graph does "
                "not serve every image of a batch"
            )
        shapes[info.name] = singles[0].shape[1:]
        ranges[info.name] = (low, high)
        largest = max(largest, *differences)
        if single.size and all(np.array_equal(single[0], other, equal_nan=True) for other in single[1:]):
            unproven.append(info.name)
    return BatchCheck(shapes, largest, ranges, tuple(unproven))


def _check_shapes(name: str, singles: Sequence[NDArray[Any]], together: NDArray[Any]) -> None:
    for single in singles:
        if single.shape[:1] != (1,) or together.shape != (len(singles), *single.shape[1:]):
            raise GraphError(
                f"output {name!r} is {_size_text(single.shape)} for one image and {_size_text(together.shape)} for a "
                f"batch of {len(singles)}: its first dimension is not the batch"
            )


def _differences(alone: NDArray[Any], together: NDArray[Any]) -> list[float]:
    """Per image, the largest difference. Rows may stand in another order: a top-k breaks near-ties as it likes."""
    import numpy as np

    result = []
    for single, batched in zip(alone, together, strict=True):
        difference = _distance(single, batched)
        if difference > 0 and single.ndim >= 2:
            difference = min(difference, _distance(np.sort(single, axis=0), np.sort(batched, axis=0)))
        result.append(difference)
    return result


def _distance(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Largest absolute difference; equal infinities and pairs of NaN differ by 0, a single NaN by infinity."""
    import numpy as np

    same = (one == other) | (np.isnan(one) & np.isnan(other))
    if bool(same.all()):
        return 0.0
    with np.errstate(invalid="ignore"):
        distance = np.abs(one - other)[~same]
    return float(np.nan_to_num(distance, nan=np.inf, posinf=np.inf).max())


def _image_size(session: Session, input_name: str) -> tuple[int, int, int]:
    names = [info.name for info in session.inputs]
    if names != [input_name]:
        raise GraphError(f"the model's only input should be {input_name!r}; it has {_names(names)}")
    shape = session.inputs[0].shape
    if len(shape) != 4 or isinstance(shape[0], int) or not all(isinstance(dim, int) for dim in shape[1:]):
        raise GraphError(
            f"input {input_name!r} is {_dims_text(shape)}; it should be [batch, C, H, W] with a symbolic batch"
        )
    channels, height, width = (dim for dim in shape[1:] if isinstance(dim, int))
    return channels, height, width


def _images(session: Session, name: str, count: int, image: tuple[int, int, int], scale: float) -> NDArray[Any]:
    """Different random images, N x C x H x W, values from 0 to `scale`."""
    import numpy as np

    dtype = next(info.dtype for info in session.inputs if info.name == name)
    values = np.random.default_rng(_SEED).random((count, *image), dtype=np.float32)
    return (values * scale).astype(dtype)


def _open(onnx_bytes: bytes, how: str = "") -> Session:
    from dsimport.runtime.reference.session import SessionError, open_session

    try:
        return open_session(onnx_bytes, as_it_is=True)
    except SessionError as error:
        raise GraphError(f"the model cannot be loaded{how}: {error}") from None


def _run(session: Session, feed: Mapping[str, NDArray[Any]], when: str) -> list[NDArray[Any]]:
    from dsimport.runtime.reference.session import SessionError

    try:
        return session.run(feed)
    except SessionError as error:
        raise GraphError(f"the model does not run {when}: {error}") from None


def _dims(item: Any) -> tuple[Dim, ...] | None:
    """Declared dimensions: a number, a symbol, or None where nothing is said; None for no shape at all."""
    kind = item.type.tensor_type
    if not item.type.HasField("tensor_type"):
        raise GraphError(f"{item.name!r} is not a tensor")
    if not kind.HasField("shape"):
        return None
    return tuple(dim.dim_value if dim.HasField("dim_value") else dim.dim_param or None for dim in kind.shape.dim)


def _by_name(items: Any) -> dict[str, bytes]:
    return {item.name: item.SerializeToString(deterministic=True) for item in items}


def _dims_text(dims: Sequence[Dim] | None) -> str:
    return "[" + ", ".join("?" if dim is None else str(dim) for dim in dims) + "]" if dims is not None else "[no shape]"


def _size_text(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape)) or "a scalar"


def _names(names: Any) -> str:
    return ", ".join(repr(name) for name in names) or "none"


def _numbers(items: Sequence[int]) -> str:
    return ", ".join(map(str, items))

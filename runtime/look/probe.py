"""Running an ONNX file to learn what it declares only vaguely: shapes per image, value ranges, the batch.

This runs in a process of its own (`look.tool`). numpy and ONNX Runtime are imported where they are used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsimport.compiler.expr import ExprError, evaluate
from dsimport.compiler.recognise.facts import AxisFacts, InputFacts, OnnxFacts, OutputFacts
from dsimport.compiler.recognise.sizes import size_of_metadata
from dsimport.runtime.graph import dynamic_batch, verify_batch
from dsimport.runtime.inspect_onnx import TensorFacts, inspect
from dsimport.runtime.onnx_file import GraphError, read_model, serialize
from dsimport.runtime.passes.tensors import fold_inputs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsimport.runtime.reference.session import Session

__all__ = ["Unusable", "examine"]

LONGEST_AXIS = 2048  # no head has more channels; statistics along an axis of candidates say nothing
MOST_ORDERED = 16  # boxes begin in one of the first channels
IMAGE_DTYPES = ("float32", "float16", "float64")
TEXT_INPUTS = ("input_ids", "attention_mask", "token_type_ids", "text_embeds", "text_token_mask")
_SEED = 7
# Values of 0..1 are sane, if dark, for a network that takes 0..255; the other way round they are not, so 255 is tried
# only where no output reacts to 1 (no rows at all, for example).
_SCALES = (1.0, 255.0)
_CHANNELS = (1, 3)


class Unusable(Exception):
    """nvinfer cannot run such a model. code: of the diagnostic; advice: what to do instead."""

    def __init__(self, code: str, message: str, *advice: str) -> None:
        super().__init__(message)
        self.code, self.advice = code, advice


def examine(request: Mapping[str, Any]) -> OnnxFacts:
    """Facts of the file `onnx`. size: (height, width) for a file that declares none, or None; forced: for every file.
    inputs: what may be fed to inputs besides the image, by name: `value` (arithmetic over height and width), `dtype`.

    Raises Unusable, and GraphError for a file that is damaged or does not run.
    """
    path = Path(request["onnx"])
    declared = inspect(path)
    image = _image_input(declared.inputs, request["inputs"])
    channels = (image.dims[1] if image.dims else None) or 3
    fixed = image.dims is not None and None not in image.dims[2:]
    height, width = _size(image, request["size"], declared.metadata, forced=request["forced"])
    others = tuple(item.name for item in declared.inputs if item.name != image.name)
    model = read_model(path)
    _refuse_plugins(model)
    fold_inputs(model, _constants(others, request["inputs"], height, width))
    try:
        dynamic_batch(model, image.name, channels, height, width)
        data = serialize(model)
        batch_diff = verify_batch(data, image.name, 2).max_abs_diff
    except GraphError as error:
        raise Unusable(
            "N0502",
            str(error),
            "export the model again with a dynamic batch, and NMS (if any) for every image of it",
            "a finished [K, 7] output or torchvision's own post-processing has no batch: export the raw head",
        ) from None
    return OnnxFacts(
        input=InputFacts(name=image.name, dtype=image.dtype, dims=image.dims),
        channels=channels,
        height=height,
        width=width,
        fixed_size=fixed,
        others=others,
        outputs=tuple(_outputs(data, image.name, (channels, height, width))),
        metadata=declared.metadata,
        producer=declared.producer,
        opset=declared.opset,
        batch_diff=batch_diff,
    )


def _refuse_plugins(model: Any) -> None:
    plugins = sorted({node.op_type for node in model.graph.node if node.op_type.endswith("_TRT")})
    if plugins:
        raise Unusable(
            "N0511",
            f"the graph has operators that only TensorRT has: {', '.join(plugins)}",
            "export the model without them: the raw head is enough, nvinfer does the NMS",
            "a GPU host can build it all the same: write the recipe by hand (docs/families.md)",
        )


def _image_input(inputs: tuple[TensorFacts, ...], known: Mapping[str, Any]) -> TensorFacts:
    rest = [item for item in inputs if item.name not in known]
    images = [item for item in rest if item.dims is None or len(item.dims) == 4]
    texts = [item.name for item in rest if item.name in TEXT_INPUTS]
    if texts:
        raise Unusable(
            "N0504",
            f"the model has text inputs besides the image: {_names(texts)}",
            "export it with the text frozen into the graph: dsimport init CHECKPOINT --prompt a,b,c",
        )
    if not images:
        shapes = ", ".join(f"{item.name!r} {_dims(item)}" for item in rest) or "none"
        raise Unusable(
            "N0503",
            f"no input is a batch of images [N, C, H, W]; the inputs are {shapes}",
            "export the model with a batch of images as its only input",
        )
    others = [item.name for item in rest if item is not images[0]]
    if others:
        advice = ["export it with the image as its only input"]
        if "pixel_mask" in others:
            advice = ["export it without pixel_mask (optimum does): all images then fill the input"]
        raise Unusable("N0504", f"the model has inputs besides the image: {_names(others)}", *advice)
    return _checked(images[0])


def _checked(image: TensorFacts) -> TensorFacts:
    dims = image.dims
    if dims is not None and dims[1] not in (*_CHANNELS, None):
        if dims[3] in _CHANNELS:
            raise Unusable(
                "N0503",
                f"input {image.name!r} is {_dims(image)}: channels last (NHWC)",
                "export the model channels-first, or put a Transpose (0, 3, 1, 2) behind its input; "
                "TensorFlow: tf2onnx --inputs-as-nchw",
            )
        raise Unusable(
            "N0503", f"input {image.name!r} is {_dims(image)}, which is no image of 1 or 3 channels", "export it again"
        )
    if image.dtype not in IMAGE_DTYPES:
        raise Unusable(
            "N0503",
            f"input {image.name!r} is {image.dtype}; nvinfer writes float32 only",
            "export the model with a float input (the first Cast of the graph left out)",
        )
    return image


def _size(
    image: TensorFacts, wanted: list[int] | None, metadata: Mapping[str, str], *, forced: bool
) -> tuple[int, int]:
    """Height and width: as declared, else as wanted, else as the exporter's metadata says. forced: as wanted."""
    found = wanted or size_of_metadata(metadata)
    sides = (None, None) if image.dims is None or forced else image.dims[2:]
    if None not in sides:
        return (sides[0] or 0), (sides[1] or 0)
    if found is None:
        raise Unusable(
            "N0508",
            f"input {image.name!r} takes any size, and nothing says which one the model was made for",
            "say it: --input-size 640x640 (height x width)",
        )
    return (sides[0] or found[0]), (sides[1] or found[1])


def _constants(others: tuple[str, ...], known: Mapping[str, Any], height: int, width: int) -> dict[str, Any]:
    names = {"height": height, "width": width}
    try:
        return {
            name: {
                "value": [int(evaluate(item, names)) for item in known[name]["value"]],
                "dtype": known[name]["dtype"],
            }
            for name in others
        }
    except ExprError as error:
        raise GraphError(f"what is fed to an input cannot be worked out: {error}") from None


def _outputs(data: bytes, input_name: str, image: tuple[int, int, int]) -> Iterator[OutputFacts]:
    import numpy as np

    from dsimport.runtime.reference.session import SessionError, open_session

    try:
        session = open_session(data)
        for scale in _SCALES:
            runs = [session.run({input_name: one * one.dtype.type(scale)}) for one in _images(session, image)]
            if not all(np.array_equal(one, other) for one, other in zip(*runs, strict=True)):
                break
    except SessionError as error:
        raise GraphError(f"the model does not run: {error}") from None
    for at, info in enumerate(session.outputs):
        values = np.concatenate([run[at] for run in runs]).astype(np.float64)
        finite = values[np.isfinite(values)]
        yield OutputFacts(
            name=info.name,
            dtype=info.dtype,
            shape=values.shape[1:],
            low=float(finite.min()) if finite.size else 0.0,
            high=float(finite.max()) if finite.size else 0.0,
            integral=bool((finite == np.rint(finite)).all()),
            padding=float((finite == 0).mean()) if finite.size else 1.0,
            axes=tuple(_axis(values, axis) for axis in range(1, values.ndim)),
        )


def _images(session: Session, image: tuple[int, int, int]) -> Iterator[NDArray[Any]]:
    """Noise, and bright and dark blocks over a slope, with values of 0..1."""
    import numpy as np

    random = np.random.default_rng(_SEED)
    noise = random.random(image)
    _, height, width = image
    rows, columns = np.mgrid[0:height, 0:width]
    blocks = np.repeat(((rows / height + columns / width) / 2)[None], image[0], axis=0)
    for _ in range(6):
        top, left = int(random.integers(0, height)), int(random.integers(0, width))
        bottom, right = top + max(height // 4, 1), left + max(width // 5, 1)
        blocks[:, top:bottom, left:right] = random.random((image[0], 1, 1))
    for values in (noise, blocks):
        yield values[None].astype(session.inputs[0].dtype)


def _axis(values: NDArray[Any], axis: int) -> AxisFacts | None:
    """Facts along one dimension of [N, ...]; None for one that is too long to be one of channels."""
    import numpy as np

    length = values.shape[axis]
    if not 1 <= length <= LONGEST_AXIS:
        return None
    rows = np.moveaxis(values, axis, -1).reshape(-1, length)
    rows = np.nan_to_num(rows, nan=0.0, posinf=0.0, neginf=0.0)
    used = rows[rows.any(axis=1)]
    largest = used.argmax(axis=1) if len(used) else np.zeros(0, dtype=np.int64)
    return AxisFacts(
        low=tuple(map(float, rows.min(axis=0))),
        high=tuple(map(float, rows.max(axis=0))),
        integral=tuple(map(bool, (rows == np.rint(rows)).all(axis=0))),
        ordered=tuple(_ordered(used, at) for at in range(min(length - 3, MOST_ORDERED))),
        first=float((largest == 0).mean()) if len(used) else 0.0,
        last=float((largest == length - 1).mean()) if len(used) else 0.0,
    )


def _ordered(rows: NDArray[Any], at: int) -> float | None:
    box = rows[:, at : at + 4]
    box = box[box.any(axis=1)]
    return float(((box[:, 2] >= box[:, 0]) & (box[:, 3] >= box[:, 1])).mean()) if len(box) else None


def _names(names: list[str]) -> str:
    return ", ".join(map(repr, names))


def _dims(item: TensorFacts) -> str:
    return "[" + ", ".join("?" if dim is None else str(dim) for dim in item.dims or ()) + "]"

"""What was found out about a model, before anybody says what it is. Plain data, made by `runtime/look`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

__all__ = ["AxisFacts", "InputFacts", "OnnxFacts", "OutputFacts", "SourceFacts"]


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class AxisFacts(_Facts):
    """Values of an output by their index along one of its dimensions, over all images that were run.

    low, high: smallest and largest finite value at each index. integral: whether all of them are whole numbers.
    ordered: for index i, the share of rows with v[i + 2] >= v[i] and v[i + 3] >= v[i + 1], as in corners; rows of
    zeros do not count, and None stands for no rows. first, last: share of rows whose largest value is there.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    integral: tuple[bool, ...]
    ordered: tuple[float | None, ...]
    first: float
    last: float


class InputFacts(_Facts):
    """A declared input. dims: None for a symbolic dimension; the whole is None where the file declares no shape."""

    name: str
    dtype: str
    dims: tuple[int | None, ...] | None


class OutputFacts(_Facts):
    """An output as it came out. shape: of one image, without the batch. axes: per dimension; None for a very long
    one. low, high: over everything. padding: share of values that are exactly 0."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    low: float
    high: float
    integral: bool
    padding: float
    axes: tuple[AxisFacts | None, ...]


class OnnxFacts(_Facts):
    """An ONNX file, run. input: the image input, [N, C, height, width]; fixed_size: whether the file declares height
    and width itself; others: inputs besides the image that were fed with what a family says; batch_diff: largest
    difference between an image alone and in a batch; sizes in pixels."""

    input: InputFacts
    channels: int
    height: int
    width: int
    fixed_size: bool
    others: tuple[str, ...]
    outputs: tuple[OutputFacts, ...]
    metadata: dict[str, str]
    producer: str
    opset: int
    batch_diff: float


class SourceFacts(_Facts):
    """Everything known about a source.

    name: repository, catalog name, or file, for hints. config, preprocessor: the source's config.json and
    preprocessor_config.json, None where there is none. config_beside: whether the step acquire finds config.json too.
    labels: of a labels file. onnx: None for a checkpoint.
    """

    name: str
    config: dict[str, Any] | None = None
    preprocessor: dict[str, Any] | None = None
    config_beside: bool = True
    labels: tuple[str, ...] | None = None
    labels_origin: str = ""
    onnx: OnnxFacts | None = None

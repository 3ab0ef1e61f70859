"""The resolved model: the recipe with nothing left open, and a view that notes which settings were looked at.

Field names are the recipe's keys, so a dotted path means the same in a recipe, in `dsimport show` and here.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Literal, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field

from dsimport.compiler.diagnostics import Span
from dsimport.compiler.lock import LockedFile
from dsimport.compiler.versions import Platform

__all__ = ["Model", "Origin", "Resolved", "Toolchain", "tracked"]

Toolchain = Literal["reference", "deepstream"]
Switch = Literal["auto"] | bool


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, defer_build=True)


class Export(_Part):
    """How a checkpoint is exported. opset: None for the family's; frozen_prompt: class names that become constants."""

    task: str
    exporter: Literal["auto", "optimum", "torch", "dynamo"]
    opset: int | None
    frozen_prompt: tuple[str, ...]


class Source(_Part):
    """Where the model comes from. `where` is a path relative to the root (file), a URL, `org/name` (hub) or
    `org/team/model` (NGC). variant, file: which ONNX, where the recipe says so. token_env: name of an environment
    variable. commit, onnx, files: what the lock file pins, nothing without one. export: for checkpoints only."""

    kind: Literal["file", "url", "huggingface", "ngc"]
    where: str
    revision: str | None
    sha256: str | None
    variant: str | None
    file: str | None
    token_env: str | None
    commit: str | None
    onnx: str | None
    files: tuple[LockedFile, ...]
    export: Export | None


class Input(_Part):
    """The image input of the network: name and size in pixels."""

    name: str
    channels: int
    height: int
    width: int


class Network(_Part):
    """What the recipe declares of the network. `outputs` are shapes without the batch dimension."""

    family: str
    input: Input
    classes: int
    labels: Literal["config"] | tuple[str, ...]
    outputs: dict[str, tuple[int, ...]]
    tensors: dict[str, str]


class Preprocess(_Part):
    """y = (x * scale - mean) / std on pixel values x of 0..255, per channel in `color` order."""

    color: Literal["rgb", "bgr", "gray"]
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    resize: Literal["stretch", "letterbox", "letterbox-center"]
    filter: Literal["nearest", "bilinear", "cubic", "lanczos"]


class PerClass(_Part):
    """Overrides for one label; None takes the model-wide value."""

    threshold: float | None = None
    nms_iou: float | None = None
    top_k: int | None = None


class Parser(_Part):
    """Thresholds are scores of 0..1; `top_k` is objects per class and frame."""

    threshold: float
    top_k: int
    nms_iou: float
    cluster: Literal["nms", "none"]
    select: Literal["argmax", "pairs"] | None
    per_class: dict[str, PerClass]
    march: str | None


class Graph(_Part):
    """Passes over the ONNX graph."""

    dynamic_batch: Switch = Field(alias="dynamic-batch")
    simplify: Switch
    fold_normalize: Switch = Field(alias="fold-normalize")
    fuse_head: Switch = Field(alias="fuse-head")
    strip_outputs: Switch = Field(alias="strip-outputs")
    fold_inputs: Switch = Field(alias="fold-inputs")
    fp32_io: Switch = Field(alias="fp32-io")


class Engine(_Part):
    """How engines are built. `workspace` as trtexec takes it (`32768M`). `dla`: a core, None for the GPU."""

    precision: Literal["fp32", "fp16", "int8", "best"]
    max_batch: int
    batch_limit: int
    workspace: str
    optimization_level: int | None
    strongly_typed: bool
    dla: int | None
    builder: Literal["auto", "trtexec", "python"]
    check: Switch


class Muxer(_Part):
    """nvstreammux output size in pixels; KITTI coordinates are in it."""

    width: int
    height: int


class Pipeline(_Part):
    """The DeepStream side. `frames` KITTI frames are kept and checked."""

    platform: Platform
    deepstream: str
    tensorrt: str
    video: str
    frames: int
    min_detection_rate: float
    muxer: Muxer
    interval: int


class Benchmark(_Part):
    """`target_fps` is per stream; `warmup_ms` and `duration_s` are trtexec's, `run_s` is deepstream-app's."""

    target_fps: float
    warmup_ms: int
    duration_s: float
    run_s: float
    video: str


class Verify(_Part):
    """`min_match`: share of boxes on which parser and independent post-processing must agree, 0..1."""

    min_match: float


class ReportSettings(_Part):
    """Formats of the final report."""

    formats: tuple[str, ...]


class Model(_Part):
    """Everything the plan is made from."""

    name: str
    source: Source
    model: Network
    preprocess: Preprocess
    parser: Parser
    graph: Graph
    engine: Engine
    pipeline: Pipeline
    benchmark: Benchmark
    verify: Verify
    report: ReportSettings


class Origin(BaseModel):
    """Where a resolved value came from: a place in a file, or the words `default`, `family x`."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    text: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return self.text if self.line is None else f"{self.text}:{self.line}:{self.column}"

    @classmethod
    def at(cls, span: Span) -> Origin:
        """The origin of a value that stands at this place."""
        return cls(text=span.file, line=span.line, column=span.column)


T = TypeVar("T")


@functools.cache
def _keys_of(part: type[BaseModel]) -> dict[str, str]:
    """Recipe keys by field name."""
    return {name: field.alias or name for name, field in part.model_fields.items()}


class _View:
    """Stands in for a part of the model and reports each leaf that is read, once."""

    def __init__(self, part: BaseModel, path: str, note: Callable[[str], None]) -> None:
        self._part = part
        self._path = path
        self._note = note
        self._keys = _keys_of(type(part))

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._part, name)
        path = self._path + self._keys[name]
        if BaseModel in type(value).__mro__:  # as isinstance, which pydantic's metaclass makes slow
            value = _View(value, path + ".", self._note)
        else:
            self._note(path)
        self.__dict__[name] = value  # from now on found without coming here
        return value


def tracked(model: Model) -> tuple[Model, set[str]]:
    """A view of the model that reads like it, and the set it fills with the dotted key of every value read.

    Steps and files are built from such views, so that `plan` can say which setting moved a file without anybody
    keeping lists by hand.
    """
    uses: set[str] = set()
    return cast(Model, _View(model, "", uses.add)), uses


class Resolved(BaseModel):
    """A model with the origin of each of its values (dotted keys, as `flatten` gives them)."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    model: Model
    origins: dict[str, Origin]

    def settings(self) -> dict[str, Any]:
        """Every leaf value by dotted key, as plain data."""
        return flatten(self.model.model_dump(mode="json", by_alias=True))


# These hold free keys (labels, tensor names), so they are values of their own rather than branches.
_LEAVES = {"model.outputs", "model.tensors", "parser.per_class"}


def flatten(data: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one mapping with dotted keys."""
    out: dict[str, Any] = {}
    for key, value in data.items():
        path = prefix + key
        if isinstance(value, dict) and path not in _LEAVES:
            out.update(flatten(value, path + "."))
        else:
            out[path] = value
    return out

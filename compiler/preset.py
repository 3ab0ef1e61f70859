"""The schema of a family preset: what a detection family's output tensors mean, as data.

A preset names one of three parser templates (`candidates`, `detections`, `grid`) and gives its parameters; shapes and
numbers may be arithmetic (`dsimport.compiler.expr`) over `height`, `width` (of the network input, pixels), `classes`
and the preset's own `dims`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from dsimport.compiler.expr import ExprError, evaluate, names_in
from dsimport.compiler.presetexport import FamilyExport, KnownModel, ModelExport, ModelType
from dsimport.compiler.recognise.spec import Recognise

__all__ = [
    "Arithmetic",
    "Boxes",
    "CandidatesDecode",
    "Classes",
    "Constant",
    "Count",
    "Defaults",
    "DetectionsDecode",
    "Family",
    "FixedInput",
    "GridBoxes",
    "GridDecode",
    "GridOffset",
    "GridScores",
    "Levels",
    "Objectness",
    "Part",
    "Preprocess",
    "RowBoxes",
    "RowScores",
    "Scores",
    "TensorSpec",
]

Axis: TypeAlias = Literal["channel", "candidate", "anchor", "anchor_channel", "y", "x", "one"]


def _check_arithmetic(value: int | float | str) -> int | float | str:
    try:
        names_in(value)
    except ExprError as error:
        raise ValueError(str(error)) from None
    return value


Arithmetic: TypeAlias = Annotated[int | float | str, Field(union_mode="smart"), AfterValidator(_check_arithmetic)]


def _check_constant(value: int | float | str) -> int | float | str:
    try:
        evaluate(value, {})
    except ExprError as error:
        raise ValueError(str(error)) from None
    return value


Constant: TypeAlias = Annotated[int | float | str, Field(union_mode="smart"), AfterValidator(_check_constant)]
Identifier: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
TensorName: TypeAlias = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Strict(BaseModel):
    """A frozen value object in which an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class TensorSpec(Strict):
    """One output tensor, or one per level.

    name: the exporters' name for it; a list gives one name per level.
    shape: one expression per dimension, batch excluded. In a tensor per level `stride`, `rows`,
        `columns` and `per_cell` stand for the level's own.
    axes: what each dimension counts. `anchor_channel` is a dimension of anchors x channels, anchor first.
    integers: the tensor may hold INT32, INT64 or UINT8 as well as FLOAT or HALF.
    """

    name: TensorName | tuple[TensorName, ...]
    shape: tuple[Arithmetic, ...] = Field(min_length=1, max_length=4)
    axes: tuple[Axis, ...]
    integers: bool = False

    @model_validator(mode="after")
    def _same_rank(self) -> TensorSpec:
        if len(self.axes) != len(self.shape):
            raise ValueError(f"{len(self.shape)} dimensions need {len(self.shape)} axes, {len(self.axes)} given")
        counted = [axis for axis in self.axes if axis != "one"]
        if len(set(counted)) != len(counted):
            raise ValueError("an axis is named twice")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The names as a tuple, one per level or just one."""
        return (self.name,) if isinstance(self.name, str) else self.name


class Part(Strict):
    """Where a quantity is: a tensor's role and the first channel."""

    tensor: Identifier
    at: Arithmetic = 0


class Scores(Part):
    """Class scores, one channel per class.

    activation: what still has to be applied to the tensor's values.
    background: a channel beside the classes, before the first or after the last, that softmax counts and no box gets.
    """

    activation: Literal["none", "sigmoid", "softmax"] = "none"
    background: Literal["none", "first", "last"] = "none"

    @property
    def columns(self) -> int:
        """Channels that are not classes."""
        return 0 if self.background == "none" else 1


class Objectness(Part):
    """One channel that is multiplied into every class score; `sqrt_mul` takes the root of the product."""

    activation: Literal["none", "sigmoid"] = "none"
    combine: Literal["mul", "sqrt_mul"] = "mul"


class Boxes(Part):
    """Box coordinates and how they become pixels of the network input.

    format: order of the four values. units: what 1.0 is; `stride` means the level's stride.
    transform: plain, or a decoding relative to the cell or anchor:
        grid_exp   centre = (t + cell) * stride, size = exp(t) * stride                              (YOLOX)
        anchor_v5  centre = (2 s(t) - 0.5 + cell) * stride, size = (2 s(t))^2 * anchor               (YOLOv5, v7)
        anchor_v3  centre = (scale_xy * s(t) - (scale_xy - 1) / 2 + cell) * stride, size = exp(t) * anchor
        delta      centre = t * variance * anchor + cell centre, size = exp(min(t * variance, clip)) * anchor  (SSD)
        shift      centre = t + cell centre, size = t                                                (BlazeFace)
        distance   edges = cell centre -+ t * unit, with format ltrb                                 (FCOS, RTMDet)
        dfl        as distance; t is the expectation of a softmax over reg_max + 1 bins per edge     (NanoDet)
    """

    format: Literal["xyxy", "yxyx", "cxcywh", "cycxhw", "ltrb"] = "cxcywh"
    units: Literal["pixels", "normalized", "stride"] = "pixels"
    transform: Literal["plain", "grid_exp", "anchor_v5", "anchor_v3", "delta", "shift", "distance", "dfl"] = "plain"
    variances: tuple[float, float] = (1.0, 1.0)
    exp_clip: Arithmetic | None = None
    reg_max: int = Field(default=7, ge=1, le=63)

    @model_validator(mode="after")
    def _fits(self) -> Boxes:
        edges = self.transform in ("distance", "dfl")
        if edges != (self.format == "ltrb"):
            raise ValueError("format ltrb and the transforms distance and dfl go together")
        if self.transform not in ("plain", "distance", "dfl") and self.format not in ("cxcywh", "cycxhw"):
            raise ValueError(f"transform {self.transform} needs format cxcywh or cycxhw")
        if self.transform == "plain" and self.units == "stride":
            raise ValueError("units stride needs a transform that knows the level")
        return self

    @property
    def channels(self) -> int:
        """Channels per candidate."""
        return 4 * (self.reg_max + 1) if self.transform == "dfl" else 4

    @property
    def needs_levels(self) -> bool:
        """Whether a candidate's place in the grid matters."""
        return self.transform != "plain"

    @property
    def needs_anchors(self) -> bool:
        """Whether a candidate's anchor size matters."""
        return self.transform in ("anchor_v5", "anchor_v3", "delta")


class Levels(Strict):
    """The grids the candidates come from, in the order of the tensor (or one tensor per level).

    strides: pixels per cell. A level has ceil(width / stride) x ceil(height / stride) cells, row by row.
    cell_offset: the cell's reference point in cells (0 corner, 0.5 middle).
    anchors: per level, (width, height) in pixels of each anchor of a cell.
    per_cell: candidates per cell where there are no anchor sizes.
    scale_xy: per level, the centre's scale of the transform anchor_v3 (1 where not given).
    anchor_order: `inner` when a cell's anchors follow each other, `outer` when each anchor has a grid of its own.
    """

    strides: tuple[Arithmetic, ...] = Field(min_length=1, max_length=16)
    cell_offset: Arithmetic = 0
    anchors: tuple[tuple[tuple[Arithmetic, Arithmetic], ...], ...] = ()
    per_cell: tuple[Annotated[int, Field(ge=1, le=64)], ...] = ()
    scale_xy: tuple[Annotated[float, Field(gt=0)], ...] = ()
    anchor_order: Literal["inner", "outer"] = "outer"

    @model_validator(mode="after")
    def _same_count(self) -> Levels:
        for name, given in (("anchors", self.anchors), ("per_cell", self.per_cell), ("scale_xy", self.scale_xy)):
            if given and len(given) != len(self.strides):
                raise ValueError(f"{name} must have one entry per stride")
        return self


class CandidatesDecode(Strict):
    """Parameters of the template `candidates`: every candidate has a box and a vector of class scores.

    select: argmax gives a candidate its best class; pairs lets every (candidate, class) stand for itself.
    topk: at most that many results per frame, best first; null for all.
    """

    template: Literal["candidates"] = "candidates"
    boxes: Boxes
    scores: Scores
    objectness: Objectness | None = None
    levels: Levels | None = None
    select: Literal["argmax", "pairs"] = "argmax"
    topk: Arithmetic | None = None

    @model_validator(mode="after")
    def _fits(self) -> CandidatesDecode:
        if self.boxes.needs_levels and self.levels is None:
            raise ValueError(f"transform {self.boxes.transform} needs levels")
        if self.boxes.needs_anchors and not (self.levels and self.levels.anchors):
            raise ValueError(f"transform {self.boxes.transform} needs levels.anchors")
        if self.scores.activation == "softmax" and self.objectness:
            raise ValueError("softmax scores have no objectness")
        if self.scores.background != "none" and self.scores.activation == "none" and self.objectness:
            raise ValueError("a background channel and objectness exclude each other")
        return self

    @property
    def parts(self) -> tuple[tuple[str, Part], ...]:
        """The quantities, by name."""
        found: list[tuple[str, Part]] = [("boxes", self.boxes), ("scores", self.scores)]
        return (*found, ("objectness", self.objectness)) if self.objectness else tuple(found)


class Classes(Part):
    """Class numbers of finished rows; `base` is the number of the first class."""

    base: int = Field(default=0, ge=0, le=1)


class FixedInput(Strict):
    """An input besides the image that every image gets the same value for. value: of one image, without batch; may use
    height, width and classes. dtype: what the model declares."""

    value: tuple[Arithmetic, ...] = Field(min_length=1, max_length=16)
    dtype: Literal["int64", "int32", "float32"]


class Count(Strict):
    """A tensor whose first value says how many rows are valid."""

    tensor: Identifier


class RowBoxes(Part):
    """Corners or centres of finished rows."""

    format: Literal["xyxy", "yxyx", "cxcywh"] = "xyxy"
    units: Literal["pixels", "normalized"] = "pixels"


class RowScores(Part):
    """The score of a finished row, already a probability."""


class DetectionsDecode(Strict):
    """Parameters of the template `detections`: rows that are results already (NMS or top-k is in the graph)."""

    template: Literal["detections"] = "detections"
    boxes: RowBoxes
    scores: RowScores
    classes: Classes
    count: Count | None = None

    @property
    def parts(self) -> tuple[tuple[str, Part], ...]:
        """The quantities, by name."""
        return (("boxes", self.boxes), ("scores", self.scores), ("classes", self.classes))


class GridBoxes(Part):
    """Box maps of a grid.

    format: center_size (two channels, size) or ltrb (four channels, distances from the cell's point).
    order: order of the two size channels. exp: the size channels are logarithms.
    scale: pixels per unit. per_class: every class has its own channels.
    """

    format: Literal["center_size", "ltrb"] = "center_size"
    order: Literal["wh", "hw"] = "wh"
    exp: bool = False
    scale: Arithmetic = 1
    per_class: bool = False

    @property
    def channels(self) -> int:
        """Channels per box."""
        return 4 if self.format == "ltrb" else 2


class GridOffset(Part):
    """Where in its cell the centre is, two channels in cells."""

    order: Literal["xy", "yx"] = "xy"


class GridScores(Part):
    """Score maps, one channel per class."""

    activation: Literal["none", "sigmoid"] = "none"


class GridDecode(Strict):
    """Parameters of the template `grid`: dense maps. The centre is (cell + offset + cell_offset) * stride.

    peak: only cells that are the maximum of their 3x3 neighbourhood (CenterNet's pooling) are results.
    """

    template: Literal["grid"] = "grid"
    scores: GridScores
    boxes: GridBoxes
    offset: GridOffset | None = None
    stride: Arithmetic
    cell_offset: Arithmetic = 0
    peak: bool = False
    topk: Arithmetic | None = None

    @property
    def parts(self) -> tuple[tuple[str, Part], ...]:
        """The quantities, by name."""
        found: list[tuple[str, Part]] = [("scores", self.scores), ("boxes", self.boxes)]
        return (*found, ("offset", self.offset)) if self.offset else tuple(found)


class Preprocess(Strict):
    """How the family wants its input, in a recipe's words: colour order, y = scale * (x - 255 mean) / std, resize."""

    color: Literal["rgb", "bgr", "gray"] = "rgb"
    scale: Constant = "1/255"
    mean: tuple[Constant, ...] = (0, 0, 0)
    std: tuple[Constant, ...] = (1, 1, 1)
    resize: Literal["stretch", "letterbox", "letterbox-center"] = "stretch"


class Defaults(Strict):
    """What a recipe of this family means where it says nothing.

    threshold: pre-cluster threshold. compare: whether a score equal to it stays (ge) or goes (gt).
    top_k: results per class after clustering. nms_iou: only where cluster is nms.
    """

    preprocess: Preprocess = Preprocess()
    threshold: float = Field(ge=0, le=1)
    top_k: int = Field(ge=1)
    cluster: Literal["nms", "none"]
    nms_iou: float | None = Field(default=None, ge=0, le=1)
    compare: Literal["gt", "ge"] = "gt"


Decode: TypeAlias = Annotated[CandidatesDecode | DetectionsDecode | GridDecode, Field(discriminator="template")]


class Family(Strict):
    """A detection family.

    family: its name, as in `model.family`. title: the models it serves. origin: where the facts come from.
    inputs: what goes into inputs besides the image; the pass fold-inputs makes them constants.
    dims: values of free dimensions where the recipe does not declare the output's shape.
    needs_nms: the head is dense; without clustering every object is reported many times.
    models: those that transformers has, by `model_type` of config.json. export: what their exports have in common.
    notes: what somebody who exports or configures such a model has to know.
    recognise: by what `dsimport init` knows a model of the family.
    """

    family: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=40)
    title: str
    origin: str
    template: Literal["candidates", "detections", "grid"]
    tensors: dict[Identifier, TensorSpec] = Field(min_length=1, max_length=8)
    inputs: dict[TensorName, FixedInput] = Field(default={}, max_length=4)
    dims: dict[Identifier, Arithmetic] = {}
    decode: Decode
    defaults: Defaults
    needs_nms: bool
    models: dict[ModelType, KnownModel] = Field(default={}, max_length=32)
    export: FamilyExport = FamilyExport()
    notes: tuple[str, ...] = ()
    recognise: Recognise = Recognise()

    @model_validator(mode="before")
    @classmethod
    def _decode_of_template(cls, data: Any) -> Any:
        # The template says which decode is meant; a union tried in turn would blame the wrong one.
        if isinstance(data, dict) and isinstance(data.get("decode"), dict):
            return {**data, "decode": {**data["decode"], "template": data.get("template")}}
        return data

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Family:
        roles = {part.tensor for _, part in self.decode.parts}
        if isinstance(self.decode, DetectionsDecode) and self.decode.count:
            roles.add(self.decode.count.tensor)
        if unknown := sorted(roles - self.tensors.keys()):
            raise ValueError(f"decode names a tensor that is not there: {', '.join(unknown)}")
        if unused := sorted(self.tensors.keys() - roles):
            raise ValueError(f"decode does not use the tensor: {', '.join(unused)}")
        levels = self.decode.levels if isinstance(self.decode, CandidatesDecode) else None
        for role, spec in self.tensors.items():
            if not isinstance(spec.name, str) and (levels is None or len(spec.name) != len(levels.strides)):
                raise ValueError(f"tensor {role} needs one name, or one per level of decode.levels")
        if self.needs_nms and self.defaults.cluster == "none":
            raise ValueError("needs_nms and defaults.cluster: none contradict each other")
        return self

    @property
    def exported(self) -> dict[str, ModelExport]:
        """How checkpoints become ONNX, by `model_type`; empty where none are exported."""
        return {kind: model.export for kind, model in self.models.items() if model.export is not None}

    def flat_defaults(self) -> dict[str, Any]:
        """What the family says about recipe values, by dotted recipe key."""
        pre, defaults = self.defaults.preprocess, self.defaults
        return {
            **{f"preprocess.{key}": getattr(pre, key) for key in ("color", "scale", "resize")},
            "preprocess.mean": [evaluate(value, {}) for value in pre.mean],
            "preprocess.std": [evaluate(value, {}) for value in pre.std],
            **{f"parser.{key}": getattr(defaults, key) for key in ("threshold", "top_k", "cluster", "nms_iou")},
        }

"""The recipe as written: what a person may say, nothing filled in.

A key that was not written, or was written as null, is None; defaults are added by the resolver. Paths are relative to
the file they stand in. The descriptions become the JSON Schema that editors show.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from dsimport.compiler.fields import (
    Channels,
    DeepStreamVersion,
    EnvironmentName,
    Fraction,
    HubRepository,
    Label,
    Labels,
    March,
    NgcPart,
    NumberOrText,
    PathText,
    RecipeName,
    Revision,
    SchemaVersion,
    Sha256,
    Switch,
    TensorName,
    TensorRtVersion,
    Texts,
    Url,
    Word,
    Workspace,
)

__all__ = [
    "Benchmark",
    "ClassParser",
    "Engine",
    "Export",
    "FileSource",
    "Graph",
    "HuggingFace",
    "Input",
    "ModelSection",
    "Muxer",
    "Ngc",
    "OnnxChoice",
    "Parser",
    "Pipeline",
    "Preprocess",
    "Recipe",
    "ReportSection",
    "Section",
    "Source",
    "UrlSource",
    "Verify",
]

Positive: TypeAlias = Annotated[int, Field(ge=1)]
# Large enough for any network input or frame, small enough that a typing mistake is not a memory request.
Side: TypeAlias = Annotated[int, Field(ge=1, le=16384)]
EvenSide: TypeAlias = Annotated[int, Field(ge=2, le=16384, multiple_of=2)]
# TensorRT tensors have at most 8 dimensions, the batch included.
Dims: TypeAlias = Annotated[tuple[Annotated[int, Field(ge=1, le=2**31 - 1)], ...], Field(max_length=7, strict=False)]
# nvinfer takes offsets for at most 4 channels.
PerChannel: TypeAlias = Annotated[tuple[float, ...], Field(min_length=1, max_length=4, strict=False)]
PositivePerChannel: TypeAlias = Annotated[
    tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1, max_length=4, strict=False)
]


class Section(BaseModel):
    """A mapping of the recipe: frozen, no unknown keys, no conversions between types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)


class HuggingFace(Section):
    """A repository on the Hugging Face hub."""

    repo: HubRepository = Field(description="Repository, owner/name.")
    revision: Revision | None = Field(None, description="Branch, tag or commit. Default: main; the lock file pins it.")
    token_env: EnvironmentName | None = Field(
        None, description="Name of the environment variable that holds the access token, for gated repositories."
    )


class Ngc(Section):
    """A model in NVIDIA's NGC catalog."""

    org: NgcPart = Field(description="Organisation, e.g. nvidia.")
    team: NgcPart | None = Field(None, description="Team, e.g. tao.")
    model: NgcPart = Field(description="Model name in the catalog.")
    version: NgcPart = Field(description="Model version, e.g. deployable_resnet50_v2.0.")
    token_env: EnvironmentName | None = Field(
        None, description="Name of the environment variable that holds the NGC API key, for private models."
    )


class FileSource(Section):
    """A model that is already on this machine."""

    path: PathText = Field(description="An .onnx file or a checkpoint folder; relative to this file, or absolute.")
    sha256: Sha256 | None = Field(None, description="Expected SHA-256 of the file, 64 hexadecimal digits.")


class UrlSource(Section):
    """A model behind a web address."""

    url: Url = Field(description="http or https address of an .onnx file. Never contains credentials.")
    sha256: Sha256 | None = Field(None, description="Expected SHA-256 of the file, 64 hexadecimal digits.")


class OnnxChoice(Section):
    """Which ONNX file of a repository with several to take."""

    variant: Word | None = Field(None, description="Preferred variant, e.g. fp16, fp32, int8, quantized.")
    file: PathText | None = Field(None, description="Exact file inside the repository, e.g. onnx/model_fp16.onnx.")


class Export(Section):
    """How to export a checkpoint that has no ONNX file."""

    task: Word | None = Field(None, description="Export task, e.g. object-detection.")
    opset: Annotated[int, Field(ge=9, le=30)] | None = Field(None, description="ONNX opset version.")
    exporter: Literal["auto", "optimum", "torch", "dynamo"] | None = Field(
        None, description="auto, optimum, torch (the legacy torch exporter) or dynamo."
    )
    frozen_prompt: Annotated[tuple[Label, ...], Field(min_length=1, strict=False)] | None = Field(
        None, description="Class names frozen into a text-prompted model; they become the labels."
    )


class Source(Section):
    """Where the model comes from: exactly one of huggingface, ngc, file, url."""

    huggingface: HuggingFace | None = Field(None, description="A repository on the Hugging Face hub.")
    ngc: Ngc | None = Field(None, description="A model in NVIDIA's NGC catalog.")
    file: FileSource | None = Field(None, description="A model on this machine.")
    url: UrlSource | None = Field(None, description="A model behind a web address.")
    onnx: OnnxChoice | None = Field(None, description="Which ONNX file to take where there are several.")
    export: Export | None = Field(None, description="How to export a checkpoint that has no ONNX file.")


class Input(Section):
    """The network's image input."""

    name: TensorName | None = Field(None, description="Name of the input tensor.")
    channels: Channels | None = Field(None, description="3 for colour, 1 for gray.")
    height: Side | None = Field(None, description="Height of the network input in pixels.")
    width: Side | None = Field(None, description="Width of the network input in pixels.")


class ModelSection(Section):
    """What the model is: family, tensors, classes."""

    family: PathText = Field(
        description="Detection family: a preset's name, or the path of a preset of your own (ends in .yaml)."
    )
    input: Input | None = Field(None, description="The network's image input.")
    outputs: Annotated[dict[TensorName, Dims], Field(min_length=1)] | None = Field(
        None, description="Output tensors by name: their dimensions without the batch."
    )
    tensors: dict[TensorName, TensorName] | None = Field(
        None, description="Which output plays which role of the family, where the names differ: {role: output name}."
    )
    classes: Annotated[int, Field(ge=1, le=100_000)] | None = Field(
        None, description="Number of classes, a background or no-object class not counted."
    )
    labels: Labels | None = Field(
        None, description="config (the labels in the model's own config), a file with one label per line, or a list."
    )


class Preprocess(Section):
    """From frame to network input: y = (x * scale - mean) / std per channel, on values x of 0..255."""

    color: Literal["rgb", "bgr", "gray"] | None = Field(None, description="Channel order of the network input.")
    scale: NumberOrText | None = Field(None, description="Factor on 0..255 values: a number or arithmetic, e.g. 1/255.")
    mean: PerChannel | None = Field(
        None, description="Subtracted after scaling, per channel, in the order of color, e.g. [0.485, 0.456, 0.406]."
    )
    std: PositivePerChannel | None = Field(
        None, description="Divisor after scaling, per channel, in the order of color, e.g. [0.229, 0.224, 0.225]."
    )
    resize: Literal["stretch", "letterbox", "letterbox-center"] | None = Field(
        None,
        description="stretch ignores the aspect ratio; letterbox pads right and below, letterbox-center all round.",
    )
    filter: Literal["nearest", "bilinear", "cubic", "lanczos"] | None = Field(
        None, description="Interpolation when frames are scaled to the network input."
    )


class ClassParser(Section):
    """Thresholds of one class."""

    threshold: Fraction | None = Field(None, description="Pre-cluster threshold of this class, 0..1.")
    nms_iou: Fraction | None = Field(None, description="NMS IoU threshold of this class, 0..1.")
    top_k: Positive | None = Field(None, description="At most this many boxes of this class per frame.")


class Parser(Section):
    """From output tensors to boxes."""

    threshold: Fraction | None = Field(
        None, description="Pre-cluster threshold: boxes with a lower score are dropped, 0..1."
    )
    top_k: Positive | None = Field(None, description="At most this many boxes per class and frame.")
    nms_iou: Fraction | None = Field(
        None, description="Two boxes of a class that overlap by more than this IoU are one, 0..1."
    )
    cluster: Literal["nms", "none"] | None = Field(None, description="Clustering in nvinfer: nms or none.")
    select: Literal["argmax", "pairs"] | None = Field(
        None, description="argmax: the best class of each query; pairs: the best (query, class) pairs."
    )
    per_class: dict[Label, ClassParser] | None = Field(None, description="Thresholds by label.")
    march: March | None = Field(None, description="Value of g++ -march= for the parser library. Default: none.")


class Graph(Section):
    """Passes over the ONNX graph before the engine is built; auto applies a pass where it is needed."""

    dynamic_batch: Switch | None = Field(None, alias="dynamic-batch", description="Make the batch dimension dynamic.")
    simplify: Switch | None = Field(None, description="Fold constants and remove dead nodes.")
    fold_normalize: Switch | None = Field(
        None, alias="fold-normalize", description="Move a mean and standard deviation per channel into the graph."
    )
    fuse_head: Switch | None = Field(
        None, alias="fuse-head", description="Move decoding, class maximum and top-k into the graph. auto: off."
    )
    strip_outputs: Switch | None = Field(
        None, alias="strip-outputs", description="Drop outputs that the parser does not read."
    )
    fold_inputs: Switch | None = Field(
        None, alias="fold-inputs", description="Make inputs besides the image constants, where the family says which."
    )
    fp32_io: Switch | None = Field(
        None, alias="fp32-io", description="Give the image input and the outputs the type float32."
    )


class Engine(Section):
    """The TensorRT engine."""

    precision: Literal["fp32", "fp16", "int8", "best"] | None = Field(None, description="Precision of the engine.")
    # nvinfer accepts batch sizes 1..1024
    max_batch: Annotated[int, Field(ge=1, le=1024)] | None = Field(
        None, description="Largest batch of the first engine, in frames."
    )
    batch_limit: Annotated[int, Field(ge=1, le=1024)] | None = Field(
        None, description="Largest batch that doubling may reach, in frames; not below max_batch."
    )
    workspace: Workspace | None = Field(
        None,
        description="TensorRT workspace: a whole number and M or G (base 2). Default: 32768M, or 2048M on a Jetson.",
    )
    optimization_level: Annotated[int, Field(ge=0, le=5)] | None = Field(
        None, description="TensorRT builder optimization level; null leaves TensorRT's own."
    )
    strongly_typed: Switch | None = Field(
        None,
        description="Build in the types of the graph; fp16 then converts the graph instead of being a flag. "
        "auto: where TensorRT has nothing else.",
    )
    dla: Annotated[int, Field(ge=0, le=1)] | None = Field(
        None, description="Core of the Jetson's deep learning accelerator to run on; what it cannot do runs on the GPU."
    )
    builder: Literal["auto", "trtexec", "python"] | None = Field(
        None, description="trtexec, or python: TensorRT's own API; auto takes trtexec where there is one."
    )
    check: Switch | None = Field(
        None,
        description="Ask TensorRT-RTX on the CPU about the graph before the build. true: what it refuses ends the run; "
        "auto: only where it is installed, and a refusal is a warning. Default: false.",
    )


class Muxer(Section):
    """Size that nvstreammux scales all frames to."""

    width: EvenSide | None = Field(None, description="Width in pixels, even.")
    height: EvenSide | None = Field(None, description="Height in pixels, even.")


class Pipeline(Section):
    """The DeepStream pipeline that checks detections."""

    platform: Literal["dgpu", "jetson"] | None = Field(
        None,
        description="dgpu: a discrete GPU; jetson: a Jetson, with its own TensorRT, CUDA and memory. Default: dgpu.",
    )
    deepstream: DeepStreamVersion | None = Field(None, description="DeepStream release, e.g. 9.1.")
    tensorrt: TensorRtVersion | None = Field(
        None, description="TensorRT version, e.g. 10.16. Default: the one that goes with the release and the platform."
    )
    toolchain: Literal["auto", "reference", "deepstream"] | None = Field(
        None, description="deepstream on a GPU host, reference on any machine, or auto."
    )
    video: PathText | None = Field(None, description="default (DeepStream's sample_720p.mp4) or a path.")
    frames: Positive | None = Field(None, description="Number of frames to look for detections in.")
    min_detection_rate: Fraction | None = Field(
        None, description="Share of frames that must have a detection for the import to pass, 0..1."
    )
    muxer: Muxer | None = Field(None, description="Size that nvstreammux scales all frames to.")
    interval: Annotated[int, Field(ge=0)] | None = Field(
        None, description="Batches skipped between two inferences; 0 skips none."
    )


class Benchmark(Section):
    """Measurements."""

    target_fps: Annotated[float, Field(gt=0, le=1000)] | None = Field(
        None, description="Frames per second per stream that count as real time."
    )
    warmup_ms: Annotated[int, Field(ge=0, le=600_000)] | None = Field(
        None, description="Warm-up of each trtexec run in milliseconds."
    )
    duration_s: Annotated[float, Field(gt=0, le=86_400)] | None = Field(
        None, description="Length of each trtexec run in seconds."
    )
    run_s: Annotated[float, Field(gt=0, le=86_400)] | None = Field(
        None, description="Length of each deepstream-app run in seconds."
    )
    video: PathText | None = Field(None, description="default (the video of the pipeline) or a path.")


class ReportSection(Section):
    """The report."""

    formats: Annotated[tuple[Literal["md", "html", "pdf"], ...], Field(min_length=1, strict=False)] | None = Field(
        None, description="Files to write: md, html, pdf."
    )


class Verify(Section):
    """Comparison of the parser with the family's own post-processing."""

    min_match: Fraction | None = Field(None, description="Share of boxes that must match, 0..1.")


class Recipe(Section):
    """One detection model: where it comes from, what it is, and what is wanted of it."""

    schema_version: SchemaVersion = Field(alias="schema", description="Version of the recipe format: 1.")
    name: RecipeName = Field(description="Name of the model; its folder is models/<name>/.")
    extends: Texts | None = Field(None, description="Recipe or fragment to build on, or a list; later ones win.")
    source: Source = Field(description="Where the model comes from.")
    model: ModelSection = Field(description="What the model is.")
    preprocess: Preprocess | None = Field(None, description="From frame to network input.")
    parser: Parser | None = Field(None, description="From output tensors to boxes.")
    graph: Graph | None = Field(None, description="Passes over the ONNX graph.")
    engine: Engine | None = Field(None, description="The TensorRT engine.")
    pipeline: Pipeline | None = Field(None, description="The DeepStream pipeline that checks detections.")
    benchmark: Benchmark | None = Field(None, description="Measurements.")
    report: ReportSection | None = Field(None, description="The report.")
    verify: Verify | None = Field(None, description="Comparison with the family's own post-processing.")
    matrix: dict[str, Any] | None = Field(
        None, description="Dotted keys to lists of values: one plan per combination, named by it."
    )

"""What nvinfer says. Texts: the sources of DeepStream's nvinfer plugin and library."""

from __future__ import annotations

from dsimport.compiler.diagnostics import Severity
from dsimport.runtime.diagnose.rule import Rule, rule
from dsimport.runtime.formats.nvinfer_log import BUILDING, SAVED

__all__ = ["NVINFER_RULES"]

# Between an engine's file and the end of a message of nvinfer's.
_FILE = r"(?P<file>.+?)"

_ENGINE: tuple[Rule, ...] = (
    rule(
        "T0701",
        rf"(?i)deserialize engine failed because file path: {_FILE} open(?:ed)? error",
        "nvinfer found no engine at {file}",
        "correct model-engine-file: it is relative to the configuration file's own folder, links resolved",
        "dsimport writes the path of the engine it built; run `dsimport apply` again if the file is gone",
        cause="without a usable engine nvinfer builds one from the ONNX at every start, which takes minutes",
    ),
    rule(
        "T0701",
        rf"deserialize backend context from engine from file :{_FILE} failed, try(?:ing)? rebuild",
        "nvinfer cannot use the engine {file} and builds another one",
        "build the engine on this host with this TensorRT, and name it in model-engine-file",
        cause="the file is missing, unreadable, or from another TensorRT or GPU; the lines before say which",
    ),
    rule(
        "T0702",
        r"Backend has maxBatchSize (?P<have>\d+) whereas (?P<want>\d+) has been requested",
        "the engine takes batches up to {have}, but batch-size is {want}",
        "set batch-size to at most {have}, or build an engine whose max batch is {want}",
        cause="nvinfer rejects an engine whose largest batch is below batch-size, and builds one at every start",
    ),
    rule(
        "T0703",
        r"backend can not support dims:(?P<dims>\S*)",
        "the engine's profile does not hold the dimensions {dims}",
        "build the engine with a dynamic batch (min 1), or set batch-size to its one batch",
        "infer-dims must be the input's C;H;W",
        cause="with infer-dims set, an engine of one fixed batch is rejected for every other batch-size",
    ),
    rule(
        "T0706",
        BUILDING,
        "nvinfer built an engine inside the pipeline run",
        "make model-engine-file name a usable engine; the lines before this one say why the present one is not",
        cause="it takes minutes, and figures measured meanwhile mean nothing",
        severity=Severity.WARNING,
    ),
    rule(
        "T0707",
        SAVED,
        "the engine that nvinfer built was saved as {file}, which nothing loads later",
        "name that file in model-engine-file, or build the engine with dsimport",
        cause="nvinfer saves beside the ONNX under a name of its own, never under model-engine-file",
        severity=Severity.WARNING,
    ),
    rule(
        "T0707",
        rf"(?:failed to serialize cude? engine to file: |Serialize engine failed because of file path: ){_FILE}"
        r"(?: opened error.*)?$",
        "the engine that nvinfer built could not be saved as {file}",
        "give this user the right to write beside the ONNX, or build the engine beforehand",
        cause="every start builds the engine again",
        severity=Severity.WARNING,
    ),
    rule(
        "T0723",
        r"INT8 (?:calibration file not specified|not supported by platform).*Trying FP16 mode",
        "INT8 was asked for, and the engine is built with FP16",
        "use engine.precision fp16, or supply a calibration table (int8-calib-file)",
        cause="nvinfer falls back to FP16 without a readable calibration file, and names the engine fp16",
        severity=Severity.WARNING,
    ),
)

_CONFIG: tuple[Rule, ...] = (
    rule(
        "T0709",
        r"Unknown or legacy key specified '(?P<key>gie-kitti-output-dir|kitti-track-output-dir)'",
        "nvinfer does not read {key}, so no KITTI files are written",
        "write {key} into the [application] group of a deepstream-app configuration",
        cause="KITTI files are written by deepstream-app itself, not by nvinfer",
    ),
    rule(
        "T0708",
        r"Unknown or legacy key specified '(?P<key>(?!gie-kitti-|kitti-track-)[^']*)' for group",
        "nvinfer ignores the key '{key}'",
        "correct or remove the key; `dsimport lint-config FILE` lists all of them with their place",
        severity=Severity.WARNING,
    ),
    rule(
        "T0708",
        r"Unknown key '(?P<key>[^']*)' for group",
        "the key '{key}' is ignored",
        "correct or remove the key; `dsimport lint-config FILE` lists all of them with their place",
        severity=Severity.WARNING,
    ),
    rule(
        "T0710",
        r"(?:Failed to load config file|Error while parsing config file): (?P<why>.+)$",
        "nvinfer cannot read its configuration file: {why}",
        "correct the line; `dsimport lint-config FILE` shows its place",
        cause="no inline comments, no blank after a number with a point or a truth value, lists with `;`",
    ),
    rule(
        "T0710",
        r"Configuration file parsing failed",
        "nvinfer cannot use its configuration file",
        "`dsimport lint-config FILE` shows every mistake with its place",
        cause="the first message about the file stands further up in the log",
    ),
    rule(
        "T0711",
        r"Explicit config dims is invalid",
        "the model has a dynamic height or width, and the configuration gives no infer-dims",
        "add infer-dims=C;H;W with the network's real size",
    ),
    rule(
        "T0711",
        r"setDimensions.*(?:negative|condition: std::all_of\(dims\.d|x >= 0)",
        "the network input has a negative dimension",
        "add infer-dims=C;H;W with the network's real size to the nvinfer configuration",
        cause="a dynamic ONNX has -1 for what the file leaves open, and no size was given",
    ),
    rule(
        "T0712",
        r"OpenCV has been deprecated\. Using NMS for clustering",
        "cluster-mode is 0 or missing, so NMS with IoU 0.5 and 20 objects per class replaces your settings",
        "set cluster-mode=2 (NMS) for dense heads or 4 (none) for end-to-end heads",
        cause="mode 0 needs OpenCV, which the shipped library is built without",
    ),
    rule(
        "T0719",
        r"RGB/BGR input format specified but network input channels is not 3",
        "model-color-format is RGB or BGR, but the network's input has not 3 channels",
        "correct model-color-format, infer-dims, or network-input-order (NHWC models need infer-dims=C;H;W)",
    ),
    rule(
        "T0719",
        r"GRAY input format specified but network input channels is not 1",
        "model-color-format is GRAY, but the network's input has not 1 channel",
        "correct model-color-format or infer-dims",
    ),
    rule(
        "T0719",
        r"Number of offsets\((?P<have>\d+)\) not equal to number of input channels\((?P<want>\d+)\)",
        "the configuration has {have} offsets, and the network's input has {want} channels",
        "write one offset per channel, separated by `;`",
    ),
    rule(
        "T0724",
        r"Unique ID not set",
        "the nvinfer configuration has no gie-unique-id",
        "add gie-unique-id=1 to [property]",
        cause="the element's own default is not used, and 0 is refused",
    ),
    rule(
        "T0725",
        r"Batch-size \((?P<have>\d+)\) more than maximum allowed batch-size \((?P<most>\d+)\)",
        "batch-size {have} is above nvinfer's limit of {most}",
        "use at most {most} streams per nvinfer",
    ),
    rule(
        "T0728",
        rf"Cannot access ONNX file '{_FILE}'",
        "nvinfer cannot read the model {file}",
        "correct onnx-file: it is relative to the configuration file's own folder",
    ),
    rule(
        "T0728",
        r"failed to build network since there is no model file matched",
        "the configuration names no model that nvinfer can build from",
        "set onnx-file; the Caffe and UFF keys are still read, but nothing can build from them",
    ),
)

_PARSER: tuple[Rule, ...] = (
    rule(
        "T0713",
        r"Failed to parse bboxes|Could not find output (?:coverage|bbox) layer for parsing objects",
        "the bounding-box parser returned an error, which nvinfer does not survive",
        "set parse-bbox-func-name and custom-lib-path to a parser for this model that always returns true",
        cause="nvinfer drops the status and goes on with objects that were never initialised: it usually crashes",
    ),
    rule(
        "T0714",
        r"Could not open (?:custom lib: |lib: )(?P<why>.+)$",
        "the parser library cannot be loaded: {why}",
        "build it again on this host (`make` in models/NAME/parser), and check custom-lib-path",
    ),
    rule(
        "T0715",
        r"dlsym failed to get func (?P<symbol>\S+) pointer",
        "the parser library has no function {symbol}",
        "make parse-bbox-func-name the exported name: `nm -D --defined-only LIBRARY` lists them",
    ),
    rule(
        "T0716",
        rf"Could not open labels file:{_FILE}$",
        "the labels file {file} cannot be read",
        "correct labelfile-path: it is relative to the configuration file's own folder; nvinfer does not start without",
    ),
    rule(
        "T0717",
        r"More than one input layers but custom initialization function not implemented"
        r"|Failed to initialize (?:non-image input layers|input layers using)",
        "the model has inputs besides the image, and nothing fills them",
        "make the other inputs constants of the graph: graph.fold-inputs, or export again without them",
        cause="nvinfer asks the custom library for NvDsInferInitializeInputLayers and fails without it",
    ),
    rule(
        "T0718",
        r"default input_layer is not a image\[CHW\]|default image layer\[\d+\] is not a input layer",
        "the engine's first input is not an image of rank 4",
        "export the model with one image input N,C,H,W (NHWC needs network-input-order=1 and infer-dims)",
    ),
    rule(
        "T0720",
        r"Unknown data type for bound layer \S*\((?P<tensor>[^)]*)\)",
        "tensor {tensor} has a type that nvinfer does not know (BF16 or FP8)",
        "build the engine with FP32 inputs and outputs",
    ),
    rule(
        "T0721",
        r"^\s*\d+\s+INPUT\s+kHALF\s+(?P<tensor>\S+)",
        "input {tensor} is FP16, but nvinfer always writes float32 into it",
        "use an ONNX with FP32 inputs and outputs: graph.fp32-io does that, and the layers may still run in FP16",
        cause="the buffer has half the size of what is written: wrong pixels, and memory of others is overwritten",
    ),
    rule(
        "T0722",
        r"^\s*\d+\s+OUTPUT\s+k(?:FLOAT|HALF)\s+(?P<tensor>\S+)\s+(?P<dims>[67])\s*(?:min|$)",
        "output {tensor} has {dims} values per frame: it probably lacks its batch dimension",
        "export again with outputs that begin with the batch: nvinfer takes the first dimension for it",
        cause="of an output [N, {dims}] each frame gets a single row",
        severity=Severity.WARNING,
    ),
    rule(
        "T0722",
        r"^\s*\d+\s+OUTPUT\s+kINT64\s+(?P<tensor>\S+)",
        "output {tensor} is INT64: parsers that read it as FLOAT or INT32 see nonsense",
        "use a parser that looks at the tensor's type; those of dsimport do",
        severity=Severity.WARNING,
    ),
)

NVINFER_RULES = (*_ENGINE, *_CONFIG, *_PARSER)

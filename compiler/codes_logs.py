"""Diagnostic codes of problems that logs show, group T from T0701 (see `codes` and `runtime.diagnose`)."""

from __future__ import annotations

from dsimport.compiler.codedoc import CodeDoc

__all__ = ["LOG_CODES"]

LOG_CODES: dict[str, CodeDoc] = {
    "T0701": CodeDoc(
        "an engine that nvinfer cannot use",
        "nvinfer reads `model-engine-file` relative to the folder of its configuration, links resolved. When the\n"
        "file is missing, unreadable or from another TensorRT, it only warns and builds an engine from the ONNX,\n"
        "which takes minutes at every start. dsimport writes the path of the engine that it built and measured.",
    ),
    "T0702": CodeDoc(
        "batch-size above the engine's largest batch",
        "An engine serves batches up to the largest one of its profile. With a larger `batch-size` nvinfer\n"
        "rejects the engine and builds another one at every start. dsimport gives both the same number.",
    ),
    "T0703": CodeDoc(
        "dimensions outside of the engine's profile",
        "With `infer-dims`, nvinfer checks that the profile holds the batch and the dimensions. An engine of one\n"
        "fixed batch holds that batch only, so every smaller `batch-size` makes nvinfer build another engine.\n"
        "dsimport builds engines for batch 1 to N.",
    ),
    "T0704": CodeDoc(
        "an engine of another TensorRT version",
        "An engine can be read by the TensorRT version that built it, down to the build number, unless it was\n"
        "made version compatible. Build it again on the host that runs it.",
    ),
    "T0705": CodeDoc(
        "an engine of another GPU",
        "TensorRT chooses kernels by measuring them on one GPU. On another model an engine is refused, slow, or\n"
        "hangs without a message. Build it on the GPU that runs it.",
    ),
    "T0706": CodeDoc(
        "an engine build inside a pipeline run",
        "nvinfer found no usable engine and began to build one. The pipeline stands still meanwhile, a time limit\n"
        "may end it, and rates measured in that run are worthless.",
    ),
    "T0707": CodeDoc(
        "an engine saved where nothing finds it",
        "nvinfer saves an engine that it built beside the ONNX, under a name made of batch, GPU and precision,\n"
        "and never looks for that name again. Where the folder cannot be written it only warns.",
    ),
    "T0708": CodeDoc(
        "a key that nvinfer ignores",
        "Unknown keys are reported and skipped, so the value never has an effect. Often seen: model-type,\n"
        "parse-func, custom-lib-name. Keys are case-sensitive.",
    ),
    "T0709": CodeDoc(
        "a KITTI folder in the wrong file",
        "KITTI files are written by deepstream-app, which reads `gie-kitti-output-dir` from its own [application]\n"
        "group. nvinfer ignores the key, so the folder stays empty. The folder must exist.",
    ),
    "T0710": CodeDoc(
        "a configuration that nvinfer cannot read",
        "The text form is a GLib key file: no inline comments after numbers with a point, truth values or texts,\n"
        "no trailing blanks, lists separated by `;`, truth values 0 or 1, no byte order mark. One bad line\n"
        "rejects the whole file, and the pipeline fails later.",
    ),
    "T0711": CodeDoc(
        "an input size that is not known",
        "A dynamic ONNX says -1 for height, width or batch. nvinfer needs `infer-dims=C;H;W` for such a model,\n"
        "and trtexec needs shapes. dsimport always writes them from the recipe.",
    ),
    "T0712": CodeDoc(
        "the cluster mode that replaces your settings",
        "Without `cluster-mode`, or with 0, the shipped nvinfer uses NMS with IoU 0.5 and 20 objects per class,\n"
        "whatever the class attributes say, because group rectangles needs OpenCV. dsimport always writes the\n"
        "mode.",
    ),
    "T0713": CodeDoc(
        "a parser that returned an error",
        "When a bounding-box parser returns false, nvinfer logs it, drops the status, and reads an object list\n"
        "that was never initialised: a crash, sooner or later. The built-in parser returns false for every\n"
        "foreign model. Parsers of dsimport log, return true and report no objects.",
    ),
    "T0714": CodeDoc(
        "a parser library that cannot be loaded",
        "nvinfer loads `custom-lib-path` with dlopen. The library is missing, or was built for another system,\n"
        "compiler or DeepStream.",
    ),
    "T0715": CodeDoc(
        "a parser function that is not in its library",
        "`parse-bbox-func-name` must be the exact exported name. The Makefile of dsimport checks the symbol after\n"
        "each build.",
    ),
    "T0716": CodeDoc(
        "labels that cannot be read",
        "nvinfer does not start when `labelfile-path` names a missing file. Relative paths are meant from the\n"
        "configuration's folder.",
    ),
    "T0717": CodeDoc(
        "inputs that nothing fills",
        "nvinfer fills the image input only. For every other input it asks the custom library for\n"
        "NvDsInferInitializeInputLayers. dsimport makes such inputs constants of the graph, or refuses the model.",
    ),
    "T0718": CodeDoc(
        "a first input that is no image",
        "nvinfer takes the engine's first input for the image and needs rank 4. For NHWC models it also needs\n"
        "`network-input-order=1` and `infer-dims`.",
    ),
    "T0719": CodeDoc(
        "channels that do not agree",
        "RGB and BGR need 3 channels, GRAY needs 1, and there is one offset per channel. An NHWC model without\n"
        "`infer-dims` shows its width as the channels.",
    ),
    "T0720": CodeDoc(
        "a tensor type that nvinfer does not know",
        "nvinfer handles FP32, FP16, INT8, INT32, INT64, UINT8 and bool at the borders of an engine. BF16 and FP8\n"
        "are for layers inside.",
    ),
    "T0721": CodeDoc(
        "an FP16 input",
        "nvinfer always writes float32 pixels into the input. A half precision input gets wrong values, and\n"
        "memory behind its buffer is overwritten. The pass fp32-io gives every model FP32 inputs and outputs.",
    ),
    "T0722": CodeDoc(
        "an output that parsers misread",
        "nvinfer takes the first dimension of every output for the batch, so an output [N, 7] without one is cut\n"
        "into single rows. INT64 outputs need a parser that looks at the tensor's type.",
    ),
    "T0723": CodeDoc(
        "INT8 that became FP16",
        "Without an accessible calibration file nvinfer builds with FP16 and puts fp16 into the engine's name. It\n"
        "never compares `network-mode` with the engine that it loads.",
    ),
    "T0724": CodeDoc(
        "a missing gie-unique-id",
        "The configuration needs `gie-unique-id` above 0 unless the application sets the property.",
    ),
    "T0725": CodeDoc(
        "a batch above nvinfer's limit",
        "nvinfer takes batches of 1 to 1024 frames.",
    ),
    "T0726": CodeDoc(
        "no usable GPU",
        "The driver is not loaded, the container has no access to the GPU, or there is none. The reference\n"
        "toolchain needs no GPU.",
    ),
    "T0727": CodeDoc(
        "a driver too old for CUDA",
        "Each CUDA release needs a driver of a certain age. DeepStream 9.1 with CUDA 13.2 needs driver 595 or\nnewer.",
    ),
    "T0728": CodeDoc(
        "a model file that is not there",
        "nvinfer builds from `onnx-file`. Caffe and UFF keys are still read, but there is no parser for them any\n"
        "more.",
    ),
    "T0740": CodeDoc(
        "a run that counted no frame",
        "PERF rows are 0.00 until the first frame arrives. A log in which all rows are 0 measured nothing.\n"
        "dsimport never takes such a run for a result.",
    ),
    "T0741": CodeDoc(
        "a run without PERF rows",
        "deepstream-app prints rates only with `enable-perf-measurement=1`, at the end of each interval. A run\n"
        "that ends within the first interval has none.",
    ),
    "T0742": CodeDoc(
        "a crashed pipeline",
        "The usual reasons: a parser that returned false, `num-detected-classes=0`, a parser built against the\n"
        "headers of a DeepStream below 9 and used with 9 or newer.",
    ),
    "T0743": CodeDoc(
        "an unset shell variable",
        "Scripts that run with `set -u` end at the first variable without a value, before their own checks and\n"
        "messages. Scripts of dsimport have every value written in.",
    ),
    "T0744": CodeDoc(
        "a program that is not there",
        "The shell found no such program. `dsimport doctor` lists what each toolchain needs, and where it comes\nfrom.",
    ),
    "T0745": CodeDoc(
        "a pipeline that wrote nothing",
        "gst-launch can end with exit code 0 without having written a frame. A script that prints this message\n"
        "and then ends with 0 hides the failure; the scripts of dsimport check the file.",
    ),
    "T0746": CodeDoc(
        "a closed pipe",
        "When the last program of a shell pipe stops reading, the one before gets SIGPIPE and ends with 141. A\n"
        "pipe into `head` breaks a long run, and a pipe into `tee` hides its exit code. dsimport writes to files.",
    ),
    "T0747": CodeDoc(
        "a missing GStreamer element",
        "An element belongs to a plugin, a plugin to a package. nv… elements come with DeepStream; theoraenc and\n"
        "oggmux with the base plugins. x264enc and openh264enc are never used, for their licences.",
    ),
    "T0749": CodeDoc(
        "a missing shared library",
        "A library is named with its major version, such as libnvinfer.so.10. Another major version does not do:\n"
        "install the TensorRT and CUDA that the DeepStream release was built for.",
    ),
    "T0750": CodeDoc(
        "no NVENC encoder",
        "Many data-centre GPUs and Orin Nano have no encoder. The visual check then encodes with theoraenc and\n"
        "oggmux, and without these makes no video. Nothing else depends on it.",
    ),
    "T0751": CodeDoc(
        "a video that cannot be opened",
        "The path is wrong, relative to another folder, or holds a character that a URI changes. With source type\n"
        "3 the URI is also a printf format: `%` must be doubled.",
    ),
    "T0753": CodeDoc(
        "a leaky queue before the decoder",
        "A queue that drops compressed frames damages every frame up to the next key frame. Only decoded frames\n"
        "may be dropped.",
    ),
    "T0754": CodeDoc(
        "a pipeline that stopped",
        "An element refused its data; GStreamer reports it at the source. The reason stands earlier in the log.",
    ),
    "T0755": CodeDoc(
        "a video that cannot be decoded",
        "No installed plugin decodes the format, or the GPU's decoder does not support it: AV1 needs Ampere (not\n"
        "A100) or newer.",
    ),
    "T0756": CodeDoc(
        "empty lines from a closed standard input",
        "With standard input at its end, such as /dev/null, deepstream-app prints an empty line every 40 ms. It\n"
        "does no harm.",
    ),
    "T0758": CodeDoc(
        "a division by zero",
        "With measuring on and `perf-measurement-interval-sec` missing, deepstream-app divides by the default 0.\n"
        "dsimport always writes the key.",
    ),
    "T0759": CodeDoc(
        "a configuration that deepstream-app does not read",
        "The name must end in .txt, .yml or .yaml; any other file is not read at all.",
    ),
    "T0761": CodeDoc(
        "GPU memory used up",
        "Engines, decoders and frame pools of all streams share the GPU's memory, with whatever else runs there.",
    ),
    "T0762": CodeDoc(
        "pyservicemaker is not installed",
        "It is NVIDIA's Python interface to DeepStream pipelines, a wheel inside the SDK. dsimport does not use\nit.",
    ),
    "T0763": CodeDoc(
        "a Python module is not installed",
        "The step ran in an environment without the module. Extras of dsimport: reference, hub, report, export,\nall.",
    ),
    "T0770": CodeDoc(
        "a workspace of a few bytes",
        "trtexec reads the size by its last letter, B, K, M or G. MiB and GB end in B, so 32768MiB is 32768\n"
        "bytes. dsimport takes sizes such as 32768M only.",
    ),
    "T0771": CodeDoc(
        "an option that trtexec does not have",
        "Options came and went with TensorRT versions, and each is one word, `--name=value`. An option given\n"
        "twice leaves the second one over. dsimport chooses options by `pipeline.tensorrt`.",
    ),
    "T0772": CodeDoc(
        "a precision flag with TensorRT 11",
        "TensorRT 11 builds every network with the types that its graph has. --fp16 and its relatives end trtexec\n"
        "with exit code 1, also beside --loadEngine.",
    ),
    "T0773": CodeDoc(
        "precision flags on their way out",
        "From 10.14 on, TensorRT announces that precision flags go away. They still work up to 10.16.",
    ),
    "T0774": CodeDoc(
        "a fused part without implementation",
        "TensorRT fuses parts of a graph into a ForeignNode and found no kernel for it. Known to help, in this\n"
        "order: a simplified graph, optimization level 2, another exporter.",
    ),
    "T0775": CodeDoc(
        "a layer without implementation",
        "No tactic fits the layer in the given workspace and precision.",
    ),
    "T0776": CodeDoc(
        "a workspace too small for some tactics",
        "TensorRT skips tactics that need more than the workspace; the engine may be slower, or the build fails.",
    ),
    "T0777": CodeDoc(
        "shapes for a fixed graph",
        "trtexec refuses --minShapes and its relatives where no dimension is open. The pass dynamic-batch opens\n"
        "the batch.",
    ),
    "T0778": CodeDoc(
        "a run at batch 1",
        "Without shapes trtexec sets open dimensions to 1. Throughput counts queries, so images per second are\n"
        "wrong when another batch is assumed. dsimport gives shapes in every call.",
    ),
    "T0780": CodeDoc(
        "an operator that TensorRT does not have",
        "The ONNX parser needs an importer or a plugin for every operator.",
    ),
    "T0781": CodeDoc(
        "unsteady figures",
        "trtexec itself says that its figures depend on something else than the network: moving clocks, other\n"
        "users of the GPU, or a CPU that cannot keep up.",
    ),
    "T0782": CodeDoc(
        "a benchmark without a summary",
        "Up to TensorRT 10 profiling layers replaces the performance summary unless --separateProfileRun is\ngiven.",
    ),
    "T0783": CodeDoc(
        "a model that TensorRT cannot parse",
        "The lines before the message name the node, its operator and what is wrong with it.",
    ),
    "T0785": CodeDoc(
        "a switch that is on whatever its value",
        "trtexec takes `--fp16=false` for `--fp16`. Leave an option out to switch it off.",
    ),
    "T0787": CodeDoc(
        "a benchmark with copies",
        "Up to TensorRT 10 trtexec copies inputs and outputs between host and GPU and counts the time. In\n"
        "DeepStream frames stay on the GPU, so --noDataTransfers gives the figure that matters.",
    ),
    "T0800": CodeDoc(
        "headers that are not there",
        "Sample Makefiles need DeepStream's headers and those of CUDA in the version that CUDA_VER names.\n"
        "dsimport's Makefile uses the SDK's headers where they are, and brings its own otherwise.",
    ),
    "T0801": CodeDoc(
        "a library that the linker does not find",
        "NVIDIA's sample Makefile links TensorRT, which a parser does not need.",
    ),
    "T0802": CodeDoc(
        "DeepStream sources against TensorRT 11",
        "TensorRT 11 has no precision flags, calibrators and implicit batches in its API, which DeepStream 9.1\n"
        "still uses. DeepStream 9.1 goes with TensorRT 10.",
    ),
    "T0803": CodeDoc(
        "pip could not install",
        "The package has no release for this Python, the environment belongs to the system, or there is no\nnetwork.",
    ),
    "T0804": CodeDoc(
        "a symbol that is not there",
        "A library was built against another version of the libraries that it now meets.",
    ),
    "T0805": CodeDoc(
        "a full disk in a log",
        "A tool could not write. What dsimport had made before is untouched.",
    ),
    "T0806": CodeDoc(
        "a program ended by the kernel",
        "The host's memory was used up and the kernel ended the largest process. Engine builds need several times\n"
        "the model's size.",
    ),
    "T0807": CodeDoc(
        "no right to a file",
        "Files made by root, in a container or with sudo, cannot be changed by others.",
    ),
    "T0809": CodeDoc(
        "a helper looked for in the wrong place",
        "ds-sweep.sh builds the path of its helper one folder too high and ends at once. `dsimport sweep`\n"
        "replaces it.",
    ),
}

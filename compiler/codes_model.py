"""Diagnostic codes about the model, the plan and acquiring (see `codes`): groups N, P and A, and gates."""

from __future__ import annotations

from dsimport.compiler.codedoc import CodeDoc

__all__ = ["MODEL_CODES"]

MODEL_CODES: dict[str, CodeDoc] = {
    "R0130": CodeDoc(
        "a number that cannot be worked out",
        "`preprocess.scale` may be a number or plain arithmetic such as `1/255` or `1/(255*0.226)`: numbers, + - * /\n"
        "and parentheses, nothing else.",
    ),
    "R0190": CodeDoc(
        "two recipes with one name",
        "A recipe's name becomes the folder models/<name>. Two recipes of one command must not share it; matrix\n"
        "variants get names of their own.",
    ),
    "N0301": CodeDoc(
        "mean or std do not fit the channels",
        "`preprocess.mean` and `preprocess.std` hold one number per input channel, in the order of\n"
        "`preprocess.color`. "
        "nvinfer refuses to start when the number of offsets differs from the number of channels.",
    ),
    "N0302": CodeDoc(
        "an unknown DeepStream release",
        "`pipeline.deepstream` selects the TensorRT and CUDA versions and the parser ABI, so it must be a known\n"
        "release.",
    ),
    "N0303": CodeDoc(
        "colour format and channels disagree",
        "nvinfer takes RGB and BGR with exactly 3 channels, and GRAY with exactly 1; anything else fails when it\n"
        "starts.",
    ),
    "N0304": CodeDoc(
        "a scale or std that is not positive",
        "nvinfer treats a net-scale-factor of 0 or less as 1 and then ignores the offsets, without a message. A std\n"
        "of "
        "0 or less has no meaning.",
    ),
    "N0305": CodeDoc(
        "an approximated normalisation",
        "nvinfer has one scale for all channels. With a std per channel and `graph.fold-normalize: false`, the scale\n"
        "that minimises the worst error is used. With `auto` a multiply and an add in front of the graph make it\n"
        "exact.",
    ),
    "N0306": CodeDoc(
        "a TensorRT version that DeepStream cannot use",
        "nvinfer is linked against one major version of TensorRT, and may call what its own minor version brought. A\n"
        "later minor version is fine. No release of DeepStream up to 9.1 compiles against TensorRT 11, which has no\n"
        "weak typing any more. docs/versions.md has the whole table.",
    ),
    "N0307": CodeDoc(
        "a precision that needs a calibration table",
        "INT8 and BEST without a calibration table silently become FP16 in nvinfer. Making a table is not supported.",
    ),
    "N0308": CodeDoc(
        "batch_limit below max_batch",
        "Engines are built for `engine.max_batch`, then doubled while the GPU could carry more streams, up to\n"
        "`engine.batch_limit`. The limit cannot lie below the start.",
    ),
    "N0309": CodeDoc(
        "a video path that cannot be passed through",
        "GStreamer decodes `%` in URIs, and deepstream-app uses the URI of several streams as a printf format; other\n"
        "characters end a URI or a word of a pipeline description. Paths of videos may therefore hold letters, digits\n"
        "and `. _ - + = @ ~ , /` only.",
    ),
    "N0311": CodeDoc(
        "no clustering for a dense head",
        "A dense head gives many overlapping candidates per object. cluster-mode 4 (none) keeps them all. Families\n"
        "whose "
        "graph ends in NMS, or which predict one box per object, need no clustering.",
    ),
    "N0312": CodeDoc(
        "per-class settings for an unknown label",
        "The keys of `parser.per_class` are labels. nvinfer wants class indices, so the labels must be known while\n"
        "planning.",
    ),
    "N0313": CodeDoc(
        "a head that cannot be fused",
        "`graph.fuse-head` moves decoding, the class maximum and TopK into the graph. That is built for families of\n"
        "the "
        "template candidates. Rows that are results already need no fusing; dense maps are searched for peaks.",
    ),
    "N0321": CodeDoc(
        "a label that nvinfer would misread",
        "nvinfer cuts a label at `;`, skips empty lines (all later labels shift), keeps a carriage return and outer\n"
        "blanks as part of the label, and copies at most 127 bytes.",
    ),
    "N0322": CodeDoc(
        "a labels file that cannot be read",
        "`model.labels` may be `config`, a list, or the path of a UTF-8 text file with one label per line.",
    ),
    "N0323": CodeDoc(
        "labels and classes disagree",
        "nvinfer does not compare the number of labels with num-detected-classes; classes without a label show none.",
    ),
    "N0330": CodeDoc(
        "a name that a target language cannot express",
        "Names of tensors and paths go into key files, trtexec options, shell scripts and makefiles. Each has\n"
        "characters it cannot express, or that it would take for something else.",
    ),
    "N0340": CodeDoc(
        "a way of typing that TensorRT does not have",
        "In a strongly typed network every tensor has the type that the graph gives it: fp16 is then a conversion of\n"
        "the graph (the pass to-fp16), never a flag. trtexec has it from TensorRT 10 on, and nothing else from 11 on.",
    ),
    "N0341": CodeDoc(
        "a builder option that TensorRT does not have",
        "The builder optimization level came with TensorRT 8.6.",
    ),
    "N0342": CodeDoc(
        "an accelerator that cannot be used",
        "`engine.dla` runs the network on a deep learning accelerator of a Jetson Xavier or Orin; what it cannot do\n"
        "falls back to the GPU. Thor has none. TensorRT 10.7 was the last 10.x that builds for it. It computes in\n"
        "fp16 and int8, and in one fixed shape: an engine for batch 1 to N would run on the GPU instead.",
    ),
    "N0343": CodeDoc(
        "an -march of another processor",
        "Jetsons are aarch64. The parser is compiled there, and g++ refuses the names of x86 processors.",
    ),
    "P0101": CodeDoc(
        "an unknown toolchain",
        "The toolchain is taken from --toolchain, else DSIMPORT_TOOLCHAIN, else the recipe's pipeline.toolchain, else\n"
        "deepstream where its programs are found, else reference.",
    ),
    "P0102": CodeDoc(
        "there is nothing to plan",
        "None of the folders named on the command line holds a recipe (*.yaml).",
    ),
    "P0103": CodeDoc(
        "a step that the plan does not have",
        "`apply --until STEP` ends after a step of the plan, and `dsimport plan` lists them. Not every plan has every\n"
        "step: `export` is only there where the source is a checkpoint.",
    ),
    "A0202": CodeDoc(
        "a folder where an ONNX file was meant",
        "`source.file.path` ends in .onnx and is a folder. A checkpoint folder is exported when its name has another\n"
        "ending.",
    ),
    "A0203": CodeDoc(
        "a damaged config.json",
        "The config.json beside the model tells its architecture and labels.",
    ),
    "A0204": CodeDoc("the model file is missing", "Paths in a recipe are relative to the file they stand in."),
    "A0205": CodeDoc(
        "the model file is not the one the recipe names",
        "Its sha256 differs from `source.file.sha256`. Nothing was copied.",
    ),
    "A0210": CodeDoc(
        "the model is no object detector",
        "`architectures` in config.json names a classifier, segmenter, language model or the like. dsimport imports\n"
        "object-detection models only.",
    ),
    "A0211": CodeDoc(
        "no labels found",
        "With `labels: config` the labels come from config.json: id2label, else label2id, else names. There is never\n"
        "a "
        "built-in default list, because wrong names are worse than none.",
    ),
    "A0212": CodeDoc(
        "more labels than classes",
        "config.json has a label for a class that the recipe does not have.",
    ),
    "A0301": CodeDoc(
        "the ONNX file cannot be used",
        "The file is truncated or no ONNX, or a graph pass found that it cannot serve a detector in nvinfer: extra\n"
        "inputs, a baked batch, an input that is not [batch, channels, height, width].",
    ),
    "A0302": CodeDoc(
        "the model's tensors differ from the recipe",
        "`inspect` holds the real model against the recipe before an engine is built: name and shape of the input,\n"
        "names and shapes of the outputs the parser reads. A parser built for other shapes finds nothing.",
    ),
    "G0401": CodeDoc(
        "too few frames with a detection",
        "The KITTI run must show a detection in at least `pipeline.min_detection_rate` of its frames. Zero detections\n"
        "nearly always mean wrong preprocessing (scale, mean, colour order, resize), wrong labels count or a parser\n"
        "for "
        "other tensors; a part of the frames usually means a threshold too high or a clip without objects.",
    ),
    "G0402": CodeDoc(
        "the parser disagrees with the family's own post-processing",
        "`verify` runs the emitted nvinfer configuration, the applied model and the compiled parser on frames of the\n"
        "recipe's video and on random tensors, and holds the boxes against an independent implementation that starts\n"
        "from the acquired model and the recipe. At least `verify.min_match` of the boxes must be the same. Frames\n"
        "that "
        "differ while tensors agree point at preprocessing or a graph pass; tensors that differ point at the parser.",
    ),
    "G0403": CodeDoc(
        "verification could not run",
        "The model, the parser library or the video could not be used for a comparison, or the process that makes it\n"
        "ended early: a parser that crashes ends it. The step's log has what it printed.",
    ),
    "G0404": CodeDoc(
        "TensorRT's parser or builder refuses the model",
        "`dsimport check` and the step of `engine.check` ask NVIDIA's own ONNX parser and builder on the CPU: those\n"
        "of TensorRT-RTX, close relatives of TensorRT's that differ in versions, plugins and supported types.\n"
        "What they refuse TensorRT usually refuses too; the engine step has the last word. The notes name every node,\n"
        "the help lines the value of the recipe to change.",
    ),
}

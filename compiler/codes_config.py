"""Diagnostic codes about configuration files of nvinfer and deepstream-app (see `codes`): group C."""

from __future__ import annotations

from dsimport.compiler.codedoc import CodeDoc

__all__ = ["CONFIG_CODES"]

CONFIG_CODES: dict[str, CodeDoc] = {
    "C0101": CodeDoc(
        "a configuration file that cannot be read",
        "The file is missing, is no regular file, is larger than 16 MiB, or holds a NUL byte.",
    ),
    "C0102": CodeDoc(
        "a file of an unknown kind",
        "`lint-config` reads the .txt form, which is a GLib key file. A file with [property] or [class-attrs-…] is\n"
        "taken as nvinfer's, one with a group of deepstream-app as that program's; --kind says it otherwise.",
    ),
    "C0103": CodeDoc(
        "a byte order mark",
        "GLib takes the invisible mark for the beginning of the first line, which is then no group, and rejects the\n"
        "whole file. Line ends of Windows are fine.",
    ),
    "C0104": CodeDoc(
        "a line that is no key, group or comment",
        "One such line and GLib rejects the whole file. Comments start with `#` as the first character that is not\n"
        "blank. A key before the first group, a bad name of a group and a key without `=` are such lines too.",
    ),
    "C0105": CodeDoc("a key given twice", "The last value counts, without a message."),
    "C0106": CodeDoc(
        "a group given twice",
        "Groups of one name are merged, without a message: the keys of both count, the last of two equal ones wins.",
    ),
    "C0107": CodeDoc(
        "a group that nobody reads",
        "Groups with other names than those the program looks for are ignored without a message.",
    ),
    "C0108": CodeDoc(
        "an unknown key",
        "Unknown keys are ignored; the program says so in its log and goes on. Key names are case-sensitive.",
    ),
    "C0109": CodeDoc(
        "a comment that starts with ;",
        "Only `#` starts a comment. A line `;key=value` is a key named `;key`.",
    ),
    "C0110": CodeDoc(
        "a value of another type",
        "GLib reads each type by its own rules, and a value it cannot read ends the start of the pipeline. Whole\n"
        "numbers are decimal: no `4.0`, no `0x10`, not empty; a comment may follow after a blank. Booleans are `1`,\n"
        "`0`, `true` or `false`, and blanks may follow. Behind a number with a fraction nothing may follow, not even\n"
        "a blank. Lists are separated by `;`, never by a comma.",
    ),
    "C0111": CodeDoc(
        "a value out of range",
        "The program checks the range of the key and refuses the file. `topk=-1` is the default, and is refused when\n"
        "it is written.",
    ),
    "C0112": CodeDoc(
        "a list of another length",
        "`infer-dims` has three items, colours have four, `offsets` has at most four. Other lengths are refused.",
    ),
    "C0113": CodeDoc(
        "text behind a value that becomes part of it",
        "A text ends at the end of its line: a comment behind a path, and blanks, are part of the name of the file.",
    ),
    "C0114": CodeDoc("quotes around a value", "Quotes are no syntax of key files. They become part of the value."),
    "C0115": CodeDoc(
        "a path that means something else",
        "Nothing expands `~` or `$HOME`: the path is taken as one below the folder of the file. An empty path is that\n"
        "folder itself.",
    ),
    "C0117": CodeDoc(
        "a value that is too long",
        "nvinfer keeps paths in 4096 bytes and other texts in 1024, the final NUL included.",
    ),
    "C0118": CodeDoc(
        "a deprecated key",
        "The key is an old spelling that is still read, in the .txt form only.",
    ),
    "C0119": CodeDoc(
        "a key that does harm or nothing",
        "Some keys are parsed and never used, some leave over a feature that is gone, and some are aids for debugging\n"
        "that slow the pipeline down or change what it computes. The message says which.",
    ),
    "C0201": CodeDoc(
        "an nvinfer configuration without [property]",
        "The group is mandatory; the element does not start without it.",
    ),
    "C0202": CodeDoc(
        "no gie-unique-id",
        "The default is 0, with which nvinfer refuses to start, unless the application sets the property unique-id.\n"
        "deepstream-app does so when [primary-gie] has gie-unique-id.",
    ),
    "C0203": CodeDoc(
        "cluster-mode 0",
        "Mode 0, group rectangles, needs OpenCV. The library that DeepStream ships is built without it, and silently\n"
        "does NMS with IoU 0.5 and at most 20 objects per class instead; thresholds of [class-attrs-…] for both are\n"
        "overwritten. The same happens where the key is missing.",
    ),
    "C0204": CodeDoc(
        "no number of classes",
        "nvinfer does not check num-detected-classes. With 0, which is the default, it crashes when the first\n"
        "frame is clustered; a negative number becomes one of four thousand millions.",
    ),
    "C0205": CodeDoc(
        "a group for a class that is not there",
        "[class-attrs-N] has the settings of class N, counted from 0. A number that is not below\n"
        "num-detected-classes, or no number, is refused. Text behind the number is dropped.",
    ),
    "C0206": CodeDoc(
        "a threshold that the cluster mode does not use",
        "nms-iou-threshold is for modes 2 and 3, post-cluster-threshold for 1, 2 and 3. Mode 4, none, uses\n"
        "pre-cluster-threshold and topk only. Nothing is said about the others.",
    ),
    "C0207": CodeDoc("topk=0", "0 does not mean without a limit: no object is kept. Without the key all are."),
    "C0208": CodeDoc(
        "as many offsets as channels",
        "nvinfer refuses to start when the number of offsets differs from the channels of the network.",
    ),
    "C0209": CodeDoc(
        "infer-dims that do not fit",
        "infer-dims is channels;height;width, also for NHWC. RGB and BGR need 3 channels, GRAY needs 1.",
    ),
    "C0210": CodeDoc(
        "a net-scale-factor that is not positive",
        "It is taken as 1, and offsets are then not subtracted. Nothing is said about it.",
    ),
    "C0211": CodeDoc("a mean file and offsets", "Where both are given, only the mean file is used."),
    "C0212": CodeDoc(
        "symmetric padding without an aspect ratio",
        "symmetric-padding says where the padding of maintain-aspect-ratio=1 goes. Alone it does nothing.",
    ),
    "C0213": CodeDoc(
        "INT8 without calibration",
        "Without a readable int8-calib-file nvinfer builds an FP16 engine, and names it fp16.",
    ),
    "C0214": CodeDoc(
        "nothing to build an engine from",
        "An engine that is missing, or does not fit the TensorRT version, the GPU, batch-size or infer-dims, is built\n"
        "again from onnx-file. Without one the element does not start.",
    ),
    "C0215": CodeDoc(
        "no parser for the boxes",
        "Without parse-bbox-func-name nvinfer's own parser runs. It reads the outputs of one network of NVIDIA's; on\n"
        "others it fails, and the failure ends in a crash. The function is looked up in custom-lib-path.",
    ),
    "C0216": CodeDoc(
        "NHWC without infer-dims",
        "Without infer-dims the sizes are taken from the engine as if its order were NCHW.",
    ),
    "C0217": CodeDoc(
        "instance segmentation without what it needs",
        "network-type 3 needs parse-bbox-instance-mask-func-name, and output-instance-mask=1 needs cluster-mode=4.",
    ),
    "C0218": CodeDoc(
        "a key of another mode",
        "Keys that only matter in process-mode 2, to detectors, or on a DLA are ignored elsewhere without a message.",
    ),
    "C0219": CodeDoc(
        "an engine that does not look like the settings",
        "An engine whose largest batch is below batch-size is built again, for minutes, at every start: the new one\n"
        "is written beside the ONNX file, where nothing looks for it. network-mode is not compared with the engine at\n"
        "all. Judged by the name of the file, which usually has its batch and precision.",
    ),
    "C0220": CodeDoc(
        "a class id that is not there",
        "filter-out-class-ids and operate-on-class-ids hold class indices, counted from 0.",
    ),
    "C0221": CodeDoc(
        "formats that nvinfer does not know",
        "output-io-formats has items name:type:format, layer-device-precision has layer:precision:device.",
    ),
    "C0222": CodeDoc(
        "a precision for a strongly typed network",
        "A strongly typed network computes in the types of its graph. With an FP16 mode the first build fails and is\n"
        "tried again without the flag.",
    ),
    "C0230": CodeDoc(
        "labels that nvinfer would misread",
        "labelfile-path has one label per line. nvinfer skips empty lines, so that all later labels move up; cuts a\n"
        "label at its first `;`; keeps a carriage return and blanks; and never compares their number with\n"
        "num-detected-classes.",
    ),
    "C0231": CodeDoc(
        "a file that is not there",
        "With --files, what a configuration names is looked for as nvinfer would. Relative paths start at the folder\n"
        "of the configuration itself, not of a link to it. An engine may be missing: it is built.",
    ),
    "C0301": CodeDoc(
        "a name that deepstream-app does not parse",
        "The name of the file must end in .txt, .yml or .yaml. Any other file is not parsed at all, without a message.",
    ),
    "C0302": CodeDoc(
        "a measurement without an interval",
        "perf-measurement-interval-sec has the default 0, by which the program divides.",
    ),
    "C0303": CodeDoc(
        "a percent sign in the uri of a MultiURI source",
        "With type=3 the uri is a format of printf, which is given the index of the source. `%20` of an encoded name\n"
        "is a directive there. Write `%%` for a percent sign.",
    ),
    "C0304": CodeDoc(
        "a group of a source or sink without a number",
        "The names are [source0], [source1], …, digits only; deepstream-app refuses others.",
    ),
    "C0305": CodeDoc("no source", "Sources are off unless they have enable=1."),
    "C0306": CodeDoc(
        "a source or sink that cannot be opened",
        "The type must be a known number, and URI sources need a uri with a scheme, such as file:// or rtsp://.",
    ),
    "C0307": CodeDoc(
        "inference without a configuration",
        "An enabled [primary-gie] needs config-file, the path of the nvinfer configuration.",
    ),
    "C0308": CodeDoc(
        "a group without enable",
        "Sources, sinks, [primary-gie], [osd] and [tiled-display] are off where enable is missing.",
    ),
    "C0309": CodeDoc("half a size", "[streammux] ignores width without height, and height without width."),
    "C0310": CodeDoc(
        "KITTI output without inference",
        "The files are written behind [primary-gie], so it must be enabled. The folder must exist; files that cannot\n"
        "be opened are skipped without a message.",
    ),
    "C0311": CodeDoc(
        "an encoded file name",
        "deepstream-app takes the text behind file:// as a path and decodes nothing.",
    ),
    "C0312": CodeDoc("too many sources", "deepstream-app takes 1024 sources."),
    "C0313": CodeDoc(
        "input-tensor-from-meta that is switched off",
        "deepstream-app sets the element's property input-tensor-meta to the value of the key of that name in\n"
        "[primary-gie], 0 where it is missing, after it has read the nvinfer configuration.",
    ),
    "C0314": CodeDoc(
        "a source list that does not add up",
        "[source-list] needs [source-attr-all], and its lists need as many items as num-source-bins says.",
    ),
    "C0315": CodeDoc("num-sources of a single source", "Only sources of type 3 are opened num-sources times."),
}

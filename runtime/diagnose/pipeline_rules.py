"""What deepstream-app, GStreamer and shell scripts around them say."""

from __future__ import annotations

from dsimport.compiler.diagnostics import Severity
from dsimport.runtime.diagnose.rule import Rule, rule

__all__ = ["PIPELINE_RULES"]

_RUN: tuple[Rule, ...] = (
    rule(
        "T0740",
        r"^\*\*PERF:\s+(?:0\.00 \(\d+\.\d+\)\s*)+$",
        "no frame was counted: every rate in the log is 0",
        "look at what the log says before the first PERF row; let the run last longer than the engine takes to load",
        cause="a run that shows only zeros measured nothing, even if it ended with exit code 0",
        without=r"^\*\*PERF:.*?(?<![\d.])(?!0\.00 )\d+\.\d+ \(",
    ),
    rule(
        "T0741",
        r"Pipeline running",
        "the log has no PERF row",
        "set enable-perf-measurement=1 and perf-measurement-interval-sec, and let the run last several intervals",
        cause="the engine was still loading or being built when the run ended, or measuring was off",
        also=r"timed? ?out|exit code 124|User Interrupted|Quitting",
        without=r"\*\*PERF:\s+\d|kitti|KITTI|Received EOS",
        severity=Severity.WARNING,
    ),
    rule(
        "T0742",
        r"[Ss]egmentation fault|Caught SIGSEGV|exit(?:ed with)?(?: code| status)? (?:139|-11)\b",
        "the pipeline crashed",
        "use a parser that always returns true (those of dsimport do), and set num-detected-classes",
        cause="nvinfer does not survive a parser that returns false, nor num-detected-classes=0",
    ),
    rule(
        "T0758",
        r"[Ff]loating point exception|exit(?:ed with)?(?: code| status)? (?:136|-8)\b",
        "the pipeline divided by zero",
        "set perf-measurement-interval-sec in [application]: its default is 0",
    ),
    rule(
        "T0756",
        r"^\s*$",
        "the log is full of empty lines, because standard input was at its end",
        "give deepstream-app a standard input that stays open, or ignore the lines: dsimport does",
        cause="deepstream-app looks for keys every 40 ms and prints a line break when it finds the end of the file",
        severity=Severity.NOTE,
        also=r"\*\*PERF|\*\* INFO|deepstream-app",
        at_least=200,
    ),
    rule(
        "T0759",
        r"Failed to parse config file '(?P<file>[^']*)'",
        "deepstream-app cannot read {file}",
        "`dsimport lint-config FILE` shows every mistake; the name must end in .txt, .yml or .yaml",
    ),
    rule(
        "T0759",
        r"Specify config file with -c option",
        "deepstream-app was given no configuration",
        "add -c FILE; a name that does not end in .txt, .yml or .yaml is not read at all",
    ),
)

_GSTREAMER: tuple[Rule, ...] = (
    rule(
        "T0747",
        r'no (?:such )?element(?: factory)? "(?P<element>x264enc|openh264enc)"',
        "the pipeline asks for {element}, which must not be used here",
        "encode with nvv4l2h264enc, else with theoraenc and oggmux, else not at all",
    ),
    rule(
        "T0747",
        r'no (?:such )?element(?: factory)? "(?P<element>[\w-]+)"',
        "GStreamer has no element {element}",
        "`dsimport doctor` says which plugin it belongs to and how to get it",
    ),
    rule(
        "T0747",
        r"\*\* ERROR: <\w+:\d+>: (?:Failed to create|Could not create) '(?P<element>[^']+)'",
        "deepstream-app could not create {element}",
        "`dsimport doctor` says which GStreamer plugins are missing",
        "a broken cache of plugins is made anew after: rm -r ~/.cache/gstreamer-1.0",
    ),
    rule(
        "T0749",
        r"(?P<library>lib[\w.+-]+\.so[.\d]*): cannot open shared object file",
        "the library {library} was not found",
        "install its package, or add its folder to LD_LIBRARY_PATH; `dsimport doctor` compares versions",
        cause="DeepStream loads the TensorRT and CUDA it was built for, by number",
    ),
    rule(
        "T0804",
        r"undefined symbol: (?P<symbol>\w+)",
        "a library misses the symbol {symbol}",
        "build the parser again with this DeepStream's headers (`make clean all` in models/NAME/parser)",
        cause="it was built against another version of what it uses",
    ),
    rule(
        "T0750",
        r"v4l2-nvenc.*failed during initialization|Could not open device.*(?:v4l2-nvenc|nvenc)"
        r"|nvv4l2h264enc.*not-negotiated|Could not create HW encoder|OpenEncodeSessionEx? failed",
        "this GPU has no usable NVENC encoder",
        "nothing to do: the visual check goes on with theoraenc and oggmux",
        cause="data-centre GPUs such as A100 and H100, and Orin Nano, decode but do not encode",
        severity=Severity.WARNING,
    ),
    rule(
        "T0751",
        r'No such file "(?P<file>[^"]*)"|Could not open resource for reading',
        "the video cannot be opened: {file}",
        "correct the path; a `%` in a uri is decoded by GStreamer, and is a printf format with source type 3",
    ),
    rule(
        "T0755",
        r"Your GStreamer installation is missing a plug-in|No decoder available for type '(?P<type>[^']*)'",
        "GStreamer has no decoder for the video: {type}",
        "use H.264, H.265, MJPEG or AV1 (GPUs from Ampere on), or install the plugin that decodes it",
    ),
    rule(
        "T0754",
        r"streaming stopped, reason (?P<reason>[\w-]+ ?\(-\d+\)|[\w-]+)",
        "data stopped flowing: {reason}",
        "read the first ERROR or WARN of the log: an element further down refused what it was given",
    ),
    rule(
        "T0753",
        r"leaky=(?:downstream|upstream|1|2)",
        "a leaky queue may drop compressed frames",
        "let queues leak only behind the decoder: a dropped compressed frame damages all that follow until a key frame",
        also=r"qtdemux|matroskademux|demux",
        severity=Severity.WARNING,
    ),
)

_SHELL: tuple[Rule, ...] = (
    rule(
        "T0743",
        r": \$?(?P<name>\w+): (?:unbound variable|parameter not set)",
        "a script stopped at the unset variable {name}",
        "use the scripts that dsimport writes, which take no positional figures; else pass every argument",
        cause="with `set -u` a missing argument ends the script before its own checks",
    ),
    rule(
        "T0744",
        r"(?:^|: )(?P<program>[\w.+-]+): (?:command )?not found$",
        "the program {program} is not installed, or not on PATH",
        "`dsimport doctor` says where each program comes from",
    ),
    rule(
        "T0745",
        r"[Pp]ipeline failed with exit code 0\b",
        "the pipeline wrote nothing, although its exit code was 0",
        "take an empty output for a failure, as the scripts of dsimport do; read the log above for the reason",
    ),
    rule(
        "T0746",
        r"(?:exit(?:ed with)?(?: code| status)?|status) 141\b|SIGPIPE|[Bb]roken pipe",
        "a program was ended because the reader of its output had gone",
        "write the output to a file instead of piping it into head or grep",
        cause="`… | head` closes the pipe, and the next write ends the program with 141",
    ),
    rule(
        "T0809",
        r"realpath: (?P<file>\S*inspect-onnx\.py): No such file",
        "ds-sweep.sh looks for its helper one folder too high",
        "use `dsimport sweep RECIPE`",
    ),
)

PIPELINE_RULES = (*_RUN, *_GSTREAMER, *_SHELL)

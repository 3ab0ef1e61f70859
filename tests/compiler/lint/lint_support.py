"""Configurations without a mistake, and how to put one in."""

from __future__ import annotations

from dsimport.compiler.diagnostics import Diagnostic, Report
from dsimport.compiler.lint import ConfigText, lint_app, lint_nvinfer

NVINFER = """\
# A detector with a parser of its own.
[property]
gie-unique-id=1
process-mode=1
network-type=0
network-mode=2
onnx-file=model.onnx
model-engine-file=model_b8_gpu0_fp16.engine
labelfile-path=labels.txt
batch-size=8
infer-dims=3;544;960
model-color-format=0
net-scale-factor=0.0039215697
offsets=123.675;116.28;103.53
maintain-aspect-ratio=1
symmetric-padding=1
num-detected-classes=3
cluster-mode=2
custom-lib-path=libparser.so
parse-bbox-func-name=Parse

[class-attrs-all]
pre-cluster-threshold=0.25
nms-iou-threshold=0.45
topk=100

[class-attrs-2]
pre-cluster-threshold=0.5
"""

APP = """\
[application]
enable-perf-measurement=1
perf-measurement-interval-sec=5
gie-kitti-output-dir=out

[tiled-display]
enable=0

[source0]
enable=1
type=3
uri=file:///videos/v_%d.mp4
num-sources=4

[sink0]
enable=1
type=1
sync=0

[streammux]
batch-size=4
width=1280
height=720

[primary-gie]
enable=1
config-file=config_infer.txt
bbox-border-color0=1;0;0;1

[tests]
file-loop=0
"""


def nvinfer(text: str) -> list[Diagnostic]:
    """What the linter finds in an nvinfer configuration."""
    report = Report()
    lint_nvinfer(ConfigText("config.txt", text), report)
    return list(report)


def app(text: str, name: str = "app.txt") -> list[Diagnostic]:
    """What the linter finds in a deepstream-app configuration."""
    report = Report()
    lint_app(ConfigText(name, text), report)
    return list(report)


def changed(text: str, old: str, new: str) -> str:
    """The text with its only `old` replaced; an empty `old` puts `new` behind the last line."""
    if not old:
        return text + new
    assert text.count(old) == 1, old
    return text.replace(old, new)


def marked(text: str, found: Diagnostic) -> str:
    """The characters under the caret."""
    assert found.span is not None
    line = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")[found.span.line - 1]
    return line[found.span.column - 1 : found.span.column - 1 + found.span.length]

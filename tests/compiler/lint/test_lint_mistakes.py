"""One mistake of every kind put into a good configuration: it is found, at its place, and nothing else is said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lint_support import APP, NVINFER, app, changed, marked, nvinfer

from dsimport.compiler.codes_config import CONFIG_CODES
from dsimport.compiler.diagnostics import Severity

E, W = Severity.ERROR, Severity.WARNING
SCALE, COLOR = "net-scale-factor=0.0039215697", "border-color=1;0;0;1"
Mistake = tuple[str, str, str, Severity, str]

# Text of NVINFER, what stands there instead, the finding, how bad it is, what the caret marks.
NVINFER_MISTAKES: list[Mistake] = [
    # 1.2: syntax
    ("# A detector with", "\ufeff# A detector with", "C0103", E, "#"),
    ("process-mode=1", "process-mode 1", "C0104", E, "process-mode 1"),
    ("process-mode=1", "// process mode", "C0104", E, "// process mode"),
    ("[property]", "batch-size=8\n[property]", "C0104", E, "batch-size=8"),
    ("[class-attrs-2]", "[class-attrs-2", "C0104", E, "[class-attrs-2"),
    ("cluster-mode=2", "cluster-mode=4\ncluster-mode=2", "C0105", W, "cluster-mode"),
    ("", "[property]\ninterval=1\n", "C0106", W, "property"),
    ("[class-attrs-2]", "[class-attr-2]", "C0107", W, "class-attr-2"),
    ("cluster-mode=2", "cluster-mode=2\ncluster_mode=2", "C0108", W, "cluster_mode"),
    ("cluster-mode=2", "cluster-mode=2\nInterval=2", "C0108", W, "Interval"),
    ("topk=100", "topk=100\nnms-iou=0.3", "C0108", W, "nms-iou"),
    ("cluster-mode=2", "cluster-mode=2\ntopk=100", "C0108", W, "topk"),
    ("cluster-mode=2", "cluster-mode=2\nmodel-type=0", "C0108", W, "model-type"),
    ("cluster-mode=2", "cluster-mode=2\n;interval=2", "C0109", W, ";interval"),
    ("batch-size=8", "batch-size=8.0", "C0110", E, "8.0"),
    ("batch-size=8", "batch-size=0x8", "C0110", E, "0x8"),
    ("batch-size=8", "batch-size=", "C0110", E, "8"[1:]),
    ("batch-size=8", "batch-size=8#", "C0110", E, "8#"),
    (SCALE, "net-scale-factor=0.5 ", "C0110", E, "0.5 "),
    (SCALE, "net-scale-factor=0.5 # half", "C0110", E, "0.5 # half"),
    (SCALE, "net-scale-factor=1/255", "C0110", E, "1/255"),
    (SCALE, "net-scale-factor=0,5", "C0110", E, "0,5"),
    ("maintain-aspect-ratio=1", "maintain-aspect-ratio=yes", "C0110", E, "yes"),
    ("maintain-aspect-ratio=1", "maintain-aspect-ratio=2", "C0110", E, "2"),
    ("maintain-aspect-ratio=1", "maintain-aspect-ratio=1 # keep", "C0110", E, "1 # keep"),
    ("infer-dims=3;544;960", "infer-dims=3,544,960", "C0110", E, "3,544,960"),
    ("offsets=123.675;116.28;103.53", "offsets=1.5;2.5 ;3.5", "C0110", E, "1.5;2.5 ;3.5"),
    ("onnx-file=model.onnx", r"onnx-file=a\b.onnx", "C0110", E, r"a\b.onnx"),
    ("onnx-file=model.onnx", "onnx-file=\udcff.onnx", "C0110", E, "\udcff.onnx"),
    ("onnx-file=model.onnx", "onnx-file=model.onnx # mine", "C0113", W, "model.onnx # mine"),
    ("onnx-file=model.onnx", "onnx-file=model.onnx ", "C0113", W, "model.onnx "),
    ("cluster-mode=2", "cluster-mode=2\noutput-blob-names=a; b", "C0113", W, "a; b"),
    ("onnx-file=model.onnx", 'onnx-file="model.onnx"', "C0114", W, '"model.onnx"'),
    # 1.3: paths
    ("onnx-file=model.onnx", "onnx-file=~/model.onnx", "C0115", W, "~/model.onnx"),
    ("onnx-file=model.onnx", "onnx-file=$HOME/model.onnx", "C0115", W, "$HOME/model.onnx"),
    ("labelfile-path=labels.txt", "labelfile-path=", "C0115", W, ""),
    ("onnx-file=model.onnx", f"onnx-file={'m' * 4096}", "C0117", E, "m" * 4096),
    ("parse-bbox-func-name=Parse", f"parse-bbox-func-name={'P' * 1024}", "C0117", E, "P" * 1024),
    # 1.4: keys and their ranges
    ("gie-unique-id=1", "gie-unique-id=0", "C0111", E, "0"),
    ("gie-unique-id=1\n", "", "C0202", W, "property"),
    ("process-mode=1", "process-mode=3", "C0111", E, "3"),
    ("batch-size=8", "batch-size=0", "C0111", E, "0"),
    ("batch-size=8", "batch-size=1025", "C0111", E, "1025"),
    ("network-mode=2", "network-mode=4", "C0111", E, "4"),
    ("network-type=0", "network-type=4", "C0111", E, "4"),
    ("cluster-mode=2", "cluster-mode=5", "C0111", E, "5"),
    ("model-color-format=0", "model-color-format=3", "C0111", E, "3"),
    ("cluster-mode=2", "cluster-mode=2\ninterval=-1", "C0111", E, "-1"),
    ("cluster-mode=2", "cluster-mode=2\nscaling-filter=7", "C0111", E, "7"),
    ("infer-dims=3;544;960", "infer-dims=3;544", "C0112", E, "3;544"),
    ("offsets=123.675;116.28;103.53", "offsets=1;2;3;4;5", "C0112", E, "1;2;3;4;5"),
    ("num-detected-classes=3\n", "", "C0204", E, "property"),
    ("num-detected-classes=3", "num-detected-classes=0", "C0204", E, "0"),
    ("num-detected-classes=3", "num-detected-classes=-1", "C0204", E, "-1"),
    (SCALE, "net-scale-factor=0", "C0210", W, "0"),
    (SCALE, "net-scale-factor=-0.5", "C0210", W, "-0.5"),
    ("offsets=123.675;116.28;103.53", "offsets=1;2", "C0208", E, "1;2"),
    ("offsets=123", "mean-file=mean.ppm\noffsets=123", "C0211", W, "offsets"),
    ("maintain-aspect-ratio=1\n", "", "C0212", W, "symmetric-padding"),
    ("cluster-mode=2", "cluster-mode=2\nworkspace-size=4096", "C0119", W, "workspace-size"),
    ("cluster-mode=2", "cluster-mode=2\ndynamic-properties=a=b", "C0119", W, "dynamic-properties"),
    ("cluster-mode=2", "cluster-mode=2\nforce-implicit-batch-dim=1", "C0119", W, "force-implicit-batch-dim"),
    ("cluster-mode=2", "cluster-mode=2\ndisable-output-host-copy=1", "C0119", W, "disable-output-host-copy"),
    ("cluster-mode=2", "cluster-mode=2\nstabilize-buffer-count=5", "C0119", W, "stabilize-buffer-count"),
    ("cluster-mode=2", "cluster-mode=2\ndump-output-tensor=1", "C0119", W, "dump-output-tensor"),
    ("cluster-mode=2", "cluster-mode=2\nuff-file=m.uff", "C0119", W, "uff-file"),
    ("cluster-mode=2", "cluster-mode=2\ninput-dims=3;544;960;0", "C0118", W, "input-dims"),
    ("cluster-mode=2", "cluster-mode=2\nenable-dbscan=0", "C0118", W, "enable-dbscan"),
    ("topk=100", "topk=100\nthreshold=0.3", "C0118", W, "threshold"),
    ("cluster-mode=2", "cluster-mode=2\noutput-io-formats=out:fp64:chw", "C0221", E, "out:fp64:chw"),
    ("cluster-mode=2", "cluster-mode=2\nlayer-device-precision=conv:gpu:fp16", "C0221", E, "conv:gpu:fp16"),
    ("cluster-mode=2", "cluster-mode=2\noperate-on-gie-id=2", "C0218", W, "operate-on-gie-id"),
    ("cluster-mode=2", "cluster-mode=2\nuse-dla-core=1", "C0218", W, "use-dla-core"),
    ("cluster-mode=2", "cluster-mode=2\nfilter-out-class-ids=3", "C0220", E, "3"),
    ("process-mode=1", "process-mode=2\noperate-on-class-ids=-1", "C0220", E, "-1"),
    ("cluster-mode=2", "cluster-mode=2\nstrongly-typed=1", "C0222", W, "2"),
    # 1.5: classes
    ("topk=100", "topk=-1", "C0111", E, "-1"),
    ("topk=100", "topk=0", "C0207", W, "0"),
    ("nms-iou-threshold=0.45", "nms-iou-threshold=1.5", "C0111", E, "1.5"),
    ("pre-cluster-threshold=0.25", "pre-cluster-threshold=-0.1", "C0111", E, "-0.1"),
    ("pre-cluster-threshold=0.25", "pre-cluster-threshold=nan", "C0111", E, "nan"),
    ("topk=100", "topk=100\nroi-top-offset=-1", "C0111", E, "-1"),
    ("topk=100", "topk=100\nborder-color=1;0;0", "C0112", E, "1;0;0"),
    ("[class-attrs-2]", "[class-attrs-3]", "C0205", E, "class-attrs-3"),
    ("[class-attrs-2]", "[class-attrs-person]", "C0205", E, "class-attrs-person"),
    ("[class-attrs-2]", "[class-attrs-2b]", "C0205", W, "class-attrs-2b"),
    # 1.7: between keys; 3.4: clustering
    ("[property]", "[Property]", "C0201", E, "#"),
    ("cluster-mode=2\n", "", "C0203", W, "property"),
    ("cluster-mode=2", "cluster-mode=0", "C0203", W, "0"),
    ("cluster-mode=2", "cluster-mode=4", "C0206", W, "nms-iou-threshold"),
    ("topk=100", "topk=100\neps=0.2", "C0206", W, "eps"),
    ("infer-dims=3;544;960", "infer-dims=1;544;960", "C0209", E, "1;544;960"),
    ("infer-dims=3;544;960", "infer-dims=544;960;3", "C0209", E, "544;960;3"),
    ("infer-dims=3;544;960", "infer-dims=3;0;960", "C0209", E, "3;0;960"),
    ("infer-dims=3;544;960", "network-input-order=1", "C0216", E, "1"),
    ("onnx-file=model.onnx\n", "", "C0214", W, "model-engine-file"),
    ("onnx-file=model.onnx\nmodel-engine-file=model_b8_gpu0_fp16.engine\n", "", "C0214", E, "property"),
    ("_b8_", "_b4_", "C0219", W, "8"),
    ("_fp16.", "_fp32.", "C0219", W, "2"),
    ("parse-bbox-func-name=Parse\n", "", "C0215", W, "custom-lib-path"),
    ("custom-lib-path=libparser.so\n", "", "C0215", W, "parse-bbox-func-name"),
    ("cluster-mode=2", "cluster-mode=2\noutput-instance-mask=1", "C0217", E, "output-instance-mask"),
    ("network-type=0", "network-type=3", "C0217", E, "3"),
]

# Text of APP, what stands there instead, and the same.
APP_MISTAKES: list[Mistake] = [
    ("perf-measurement-interval-sec=5\n", "", "C0302", E, "enable-perf-measurement"),
    ("interval-sec=5", "interval-sec=0", "C0302", E, "enable-perf-measurement"),
    ("v_%d.mp4", "v%20x_%d.mp4", "C0303", E, "file:///videos/v%20x_%d.mp4"),
    ("v_%d.mp4", "v_%d_%d.mp4", "C0303", E, "file:///videos/v_%d_%d.mp4"),
    ("v_%d.mp4", "v_%s.mp4", "C0303", E, "file:///videos/v_%s.mp4"),
    ("[source0]", "[source-one]", "C0107", W, "source-one"),
    ("[source0]", "[sourceA]", "C0304", E, "sourceA"),
    ("[sink0]", "[sink]", "C0304", E, "sink"),
    ("enable=1\ntype=3", "enable=0\ntype=3", "C0305", E, "["),
    ("type=3", "type=12", "C0306", E, "12"),
    ("type=1", "type=9", "C0306", E, "9"),
    ("uri=file:///videos/v_%d.mp4\n", "", "C0306", E, "source0"),
    ("uri=file:///videos", "uri=/videos", "C0306", E, "/videos/v_%d.mp4"),
    ("config-file=config_infer.txt\n", "", "C0307", E, "primary-gie"),
    ("enable=1\ntype=1", "type=1", "C0308", W, "sink0"),
    ("height=720\n", "", "C0309", W, "width"),
    ("[primary-gie]\nenable=1", "[primary-gie]\nenable=0", "C0310", W, "gie-kitti-output-dir"),
    (
        "type=3\nuri=file:///videos/v_%d.mp4\nnum-sources=4",
        "type=2\nuri=file:///a%20b.mp4",
        "C0311",
        W,
        "file:///a%20b.mp4",
    ),
    ("num-sources=4", "num-sources=1025", "C0312", E, "source0"),
    ("type=3", "type=2", "C0315", W, "num-sources"),
    ("", "[source-list]\nnum-source-bins=1\nlist=file:///a.mp4\n", "C0314", E, "source-list"),
    (
        "",
        "[source-attr-all]\nenable=1\n[source-list]\nnum-source-bins=2\nlist=file:///a.mp4\n",
        "C0314",
        E,
        "file:///a.mp4",
    ),
    ("[streammux]", "[streammuxer]", "C0107", W, "streammuxer"),
    ("sync=0", "sink=0", "C0108", W, "sink"),
    ("sync=0", "sync=false", "C0110", E, "false"),
    ("batch-size=4", "batch-size=4;", "C0110", E, "4;"),
    ("bbox-border-color0=1;0;0;1", "bbox-border-color0=red", "C0110", E, "red"),
]


def ids(mistakes: list[Mistake]) -> list[str]:
    return [
        re.sub(r"\s+", " ", f"{code} {old[:24]} {new[:24]}").encode("ascii", "replace").decode()
        for old, new, code, *_ in mistakes
    ]


@pytest.mark.parametrize(("old", "new", "code", "severity", "mark"), NVINFER_MISTAKES, ids=ids(NVINFER_MISTAKES))
def test_a_mistake_in_an_nvinfer_configuration(old: str, new: str, code: str, severity: Severity, mark: str) -> None:
    text = changed(NVINFER, old, new)
    found = nvinfer(text)
    assert [item.code for item in found if item.code not in FOLLOW.get((old, new), ())] == [code], found
    [finding] = [item for item in found if item.code == code]
    assert (finding.severity, marked(text, finding)) == (severity, mark)
    assert finding.help


@pytest.mark.parametrize(("old", "new", "code", "severity", "mark"), APP_MISTAKES, ids=ids(APP_MISTAKES))
def test_a_mistake_in_a_deepstream_app_configuration(
    old: str, new: str, code: str, severity: Severity, mark: str
) -> None:
    text = changed(APP, old, new)
    found = app(text)
    assert [item.code for item in found if item.code not in FOLLOW.get((old, new), ())] == [code], found
    [finding] = [item for item in found if item.code == code]
    assert (finding.severity, marked(text, finding)) == (severity, mark)
    assert finding.help


# Findings that a mistake brings about beside its own.
FOLLOW: dict[tuple[str, str], tuple[str, ...]] = {
    ("[property]", "[Property]"): ("C0107",),
    ("[source0]", "[source-one]"): ("C0305", "C0308"),
    ("[class-attrs-2]", "[class-attrs-2"): ("C0105",),  # its keys are now those of the group before
}


def test_the_file_that_deepstream_app_does_not_parse_is_known_by_its_name() -> None:
    assert [item.code for item in app(APP, "app.cfg")] == ["C0301"]


def test_int8_without_calibration() -> None:
    text = changed(changed(NVINFER, "network-mode=2", "network-mode=1"), "_fp16.", "_int8.")
    assert [item.code for item in nvinfer(text)] == ["C0213"]
    assert nvinfer(changed(text, "batch-size=8", "batch-size=8\nint8-calib-file=cal.table")) == []


def test_class_groups_of_a_classifier_are_not_read() -> None:
    text = changed(NVINFER, "network-type=0", "network-type=1")
    assert [item.code for item in nvinfer(text)] == ["C0218", "C0218"]


def test_two_classes_of_mistakes_in_one_file_are_both_told() -> None:
    text = changed(changed(NVINFER, "batch-size=8", "batch-size=8.0"), "topk=100", "topk=-1\njunk")
    assert [item.code for item in nvinfer(text)] == ["C0104", "C0110", "C0111"]


def test_every_code_is_seeded() -> None:
    tests = "".join(path.read_text("utf-8") for path in Path(__file__).resolve().parents[2].rglob("test_lint_*.py"))
    assert {code for code in CONFIG_CODES if f'"{code}"' not in tests} == set()

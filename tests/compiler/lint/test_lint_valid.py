"""No false alarm: on what dsimport emits, on any configuration built from the key tables; and on any file at all the
linter and the reference's reader agree about what nvinfer parses."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lint_support import APP, NVINFER, app, nvinfer

from dsimport.compiler.deepstream_keys import GROUPS
from dsimport.compiler.diagnostics import Report, Severity
from dsimport.compiler.lint import ConfigText, kind_of
from dsimport.compiler.nvinfer_keys import CLASS_ATTRS, PROPERTY, Key, Kind
from dsimport.runtime.lintfiles import lint_file
from dsimport.runtime.reference.console import BusError, Console
from dsimport.runtime.reference.nvinfer_config import read_nvinfer_config

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
CONFIGS = sorted(
    path
    for path in GOLDEN.rglob("*.txt")
    if path.name.startswith(("config_infer_primary", "deepstream_app")) and "diagnostics" not in path.parts
)


def test_a_good_configuration() -> None:
    assert nvinfer(NVINFER) == []
    assert nvinfer(NVINFER.replace("\n", "\r\n")) == []
    assert app(APP) == []


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.relative_to(GOLDEN).as_posix())
def test_emitted_configurations_have_no_findings(path: Path, tmp_path: Path) -> None:
    # What is only known after apply is a number there.
    file = tmp_path / path.name
    file.write_text(re.sub(r"‹[^›]*›", "8", path.read_text("utf-8")), "utf-8")
    report = Report()
    lint_file(str(file), report)
    assert list(report) == []
    assert kind_of(ConfigText("x", file.read_text("utf-8"))) is not None


# Keys whose values hang together with others, or which are no plain setting; they are covered one by one elsewhere.
_LINKED = {"output-io-formats", "layer-device-precision", "num-detected-classes", "network-type", "network-input-order"}
_LINKED |= {"filter-out-class-ids", "operate-on-class-ids", "cluster-mode", "model-color-format", "infer-dims"}
_LINKED |= {"offsets", "mean-file", "network-mode", "strongly-typed", "symmetric-padding", "maintain-aspect-ratio"}
_LINKED |= {"use-dla-core", "enable-dla", "output-instance-mask", "model-engine-file", "net-scale-factor"}
_LINKED |= {"process-mode", "batch-size"}
FREE = [key for key in PROPERTY.values() if not (key.name in _LINKED or key.secondary or key.trap or key.deprecated)]
NAMES = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=12)


def value_of(key: Key) -> st.SearchStrategy[str]:
    """Values that the key takes, as text."""
    low, high = key.low or 0, 1e6 if key.high is None else key.high
    if key.choices is not None:
        return st.sampled_from(key.choices).map(str)
    if key.kind is Kind.INT:
        blanks = st.sampled_from(["", " ", "  # said by hand"])
        return st.tuples(st.integers(math.ceil(low), int(high)), blanks).map(lambda pair: f"{pair[0]}{pair[1]}")
    if key.kind is Kind.BOOL:
        return st.sampled_from(["0", "1", "true", "false", "1  "])
    number = st.floats(low, high, width=32).map(repr)
    if key.kind is Kind.DOUBLE:
        return number
    count = key.count or (0, 3)
    item = {Kind.INTS: st.integers(0, 99).map(str), Kind.DOUBLES: number}.get(key.kind, NAMES)
    if key.kind in (Kind.STRING, Kind.PATH):
        return NAMES
    return st.lists(item, min_size=count[0], max_size=count[1]).map(";".join)


def lines_of(keys: list[Key]) -> st.SearchStrategy[list[str]]:
    """Lines of some of the keys, each once, in any order."""
    line = {key.name: value_of(key).map(lambda text, name=key.name: f"{name}={text}") for key in keys}
    chosen = st.lists(st.sampled_from(sorted(line)), unique=True, max_size=12)
    return chosen.flatmap(lambda names: st.tuples(*(line[name] for name in names))).map(list)


@st.composite
def valid_nvinfer(draw: st.DrawFn) -> str:
    """A configuration of a detector, every value in its range and everything between the values as it must be."""
    gray = draw(st.booleans())
    classes, mode = draw(st.integers(1, 50)), draw(st.sampled_from([1, 2, 3, 4]))
    batch, precision = draw(st.integers(1, 1024)), draw(st.sampled_from([0, 2]))
    must = {
        "gie-unique-id": "1",
        "onnx-file": "model.onnx",
        "model-engine-file": f"m_b{batch}_gpu0_{'fp16' if precision else 'fp32'}.engine",
        "custom-lib-path": "lib.so",
        "parse-bbox-func-name": "Parse",
        "num-detected-classes": str(classes),
        "cluster-mode": str(mode),
        "network-mode": str(precision),
        "batch-size": str(batch),
        "model-color-format": "2" if gray else str(draw(st.integers(0, 1))),
        "infer-dims": f"{1 if gray else 3};{draw(st.integers(1, 4096))};{draw(st.integers(1, 4096))}",
        "network-input-order": str(draw(st.integers(0, 1))),
    }
    if draw(st.booleans()):
        must["offsets"] = "127.5" if gray else "123.675;116.28;103.53"
        must["net-scale-factor"] = draw(st.sampled_from(["1", "0.017", "1e-2"]))
    if draw(st.booleans()):
        must |= {"maintain-aspect-ratio": "1", "symmetric-padding": str(draw(st.integers(0, 1)))}
    if draw(st.booleans()):
        must |= {"enable-dla": "1", "use-dla-core": str(draw(st.integers(0, 1)))}
    free = [line for line in draw(lines_of(FREE)) if line.partition("=")[0] not in must]
    lines = draw(st.permutations([*(f"{key}={value}" for key, value in must.items()), *free]))
    groups = [["[property]", *lines]]
    usable = [key for key in CLASS_ATTRS.values() if not key.deprecated and (key.modes is None or mode in key.modes)]
    indices = draw(st.lists(st.integers(0, classes - 1), unique=True, max_size=3))
    for name in draw(st.permutations(["all", *map(str, indices)])):
        settings_ = [line for line in draw(lines_of(usable)) if not line.startswith("topk=0")]
        groups.append([f"[class-attrs-{name}]", "# a comment", *settings_])
    return "\n\n".join("\n".join(group) for group in draw(st.permutations(groups))) + "\n"


@settings(max_examples=60)
@given(valid_nvinfer())
def test_valid_nvinfer_configurations_have_no_findings(text: str) -> None:
    assert nvinfer(text) == []


@settings(max_examples=40)
@given(st.data())
def test_valid_app_configurations_have_no_findings(data: st.DataObject) -> None:
    own = {"enable", "type", "uri", "num-sources", "width", "height", "config-file", "list", "num-source-bins"}
    own |= {"sensor-id-list", "sensor-name-list", "gie-kitti-output-dir", "perf-measurement-interval-sec"}
    text = APP
    for group in ("application", "source0", "sink0", "streammux", "primary-gie", "tests"):
        keys = [key for key in GROUPS[group.rstrip("0")].values() if key.name not in own and f"{key.name}=" not in APP]
        lines = data.draw(lines_of(keys)) if keys else []
        text = text.replace(f"[{group}]\n", "\n".join([f"[{group}]", *lines]) + "\n")
    assert app(text) == []


ANY = [
    "1",
    "0",
    "-1",
    "2",
    "4.0",
    "0.5",
    "0.5 ",
    "1;2;3",
    "3;640;640",
    "1,2",
    "true",
    "yes",
    "",
    "x",
    '"x"',
    "\\q",
    "nan",
]
ODD = [
    "# note",
    "junk",
    "[class-attrs-0]",
    "[class-attrs-9]",
    "[class-attrs-x]",
    "[other]",
    "[bad",
    ";a=1",
    "=1",
    "unknown=1",
]
PARSED = {"C0103", "C0104", "C0110", "C0111", "C0112", "C0201", "C0205", "C0209"}


@st.composite
def any_nvinfer(draw: st.DrawFn) -> str:
    names = [*PROPERTY, *CLASS_ATTRS, "unknown"]
    line = st.one_of(st.tuples(st.sampled_from(names), st.sampled_from(ANY)).map("=".join), st.sampled_from(ODD))
    return "\n".join(["[property]", "num-detected-classes=5", *draw(st.lists(line, max_size=4))]) + "\n"


@settings(max_examples=300)
@given(any_nvinfer())
def test_the_linter_and_the_reference_agree_about_what_parses(tmp_path_factory: Any, text: str) -> None:
    """Only where the reference says that nvinfer's parse fails; what it does not implement itself says nothing."""
    file = tmp_path_factory.mktemp("agree") / "config.txt"
    file.write_text(text, "utf-8")
    errors = {item.code for item in nvinfer(text) if item.severity is Severity.ERROR} & PARSED
    try:
        read_nvinfer_config(file, Console())
    except BusError as error:
        if str(error) == "Configuration file parsing failed":
            assert errors, text
        return
    assert errors - {"C0209"} == set(), text

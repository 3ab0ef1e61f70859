"""Random hostile text in every place of a recipe that takes text: planning never fails with anything but diagnostics,
and what comes out is read back as what was meant by independent readers of each language.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dsimport.compiler.diagnostics import Report
from dsimport.compiler.load import load_recipe
from dsimport.compiler.lower import lower
from dsimport.compiler.model import Toolchain
from dsimport.compiler.plan import Plan, fill
from dsimport.compiler.render.terminal import render_terminal
from dsimport.compiler.resolve import resolve
from dsimport.runtime.reference.keyfile import KeyFile

PATH = "recipes/m.yaml"
EXAMPLES = int(os.environ.get("DSIMPORT_EXAMPLES", "40"))  # for each place; more by hand
LABELS_FILE = "recipes/labels.txt"
VALUES = {"max_batch": 4, "run1.streams": 2, "run2.streams": 3, "run2_retry.streams": 1}


def recipe() -> dict[str, Any]:
    """A recipe with a text in every place that takes one."""
    return {
        "schema": 1,
        "name": "m",
        "source": {"file": {"path": "model.onnx"}},
        "model": {
            "family": "yolov8",
            "input": {"name": "images", "height": 96, "width": 128},
            "outputs": {"out": [6, 252]},
            "tensors": {"output": "out"},
            "classes": 2,
            "labels": ["a", "b"],
        },
        "preprocess": {"color": "rgb", "scale": "1/255", "resize": "stretch", "filter": "bilinear"},
        "parser": {"cluster": "nms", "march": "x86-64", "per_class": {"b": {"threshold": 0.5}}},
        "engine": {"precision": "fp16", "workspace": "4G", "max_batch": 4, "batch_limit": 4},
        "pipeline": {"deepstream": "9.1", "tensorrt": "10.16", "video": "clip.mp4"},
        "benchmark": {"video": "other.mp4"},
        "report": {"formats": ["md"]},
    }


def _set(*path: str | int) -> Callable[[dict[str, Any], str], None]:
    def put(target: dict[str, Any], text: str) -> None:
        node: Any = target
        for part in path[:-1]:
            node = node[part]
        node[path[-1]] = text

    return put


def _output(target: dict[str, Any], text: str) -> None:
    target["model"]["outputs"] = {text: [6, 252]}
    target["model"]["tensors"] = {"output": text}


def _label(target: dict[str, Any], text: str) -> None:
    target["model"]["labels"] = ["a", text]
    target["parser"]["per_class"] = {text: {"threshold": 0.5}}


def _key(*path: str) -> Callable[[dict[str, Any], str], None]:
    def put(target: dict[str, Any], text: str) -> None:
        node: Any = target
        for part in path:
            node = node[part]
        node[text] = 1

    return put


def _source(**kinds: Any) -> Callable[[dict[str, Any], str], None]:
    def put(target: dict[str, Any], text: str) -> None:
        [(kind, make)] = kinds.items()
        target["source"] = {kind: make(text)}

    return put


SLOTS: dict[str, Callable[[dict[str, Any], str], None]] = {
    "name": _set("name"),
    "model file": _set("source", "file", "path"),
    "sha256": lambda target, text: target["source"]["file"].update(sha256=text),
    "url": _source(url=lambda text: {"url": text}),
    "repository": _source(huggingface=lambda text: {"repo": text}),
    "revision": _source(huggingface=lambda text: {"repo": "a/b", "revision": text}),
    "token": _source(huggingface=lambda text: {"repo": "a/b", "token_env": text}),
    "ngc": _source(ngc=lambda text: {"org": text, "model": text, "version": text}),
    "family": _set("model", "family"),
    "input": _set("model", "input", "name"),
    "output": _output,
    "role": lambda target, text: target["model"].update(tensors={text: "out"}),
    "label": _label,
    "labels file": _set("model", "labels"),
    "color": _set("preprocess", "color"),
    "scale": _set("preprocess", "scale"),
    "resize": _set("preprocess", "resize"),
    "filter": _set("preprocess", "filter"),
    "cluster": _set("parser", "cluster"),
    "march": _set("parser", "march"),
    "precision": _set("engine", "precision"),
    "workspace": _set("engine", "workspace"),
    "deepstream": _set("pipeline", "deepstream"),
    "tensorrt": _set("pipeline", "tensorrt"),
    "toolchain": _set("pipeline", "toolchain"),
    "video": _set("pipeline", "video"),
    "benchmark video": _set("benchmark", "video"),
    "format": _set("report", "formats", 0),
    "extends": _set("extends"),
    "top key": _key(),
    "parser key": _key("parser"),
    "matrix key": lambda target, text: target.update(matrix={text: ["x", "y"]}),
    "matrix value": lambda target, text: target.update(matrix={"parser.march": [text, "x86-64"]}),
}

PIECES = st.sampled_from([
    "..", "/", "../", "\\", "'", '"', " ", "\t", "\n", "\r", "\r\n", "%", "%s", "%n", "%%", "$", "$(touch pwned)",
    "${HOME}", "$$", "`id`", ";", "&", "|", "<", ">", "*", "?", "??/", "[", "]", "{", "}", "{{", "}}", "{%", "#", "=",
    ":", ",", "~", "!", "-", "--", "\0", "\x1b[31m", "\x7f", "\u0085", "\u2028", "\u202e", "\ufeff", "é", "日本", "😀",
    "a", "b", "x86-64", "1", "0", "model", "out", "images", ".onnx", "labels.txt", "*/", "//", "\\n", "\\",
])  # fmt: skip
HOSTILE = st.one_of(st.lists(PIECES, max_size=6).map("".join), st.text(max_size=20), PIECES.map(lambda t: f"o{t}o"))


def yaml_of(document: dict[str, Any]) -> bytes:
    """The document as YAML: JSON whose texts have their characters as they are, but for those YAML cannot hold."""
    text = json.dumps(document, ensure_ascii=False)
    return re.sub(r"[\x7f-\x9f\u2028\u2029\ufeff]", lambda match: f"\\u{ord(match.group()):04x}", text).encode(
        "utf-8", "surrogatepass"
    )


def read_file(data: bytes) -> Callable[[str], bytes]:
    def read(path: str) -> bytes:
        if path == PATH:
            return data
        if path == LABELS_FILE:
            return b"a\nb\n"
        if "\0" in path:
            raise ValueError("embedded null byte")
        raise FileNotFoundError(2, "No such file or directory", path)

    return read


def plans(document: dict[str, Any], toolchain: Toolchain) -> Iterator[Plan]:
    """Plans of the document; where there is none, diagnostics say why, each with a fix."""
    data, report = yaml_of(document), Report()
    read = read_file(data)
    found = 0
    for loaded in load_recipe(PATH, read, report):
        compiled = resolve(loaded, read, report)
        plan = lower(compiled, toolchain, "dsimport test", report) if compiled is not None else None
        if plan is not None:
            found += 1
            yield plan
    assert found or report.errors
    shown = render_terminal(list(report), lambda _: data.decode("utf-8", "replace"), False, 100)
    assert re.findall(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", shown) == []
    for item in report:
        assert item.help
        assert item.span is None or (item.span.line >= 1 and item.span.column >= 1)


@pytest.mark.parametrize("slot", SLOTS)
@settings(max_examples=EXAMPLES, deadline=None)
@given(text=HOSTILE)
@example(text="")
@example(text="$(touch pwned)")
@example(text="a'b\"c $HOME `x` %s\\n;#")
def test_text_is_refused_with_a_diagnostic_or_carried_unchanged(slot: str, text: str) -> None:
    document = recipe()
    SLOTS[slot](document, text)
    for toolchain in ("reference", "deepstream"):
        for plan in plans(document, toolchain):
            check_files(plan)


@settings(max_examples=EXAMPLES, deadline=None)
@given(output=HOSTILE, label=HOSTILE, model=HOSTILE, entry=HOSTILE)
def test_several_hostile_texts_at_once(output: str, label: str, model: str, entry: str) -> None:
    document = recipe()
    for slot, text in (("output", output), ("label", label), ("model file", model), ("input", entry)):
        SLOTS[slot](document, text)
    for plan in plans(document, "reference"):
        check_files(plan)
        assert plan.settings["model.input.name"].value == entry
        assert plan.settings["model.labels"].value == ["a", label]


def check_files(plan: Plan) -> None:
    """Every generated file, read by its own language, says what the plan's settings say."""
    texts = {}
    for file in plan.files():
        path, content = fill(file.path, VALUES), fill(file.content, VALUES)
        assert path is not None
        assert content is not None
        texts[path] = content
        assert path.startswith(f"models/{plan.name}/")
        assert ".." not in path.split("/")
        assert "\0" not in content
    home = plan.home
    _check_nvinfer(plan, KeyFile(texts[f"{home}/config/config_infer_primary_{plan.name}.txt"]))
    _check_app(plan, KeyFile(texts[f"{home}/config/deepstream_app_kitti_{plan.name}.txt"]))
    labels = plan.settings["model.labels"].value
    if labels != "config":
        assert texts[f"{home}/config/labels.txt"].split("\n")[:-1] == list(labels)
    for step in plan.steps:
        if step.argv is not None:
            script = texts[f"{home}/scripts/{step.id}.sh"]
            words = shlex.split(script.split("\nexec ", 1)[1])
            assert words == [fill(word, VALUES) for word in step.argv]
    parser = next(text for path, text in texts.items() if path.endswith(".cpp"))
    literals = {_cpp_value(found) for found in re.findall(r'"(?:[^"\\\n]|\\.)*"', parser)}
    assert set(plan.settings["model.outputs"].value) <= literals


def _check_nvinfer(plan: Plan, keys: KeyFile) -> None:
    assert keys.groups()[:2] == ["property", "class-attrs-all"]
    assert all(re.fullmatch(r"property|class-attrs-(all|\d+)", group) for group in keys.groups())
    assert keys.string("property", "onnx-file") == f"../model/{plan.name}.onnx"
    assert keys.strings("property", "output-blob-names") == list(plan.settings["model.outputs"].value)
    assert keys.integer("property", "num-detected-classes") == plan.settings["model.classes"].value


def _check_app(plan: Plan, keys: KeyFile) -> None:
    wanted = ["application", "tiled-display", "source0", "sink0", "osd", "streammux", "primary-gie", "tests"]
    assert keys.groups() == wanted
    uri = keys.string("source0", "uri")
    video = str(plan.settings["pipeline.video"].value)
    assert uri.removeprefix("file://").endswith(video.lstrip("./"))
    assert keys.string("primary-gie", "config-file") == f"config_infer_primary_{plan.name}.txt"


def _cpp_value(literal: str) -> str:
    value: bytes = ast.literal_eval("b" + literal.replace("\\?", "?"))
    return value.decode("utf-8", "replace")


NASTY = ["it's", 'a"b', "a b", "$(touch pwned)", "`touch pwned`", "a\\b", "%s", "a#b", "é日本", "&&x", "-x", "a|b;c"]


@pytest.mark.parametrize("name", NASTY)
def test_a_shell_reads_the_scripts_as_they_were_meant(name: str, tmp_path: Path) -> None:
    """A real shell, not a second implementation of its rules: each script hands its words on to a program."""
    document = recipe()
    document["model"]["input"]["name"] = f"i{name}".replace("'", "").replace(" ", "")
    document["source"]["file"]["path"] = f"{name}.onnx"
    for plan in plans(document, "deepstream"):
        for step in plan.steps:
            if step.id in ("emit-scripts", "report"):
                continue  # they have no scripts
            script = tmp_path / "a/b/c/step.sh"
            script.parent.mkdir(parents=True, exist_ok=True)
            text = fill(plan.step("emit-scripts").files[_index(plan, step.id)].content, VALUES) or ""
            # Words that are numbers only after apply have been filled in; `printf` stands in for `exec program`.
            script.write_text(text.replace("\nexec ", "\nprintf '%s\\0' "), "utf-8")
            done = subprocess.run(["sh", script], capture_output=True, check=True, cwd=tmp_path)
            argv = step.argv or ("dsimport", "apply", PATH, "--toolchain", "deepstream", "--again", step.id)
            assert done.stdout.decode().split("\0")[:-1] == [fill(word, VALUES) for word in argv]
        visual = fill(plan.step("visual").files[0].content, VALUES) or ""
        subprocess.run(["sh", "-n"], input=visual.encode(), check=True)
    assert list(tmp_path.rglob("pwned")) == []


def _index(plan: Plan, step: str) -> int:
    names = [str(file.path).rpartition("/")[2] for file in plan.step("emit-scripts").files]
    return names.index(f"{step}.sh")


def test_a_compiler_reads_hostile_tensor_names_as_they_were_meant(tmp_path: Path) -> None:
    names = ['o\'ut "0" $(x) %n\\s', "??/??=\\0011", "日本é/*", "a//b", "*/ #include"]
    for number, name in enumerate(names):
        document = recipe()
        _output(document, name)
        [plan] = plans(document, "reference")
        for file in plan.step("emit-parser").files:
            place = tmp_path / str(number) / str(file.path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(fill(file.content, VALUES) or "", "utf-8")
    folders = [tmp_path / str(number) / "models/m/parser" for number in range(len(names))]
    for folder, name in zip(folders[:2], names[:2], strict=True):
        subprocess.run(["make", "-s", "-C", folder, "all", "check"], check=True, capture_output=True)
        assert name.encode() in next(folder.glob("*.so")).read_bytes()
    for folder in folders[2:]:
        source = next(folder.glob("*.cpp"))
        subprocess.run(
            [
                "g++",
                "-std=c++17",
                "-fsyntax-only",
                "-Wall",
                "-Werror",
                f"-I{folder / 'abi'}",
                "-DDSIMPORT_DS_MAJOR=9",
                source,
            ],
            check=True,
        )

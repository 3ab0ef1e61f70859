"""The ladder of an engine build: bounded attempts, one change each, every log kept, and the line that makes it last."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from engine_support import ENGINES, HOME, ONNX, SAVE, apply, engine_step, log_text, program, with_ladder
from onnx import TensorProto, helper, numpy_helper

from dsimport.compiler.plan import Condition
from dsimport.runtime.apply import ApplyResult

NO_KERNEL = "E Error Code 10: Internal Error (Could not find any implementation for node {}.)"
FOREIGN = NO_KERNEL.format("{ForeignNode[/a.../b]}")
WORKSPACE = FOREIGN.replace(".)", " due to insufficient workspace.)")
MEMORY = "E Error Code 2: OutOfMemory (Requested size was 9 bytes.)"
SIMPLIFIED = f"--onnx={ENGINES}/m_simplified.onnx"
LEVEL = "--builderOptimizationLevel=2"
LARGER = "--memPoolSize=workspace:2048M"


@pytest.fixture
def model(tmp_path: Path) -> None:
    """A model with something to simplify."""
    one = numpy_helper.from_array(np.ones(1, np.float32), "one")
    nodes = [
        helper.make_node("Identity", ["one"], ["same"]),
        helper.make_node("Add", ["images", "same"], ["out"]),
    ]
    shape = ["batch", 3, 8, 8]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, shape)],
        initializer=[one],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (tmp_path / ONNX).parent.mkdir(parents=True)
    onnx.save(made, str(tmp_path / ONNX))


def builder(folder: Path, *cases: tuple[str, str]) -> None:
    """A trtexec that builds when the pattern of no case fits its words; the first that does gives the [E] line."""
    script = "".join(
        f"case \"$*\" in {pattern}) cat <<'END'\n{log_text([line], passed=False)}END\nexit 1;; esac\n"
        for pattern, line in cases
    )
    program(folder, "trtexec", f"{script}{SAVE}cat <<'END'\n{log_text([], passed=True)}END\n")


def commands(root: Path) -> list[list[str]]:
    """The builder's command lines of the last run."""
    log = max((root / HOME / ".dsimport/runs").glob("*.jsonl"))
    events = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    return [event["argv"] for event in events if event["event"] == "command" and event["argv"][0] == "trtexec"]


def sidecar(root: Path, n: int = 64) -> Any:
    return json.loads((root / f"{ENGINES}/m_dynamic_b{n}.engine.json").read_text("utf-8"))


def warning(result: ApplyResult) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    found = next(item for item in result.diagnostics if item.code == "T0416")
    return found.message, found.notes, found.help


@pytest.mark.usefixtures("model")
def test_a_foreign_node_is_tried_with_a_simplified_graph(tmp_path: Path, host: Path) -> None:
    builder(host, (f"*--onnx={ONNX}*", FOREIGN))
    result = apply(tmp_path, with_ladder(engine_step()))

    assert (result.exit_code, result.done) == (0, ["engine-b64"])
    first, second = commands(tmp_path)
    assert second == [SIMPLIFIED if word.startswith("--onnx=") else word for word in first], "one thing changes"
    message, notes, fix = warning(result)
    assert message == "engine-b64 was built at attempt 2, with a simplified graph"
    assert notes == (
        f"{ENGINES}/build_b64.log: as planned: TensorRT cannot compile the part ForeignNode[/a.../b] of the graph",
    )
    assert fix == ("to make that permanent, in the recipe: graph: {simplify: true}",)
    assert "FAILED" in (tmp_path / f"{ENGINES}/build_b64.log").read_text("utf-8")
    assert "PASSED" in (tmp_path / f"{ENGINES}/build_b64.attempt2.log").read_text("utf-8")
    assert result.values["engine.b64.changed"] == "graph.simplify"
    assert sidecar(tmp_path)["changed"] == ["graph: {simplify: true}"]
    simplified = tmp_path / f"{ENGINES}/m_simplified.onnx"
    assert len(onnx.load(str(simplified)).graph.node) == 1
    assert apply(tmp_path, with_ladder(engine_step())).done == [], "recorded, so not repeated"


@pytest.mark.usefixtures("model")
def test_level_2_comes_on_top_of_the_simplified_graph(tmp_path: Path, host: Path) -> None:
    builder(host, (f"*--onnx={ONNX}*", FOREIGN), ("*1024M?--saveEngine*", FOREIGN))
    result = apply(tmp_path, with_ladder(engine_step()))

    assert result.exit_code == 0
    _, second, third = commands(tmp_path)
    assert [word for word in third if word not in second] == [LEVEL]
    assert third[-1].startswith("--saveEngine="), "the order of the others stays"
    message, notes, fix = warning(result)
    assert message == "engine-b64 was built at attempt 3, with a simplified graph and optimization level 2"
    assert [note.partition(": ")[0].rpartition("/")[2] for note in notes] == ["build_b64.log", "build_b64.attempt2.log"]
    assert fix == ("to make that permanent, in the recipe: graph: {simplify: true}, engine: {optimization_level: 2}",)


def test_too_small_a_workspace_is_made_larger(tmp_path: Path, host: Path) -> None:
    builder(host, ("*workspace:1024M*", WORKSPACE))
    result = apply(tmp_path, with_ladder(engine_step()))
    assert result.exit_code == 0
    assert [word for word in commands(tmp_path)[1] if word not in commands(tmp_path)[0]] == [LARGER]
    assert warning(result)[2] == ("to make that permanent, in the recipe: engine: {workspace: 2048M}",)


@pytest.mark.usefixtures("model")
def test_the_ladder_ends(tmp_path: Path, host: Path) -> None:
    builder(host, ("*", WORKSPACE))
    result = apply(tmp_path, with_ladder(engine_step()))
    assert (result.exit_code, result.failed) == (4, "engine-b64")
    tried = commands(tmp_path)
    assert [sorted(set(new) - set(old)) for old, new in itertools.pairwise(tried)] == [
        [LARGER],
        [SIMPLIFIED],
        [LEVEL],
    ]
    error = result.diagnostics[-1]
    assert (error.code, error.message) == (
        "T0415",
        "trtexec could not build the engine: the workspace is too small for the part ForeignNode[/a.../b] of the graph",
    )
    assert [note.split(":")[0].rpartition("/")[2] for note in error.notes[:4]] == [
        "build_b64.log",
        "build_b64.attempt2.log",
        "build_b64.attempt3.log",
        "build_b64.attempt4.log",
    ]


@pytest.mark.parametrize(
    ("line", "code", "exit_code"),
    [
        (MEMORY, "T0415", 4),
        ("E Unknown option: --fp16", "T0415", 4),
        ("E Saving engine to file failed.", "T0415", 1),
        ("E Nobody knows", "T0602", 4),
    ],
)
def test_what_no_rung_helps_against_is_not_tried_again(
    line: str, code: str, exit_code: int, tmp_path: Path, host: Path
) -> None:
    builder(host, ("*", line))
    result = apply(tmp_path, with_ladder(engine_step()))
    assert (result.exit_code, [item.code for item in result.diagnostics]) == (exit_code, [code])
    assert len(commands(tmp_path)) == 1


def test_a_graph_that_cannot_be_simplified_skips_that_rung(tmp_path: Path, host: Path) -> None:
    builder(host, ("*1024M?--saveEngine*", FOREIGN))
    result = apply(tmp_path, with_ladder(engine_step()))  # its model is no ONNX file
    assert result.exit_code == 0
    assert [word for word in commands(tmp_path)[1] if word not in commands(tmp_path)[0]] == [LEVEL]
    assert warning(result)[0] == "engine-b64 was built at attempt 2, with optimization level 2"


@pytest.mark.usefixtures("model")
def test_a_larger_engine_begins_with_what_helped_the_smaller_one(tmp_path: Path, host: Path) -> None:
    builder(host, (f"*--onnx={ONNX}*", FOREIGN))
    larger = with_ladder(engine_step(128))
    larger = larger.model_copy(update={"hints": {**larger.hints, "begin": "engine.b64.changed"}})
    result = apply(tmp_path, with_ladder(engine_step()), larger)
    assert (result.exit_code, result.done) == (0, ["engine-b64", "engine-b128"])
    assert [SIMPLIFIED in words for words in commands(tmp_path)] == [False, True, True]
    assert [item.code for item in result.diagnostics] == ["T0416"]
    assert sidecar(tmp_path, 128)["changed"] == ["graph: {simplify: true}"]


def test_memory_ends_the_doubling_and_a_full_disk_does_not(tmp_path: Path, host: Path) -> None:
    def steps() -> Any:
        larger = with_ladder(engine_step(128, may_fail="engine.b128.failed"))
        return with_ladder(engine_step()), larger.model_copy(
            update={"when": (Condition(value="engine.b64.bytes", than=0),)}
        )

    builder(host, ("*_b128*", MEMORY))
    result = apply(tmp_path, *steps())
    assert (result.exit_code, result.ended) == (0, ["engine-b128"])
    assert result.values["engine.b128.failed"] == "trtexec could not build the engine: the GPU has not enough memory"

    (tmp_path / f"{ENGINES}/m_dynamic_b64.engine").unlink()
    builder(host, ("*_b128*", "E Saving engine to file failed."))
    (tmp_path / HOME / ".dsimport/state.json").unlink()
    result = apply(tmp_path, *steps())
    assert (result.exit_code, result.failed, result.ended) == (1, "engine-b128", [])

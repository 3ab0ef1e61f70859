"""The table of releases against itself, command lines per TensorRT version, and pairs that cannot work."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_version_trees import RECIPES, compiled, resolved

from dsimport.compiler.diagnostics import Severity
from dsimport.compiler.emit.trtexec import bench_argv, build_argv
from dsimport.compiler.layout import Layout
from dsimport.compiler.model import Model
from dsimport.compiler.plan import show_text
from dsimport.compiler.steps.recovery import ladder
from dsimport.compiler.tools import tools_of
from dsimport.compiler.versions import RELEASES, TensorRt
from dsimport.runtime.reference.trtexec_options import parse_options

YOLO = RECIPES["yolo"].replace("VERSION", "9.1")
TOOLS = tools_of("deepstream")
LAYOUT = Layout("yolo")
WEAK = {"--fp16", "--bf16", "--int8", "--fp8", "--int4", "--best"}
FLAGS_OF_11 = {"--includeDataTransfers", "--noSpinWait", "--noCudaGraph"}
DEFAULTS_OF_11 = {"--noDataTransfers", "--useSpinWait", "--useCudaGraph"}
VERSIONS = ["8.5", "8.6", "9.1", "10.0", "10.3", "10.9", "10.13", "10.14", "10.16", "11.0", "11.1"]


def model(tensorrt: str, *, typed: bool, precision: str = "fp16", dla: int | None = None) -> Model:
    """A model for any TensorRT, whether or not a release of DeepStream works with it."""
    found, _ = resolved(YOLO)
    assert found is not None
    made = found.resolved.model
    engine = made.engine.model_copy(update={"strongly_typed": typed, "precision": precision, "dla": dla})
    pipeline = made.pipeline.model_copy(update={"tensorrt": tensorrt})
    return made.model_copy(update={"engine": engine, "pipeline": pipeline})


def words(argv: object) -> set[str]:
    """Names of the options of a command line."""
    assert isinstance(argv, tuple)
    return {show_text(word).partition("=")[0] for word in argv[1:]}


@pytest.mark.parametrize("typed", [False, True])
@pytest.mark.parametrize("version", VERSIONS)
def test_no_version_is_given_an_option_it_does_not_know(version: str, typed: bool) -> None:
    found = TensorRt.of(version)
    made = model(version, typed=typed)
    build, bench = words(build_argv(made, TOOLS.trtexec, 8, LAYOUT)), words(bench_argv(made, TOOLS, "e.engine", 8))
    assert (build | bench) & FLAGS_OF_11 == set()
    assert ("--buildOnly" in build, "--skipInference" in build) == (found < TensorRt(8, 6), found >= TensorRt(8, 6))
    # flags that say what is measured: explicit until they are the default, and deprecated
    assert bench & DEFAULTS_OF_11 == (set() if found.major >= 11 else DEFAULTS_OF_11)
    if typed:
        assert build & WEAK == set()
        assert ("--stronglyTyped" in build) == (found.major < 11)
    else:
        assert build & WEAK == {"--fp16"}
    assert bench & WEAK == set()  # an engine has its precision
    rungs = {rung["argument"].partition("=")[0] for rung in ladder(made)}
    assert ("--builderOptimizationLevel" in rungs) == (found >= TensorRt(8, 6))


def test_the_reference_takes_the_command_lines_of_10() -> None:
    """ref-trtexec knows the options of TensorRT 10.16, and refuses all others."""
    for typed in (False, True):
        made = model("10.16", typed=typed)
        for argv in (build_argv(made, TOOLS.trtexec, 8, LAYOUT), bench_argv(made, TOOLS, "e.engine", 8)):
            options = parse_options([show_text(word) for word in argv[1:]])
            weak = "--fp16" in [show_text(word) for word in argv]
            assert len(options.warnings) == (weak and TensorRt(10, 16).weak_typing_warns)
    options = parse_options(
        [show_text(word) for word in build_argv(model("10.3", typed=False, dla=1), TOOLS.trtexec, 1, LAYOUT)[1:]]
    )
    assert {"--useDLACore", "--allowGPUFallback"} <= {item.partition("=")[0] for item in options.ineffective}


def test_rows_are_in_order_and_whole() -> None:
    order = [tuple(map(int, name.split("."))) for name in RELEASES]
    assert order == sorted(order)
    for platform in ("dgpu", "jetson"):
        hosts = [item.host(platform) for item in RELEASES.values()]  # type: ignore[arg-type]
        assert [TensorRt.of(host.tensorrt) for host in hosts] == sorted(TensorRt.of(host.tensorrt) for host in hosts)
        assert [float(host.cuda) for host in hosts] == sorted(float(host.cuda) for host in hosts)
        assert all(host.system.startswith("JetPack" if platform == "jetson" else "Ubuntu") for host in hosts)
        assert all((host.driver is None) == (platform == "jetson") for host in hosts)
        assert {name for host in hosts for name in host.uncertain} <= {"tensorrt", "cuda", "system", "driver"}
    assert {item.object_bytes for item in RELEASES.values() if item.major >= 9} == {28}
    assert {item.object_bytes for item in RELEASES.values() if item.major < 9} == {24}


@given(st.integers(8, 12), st.integers(0, 30))
def test_every_version_can_build_fp16_one_way_or_the_other(major: int, minor: int) -> None:
    version = TensorRt(major, minor)
    assert version.weak_typing or version.strong_typing
    assert version.strong_typing_is_default != version.weak_typing
    assert TensorRt.of(f"{version}.0.1") == version


def changed(*pairs: tuple[str, str], name: str = "yolo", version: str = "9.1") -> str:
    text = RECIPES[name].replace("VERSION", version)
    for old, new in pairs:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


DLA = ("max_batch: 4, batch_limit: 8", "max_batch: 1, batch_limit: 1, dla: 0")

# A recipe, the code, how bad it is, what the message or its help says.
PAIRS: list[tuple[str, str, Severity, str]] = [
    (changed(("9.1,", '9.1, tensorrt: "11.0",')), "N0306", Severity.ERROR, "use TensorRT 10.x; it is built for 10.16"),
    (changed(("9.1,", '9.1, tensorrt: "8.6",')), "N0306", Severity.ERROR, "releases for TensorRT 8: 6.3, 6.4, 7.0"),
    (changed(("6.4,", '6.4, tensorrt: "10.3",'), version="6.4"), "N0306", Severity.ERROR, "7.1, 8.0, 9.0, 9.1"),
    (changed(("9.1,", '9.1, tensorrt: "10.14",')), "N0306", Severity.WARNING, "built for TensorRT 10.16"),
    (
        changed(("{precision: fp16", "{strongly_typed: true, precision: fp16"), version="6.4"),
        "N0340",
        Severity.ERROR,
        "TensorRT 8.6 has no strongly typed networks",
    ),
    (changed(version="6.3"), "N0341", Severity.ERROR, "no builder optimization level"),
    (changed(("{precision: fp16", "{dla: 0, precision: fp16"), version="7.1"), "N0342", Severity.ERROR, "only Jetsons"),
    (changed(DLA, name="orin"), "N0342", Severity.ERROR, "use DeepStream 6.3, 6.4, 7.0, 7.1"),
    (changed(("fp16", "fp32"), DLA, name="orin", version="7.1"), "N0342", Severity.ERROR, "not compute in fp32"),
    (
        changed(("{precision", "{strongly_typed: true, precision"), DLA, name="orin", version="7.1"),
        "N0342",
        Severity.ERROR,
        "strongly typed network cannot run on the DLA",
    ),
    (changed(("fp16,", "fp16, dla: 1,"), name="orin", version="7.1"), "N0342", Severity.ERROR, "one batch only"),
    (changed(("{deepstream", "{platform: jetson, deepstream")), "N0343", Severity.ERROR, "-march=x86-64-v3"),
]


@pytest.mark.parametrize(("text", "code", "severity", "says"), PAIRS, ids=[f"{p[1]} {p[3]}" for p in PAIRS])
def test_a_pair_that_cannot_work_is_told_while_planning(text: str, code: str, severity: Severity, says: str) -> None:
    plan, report = compiled(text)
    assert (plan is None) == (severity is Severity.ERROR)
    found = [item for item in report if says in " ".join((item.message, *item.help))]
    assert [(item.code, item.severity) for item in found] == [(code, severity)], list(report)
    assert found[0].help


def test_a_jetson_is_never_asked_for_more_than_twice_its_workspace() -> None:
    found, _ = resolved(changed(name="orin"))
    assert found is not None
    [size] = [rung["value"] for rung in ladder(found.resolved.model) if rung["setting"] == "engine.workspace"]
    assert (found.resolved.model.engine.workspace, size) == ("2048M", "4096M")


@pytest.mark.parametrize("tensorrt", ["10.16", "10.16.1.11", "10.99"])
def test_pairs_that_work(tensorrt: str) -> None:
    plan, report = compiled(changed(("9.1,", f'9.1, tensorrt: "{tensorrt}",')))
    assert plan is not None
    assert list(report) == []

"""The command line as a whole: what may stand together, and what is left over."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsimport.runtime.reference.trtexec_options import (
    Options,
    ShapeRange,
    UnknownOptions,
    options_text,
    parse_options,
    wants_help,
)
from dsimport.runtime.reference.trtexec_table import NOT_IMPLEMENTED, OPTIONS, help_text
from dsimport.runtime.reference.trtexec_values import BadValue, OutOfRange

ONNX = "--onnx=m.onnx"
SAMPLES = {
    "--minShapes": "x:1x3",
    "--optShapes": "x:2x3",
    "--maxShapes": "x:4x3",
    "--shapes": "x:2x3",
    "--memPoolSize": "workspace:1G",
    "--inputIOFormats": "fp32:chw",
    "--outputIOFormats": "fp32:chw",
    "--percentile": "50,99",
    "--precisionConstraints": "obey",
    "--layerPrecisions": "a:fp16",
    "--layerOutputTypes": "a:fp16",
    "--sparsity": "enable",
    "--profilingVerbosity": "detailed",
    "--hardwareCompatibilityLevel": "AMPERE+",
    "--allocationStrategy": "static",
    "--saveEngine": "m.engine",
}
CLASH = {"--loadEngine", "--best", "--fp8"}  # with --saveEngine, --stronglyTyped and --int8
ACCEPTED = [
    f"{option.name}={SAMPLES.get(option.name, '1')}" if option.value else option.name
    for option in OPTIONS
    if option.group != "Help" and option.name not in CLASH
]


@settings(deadline=None)
@given(st.permutations(ACCEPTED))
def test_options_may_stand_in_any_order(arguments: list[str]) -> None:
    assert parse_options(arguments) == parse_options(ACCEPTED)


@settings(deadline=None)
@given(st.sets(st.sampled_from(ACCEPTED)), st.sampled_from(ACCEPTED), st.data())
def test_an_option_given_twice_leaves_one_over(some: set[str], twice: str, data: st.DataObject) -> None:
    arguments = data.draw(st.permutations([ONNX, *(some - {"--onnx=1"} | {twice}), twice]))
    if twice.startswith(("--staticPlugins", "--plugins")):
        assert parse_options(arguments)
        return
    if twice.startswith("--onnx"):
        arguments.remove(ONNX)
    with pytest.raises(UnknownOptions) as caught:
        parse_options(arguments)
    assert caught.value.items == (twice.replace("=", " ", 1),)


@pytest.mark.parametrize(
    "argument",
    [
        "m.onnx",
        "--onxn=m.onnx",
        "-fp16",
        "--includeDataTransfers",
        "--noSpinWait",
        "--noCudaGraph",
        "--buildOnly",
        "--workspace=4096",
        "--heuristic",
        "=x",
        "",
    ],
)
def test_what_10_16_does_not_know_is_unknown(argument: str) -> None:
    with pytest.raises(UnknownOptions):
        parse_options([ONNX, argument])


def test_leftovers_are_all_named_with_their_values() -> None:
    with pytest.raises(UnknownOptions) as caught:
        parse_options(["z.onnx", ONNX, "--a=b=c"])
    assert caught.value.items == ("--a b=c", "z.onnx")


@pytest.mark.parametrize("name", sorted(NOT_IMPLEMENTED))
def test_an_option_the_reference_lacks_is_refused_by_name(name: str) -> None:
    with pytest.raises(UnknownOptions, match=f"{name} .*reference implementation does not have"):
        parse_options([ONNX, name])


def test_no_option_is_both_known_and_refused() -> None:
    assert not NOT_IMPLEMENTED & {option.name for option in OPTIONS}
    assert len({option.name for option in OPTIONS}) == len(OPTIONS)


@pytest.mark.parametrize("value", ["false", "0", "no", ""])
def test_a_switch_with_any_value_is_on(value: str) -> None:
    assert parse_options([ONNX, f"--fp16={value}"]).precisions == ("fp16",)


def test_help_is_found_anywhere() -> None:
    assert wants_help([ONNX, "--help"])
    assert wants_help(["--nonsense", "-h=false"])
    assert not wants_help([ONNX, "--helpme"])
    text = "\n".join(help_text())
    assert all(option.name in text for option in OPTIONS)


def test_a_value_set_off_by_a_blank_leaves_the_model_empty_and_the_value_over() -> None:
    with pytest.raises(UnknownOptions) as caught:
        parse_options(["--onnx", "m.onnx"])
    assert caught.value.items == ("m.onnx",)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--skipInference"], "Model missing"),
        ([ONNX, "--loadEngine=a", "--saveEngine=b"], "Incompatible load and save"),
        ([ONNX, "--best", "--stronglyTyped"], "--best and --stronglyTyped"),
        ([ONNX, "--fp8", "--int8"], "fp8 and int8"),
        ([ONNX, "--best", "--fp8"], "fp8 and int8"),
        ([ONNX, "--hardwareCompatibilityLevel=hopper"], "Unknown hardwareCompatibilityLevel: hopper"),
        ([ONNX, "--duration=abc"], "stof"),
        ([ONNX, "--iterations="], "stoi"),
        ([ONNX, "--minShapes=x:1", "--maxShapes=y:1"], "does not name"),
    ],
)
def test_options_that_do_not_fit_are_refused(arguments: list[str], reason: str) -> None:
    with pytest.raises(BadValue, match=reason):
        parse_options(arguments)


def test_an_empty_pool_size_is_not_caught_by_the_parser() -> None:
    with pytest.raises(OutOfRange):
        parse_options([ONNX, "--memPoolSize=workspace:"])


def test_strong_typing_drops_the_weak_precisions_with_a_warning() -> None:
    options = parse_options([ONNX, "--stronglyTyped", "--fp16", "--int8"])
    assert (options.precisions, options.precision) == ((), "strongly-typed")
    assert [text.split(",")[1].split()[1] for text in options.warnings] == ["fp16", "int8"]


def test_a_weak_precision_is_deprecated() -> None:
    assert parse_options([ONNX]).warnings == ()
    assert parse_options([ONNX, "--fp16"]).warnings[0].startswith("Weakly-typed networks have been deprecated")
    assert parse_options([ONNX, "--best"]).precision == "fp16+bf16+int8"


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ({"min": 1, "opt": 2, "max": 4}, (1, 2, 4)),
        ({"opt": 2}, (2, 2, 2)),
        ({"min": 1}, (1, 1, 1)),
        ({"max": 4}, (4, 4, 4)),
        ({"min": 1, "max": 4}, (1, 4, 4)),
        ({"min": 1, "opt": 2}, (1, 2, 2)),
        ({"opt": 2, "max": 4}, (2, 2, 4)),
    ],
)
def test_a_missing_shape_is_copied_from_the_next_one(given_: dict[str, int], expected: tuple[int, int, int]) -> None:
    options = parse_options([ONNX, *(f"--{kind}Shapes=x:{batch}x3" for kind, batch in given_.items())])
    low, best, high = expected
    assert options.profile == {"x": ShapeRange((low, 3), (best, 3), (high, 3))}
    assert options.shapes == {"x": (best, 3)}
    assert len(options.warnings) == 3 - len(given_)


def test_shapes_alone_set_all_three_and_win_over_opt_for_the_run() -> None:
    assert parse_options([ONNX, "--shapes=x:8x3"]).profile == {"x": ShapeRange((8, 3), (8, 3), (8, 3))}
    options = parse_options([ONNX, "--minShapes=x:1", "--optShapes=x:4", "--maxShapes=x:8", "--shapes=x:2"])
    assert (options.profile["x"].opt, options.shapes["x"]) == ((4,), (2,))


def test_defaults_are_trtexecs() -> None:
    options = parse_options([ONNX])
    assert options == Options(onnx="m.onnx")
    assert (options.iterations, options.warm_up_ms, options.duration_s, options.average_runs) == (10, 200, 3, 10)
    assert options.percentiles == (90, 95, 99)


def test_the_echo_shows_the_workspace_as_it_was_understood() -> None:
    text = options_text(parse_options([ONNX, "--memPoolSize=workspace:32768MiB", "--fp16"]))
    pools = "workspace: 0.03125 MiB, dlaSRAM: default, dlaLocalDRAM: default, dlaGlobalDRAM: default"
    assert f"Memory Pools: {pools}, tacticSharedMem: default" in text
    assert "Precision: FP32+FP16" in text


def test_a_loaded_engine_has_no_build_options() -> None:
    assert "=== Build Options ===" not in options_text(parse_options(["--loadEngine=m.engine"]))

"""Logs of failed runs, in the words of each TensorRT version, and the cause that is read out of them."""

from __future__ import annotations

import pytest
from engine_support import log_text
from hypothesis import given
from hypothesis import strategies as st

from dsimport.runtime.formats.trtexec_failures import FAILURES, known_failure

END = ["E Engine could not be created from network", "E Building engine failed", "E Engine set up failed"]
PARSE_END = ["E Failed to parse onnx file", "E Parsing model failed", *END[1:]]
FOREIGN = "{ForeignNode[/model/decoder/Constant_36_output_0.../model/Slice_4]}"
NODE = "ForeignNode[/model/decoder/Constant_36_output_0.../model/Slice_4]"

# (version, lines, kind, detail)
SAMPLES = [
    (
        "8.5.3",
        [(f"E Error[10]: [optimizer.cpp::computeCosts::3728] Error Code 10: Internal Error (Could not find any "
         f"implementation for node {FOREIGN}.)"), *END],
        "foreign-node",
        NODE,
    ),
    (
        "10.3.0",
        [(f"E Error[10]: IBuilder::buildSerializedNetwork: Error Code 10: Internal Error (Could not find any "
         f"implementation for node {FOREIGN}.)"), *END],
        "foreign-node",
        NODE,
    ),
    (
        "10.7.0",
        [(f"E Error[10]: IBuilder::buildSerializedNetwork: Error Code 10: Internal Error (Could not find any "
         f"implementation for node {FOREIGN} due to insufficient workspace. See verbose log for requested sizes.)"),
         *END],
        "foreign-workspace",
        NODE,
    ),
    (
        "8.2.5",
        ["W [TRT] Skipping tactic 0 due to insuficient memory on requested size of 29147520 detected for tactic 0.",
         (f"E Error[10]: [optimizer.cpp::computeCosts::2011] Error Code 10: Internal Error (Could not find any "
         f"implementation for node {FOREIGN}.)"), *END],
        "foreign-workspace",
        NODE,
    ),
    (
        "8.6.1",
        ["W [TRT] Tactic Device request: 4864MB Available: 2048MB. Device memory is insufficient to use tactic.",
         ("E Error[10]: [optimizer.cpp::computeCosts::3869] Error Code 10: Internal Error (Could not find any "
         "implementation for node /conv1/Conv + /relu/Relu. Try increasing the workspace size with "
         "IBuilderConfig::setMemoryPoolLimit().)"), *END],
        "workspace",
        "/conv1/Conv + /relu/Relu",
    ),
    (
        "10.16.0",
        [("E Error[10]: IBuilder::buildSerializedNetwork: Error Code 10: Internal Error (Could not find any "
         "implementation for node /conv1/Conv.)"), *END],
        "no-kernel",
        "/conv1/Conv",
    ),
    (
        "10.3.0",
        ["E Error[1]: [defaultAllocator.cpp::allocate::31] Error Code 1: Cuda Runtime (out of memory)",
         ("W [TRT] Requested amount of GPU memory (15485030400 bytes) could not be allocated. There may not be enough "
         "free memory for allocation to succeed."),
         (f"E Error[10]: IBuilder::buildSerializedNetwork: Error Code 10: Internal Error (Could not find any "
         f"implementation for node {FOREIGN}.)"), *END],
        "gpu-memory",
        "",
    ),
    (
        "10.7.0",
        [("E [virtualMemoryBuffer.cpp::resizePhysical::154] Error Code 2: OutOfMemory (Requested size was 16581132288 "
         "bytes.)"), *END],
        "gpu-memory",
        "",
    ),
    (
        "8.5.3",
        ["I [TRT] No importer registered for op: Unique. Attempting to import as plugin.",
         "I [TRT] Searching for plugin: Unique, plugin_version: 1, plugin_namespace: ",
         "E 3: getPluginCreator could not find plugin: Unique version: 1", *PARSE_END],
        "unsupported-node",
        "Unique",
    ),
    (
        "11.0.0",
        ['E [TRT] ModelImporter.cpp:140: While parsing node number 1 [Unique -> "y"]:',
         "E [TRT] ModelImporter.cpp:151: ERROR: onnxOpCheckers.cpp:1258 In function checkUnique:", *PARSE_END],
        "unsupported-node",
        "Unique",
    ),
    ("10.16.0", ["E Failed to parse onnx file", *PARSE_END], "not-parsed", ""),
    ("11.0.0", ["E Unknown option: --fp16"], "unknown-option", "--fp16"),
    ("10.16.0", [("E Static model does not take explicit shapes since the shape of inference tensors will be "
                 "determined by the model itself"), *END], "static-model", ""),
    ("10.16.0", ["I Engine built in 801.2 sec.", "E Cannot open engine file: x.engine", ("E Saving engine to file "
                 "failed.")], "not-saved", ""),
    ("8.6.1", [("E Error[6]: The engine plan file is not compatible with this version of TensorRT, expecting "
               "library version 8.5.3.1 got 8.6.1.6, please rebuild."),
               "E Engine set up failed"], "other-version", ""),
    ("10.0.1", [("E IRuntime::deserializeCudaEngine: Error Code 1: Serialization (Version tag does not "
                "match. Note: Current Version: 236, Serialized Engine Version: 228)")], "other-version", ""),
    ("8.6.1", [("E Error[6]: The engine plan file is generated on an incompatible device, expecting compute 8.6 "
               "got compute 7.5, please rebuild.")], "other-gpu", ""),
    ("10.16.0", [("E [TRT] IBuilder::buildSerializedNetwork: Error Code 4: API Usage Error (ITopKLayer /post/TopK: "
                 "/post/TopK: K exceeds the maximum value allowed (3840). In processCheck)"),
                 *END], "top-k", "/post/TopK"),
    ("10.16.0", [("E [TRT] Error Code 2: Internal Error (Assertion !layerImpls.empty() failed. /post/NMS_1 has no "
                 "runners that implement it In getSupportedFormats)"), *END], "no-runner", "/post/NMS_1"),
    ("10.16.0", ["E Uncaught exception detected: std::bad_alloc"], "host-memory", ""),
    ("10.16.0", ["E Cuda failure: no CUDA-capable device is detected"], "no-gpu", ""),
]  # fmt: skip


@pytest.mark.parametrize(("version", "lines", "kind", "detail"), SAMPLES)
def test_the_cause_of_a_failure_is_read_out_of_the_log(version: str, lines: list[str], kind: str, detail: str) -> None:
    found = known_failure(log_text(lines, passed=False, version=version))
    assert found is not None
    assert (found.kind, found.detail) == (kind, detail)
    assert detail in found.cause
    assert found.fix


def test_every_row_of_the_table_has_a_sample() -> None:
    assert {kind for _, _, kind, _ in SAMPLES} == {item.kind for item in FAILURES}


def test_what_the_table_does_not_know_has_no_cause() -> None:
    assert known_failure("") is None
    assert known_failure(log_text(["E Something else happened"], passed=False)) is None
    line = log_text(["E Unknown option: --fp16"], passed=False)
    assert known_failure(line, among=("gpu-memory",)) is None


@given(st.text())
def test_any_text_may_be_a_log(text: str) -> None:
    found = known_failure(text)
    assert found is None or "\n" not in found.cause


def test_hostile_names_stay_on_one_line() -> None:
    name = "\x1b[31mred" + "x" * 300
    found = known_failure(f"Could not find any implementation for node {{ForeignNode[{name}]}}.)\n")
    assert found is not None
    assert "\x1b" not in found.cause
    assert len(found.detail) == 120


def test_the_ladder_only_names_kinds_of_the_table() -> None:
    from engine_support import rungs

    kinds = {item.kind for item in FAILURES}
    assert {kind for rung in rungs() for kind in rung["for"]} <= kinds

"""ref-trtexec: trtexec of TensorRT 10.16 on ONNX Runtime and the CPU. Same arguments, log lines and exit codes.

It computes in the types of the ONNX model whatever precision is asked for, and says so. Its times are this machine's.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsimport.runtime.formats.trtexec import banner, profile_json, profile_lines, yardstick_line
from dsimport.runtime.reference.engine_file import write_whole
from dsimport.runtime.reference.session import SessionError
from dsimport.runtime.reference.trtexec_bench import measure, report, times_json
from dsimport.runtime.reference.trtexec_engine import (
    Engine,
    Failure,
    build_engine,
    load_engine,
    random_inputs,
    shapes_to_run,
)
from dsimport.runtime.reference.trtexec_options import (
    Options,
    UnknownOptions,
    options_text,
    parse_options,
    wants_help,
)
from dsimport.runtime.reference.trtexec_profile import profile
from dsimport.runtime.reference.trtexec_signals import cleaning_up, plain_signals
from dsimport.runtime.reference.trtexec_table import help_text
from dsimport.runtime.reference.trtexec_values import BadValue, OutOfRange
from dsimport.runtime.reference.yardstick import cost
from dsimport.runtime.trtexec_console import say, show

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["main"]

_VERSION = "10.16.0"  # whose command line and log this program speaks
_BUILD = 0  # no build of TensorRT has this number
_WEIGHING_S = 5.0  # of CPU time, at most
_HONEST = (
    "This is ref-trtexec, the reference implementation on the CPU through ONNX Runtime. It computes in FP32 (the types "
    "of the ONNX model) whatever precision is asked for, and its times say nothing about a GPU."
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; `argv` includes its name. Returns 0 for PASSED and help, else 1."""
    words = list(sys.argv if argv is None else argv)
    command_line = " ".join(words)
    with plain_signals():
        show(banner("RUNNING", _VERSION, _BUILD, command_line))
        if wants_help(words[1:]):
            show(*help_text())
            return 0
        passed = _run(words[1:])
        show(banner("PASSED" if passed else "FAILED", _VERSION, _BUILD, command_line))
    return 0 if passed else 1


def _run(arguments: Sequence[str]) -> bool:
    if not arguments:
        show(*help_text())
        return True
    try:
        options = parse_options(arguments)
    except BadValue as error:
        show(*help_text())
        say("E", str(error))
        return False
    except UnknownOptions as error:
        show(*help_text())
        for item in error.items:
            say("E", f"Unknown option: {item}")
        return False
    except OutOfRange as error:
        say("E", f"Uncaught exception detected: {error}")
        return False
    try:
        _build_and_measure(options)
    except Failure as error:
        for reason in error.reasons:
            say("E", reason)
        return False
    except MemoryError:
        say("E", "Uncaught exception detected: std::bad_alloc (out of memory)")
        return False
    return True


def _build_and_measure(options: Options) -> None:
    say("W", _HONEST)
    for warning in options.warnings:
        say("W", warning)
    for line in options_text(options):
        say("I", line)
    if options.ineffective:
        say("I", f"Accepted without effect on a CPU: {', '.join(options.ineffective)}")
    say("I", f"TensorRT version: {_VERSION}")
    engine = _engine(options)
    if options.skip_inference:
        say("I", "Skipped inference phase since --skipInference is added.")
        return
    try:
        shapes = shapes_to_run(engine, options.shapes, say)
        inputs = random_inputs(engine, shapes)
    except Failure as error:
        raise Failure(*error.reasons, "Inference set up failed") from None
    for name in inputs:
        say("I", f"Using random values for input {name}")
    if options.duration_s == -1:
        say("W", "--duration=-1 is specified, inference will run in an endless loop until aborted with CTRL-C")
    say("I", "Starting inference")
    try:
        _infer(engine, inputs, options)
    except Failure as error:
        raise Failure(*error.reasons, "Error occurred during inference") from None


def _infer(engine: Engine, inputs: Mapping[str, NDArray[Any]], options: Options) -> None:
    if not options.profiles_layers or options.separate_profile:
        queries = measure(engine.session, inputs, options)
        report(queries, options, say)
        if options.export_times:
            _export(options.export_times, times_json(queries, options.warm_up_ms))
        _weigh(engine, inputs, options)
    else:
        say("I", "The e2e network timing is not reported since it is inaccurate when the profiler is enabled.")
        say("I", "To show e2e network timing report, add --separateProfileRun or remove --dumpProfile.")
    if not options.profiles_layers:
        return
    count, layers = profile(engine, inputs, options)
    if options.dump_profile:
        for line in profile_lines(count, layers):
            say("I", line)
    if options.export_profile:
        _export(options.export_profile, profile_json(count, layers))


def _weigh(engine: Engine, inputs: Mapping[str, NDArray[Any]], options: Options) -> None:
    try:
        found = cost(engine.onnx, inputs, min(options.duration_s, _WEIGHING_S), time.thread_time)
    except SessionError as error:
        raise Failure(f"ONNX Runtime: {error}") from None
    say("I", yardstick_line(found.yardsticks, found.pairs))


def _engine(options: Options) -> Engine:
    try:
        if options.load_engine is not None:
            return load_engine(Path(options.load_engine), say)
        return build_engine(options, say)
    except Failure as error:
        raise Failure(*error.reasons, "Engine set up failed") from None


def _export(path: str, content: str) -> None:
    try:
        with cleaning_up():
            write_whole(Path(path), content.encode())
    except (OSError, ValueError) as error:
        raise Failure(f"Cannot write {path}: {getattr(error, 'strerror', None) or error}") from None

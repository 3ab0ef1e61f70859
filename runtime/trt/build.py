"""dsimport-build-engine: the building half of trtexec through TensorRT's Python API, for hosts without trtexec.

Same arguments, log lines, files and exit codes. What it does not have (inference, calibration) it refuses.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dsimport.compiler.diagnostics import DsimportError
from dsimport.runtime.formats.trtexec import banner, cpp_float
from dsimport.runtime.reference.engine_file import write_whole
from dsimport.runtime.reference.trtexec_options import Options, UnknownOptions, options_text, parse_options
from dsimport.runtime.reference.trtexec_values import BadValue, OutOfRange
from dsimport.runtime.trt.library import Library, LibraryMissing, load_tensorrt
from dsimport.runtime.trt.network import MIB, BuildError, Settings, build, parse
from dsimport.runtime.trtexec_console import Say, Severity, say, show

__all__ = ["main"]

USED = (
    "--onnx", "--minShapes", "--optShapes", "--maxShapes", "--shapes", "--fp16", "--stronglyTyped", "--skipInference",
    "--memPoolSize", "--timingCacheFile", "--builderOptimizationLevel", "--saveEngine", "--verbose",
)  # fmt: skip


def main(argv: Sequence[str] | None = None, library: Library | None = None) -> int:
    """Run the program; `argv` includes its name. library: instead of this host's. Returns 0 for PASSED, else 1."""
    words = list(sys.argv if argv is None else argv)
    line = " ".join(words)
    try:
        library = library or load_tensorrt()
    except LibraryMissing as error:
        say("E", str(error))
        return 1
    *version, build_number = [*library.version.split("."), "0", "0", "0"][:4]
    shown, number = ".".join(version), int(build_number) if build_number.isdigit() else 0
    show(banner("RUNNING", shown, number, line))
    # Up to TensorRT 9 that was the word for it.
    passed = _run(["--skipInference" if word == "--buildOnly" else word for word in words[1:]], library)
    show(banner("PASSED" if passed else "FAILED", shown, number, line))
    return 0 if passed else 1


def _run(arguments: Sequence[str], library: Library) -> bool:
    foreign = [word for word in arguments if word.partition("=")[0] not in USED]
    try:
        options = parse_options(arguments)
    except (BadValue, OutOfRange) as error:
        say("E", str(error))
        return False
    except UnknownOptions as error:
        foreign += [item for item in error.items if item not in foreign]
    if foreign:
        for word in foreign:
            say("E", f"Unknown option: {word}")
        return False
    try:
        _build(options, library)
    except BuildError as error:
        for reason in error.reasons:
            say("E", reason)
        return False
    except (OSError, DsimportError) as error:
        say("E", f"Cannot open engine file: {error}")
        say("E", "Saving engine to file failed.")
        return False
    except MemoryError:
        say("E", "Uncaught exception detected: std::bad_alloc")
        return False
    except Exception as error:  # what the library raises is of no known type
        say("E", f"Uncaught exception detected: {error}")
        return False
    return True


def _build(given: Options, library: Library) -> None:
    options = replace(given, strongly_typed=given.strongly_typed or not library.weakly_typed)
    fp16 = "fp16" in options.precisions
    if options.onnx is None or options.save_engine is None or not options.skip_inference:
        raise BuildError("this program builds only: it needs --onnx, --saveEngine and --skipInference")
    if fp16 and not library.weakly_typed:
        raise BuildError(f"{library.label} {library.version} takes the types of the network: --fp16 is no option of it")
    for warning in options.warnings:
        say("W", warning)
    for line in options_text(options):
        say("I", line)
    say("I", f"{library.label} version: {'.'.join(library.version.split('.')[:3])}")

    def hear(severity: Severity, text: str) -> None:
        if severity != "V" or options.verbose:
            say(severity, text)

    plan, cache = _engine(Path(options.onnx), options, library, hear)
    if options.timing_cache is not None and cache is not None:
        write_whole(Path(options.timing_cache), cache)
        say("I", f"Saved {len(cache)} bytes of timing cache to {options.timing_cache}")
    write_whole(Path(options.save_engine), plan)
    say("I", "Skipped inference phase since --skipInference is added.")


def _engine(onnx: Path, options: Options, library: Library, hear: Say) -> tuple[bytes, bytes | None]:
    """The serialized engine and the timing cache. Raises BuildError."""
    say("I", "Start parsing network model.")
    started = time.perf_counter()
    parsed, errors = parse(library, onnx, hear, strongly_typed=options.strongly_typed)
    if errors:
        said = (f"{error.node or '?'} ({error.operator or '?'}): {error.text}" for error in errors)
        raise BuildError(*said, "Failed to parse onnx file", "Parsing model failed", "Engine set up failed")
    say("I", f"Finished parsing network model. Parse time: {cpp_float(time.perf_counter() - started)}")
    settings = Settings(
        profile=options.profile,
        fp16="fp16" in options.precisions,
        workspace_mib=options.pools.get("workspace"),
        optimization_level=None if options.optimization_level < 0 else options.optimization_level,
        timing_cache=_read_cache(options.timing_cache),
    )
    started = time.perf_counter()
    try:
        plan, cache = build(parsed, settings, hear)
    except BuildError as error:
        raise BuildError(*error.reasons, "Failed to create engine from model", "Engine set up failed") from None
    say("I", f"Created engine with size: {cpp_float(len(plan) / MIB)} MiB")
    say("I", f"Engine built in {cpp_float(time.perf_counter() - started)} sec.")
    return plan, cache


def _read_cache(path: str | None) -> bytes | None:
    """The content of the timing cache, empty where there is none yet; None where none is wanted."""
    if path is None:
        return None
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


if __name__ == "__main__":
    sys.exit(main())

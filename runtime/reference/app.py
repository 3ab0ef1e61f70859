"""`ref-deepstream-app`: deepstream-app's command line, configuration files, output and exit codes, on a CPU."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from dsimport._version import VERSION

from .console import Console, RunFailed
from .parser_abi import OBJECT_SIZES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .pipeline import Pipeline

__all__ = ["main"]

_FAILED = 255  # the vendor returns -1
_POLL_S = 0.04
_ABI_VARIABLE = "DSIMPORT_REF_ABI"
_LAST_DEEPSTREAM = "9.1.0"  # whose behaviour is reproduced

_HELP = f"""\
Usage:
  ref-deepstream-app [OPTION...] - reference implementation of deepstream-app on a CPU

Help Options:
  -h, --help            Show help options

Application Options:
  -v, --version         Print DeepStreamSDK version
  --version-all         Print DeepStreamSDK and dependencies version
  -t, --tiledtext       Display Bounding box labels in tiled mode (no effect here)
  -c, --cfg-file        Set the config file; may be given several times
  --abi {"|".join(map(str, OBJECT_SIZES))}             (reference only) DeepStream version whose object layout holds;
                        default: {_ABI_VARIABLE}, else what the parser library says, else 9
"""

_COMMANDS = """
Runtime commands:
	h: Print this help
	q: Quit

"""


@dataclass(frozen=True)
class _Options:
    configs: tuple[Path, ...]
    abi: str | None
    wants: str  # run, help or version


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; the exit code is 0 or 255.

    argv: arguments without the program's name; None takes those of the process, which then also ends quietly when
    the reader of its output goes away.
    """
    if argv is None:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        argv = sys.argv[1:]
    console = Console()
    try:
        options = _parse(argv)
    except RunFailed as error:
        console.failure(error)
        return _FAILED
    if options.wants == "help":
        console.out(_HELP)
        return 0
    if options.wants == "version":
        console.out(f"deepstream-app version {_LAST_DEEPSTREAM}\nDeepStreamSDK {_LAST_DEEPSTREAM}\n")
        console.out(f"reference implementation on a CPU: dsimport {VERSION}\n")
        return 0
    return _run(options, console)


def _parse(argv: Sequence[str]) -> _Options:
    """Read the options as GOption does. Raises RunFailed."""
    configs: list[Path] = []
    abi, wants, rest = None, "run", list(argv)
    while rest:
        name, attached = _split_option(rest.pop(0))
        if name in ("-h", "--help", "--help-all", "--help-gst", "-?"):
            return _Options((), None, "help")
        if name in ("-v", "--version", "--version-all"):
            wants = "version"
        elif name in ("-c", "--cfg-file", "--abi"):
            if attached is None and not rest:
                raise RunFailed(f"Missing argument for {name}", where="main")
            value = rest.pop(0) if attached is None else attached
            if name == "--abi":
                abi = value
            else:
                configs.append(Path(value))
        elif name in ("-i", "--input-uri"):
            raise RunFailed(f"the reference does not support {name}; set uri in the config file", where="main")
        elif name not in ("-t", "--tiledtext") and not name.startswith("--gst-"):
            raise RunFailed(f"Unknown option {name}", where="main")
    return _Options(tuple(configs), abi, wants)


def _split_option(text: str) -> tuple[str, str | None]:
    if text.startswith("--"):
        name, equals, value = text.partition("=")
        return name, value if equals else None
    if text[:2] in ("-c", "-i") and len(text) > 2:
        return text[:2], text[2:]
    return text, None


def _run(options: _Options, console: Console) -> int:
    pipelines: list[Pipeline] = []
    failed = False
    with _interrupts(console) as interrupted:
        try:
            size = _object_size(options.abi or os.environ.get(_ABI_VARIABLE))
            if not options.configs:
                raise RunFailed("Specify config file with -c option", where="main")
            _notice(console)
            _create(options.configs, size, console, pipelines)
            console.out(_COMMANDS)
            _loop(pipelines, console, interrupted)
        except RunFailed as error:
            failed = True
            console.failure(error)
        except MemoryError:
            failed = True
            console.error("main", "Out of memory")
        except Exception as error:  # whatever a file makes a library raise, a user gets one line
            failed = True
            console.error("main", f"Internal error: {type(error).__name__}: {error}")
        finally:
            console.out("Quitting\n")
            for pipeline in pipelines:
                pipeline.close()
    for pipeline in pipelines:
        if pipeline.failure is not None:
            failed = True
            console.failure(pipeline.failure)
    console.out("App run failed\n" if failed else "App run successful\n")
    return _FAILED if failed else 0


def _object_size(abi: str | None) -> int | None:
    if abi is None:
        return None
    if not abi.isascii() or not abi.isdigit() or int(abi) not in OBJECT_SIZES:
        raise RunFailed(f"--abi and {_ABI_VARIABLE} take 8 or 9, not '{abi}'", where="main")
    return OBJECT_SIZES[int(abi)]


def _notice(console: Console) -> None:
    console.warn(
        "main",
        f"this is ref-deepstream-app of dsimport {VERSION}, the reference implementation of deepstream-app on this "
        "machine's CPU through ONNX Runtime: its detections follow nvinfer, its speed says nothing about a GPU",
    )


def _create(configs: Sequence[Path], object_size: int | None, console: Console, pipelines: list[Pipeline]) -> None:
    """Parse all files, then create and start their pipelines. Raises RunFailed."""
    try:
        from .appconfig import read_app_config
        from .pipeline import Pipeline
    except ImportError as error:
        raise RunFailed(f"{error.name} is not installed: pip install 'dsimport[reference]'", where="main") from None
    apps = [read_app_config(path, console) for path in configs]
    for index, app in enumerate(apps):
        pipelines.append(Pipeline(app, index, len(apps) > 1, console, object_size))
        console.info("bus_callback", "Pipeline ready")
    for pipeline in pipelines:
        pipeline.start()
        console.info("bus_callback", "Pipeline running")


def _loop(pipelines: Sequence[Pipeline], console: Console, interrupted: Callable[[], bool]) -> None:
    """Wait until every pipeline has ended, someone types q, or SIGINT arrives."""
    waiting = list(pipelines)
    keys = _Keys()
    while waiting and not interrupted():
        for pipeline in list(waiting):
            pipeline.tick()
            if pipeline.finished.is_set():
                waiting.remove(pipeline)
                if pipeline.reached_end:
                    console.info("bus_callback", "Received EOS. Exiting ...")
        if waiting and keys.wait(_POLL_S) == "q":
            return
        if any(pipeline.failure for pipeline in pipelines):
            return


class _Keys:
    """Typed commands. Unlike the vendor's program it prints nothing, and stops looking, when stdin is at its end."""

    def __init__(self) -> None:
        try:
            self._stdin: int | None = sys.stdin.fileno()
        except (AttributeError, OSError, ValueError):
            self._stdin = None

    def wait(self, seconds: float) -> str:
        """Wait; `q` if it was typed meanwhile, else an empty string."""
        if self._stdin is None or not _in_foreground(self._stdin):
            time.sleep(seconds)
            return ""
        try:
            if not select.select([self._stdin], [], [], seconds)[0]:
                return ""
            typed = os.read(self._stdin, 64)
        except (OSError, ValueError):
            typed = b""
        if not typed:
            self._stdin = None
        return "q" if b"q" in typed else ""


def _in_foreground(stdin: int) -> bool:
    """Whether reading is allowed: a background job that reads its terminal is stopped."""
    try:
        return not os.isatty(stdin) or os.tcgetpgrp(stdin) == os.getpgrp()
    except OSError:
        return False


@contextmanager
def _interrupts(console: Console) -> Iterator[Callable[[], bool]]:
    """Within the block the first SIGINT asks the program to end, the second one ends it."""
    seen: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        seen.append(number)
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    try:
        before = signal.signal(signal.SIGINT, handle)
    except ValueError:  # not in the main thread
        yield lambda: False
        return
    try:
        yield lambda: bool(seen)
    finally:
        signal.signal(signal.SIGINT, before)
        if seen:
            console.error("_intr_handler", "User Interrupted.. ")

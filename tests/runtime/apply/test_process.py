"""Programs as child processes: output, ends, time limits, and that nothing they start outlives them."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest
from apply_support import alive, wait_for

from dsimport.compiler.diagnostics import DsimportError
from dsimport.runtime import process
from dsimport.runtime.process import Finished, run_program
from dsimport.runtime.toolversions import ToolVersions, find_program


def run_sh(script: str, folder: Path, **more: object) -> Finished:
    return run_program(["/bin/sh", "-c", script], cwd=folder, **more)  # type: ignore[arg-type]


def run_python(script: str, folder: Path, **more: object) -> Finished:
    return run_program([sys.executable, "-IS", "-c", script], cwd=folder, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("script", "exit_code"),
    [("true", 0), ("exit 7", 7), ("kill -TERM $$", -15), ("kill -KILL $$", -9), ("exec /nowhere/at/all", 127)],
)
def test_exit_codes(tmp_path: Path, script: str, exit_code: int) -> None:
    assert run_sh(script, tmp_path).exit_code == exit_code


def test_a_file_that_is_no_program(tmp_path: Path) -> None:
    path = tmp_path / "tool"
    path.write_bytes(b"\x7fELF nonsense")
    path.chmod(0o755)
    done = run_program([str(path)], cwd=tmp_path)
    assert done.exit_code in (126, 127)
    assert "tool" in done.tail[0]


def test_output_of_both_streams_goes_to_the_log_in_order(tmp_path: Path) -> None:
    log, heard = tmp_path / "deep/er/x.log", list[str]()
    done = run_sh("echo one; echo two >&2; printf three", tmp_path, log=log, on_line=heard.append)
    assert log.read_bytes() == b"one\ntwo\nthree"
    assert heard == ["one", "two", "three"]
    assert (done.tail, done.lines) == (("one", "two", "three"), 3)
    run_sh("echo again", tmp_path, log=log)
    assert log.read_bytes() == b"again\n", "a log tells of one attempt"
    run_sh("echo more", tmp_path, log=log, append=True)
    assert log.read_bytes() == b"again\nmore\n"


def test_carriage_returns_long_lines_and_garbage(tmp_path: Path) -> None:
    script = r"""
import os
os.write(1, b"10%\r50%\r100%\r\n" + b"\xff\xfe\0\x1b[2J\n" + b"x" * 300_000 + b"\nlast\n")
"""
    heard = list[str]()
    done = run_python(script, tmp_path, log=tmp_path / "log", on_line=heard.append)
    assert heard[:4] == ["10%", "50%", "100%", "\ufffd\ufffd\0\x1b[2J"]
    assert (len(heard[4]), heard[5:]) == (64 * 1024, ["last"])
    assert done.lines == 6
    assert (tmp_path / "log").stat().st_size == len("10%\r50%\r100%\r\n") + 8 + 300_001 + 5


def test_much_output_does_not_block(tmp_path: Path) -> None:
    done = run_python("import sys\nfor i in range(40000): print(i); print(i, file=sys.stderr)", tmp_path)
    assert (done.exit_code, done.lines, done.tail[-1]) == (0, 80000, "39999")


def test_input_is_empty_and_environment_is_added(tmp_path: Path) -> None:
    done = run_sh('read line || echo "no input"; echo "$ADDED"; echo "$HOME"', tmp_path, env={"ADDED": "a $b"})
    assert done.tail == ("no input", "a $b", os.environ["HOME"])


def test_the_interpreters_folder_ends_the_search_path(tmp_path: Path) -> None:
    (path,) = run_sh('echo "$PATH"', tmp_path).tail
    assert path == os.environ["PATH"] + os.pathsep + str(Path(sys.executable).parent)


def test_no_file_is_left_open_in_the_program(tmp_path: Path) -> None:
    with (tmp_path / "open").open("w"):
        listing = run_python("import os; print(sorted(os.listdir('/proc/self/fd'), key=int)[:4])", tmp_path).tail
    assert listing == ("['0', '1', '2', '3']",), "3 is the listing itself"


def test_a_time_limit_ends_grandchildren(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "GRACE_S", 0.2)
    started = time.monotonic()
    done = run_sh("trap '' TERM; (trap '' TERM; sleep 60) & echo $!; sleep 60", tmp_path, timeout_s=0.3)
    assert (done.timed_out, done.exit_code) == (True, -9)
    assert time.monotonic() - started < 5
    assert wait_for(lambda: not alive(int(done.tail[0])))


def test_a_program_that_closes_its_output_is_still_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "GRACE_S", 0.2)
    done = run_sh("exec >/dev/null 2>&1; sleep 60", tmp_path, timeout_s=0.3)
    assert done.timed_out


def test_a_program_that_ends_when_asked_may_tidy_up(tmp_path: Path) -> None:
    done = run_sh(
        "trap 'echo tidy > tidied; exit 5' TERM; echo up; while :; do sleep 0.05; done", tmp_path, timeout_s=0.3
    )
    assert (done.timed_out, done.exit_code) == (True, 5)
    assert (tmp_path / "tidied").read_text() == "tidy\n"


def test_what_a_program_leaves_in_the_background_ends_with_it(tmp_path: Path) -> None:
    started = time.monotonic()
    done = run_sh("sleep 60 & echo $!", tmp_path)
    assert done.exit_code == 0
    assert time.monotonic() - started < 5, "the pipe is still held, and nobody waits for it"
    assert wait_for(lambda: not alive(int(done.tail[0])))


def test_an_exception_in_a_listener_ends_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pids: list[int] = []

    def listen(line: str) -> None:
        pids.append(int(line))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_sh("echo $$; sleep 60", tmp_path, on_line=listen)
    assert not alive(pids[0])


def test_programs_in_threads_do_not_hold_each_other(tmp_path: Path) -> None:
    """A lifeline that leaked into a sibling would keep its program's leftovers alive."""
    ended: list[float] = []

    def work() -> None:
        started = time.monotonic()
        run_sh("sleep 30 & sleep 0.1", tmp_path)
        ended.append(time.monotonic() - started)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ended) == 6
    assert max(ended) < 10


def test_words_reach_the_program_as_they_are(tmp_path: Path) -> None:
    words = ["", " ", "$(touch x)", "a'b\"c", "-n", "*", "line\nbreak", "ü\ud800".encode("utf-8", "replace").decode()]
    script = "import sys; print(ascii(sys.argv[1:]))"
    done = run_program([sys.executable, "-IS", "-c", script, *words], cwd=tmp_path)
    assert done.tail == (ascii(words),)


def test_a_log_in_an_impossible_place(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DsimportError, match="H0604"):
        run_sh("touch ran", tmp_path, log=tmp_path / "file/x.log")
    assert not (tmp_path / "ran").exists()


def test_own_programs_are_found_beside_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert find_program("ref-trtexec") == str(Path(sys.executable).with_name("ref-trtexec"))
    assert find_program("make") is None
    assert ToolVersions().of("make") is None


def tool(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho x >> {folder}/asked\nprintf '%s\\n' {text}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("name", "text", "version"),
    [
        ("trtexec", "'&&&& RUNNING TensorRT.trtexec [TensorRT v101600] [b72] # trtexec --help'", "10.16.0"),
        ("trtexec", "'&&&& RUNNING TensorRT.trtexec [TensorRT v8601] # trtexec --help'", "8.6.1"),
        ("trtexec", "'something else'", "unknown version"),
        ("g++", "'g++ (Debian 12.2.0-14+deb12u1) 12.2.0' 'Copyright (C) 2022'", "12.2.0"),
        ("make", "'GNU Make 4.3' 'Built for x86_64-pc-linux-gnu'", "4.3"),
        ("timeout", "'timeout (GNU coreutils) 9.1' 'Copyright'", "9.1"),
        ("deepstream-app", "'deepstream-app version 9.1.0' 'DeepStreamSDK 9.1.0' 'CUDA Driver Version: 13.2'", "9.1.0"),
        ("gst-launch-1.0", "'gst-launch-1.0 version 1.22.0' 'GStreamer 1.22.0'", "1.22.0"),
        ("other", "'other 1.2 of today'", "other 1.2 of today"),
    ],
)
def test_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, version: str) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    tool(tmp_path, name, text)
    asked = ToolVersions()
    assert [asked.of(name), asked.of(name)] == [version, version]
    again = ToolVersions(asked.known)
    assert again.of(name) == version
    tells = version != "unknown version"
    assert len((tmp_path / "asked").read_text().split()) == (1 if tells else 2), "asked once, then remembered"
    tool(
        tmp_path, name, "'make: GNU Make 99.0' 'version 99.0' '[TensorRT v119900] deepstream-app version 99.0 g++ 99.0'"
    )
    assert ToolVersions(asked.known).of(name) != version or not tells, "another file is asked anew"

"""Applies that are killed, interrupted, out of space or shut out: what was there stays, and the next one goes on."""

from __future__ import annotations

import errno
import fcntl
import io
import json
import os
import random
import resource
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apply_support import HANDLERS, HOME, alive, make_plan, record, run, sh, small_plan, tree, wait_for

from dsimport.compiler.plan import GeneratedFile, Plan, Step
from dsimport.runtime import process
from dsimport.runtime.atomic import TEMPORARY, write_text
from dsimport.runtime.lock import PATIENCE_S, ModelLock, holder
from dsimport.runtime.steps.base import Context, Outcome

KILLS = int(os.environ.get("DSIMPORT_TEST_KILLS", "30"))


def in_child(what: Callable[[], object]) -> int:
    """Run `what` in a forked process (an interpreter of its own would spend most of its life importing)."""
    pid = os.fork()
    if pid == 0:
        code = 99
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            code = int(str(what()))
        finally:
            os._exit(code)
    return pid


def apply_in_child(plan: Plan, root: Path) -> int:
    def what() -> int:
        result = run(plan, root)
        for item in result.diagnostics:
            os.write(2, f"{item}\n".encode())
        return result.exit_code

    return in_child(what)


def exit_code(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def killed_until_done(plan: Plan, root: Path, spread: random.Random) -> int:
    """Apply again and again, each time for a random while, until one ends by itself. Returns the number of kills."""
    for kills in range(1000):
        pid = apply_in_child(plan, root)
        timer = threading.Timer(spread.uniform(0.0, 0.15), os.kill, (pid, signal.SIGKILL))
        timer.start()
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # its number stays taken until the timer is off
        timer.cancel()
        timer.join()
        code = exit_code(pid)
        if code != -signal.SIGKILL:
            assert code == 0
            return kills
    raise AssertionError("no apply ever ended")


def test_killed_at_random_instants_and_resumed(tmp_path: Path) -> None:
    undisturbed = tmp_path / "whole"
    plans = (small_plan(pause=0.01), small_plan(threshold=0.3, peak=70, pause=0.01))
    for plan in plans:
        assert run(plan, undisturbed).exit_code == 0
    spread = random.Random(20_26)
    kills, attempt = 0, 0
    while kills < KILLS:
        attempt += 1
        root = tmp_path / f"killed{attempt}"
        kills += sum(killed_until_done(plan, root, spread) for plan in plans)

        assert tree(root) == tree(undisturbed)
        assert record(root) == record(undisturbed)
        assert not list(root.rglob(".dsimport-*")), "nothing is left over"
        assert run(plans[1], root).done == []


def test_a_kill_takes_the_tools_with_it(tmp_path: Path) -> None:
    step = Step(id="a", kind="engine", title="", argv=sh("(sleep 60 & echo $! > pids; wait) & sleep 60"))
    pid = apply_in_child(make_plan([step]), tmp_path)
    pids = tmp_path / "pids"
    assert wait_for(lambda: pids.is_file() and pids.read_text().strip() != "")
    grandchild = int(pids.read_text())
    assert alive(grandchild)
    os.kill(pid, signal.SIGKILL)
    exit_code(pid)
    assert wait_for(lambda: not alive(grandchild)), "a grandchild outlived dsimport"
    assert run(make_plan([step.model_copy(update={"argv": sh("true")})]), tmp_path).exit_code == 0, "the lock is free"


def test_a_killed_rebuild_gives_the_earlier_result_back(tmp_path: Path) -> None:
    assert run(small_plan(), tmp_path).exit_code == 0
    before = tree(tmp_path)
    slow = list(small_plan().steps)
    slow[1] = slow[1].model_copy(update={"argv": sh(f"echo half > {HOME}/engines/b64.engine; touch begun; sleep 60")})
    pid = apply_in_child(make_plan(slow), tmp_path)
    assert wait_for((tmp_path / "begun").exists)
    os.kill(pid, signal.SIGKILL)
    exit_code(pid)
    assert (tmp_path / HOME / "engines/b64.engine").read_text() == "half\n"

    assert run(small_plan(), tmp_path).done == [], "back to the recipe as it was, there is nothing to do"
    del before[f"{HOME}/engines/b64.log"]  # the log is of the attempt that was killed
    assert before.items() <= tree(tmp_path).items()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_ends_the_tools_and_keeps_the_record(
    tmp_path: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "GRACE_S", 0.2)
    steps = list(small_plan().steps)
    steps[5] = steps[5].model_copy(update={"argv": sh("echo $$ > pid; trap '' TERM; sleep 60")})
    pid = apply_in_child(make_plan(steps), tmp_path)
    file = tmp_path / "pid"
    assert wait_for(lambda: file.is_file() and file.read_text().strip() != "")
    begun = time.monotonic()
    os.kill(pid, number)
    assert exit_code(pid) == 130
    assert time.monotonic() - begun < 10
    assert not alive(int(file.read_text()))
    assert record(tmp_path)["steps"]["scale"]["failure"]["message"] == "interrupted"
    assert run(small_plan(), tmp_path).done == ["scale", "kitti", "report"]


def test_one_writer_per_model(tmp_path: Path) -> None:
    with ModelLock(tmp_path / HOME):
        who = holder(tmp_path / HOME)
        assert who is not None
        assert who["pid"] == os.getpid()
        pid = in_child(lambda: int([item.code for item in run(small_plan(), tmp_path).diagnostics] == ["S0603"]))
        assert exit_code(pid) == 1
        result = run(small_plan(), tmp_path)
        assert result.exit_code == 1
        assert f"process {os.getpid()} (since 20" in result.diagnostics[0].message
    assert holder(tmp_path / HOME) is None
    assert run(small_plan(), tmp_path).exit_code == 0


def test_a_lock_ends_with_its_process_however_that_ends(tmp_path: Path) -> None:
    def hold() -> int:
        with ModelLock(tmp_path / HOME):
            (tmp_path / "held").touch()
            time.sleep(60)
        return 0

    pid = in_child(hold)
    assert wait_for((tmp_path / "held").exists)
    os.kill(pid, signal.SIGKILL)
    exit_code(pid)
    with ModelLock(tmp_path / HOME):
        pass


def test_a_lock_in_the_hands_of_a_dead_process_child_is_waited_for(tmp_path: Path) -> None:
    """What `kill -9` between fork and exec leaves: a child that keeps the lock until it has become its program."""
    with ModelLock(tmp_path / HOME):
        pass
    lock = tmp_path / HOME / ".dsimport/lock"
    dead = in_child(lambda: 0)
    exit_code(dead)

    def hold() -> int:
        with lock.open("r+") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            stream.write(json.dumps({"pid": dead, "since": "2026"}))
            stream.flush()
            (tmp_path / "held").touch()
            time.sleep(2 * PATIENCE_S)
        return 0

    pid = in_child(hold)
    assert wait_for((tmp_path / "held").exists)
    with ModelLock(tmp_path / HOME):
        pass
    assert exit_code(pid) == 0


def test_a_file_system_without_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", unsupported)
    result = run(small_plan(), tmp_path)
    assert (result.exit_code, [item.code for item in result.diagnostics]) == (1, ["H0606"])


def failing_fsync(monkeypatch: pytest.MonkeyPatch, number: int, after: int) -> None:
    """From the given call on, syncing a file fails as a full or read-only disk lets it fail."""
    calls = [0]
    real = os.fsync

    def fsync(descriptor: int) -> None:
        calls[0] += 1
        if calls[0] > after:
            raise OSError(number, os.strerror(number))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)


@pytest.mark.parametrize(
    ("number", "code", "after"),
    [
        *((errno.ENOSPC, "H0601", after) for after in (0, 1, 3, 5, 8, 13)),
        (errno.EDQUOT, "H0601", 2),
        (errno.EROFS, "H0602", 0),
        (errno.EACCES, "H0603", 4),
        (errno.EIO, "H0604", 6),
    ],
)
def test_a_disk_that_fails_at_any_point_loses_nothing(tmp_path: Path, number: int, code: str, after: int) -> None:
    run(small_plan(), tmp_path)
    changed = small_plan(threshold=0.3, peak=70)
    with pytest.MonkeyPatch.context() as monkeypatch:
        failing_fsync(monkeypatch, number, after)
        result = run(changed, tmp_path)
    assert result.exit_code == 1
    assert [item.code for item in result.diagnostics] == [code]
    assert result.diagnostics[0].help
    assert not list(tmp_path.rglob(f"{TEMPORARY}*"))

    assert run(changed, tmp_path).exit_code == 0
    whole = tmp_path / "whole"
    for plan in (small_plan(), changed):
        run(plan, whole)
    assert tree(tmp_path) == tree(whole)


def test_a_log_that_cannot_grow_stops_the_tool(tmp_path: Path) -> None:
    """A file size limit stands in for a full disk: it too lets the first bytes pass and refuses the others."""
    step = Step(id="a", kind="engine", title="", argv=sh("trap '' XFSZ; while :; do echo $$ lots of text; done"))

    def limited() -> int:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        result = run(make_plan([step]), tmp_path)
        return 77 if [item.code for item in result.diagnostics] == ["H0601"] and result.exit_code == 1 else 1

    assert exit_code(in_child(limited)) == 77
    log = tmp_path / HOME / ".dsimport/a.log"
    assert log.stat().st_size == 20_000
    assert not alive(int(log.read_text().split()[0]))


def test_a_root_that_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file where a folder should be")
    result = run(small_plan(), tmp_path)
    assert (result.exit_code, [item.code for item in result.diagnostics]) == (1, ["H0604"])


def test_leftovers_of_killed_runs_are_swept(tmp_path: Path) -> None:
    run(small_plan(), tmp_path)
    stale = [tmp_path / HOME / "config" / f"{TEMPORARY}1-1", tmp_path / HOME / "samples/.dsimport-old-0/x.txt"]
    for path in stale:
        path.parent.mkdir(exist_ok=True)
        path.write_text("left")
    assert run(small_plan(), tmp_path).done == []
    assert not any(path.exists() for path in stale)


def test_a_forged_journal_moves_nothing_outside(tmp_path: Path) -> None:
    run(small_plan(), tmp_path)
    outside = tmp_path / "precious"
    outside.write_text("precious")
    (tmp_path / ".dsimport-old-0").write_text("evil")
    state = tmp_path / HOME / ".dsimport/state.json"
    moved = '"running": {"step": "a", "moved": {"precious": ".dsimport-old-0", "models/m/../../precious": "x"}}'
    state.write_text(state.read_text().replace('"running": null', moved))
    assert run(small_plan(), tmp_path).exit_code == 0
    assert outside.read_text() == "precious"


def test_write_text_replaces_whole_files_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "deep" / ("n" * 255)
    write_text(path, "one")
    assert path.read_text() == "one"

    class Half(io.FileIO):
        def write(self, data: Any) -> int:
            super().write(bytes(data)[:1])
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fdopen", lambda descriptor, mode: Half(descriptor, mode))
    with pytest.raises(Exception, match=r"H0601.*the disk is full"):
        write_text(path, "two")
    assert path.read_text() == "one"
    assert [item.name for item in path.parent.iterdir()] == [path.name]


def test_files_written_by_a_failed_step_are_repaired(tmp_path: Path) -> None:
    def step(text: str, script: str) -> Plan:
        file = GeneratedFile(path=f"{HOME}/m.cpp", content=text)
        argv = sh(script)
        return make_plan([Step(id="a", kind="engine", title="", files=(file,), outputs=(f"{HOME}/m.so",), argv=argv)])

    good = step("good", f"cat {HOME}/m.cpp > {HOME}/m.so")
    assert run(good, tmp_path).exit_code == 0
    assert run(step("bad", "exit 2"), tmp_path).exit_code == 4
    assert tree(tmp_path) == {f"{HOME}/m.cpp": b"bad", f"{HOME}/m.so": b"good"}, "what failed can be looked at"
    assert run(good, tmp_path).done == ["a"]
    assert tree(tmp_path) == {f"{HOME}/m.cpp": b"good", f"{HOME}/m.so": b"good"}


def test_a_check_without_outputs_that_failed_runs_again(tmp_path: Path) -> None:
    def check(context: Context) -> Outcome:
        context.run(sh("test ! -e broken"))
        return Outcome()

    plan = make_plan([Step(id="a", kind="engine", title="", tools=("x",))])
    handlers = {**HANDLERS, "engine": check}
    assert run(plan, tmp_path, handlers).exit_code == 0
    (tmp_path / "broken").touch()
    assert run(plan, tmp_path, handlers, {"x": "2"}).exit_code == 4
    assert run(plan, tmp_path, handlers).exit_code == 4, "the earlier success does not come back for a check"

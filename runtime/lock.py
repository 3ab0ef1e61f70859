"""One writer per model folder. The kernel holds the lock, so that it ends with its process, however that ends."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.runtime.atomic import host_error, host_errors, make_folder

__all__ = ["ModelLock", "hold", "holder"]

_UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL)
PATIENCE_S = 0.3
# A process that was killed may leave a child that has not become its program yet and still has the lock in its hands.
PATIENCE_WITH_THE_DEAD_S = 5.0


class ModelLock:
    """Context manager: exclusive right to write below `home` (`models/<name>`), which is created.

    DsimportError with S0603 when another process holds it, H0606 on a file system without locks.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._path = home / ".dsimport" / "lock"
        self._descriptor = -1

    def __enter__(self) -> ModelLock:
        make_folder(self._path.parent)
        while self._descriptor < 0:
            with host_errors(self._path):
                descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
            try:
                self._acquire(descriptor)
                if _same_file(descriptor, self._path):  # else `clean` removed it between open and lock
                    self._descriptor = descriptor
            finally:
                if self._descriptor != descriptor:
                    os.close(descriptor)
        self._write({"pid": os.getpid(), "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)
        self._descriptor = -1

    def _acquire(self, descriptor: int) -> None:
        started = time.monotonic()
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except OSError as error:
                if error.errno in _UNSUPPORTED:
                    raise _unsupported(self._home) from None
                if error.errno not in (errno.EAGAIN, errno.EACCES):
                    raise host_error(error, self._path) from None
            # `status` too takes the lock for a glance, which is no reason to give up.
            if time.monotonic() - started > (PATIENCE_S if _alive(_read(descriptor)) else PATIENCE_WITH_THE_DEAD_S):
                raise _held(self._home, descriptor)
            time.sleep(0.02)

    def _write(self, content: dict[str, object]) -> None:
        # Who holds it is a courtesy to the next writer; a full disk must not forbid what needs no space.
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, json.dumps(content).encode(), 0)


@contextlib.contextmanager
def hold(path: Path, waiting: Callable[[], None], *, shared: bool = False) -> Iterator[None]:
    """Hold the lock file at `path` against other processes, or with others that share it; `waiting` is called when it
    takes a while. The lock ends with its process. On a file system without locks nothing is held."""
    how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    descriptor = -1
    with host_errors(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    try:
        try:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                waiting()
                with contextlib.suppress(OSError):
                    fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


def holder(home: Path) -> dict[str, object] | None:
    """Pid and start (`since`, UTC) of the process that writes below `home` now; None if there is none."""
    try:
        descriptor = os.open(home / ".dsimport" / "lock", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return _read(descriptor) if error.errno in (errno.EAGAIN, errno.EACCES) else None
    finally:
        os.close(descriptor)
    return None


def _held(home: Path, descriptor: int) -> DsimportError:
    who = _read(descriptor)
    process = f"process {who['pid']} (since {who['since']})" if who else "another process"
    return DsimportError(
        Diagnostic(
            "S0603",
            f"{process} is writing to {home}",
            help=("wait until it has ended, or end it, and run the command again",),
        )
    )


def _alive(who: dict[str, object]) -> bool:
    """Whether the process that wrote its name into the lock still runs; True where that cannot be told."""
    pid = who.get("pid")
    if not isinstance(pid, int) or pid <= 0:
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _unsupported(home: Path) -> DsimportError:
    return DsimportError(
        Diagnostic(
            "H0606",
            f"{home} lies on a file system that cannot lock files",
            help=("choose a place on a local disk with --root",),
        )
    )


def _read(descriptor: int) -> dict[str, object]:
    try:
        found = json.loads(os.pread(descriptor, 4096, 0))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict) or not isinstance(found.get("pid"), int) or not isinstance(found.get("since"), str):
        return {}
    return {"pid": found["pid"], "since": found["since"][:40]}


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        there = path.stat()
    except OSError:
        return False
    here = os.fstat(descriptor)
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)

"""Files that are there whole or not at all, whenever the program or the machine stops.

Every failure of the operating system becomes a diagnostic with the path and the fix; what was there before stays.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.compiler.escape import single_line

__all__ = [
    "ASIDE",
    "TEMPORARY",
    "host_error",
    "host_errors",
    "make_folder",
    "remove_stale",
    "remove_tree",
    "write_bytes",
    "write_text",
]

# A fixed short name: a file name close to the limit of 255 bytes must not fail because of a suffix.
TEMPORARY = ".dsimport-tmp-"
ASIDE = ".dsimport-old-"
_counter = itertools.count()

_CAUSES: dict[int, tuple[str, str, str]] = {
    errno.ENOSPC: ("H0601", "the disk is full", "free some space; the command continues where it stopped"),
    errno.EDQUOT: ("H0601", "the disk quota is used up", "free some space; the command continues where it stopped"),
    errno.EFBIG: ("H0601", "the file grew beyond what is allowed", "raise the limit (`ulimit -f`) or free some space"),
    errno.EROFS: ("H0602", "the file system is read-only", "choose a writable place with --root"),
    errno.EACCES: ("H0603", "permission denied", "give this user the right to it, or choose another place with --root"),
    errno.EPERM: ("H0603", "permission denied", "give this user the right to it, or choose another place with --root"),
}


def host_error(error: OSError, path: str | Path | None = None) -> DsimportError:
    """The diagnostic for a failed system call. `path` stands in where the error names none."""
    named = error.filename if isinstance(error.filename, (str, bytes)) else path
    shown = single_line(os.fsdecode(named)) if named is not None else "a file"
    other = ("H0604", error.strerror or type(error).__name__, "look at the path named above and run the command again")
    code, what, fix = _CAUSES.get(error.errno or 0, other)
    return DsimportError(Diagnostic(code, f"{shown}: {what[:1].lower()}{what[1:]}", help=(fix,)))


@contextlib.contextmanager
def host_errors(path: str | Path | None = None) -> Iterator[None]:
    """Turn every OSError of the block into its diagnostic."""
    try:
        yield
    except OSError as error:
        raise host_error(error, path) from error


def write_bytes(path: Path, data: bytes, *, executable: bool = False) -> None:
    """Write a file through a temporary one in its folder, which is created. Rights follow the umask.

    DsimportError (H codes) when it cannot be written; then the former file is untouched and no temporary one is left.
    """
    make_folder(path.parent)
    temporary = path.with_name(f"{TEMPORARY}{os.getpid()}-{next(_counter)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(temporary, flags, 0o777 if executable else 0o666), "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            error.filename = str(path)  # the temporary name would say nothing to a user
            raise host_error(error) from error
        raise


def write_text(path: Path, text: str, *, executable: bool = False) -> None:
    """`write_bytes` for UTF-8 text with the line ends it has."""
    write_bytes(path, text.encode("utf-8", "surrogateescape"), executable=executable)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder last. File systems that cannot sync a folder do not need it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Create a folder with its parents; DsimportError (H codes) when that fails."""
    with host_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)


def remove_tree(path: Path) -> None:
    """Remove a file, link or folder with its content; links are removed, never followed. Nothing there is fine."""
    with host_errors(path):
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            return
        if stat.S_ISDIR(mode):
            for child in list(os.scandir(path)):
                remove_tree(Path(child.path))
            path.rmdir()
        else:
            path.unlink()


def remove_stale(home: Path) -> list[Path]:
    """Remove what killed runs left: temporary files, and results set aside whose step has ended since. The caller
    holds the model's lock and has put back what an interrupted step had set aside. Returns what was removed."""
    removed: list[Path] = []
    for folder, names, files in os.walk(home):
        for name in [*names, *files]:
            if name.startswith((TEMPORARY, ASIDE)):
                remove_tree(Path(folder, name))
                removed.append(Path(folder, name))
        names[:] = [name for name in names if not name.startswith((TEMPORARY, ASIDE))]
    return removed

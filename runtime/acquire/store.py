"""The cache of fetched files, by content: `objects/<sha256>` whole and verified, `partial/` what is on its way.

It belongs to the user, not to a model's folder, so that a lock, an apply in another folder and a second model share
what was fetched; and a partial file outlives the run that was killed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from dsimport.runtime.acquire.problems import problem
from dsimport.runtime.atomic import host_errors, make_folder, sync_folder
from dsimport.runtime.digest import hash_file
from dsimport.runtime.lock import hold

__all__ = ["Store", "default_store"]


def default_store() -> Store:
    """The cache in `DSIMPORT_CACHE`, else in the user's cache folder."""
    named = os.environ.get("DSIMPORT_CACHE")
    if named:
        return Store(Path(named).absolute())
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 - never raises
    if not os.path.isabs(base):  # noqa: PTH117
        raise problem("H0603", "there is no home folder for the cache", "set DSIMPORT_CACHE to a folder")
    return Store(Path(base) / "dsimport")


class Store:
    """The cache in one folder. Paths it hands out are of whole files with the digest asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, sha256: str) -> Path | None:
        """The file with this content. What was damaged on the disk is removed instead."""
        path = self._object(sha256)
        try:
            if hash_file(path) == sha256:
                return path
            path.unlink()
        except OSError:
            return None
        return None

    def part(self, key: str) -> Path:
        """Where a download with this identity collects its bytes. Two contents must never share a key."""
        folder = self.folder / "partial"
        make_folder(folder)
        return folder / f"{hashlib.sha256(key.encode('utf-8', 'surrogateescape')).hexdigest()[:40]}.part"

    def keep(self, part: Path, sha256: str) -> Path:
        """Give a whole, verified file its final name."""
        path = self._object(sha256)
        make_folder(path.parent)
        with host_errors(path):
            part.replace(path)
            sync_folder(path.parent)
        return path

    @contextlib.contextmanager
    def alone(self, part: Path, say: Callable[[str], None]) -> Iterator[None]:
        """Hold a download against other processes that want the same; they wait. The lock ends with its process."""
        # Where files cannot be locked, two processes at once would waste time, not content.
        with hold(Path(f"{part}.lock"), lambda: say("waiting: another process is fetching the same file")):
            yield

    def _object(self, sha256: str) -> Path:
        return self.folder / "objects" / sha256[:2] / sha256

"""What the disk and the host say: digests, texts and tool versions, the eyes of `dsimport.compiler.decide`.

Digests of large files are kept by size, times and inode in `.dsimport/stamps.json`, so that a command that finds
nothing to do reads no model and no engine. That file is a cache: damaged or missing, it is made anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import time
from pathlib import Path

from dsimport.compiler.diagnostics import DsimportError
from dsimport.runtime.atomic import write_text
from dsimport.runtime.digest import hash_file
from dsimport.runtime.toolversions import ToolVersions

__all__ = ["DiskObservation", "digest_path"]

LARGE = 1 << 20
# Time stamps of a file system may be as coarse as a scheduler tick: a younger file could change unseen.
SETTLED_NS = 50_000_000
MAX_TEXT = 1 << 20


class DiskObservation:
    """An `Observation` of the files below `root`, with the stamps of the model at `home` (root-relative)."""

    def __init__(self, root: Path, home: str, versions: ToolVersions | None = None) -> None:
        self._root = root
        self._base = str(root)
        self._cache = root / home / ".dsimport" / "stamps.json"
        stamps, tools = _load(self._cache)
        self._stamps = stamps
        self._versions = versions or ToolVersions()
        self._versions.learn(tools)
        self._before = json.dumps([self._stamps, self._versions.known])

    def digest(self, path: str) -> str | None:
        """sha256 of a file, or of a folder's names and contents; None where there is neither, or no right to read."""
        try:
            status = os.stat(os.path.join(self._base, path))  # noqa: PTH116, PTH118 - asked for every file of every recipe
            place = self._root / path
            if stat.S_ISDIR(status.st_mode):
                return _folder_digest(place)
            if not stat.S_ISREG(status.st_mode) or path.endswith("/"):
                return None  # a pipe or device would block, and has no content to compare
            return self._file_digest(place, path, status)
        except (OSError, ValueError):
            return None

    def text(self, path: str) -> str | None:
        """The file's text; None for what is no UTF-8 text or larger than 1 MiB."""
        place = self._root / path
        try:
            status = place.stat()
            if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_TEXT:
                return None
            return place.read_bytes().decode("utf-8")
        except (OSError, ValueError):
            return None

    def tool(self, name: str) -> str | None:
        """The version of a program, asked once."""
        return self._versions.of(name)

    def save(self) -> None:
        """Write the cache if it grew. Only for the holder of the model's lock; failing to is harmless."""
        after = json.dumps([self._stamps, self._versions.known])
        if after != self._before:
            with contextlib.suppress(DsimportError):
                write_text(self._cache, json.dumps({"files": self._stamps, "tools": self._versions.known}, indent=0))
                self._before = after

    def _file_digest(self, place: Path, path: str, status: os.stat_result) -> str:
        if status.st_size < LARGE:
            return hashlib.sha256(place.read_bytes()).hexdigest()
        stamp = _stamp(status)
        known = self._stamps.get(path)
        if known is not None and known[:-1] == stamp:
            return known[-1]
        _settle(status)
        stamp = _stamp(place.stat())
        digest = hash_file(place)
        if _stamp(place.stat()) == stamp:
            self._stamps[path] = [*stamp, digest]
        return digest


def digest_path(place: Path) -> str | None:
    """The digest of a file or folder, without any cache."""
    try:
        if place.is_dir():
            return _folder_digest(place)
        return hash_file(place) if place.is_file() else None
    except (OSError, ValueError):
        return None


def _stamp(status: os.stat_result) -> list[str]:
    return [str(item) for item in (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)]


def _settle(status: os.stat_result) -> None:
    age = time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns)
    if 0 <= age < SETTLED_NS:
        time.sleep((SETTLED_NS - age) / 1e9)


def _folder_digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for name, content in sorted(_entries(folder, "")):
        digest.update(os.fsencode(name) + b"\0" + content.encode() + b"\n")
    return digest.hexdigest()


def _entries(folder: Path, prefix: str) -> list[tuple[str, str]]:
    """Relative name and content of everything below a folder; a link counts by its target's name."""
    found: list[tuple[str, str]] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            name = prefix + entry.name
            if entry.is_symlink():
                found.append((name, "link " + os.readlink(entry.path).encode("utf-8", "backslashreplace").decode()))  # noqa: PTH115
            elif entry.is_dir():
                found += [(name, "folder"), *_entries(Path(entry.path), name + "/")]
            elif entry.is_file():
                found.append((name, hash_file(Path(entry.path))))
            else:
                found.append((name, "special"))
    return found


def _load(cache: Path) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    try:
        document = json.loads(cache.read_bytes())
        return _lists(document["files"], 5), _lists(document["tools"], 6)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}, {}


def _lists(value: object, length: int) -> dict[str, list[str]]:
    if not isinstance(value, dict):
        return {}
    return {
        str(key): item
        for key, item in value.items()
        if isinstance(item, list) and len(item) == length and all(isinstance(part, str) for part in item)
    }

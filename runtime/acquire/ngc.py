"""A model version of NVIDIA's NGC catalog: the public API over HTTPS, its archive, and what is taken out of it."""

from __future__ import annotations

import json
import os
import stat
import zipfile
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dsimport.compiler.diagnostics import DsimportError
from dsimport.compiler.lock import LockedFile, safe_name
from dsimport.runtime.acquire.problems import problem, token_from
from dsimport.runtime.acquire.progress import megabytes
from dsimport.runtime.acquire.sources import Fetched, Tools, Wanted, mismatch
from dsimport.runtime.acquire.transfer import MAX_BYTES, Asked, download, read_answer
from dsimport.runtime.atomic import host_error, host_errors
from dsimport.runtime.digest import hash_file

__all__ = ["NgcSource"]

_MAX_ANSWER = 1 << 20
_MAX_ENTRIES = 10_000
_MAX_RATIO = 100  # weights hardly shrink; more than this is no model
_SLACK = 64 << 20


class NgcSource:
    """One version of one model. `paths` are those inside the archive, without a folder that holds everything."""

    def __init__(self, wanted: Wanted, tools: Tools) -> None:
        base = os.environ.get("NGC_API_URL") or "https://api.ngc.nvidia.com"
        parts = "/".join(quote(part, safe="") for part in wanted.where.split("/"))
        self._url = f"{base.rstrip('/')}/v2/models/{parts}/versions/{quote(wanted.revision or '', safe='')}"
        self._what = f"{wanted.where}:{wanted.revision}"
        self._variable = wanted.token_env or "NGC_API_KEY"
        self._secret = token_from([name for name in (wanted.token_env, "NGC_API_KEY") if name])
        self._tools = tools
        self._entries: dict[str, zipfile.ZipInfo] | None = None
        self._archive = Path()
        self.commit: str | None = None
        self.licence: str | None = None

    def paths(self) -> list[str]:
        return sorted(self._open())

    def fetch(self, path: str) -> Fetched:
        return self._take(path, None)

    def pinned(self, pin: LockedFile) -> Fetched:
        found = self._tools.store.find(pin.sha256)
        if found is not None:
            return Fetched(pin.path, found, pin.size, pin.sha256)
        if pin.path not in self._open():
            raise problem(
                "A0238", f"{self._what} has no '{pin.path}' any more", "`dsimport lock --update` moves the pin"
            )
        return self._take(pin.path, pin.sha256)

    def done(self) -> None:
        """Remove the archive: what is needed of it has been taken out."""
        if self._entries is not None:
            with host_errors(self._archive):
                self._archive.unlink(missing_ok=True)
            self._entries = None

    def _open(self) -> dict[str, zipfile.ZipInfo]:
        """The archive's files by path; it is fetched first."""
        if self._entries is None:
            self._ask()
            asked = Asked(f"{self._url}/zip", f"the archive of {self._what}", self._secret, self._variable)
            self._archive = self._tools.store.part(f"ngc {asked.url}")
            with self._tools.store.alone(self._archive, self._tools.say):
                download(asked, self._archive, self._tools.policy, self._tools.progress)
            try:
                self._entries = _entries(self._archive, self._what)
            except DsimportError:
                self._archive.unlink(missing_ok=True)
                raise
        return self._entries

    def _ask(self) -> None:
        """What the catalog says of the version; the diagnostic for one that is not there names it."""
        kind = {"Accept": "application/json"}
        asked = Asked(self._url, self._what, self._secret, self._variable, headers=kind, limit=_MAX_ANSWER)
        answer = read_answer(asked, self._tools.policy, self._tools.say)
        try:
            document: Any = json.loads(answer)
            version = document["modelVersion"]
            status = str(version.get("status", "UPLOAD_COMPLETE"))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise problem(
                "A0239", f"the answer for {self._what} is not one of the NGC catalog", "check NGC_API_URL, and proxies"
            ) from None
        if status != "UPLOAD_COMPLETE":
            words = self._secret.redact(status)[:60]
            raise problem("A0231", f"{self._what} is not complete in the catalog ({words})", "choose another version")

    def _take(self, path: str, expected: str | None) -> Fetched:
        info = self._open()[path]
        part = self._tools.store.part(f"{self._what} {path}")
        with self._tools.store.alone(part, self._tools.say):
            _extract(self._archive, info, part, self._what)
            with host_errors(part):
                digest = hash_file(part)
            if expected is not None and digest != expected:
                part.unlink(missing_ok=True)
                raise mismatch(f"{path} of {self._what}", digest, expected, "the lock file")
            return Fetched(path, self._tools.store.keep(part, digest), info.file_size, digest)


def _entries(archive: Path, what: str) -> dict[str, zipfile.ZipInfo]:
    """Files of an archive by path, after a look at all of it: one bad entry and nothing is unpacked."""
    try:
        with zipfile.ZipFile(archive) as file:
            infos = [info for info in file.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as error:
        raise _bad(what, f"it is damaged, or no zip file ({type(error).__name__})") from None
    except OSError as error:
        raise host_error(error, archive) from error
    if len(infos) > _MAX_ENTRIES:
        raise _bad(what, f"it has {len(infos):,} files")
    for info in infos:
        kind = stat.S_IFMT(info.external_attr >> 16)
        if not safe_name(info.filename) or kind not in (0, stat.S_IFREG):
            raise _bad(what, f"it holds {info.filename[:100]!r}, which is no plain file below a folder")
        if info.flag_bits & 1:
            raise _bad(what, f"{info.filename} in it is encrypted")
    total = sum(info.file_size for info in infos)
    allowed = min(MAX_BYTES, archive.stat().st_size * _MAX_RATIO + _SLACK)
    if total > allowed:
        raise problem(
            "A0248", f"the archive of {what} unpacks to {megabytes(total)}", "it is no model: check the source"
        )
    tops = {info.filename.partition("/")[0] for info in infos}
    prefix = f"{tops.pop()}/" if len(tops) == 1 and all("/" in info.filename for info in infos) else ""
    if prefix == "onnx/":
        prefix = ""
    return {info.filename[len(prefix) :]: info for info in infos}


def _extract(archive: Path, info: zipfile.ZipInfo, part: Path, what: str) -> None:
    try:
        with zipfile.ZipFile(archive) as file, file.open(info) as source, host_errors(part), part.open("wb") as target:
            left = info.file_size
            while block := source.read(1 << 20):
                left -= len(block)
                if left < 0:
                    raise zipfile.BadZipFile
                target.write(block)
            target.flush()
            os.fsync(target.fileno())
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, RuntimeError):
        part.unlink(missing_ok=True)
        archive.unlink(missing_ok=True)
        raise _bad(what, f"{info.filename} in it is damaged") from None
    except OSError as error:
        raise host_error(error, archive) from error
    if left:
        raise _bad(what, f"{info.filename} in it is shorter than the archive says")


def _bad(what: str, why: str) -> DsimportError:
    return problem(
        "A0244", f"the archive of {what} is not unpacked: {why}", "fetch it again; if it stays so, report it"
    )

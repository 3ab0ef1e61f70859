"""What all sources have in common: names of what is there, and one file at a time, verified, in the cache."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dsimport.compiler.diagnostics import DsimportError
from dsimport.compiler.lock import LockedFile
from dsimport.runtime.acquire.hub import Hub, Listing
from dsimport.runtime.acquire.problems import problem
from dsimport.runtime.acquire.store import Store, default_store
from dsimport.runtime.acquire.transfer import Asked, Policy, download
from dsimport.runtime.atomic import host_errors
from dsimport.runtime.digest import hash_file

__all__ = ["Fetched", "HubSource", "LocalSource", "Source", "Tools", "Wanted", "default_tools", "fetch", "mismatch"]


@dataclass(frozen=True)
class Wanted:
    """The source as the recipe has it. revision: branch, tag, commit or NGC version; variant, file: which ONNX;
    sha256: of a single file; token_env: the environment variable that holds the access token; fp16: whether a graph
    pass makes float16 inputs float32."""

    kind: str
    where: str
    revision: str | None = None
    sha256: str | None = None
    variant: str | None = None
    file: str | None = None
    token_env: str | None = None
    fp16: bool = True


@dataclass(frozen=True)
class Fetched:
    """A whole file of a source: its path there, where it lies here, its size in bytes and its sha256."""

    path: str
    local: Path
    size: int
    sha256: str


@dataclass(frozen=True)
class Tools:
    """What fetching needs: the cache, patience, a line kept for people, and the line of the moment."""

    store: Store
    policy: Policy
    say: Callable[[str], None]
    progress: Callable[[str], None]


def default_tools(say: Callable[[str], None], progress: Callable[[str], None]) -> Tools:
    """The user's cache, and the patience that real servers need."""
    return Tools(default_store(), Policy(), say, progress)


class Source(Protocol):
    """A source. Methods raise DsimportError (A and H codes)."""

    commit: str | None
    licence: str | None

    def paths(self) -> list[str]:
        """Names of everything that is there now."""

    def fetch(self, path: str) -> Fetched:
        """One of them."""

    def pinned(self, pin: LockedFile) -> Fetched:
        """The file that a lock pins, and no other content."""


def fetch(tools: Tools, asked: Asked, key: str, check: Callable[[Path, str], None]) -> tuple[Path, str]:
    """Download into the cache; where the file lies, and its sha256. `check(part, sha256)` raises for wrong content,
    which is then thrown away. key: what the content is known by before it is there."""
    part = tools.store.part(key)
    with tools.store.alone(part, tools.say):
        download(asked, part, tools.policy, tools.progress)
        with host_errors(part):
            digest = hash_file(part)
        try:
            check(part, digest)
        except DsimportError:
            with host_errors(part):
                part.unlink(missing_ok=True)
            raise
        return tools.store.keep(part, digest), digest


def mismatch(what: str, found: str, wanted: str, who: str) -> DsimportError:
    """The diagnostic for content that is not what `who` says."""
    return problem(
        "A0238",
        f"{what} has sha256 {found}, {who} says {wanted}",
        "if the change is wanted, `dsimport lock --update` (or correct the recipe's sha256)",
        "if not, something on the way changes files: check proxies and mirrors",
    )


class HubSource:
    """A repository on the Hugging Face hub. commit: the pinned one, else what the revision stands for now."""

    def __init__(self, wanted: Wanted, tools: Tools, commit: str | None) -> None:
        self._wanted, self._tools = wanted, tools
        self.commit = commit
        self.licence: str | None = None
        self._hub: Hub | None = None
        self._listing: Listing | None = None

    @property
    def hub(self) -> Hub:
        """The client, made when something has to be asked."""
        if self._hub is None:
            wanted, tools = self._wanted, self._tools
            self._hub = Hub(wanted.where, token_env=wanted.token_env, policy=tools.policy, say=tools.say)
        return self._hub

    @property
    def listing(self) -> Listing:
        """The repository at the commit, asked for once."""
        if self._listing is None:
            self._listing = self.hub.listing(self.commit or self._wanted.revision or "main")
            self.commit, self.licence = self._listing.commit, self._listing.licence
        return self._listing

    def paths(self) -> list[str]:
        return sorted(self.listing.files)

    def fetch(self, path: str) -> Fetched:
        remote, commit = self.listing.files[path], self.listing.commit
        if remote.sha256 is not None:
            return self.pinned(LockedFile(path=path, size=remote.size, sha256=remote.sha256))
        self.hub.check(commit, path, remote.size)

        def check(part: Path, digest: str) -> None:
            if remote.git_sha1 is not None and _git_sha1(part) != remote.git_sha1:
                raise mismatch(f"{path} of {self._wanted.where}", digest, f"git {remote.git_sha1}", "the hub's listing")

        asked = self.hub.asked(commit, path, remote.size, validated=remote.git_sha1 is not None)
        local, digest = fetch(self._tools, asked, f"git {remote.git_sha1} {asked.url}", check)
        return Fetched(path, local, remote.size, digest)

    def pinned(self, pin: LockedFile) -> Fetched:
        found = self._tools.store.find(pin.sha256)
        if found is None:
            found = self._from_client_cache(pin) or self._download(pin)
        return Fetched(pin.path, found, pin.size, pin.sha256)

    def _from_client_cache(self, pin: LockedFile) -> Path | None:
        path = self.hub.cached(self.commit or "", pin.path)
        try:
            return path if path is not None and hash_file(path) == pin.sha256 else None
        except OSError:
            return None

    def _download(self, pin: LockedFile) -> Path:
        commit = self.commit or ""
        self.hub.check(commit, pin.path, pin.size)

        def check(part: Path, digest: str) -> None:
            if digest != pin.sha256:
                raise mismatch(f"{pin.path} of {self._wanted.where}", digest, pin.sha256, "the lock or listing")

        asked = self.hub.asked(commit, pin.path, pin.size, validated=True)
        return fetch(self._tools, asked, f"sha256 {pin.sha256}", check)[0]


class LocalSource:
    """An ONNX file on this machine, with what lies beside it. Nothing is copied: `local` is the file itself."""

    def __init__(self, path: Path) -> None:
        self.commit: str | None = None
        self.licence: str | None = None
        self._file = path

    def paths(self) -> list[str]:
        with host_errors(self._file.parent):
            return sorted(item.name for item in self._file.parent.iterdir() if item.is_file())

    def fetch(self, path: str) -> Fetched:
        local = self._file.parent / path
        try:
            return Fetched(path, local, local.stat().st_size, hash_file(local))
        except OSError as error:
            raise problem(
                "A0204",
                f"cannot read model file '{local}': {error.strerror}",
                "correct source.file.path; paths are relative to the recipe",
            ) from None

    def pinned(self, pin: LockedFile) -> Fetched:
        found = self.fetch(pin.path)
        if found.sha256 != pin.sha256:
            raise mismatch(f"'{found.local}'", found.sha256, pin.sha256, "the lock file")
        return found


def _git_sha1(path: Path) -> str:
    """The name git gives this content."""
    hasher = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            hasher.update(block)
    return hasher.hexdigest()

"""A model behind a web address. Its content is known by sha256 only: from the recipe, or from the lock."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from dsimport.compiler.lock import LockedFile, safe_name
from dsimport.runtime.acquire.problems import problem, shown_url
from dsimport.runtime.acquire.sources import Fetched, Tools, Wanted, fetch, mismatch
from dsimport.runtime.acquire.transfer import Asked

__all__ = ["UrlSource"]


class UrlSource:
    """One address. locking: whether content without a known digest may be fetched, to learn it."""

    def __init__(self, wanted: Wanted, tools: Tools, *, locking: bool) -> None:
        self.commit: str | None = None
        self.licence: str | None = None
        self._wanted, self._tools, self._locking = wanted, tools, locking
        name = unquote(urlsplit(wanted.where).path.rpartition("/")[2])
        self._name = name if safe_name(name) and name.endswith(".onnx") else "model.onnx"

    def paths(self) -> list[str]:
        return [self._name]

    def fetch(self, path: str) -> Fetched:
        expected = self._wanted.sha256 if path == self._name else None
        if expected is not None:
            return self._get(path, None, expected.lower(), "the recipe")
        if not self._locking:
            raise problem(
                "A0246",
                f"nobody says which sha256 {shown_url(self._address(path))} must have",
                "run `dsimport lock` on the recipe, and commit the lock file",
            )
        return self._get(path, None, None, "")

    def pinned(self, pin: LockedFile) -> Fetched:
        return self._get(pin.path, pin.size, pin.sha256, "the lock file")

    def _get(self, path: str, size: int | None, expected: str | None, who: str) -> Fetched:
        found = self._tools.store.find(expected) if expected is not None else None
        digest = expected or ""
        if found is None:
            address = self._address(path)
            what = shown_url(address)

            def check(part: Path, digest: str) -> None:
                if expected is not None and digest != expected:
                    raise mismatch(what, digest, expected, who)

            asked = Asked(address, what, size=size, validated=expected is not None)
            key = f"sha256 {expected}" if expected is not None else f"url {address}"
            found, digest = fetch(self._tools, asked, key, check)
        return Fetched(path, found, found.stat().st_size, digest)

    def _address(self, path: str) -> str:
        return self._wanted.where if path == self._name else urljoin(self._wanted.where, path)

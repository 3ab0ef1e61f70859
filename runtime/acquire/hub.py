"""The Hugging Face hub through its own client: what a revision stands for, what lies there, who may read it.

The client does what belongs to the hub: accounts and tokens, commits, listings page by page, file metadata, its cache.
The bytes go through `transfer`, because the client of today starts an interrupted download from the beginning.
`huggingface_hub` is imported when a hub source is used.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from dsimport._version import VERSION
from dsimport.compiler.diagnostics import DsimportError
from dsimport.runtime.acquire.problems import Secret, problem, status_problem, token_from
from dsimport.runtime.acquire.transfer import Again, Asked, Policy, retried

__all__ = ["Hub", "Listing", "RemoteFile"]

T = TypeVar("T")
_TEMPORARY = (408, 425, 429, 500, 502, 503, 504)
# The client and its HTTP libraries log headers and what servers say, past our care for tokens.
_LOGGERS = ("huggingface_hub", "httpx", "httpx2", "httpcore", "httpcore2", "urllib3")
_CALL_S = 120.0  # for one call of the client, its own attempts included; it waits for silent servers without end


@dataclass(frozen=True)
class RemoteFile:
    """A file as the listing has it: size in bytes; sha256 for large files (LFS), git's own sha1 for the others."""

    path: str
    size: int
    sha256: str | None
    git_sha1: str | None


@dataclass(frozen=True)
class Listing:
    """A repository at one commit."""

    commit: str
    files: dict[str, RemoteFile]
    licence: str | None


class Hub:
    """One repository. token_env: the environment variable of the recipe; say: lines for people.

    DsimportError of every method: A0230 … A0239, A0247, with the token in none of the texts.
    """

    def __init__(
        self,
        repo: str,
        *,
        token_env: str | None,
        policy: Policy,
        say: Callable[[str], None],
        endpoint: str | None = None,
    ) -> None:
        self.repo = repo
        self._policy, self._say = policy, say
        self._variable = token_env or "HF_TOKEN"
        self.secret = token_from([name for name in (token_env, "HF_TOKEN") if name])
        self._client = _client()
        if not self.secret.value:
            stored = self._client.get_token()
            self.secret = Secret(stored, "the hub's token store") if stored else Secret()
        base = endpoint or os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
        self._endpoint = base.rstrip("/")
        self._api = self._client.HfApi(
            endpoint=self._endpoint,
            token=self.secret.value or False,
            library_name="dsimport",
            library_version=VERSION,
        )

    def commit_of(self, revision: str) -> tuple[str, str | None]:
        """The commit a branch, tag or commit stands for now, and the licence the repository declares."""
        what = f"{self.repo} @ {revision}"
        info = self._call(
            what, lambda: self._api.model_info(self.repo, revision=revision, timeout=self._policy.timeout_s)
        )
        commit = str(getattr(info, "sha", "") or "")
        if not 7 <= len(commit) <= 64 or not all(char in "0123456789abcdef" for char in commit):
            raise self._nonsense(what)
        return commit, _licence(info)

    def listing(self, revision: str) -> Listing:
        """Every file of the commit that a revision stands for."""
        commit, licence = self.commit_of(revision)
        entries = self._call(
            f"{self.repo} @ {revision}",
            lambda: list(self._api.list_repo_tree(self.repo, revision=commit, recursive=True)),
        )
        files: dict[str, RemoteFile] = {}
        for item in entries:
            if isinstance(item, self._client.RepoFile):
                lfs = item.lfs
                sha256 = str(lfs.sha256) if lfs is not None else None
                size = int(lfs.size if lfs is not None else item.size)
                files[item.path] = RemoteFile(item.path, size, sha256, None if lfs is not None else item.blob_id)
        return Listing(commit, files, licence)

    def asked(self, commit: str, path: str, size: int | None, *, validated: bool) -> Asked:
        """The download of one file at one commit."""
        url = self._client.hf_hub_url(self.repo, path, revision=commit, endpoint=self._endpoint)
        what = f"{path.rpartition('/')[2]} of {self.repo}"
        return Asked(url, what, self.secret, self._variable, size, validated)

    def check(self, commit: str, path: str, size: int) -> None:
        """Hold the file's own headers against the listing: a mirror that serves another commit shows here."""
        url = self._client.hf_hub_url(self.repo, path, revision=commit, endpoint=self._endpoint)
        what = f"{path} of {self.repo}"
        token = self.secret.value or False
        meta = self._call(
            what, lambda: self._client.get_hf_file_metadata(url, token=token, timeout=self._policy.timeout_s)
        )
        if meta.commit_hash != commit or meta.size not in (None, size):
            raise problem(
                "A0238",
                f"the server's headers for {what} do not fit its listing of commit {commit[:12]}",
                "try again later; if HF_ENDPOINT names a mirror, it is out of step",
            )

    def cached(self, commit: str, path: str) -> Path | None:
        """The file in the client's own cache, where other programs may have put it."""
        found = None
        with contextlib.suppress(Exception):  # a damaged cache of another program is no reason to stop
            found = self._client.try_to_load_from_cache(self.repo, path, revision=commit)
        return Path(found) if isinstance(found, str) else None

    @property
    def offline(self) -> bool:
        """Whether the user forbids the network (HF_HUB_OFFLINE)."""
        return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")

    def _call(self, what: str, call: Callable[[], T]) -> T:
        if self.offline:
            raise problem(
                "A0237",
                f"{what} is not in the cache, and HF_HUB_OFFLINE forbids to fetch it",
                "unset HF_HUB_OFFLINE, or run `dsimport lock` and `apply` once where there is a network",
            )
        result: list[T] = []

        def attempt() -> None:
            try:
                result.append(_within(_CALL_S, call))
            except Exception as error:  # whatever it is, its text and chain may hold the token
                raise self._failure(what, error) from None

        retried(attempt, self._policy, self._say)
        return result[0]

    def _failure(self, what: str, error: Exception) -> Exception:
        response = getattr(error, "response", None)
        status = getattr(response, "status_code", None)
        if isinstance(status, int):
            headers = response.headers if response is not None else {}
            gated = headers.get("X-Error-Code") == "GatedRepo"
            said = str(getattr(error, "server_message", "") or headers.get("X-Error-Message", "") or "")
            page = f"{self._endpoint}/{self.repo}"
            reason = status_problem(
                status, what, self.secret, variable=self._variable, gated=gated, said=said, page=page
            )
            wait = str(headers.get("Retry-After", ""))
            return (
                Again(reason, float(wait) if wait.isdigit() and len(wait) < 9 else None)
                if (status in _TEMPORARY)
                else reason
            )
        names = {kind.__name__ for kind in type(error).__mro__}
        if names & {"TransportError", "ConnectionError", "Timeout", "TimeoutError", "RequestException", "NetworkError"}:
            return Again(
                problem(
                    "A0236",
                    f"the connection for {what} failed: {self.secret.redact(str(error) or type(error).__name__)[:200]}",
                    f"check that {self._endpoint} can be reached from here (proxy: HTTPS_PROXY)",
                )
            )
        return self._nonsense(what)

    def _nonsense(self, what: str) -> DsimportError:
        return problem(
            "A0239",
            f"the answer for {what} is not one of a Hugging Face hub",
            "check HF_ENDPOINT, and proxies or login pages on the way",
        )


def _client() -> Any:
    try:
        import huggingface_hub
    except ImportError:
        raise problem("A0230", "the package huggingface_hub is missing", "pip install huggingface_hub") from None
    names = _Names(huggingface_hub)
    for name in _LOGGERS:  # after the import: the client sets its own level when its parts are loaded
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    return names


class _Names:
    """The parts of the client that are used, wherever its versions keep them."""

    def __init__(self, module: Any) -> None:
        from huggingface_hub.hf_api import RepoFile

        self.HfApi = module.HfApi
        self.RepoFile = RepoFile
        self.get_token = module.get_token
        self.hf_hub_url = module.hf_hub_url
        self.get_hf_file_metadata = module.get_hf_file_metadata
        self.try_to_load_from_cache = module.try_to_load_from_cache


def _licence(info: Any) -> str | None:
    for tag in getattr(info, "tags", None) or ():
        if isinstance(tag, str) and tag.startswith("license:"):
            return tag.removeprefix("license:")[:200]
    return None


def _within(seconds: float, call: Callable[[], T]) -> T:
    """The call's result; TimeoutError when it takes longer. The thread it runs in is left behind then."""
    done: list[T] = []
    failed: list[BaseException] = []

    def body() -> None:
        try:
            done.append(call())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=body, name="hub", daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not done:
        raise TimeoutError(f"no answer within {seconds:g} s")
    return done[0]

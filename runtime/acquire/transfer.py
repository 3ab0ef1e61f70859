"""Bytes from a web address into a file, over HTTP and as many attempts as it takes.

The hub's own client throws away what it fetched when a download is interrupted, so the transfer is ours, for all
sources alike: it continues with Range where the file ends, checks that the source is still the same (If-Range),
follows redirects without taking the token to another host, and gives up after a bounded number of attempts.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from dsimport._version import VERSION
from dsimport.compiler.diagnostics import DsimportError
from dsimport.runtime.acquire.problems import NO_SECRET, Secret, problem, status_problem
from dsimport.runtime.acquire.progress import Meter, megabytes
from dsimport.runtime.atomic import host_error, host_errors

__all__ = ["MAX_BYTES", "Again", "Asked", "Policy", "download", "read_answer", "retried"]

MAX_BYTES = 32 << 30  # no detector is larger; a server that never stops must end somewhere
_BLOCK = 256 << 10
_TEMPORARY = (408, 425, 429, 500, 502, 503, 504)
_NETWORK = (OSError, http.client.HTTPException)  # URLError and timeouts are OSErrors


@dataclass(frozen=True)
class Policy:
    """How patient to be, in seconds. timeout_s: silence on a connection; tries: attempts in a row that bring nothing;
    attempts: attempts in all; longest_wait_s: a server that wants a longer pause is not waited for."""

    timeout_s: float = 30.0
    tries: int = 5
    attempts: int = 200
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Asked:
    """A file to fetch. what: its name for people; variable: where a token would be looked for; size in bytes, None
    where nobody said; validated: the content is known by digest, so that a partial file is continued unseen."""

    url: str
    what: str
    secret: Secret = NO_SECRET
    variable: str = "the token"
    size: int | None = None
    validated: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    limit: int = MAX_BYTES


class Again(Exception):
    """The attempt failed in a way that may pass. wait_s: what the server asked for."""

    def __init__(self, reason: DsimportError, wait_s: float | None = None) -> None:
        super().__init__("again")
        self.reason = reason
        self.wait_s = wait_s


def download(asked: Asked, part: Path, policy: Policy, say: Callable[[str], None]) -> None:
    """Fetch into `part`, continuing what is there. It is complete, but not verified, when this returns.

    DsimportError: A0231 … A0239, A0248, or an H code for the disk. `part` stays for the next call.
    """
    meter = Meter(say, asked.what, asked.size)

    def attempt() -> None:
        _attempt(asked, part, policy, meter)

    retried(attempt, policy, say, lambda: _size(part))


def retried(
    attempt: Callable[[], None], policy: Policy, say: Callable[[str], None], measure: Callable[[], int] = lambda: 0
) -> None:
    """Call until it returns. `measure` tells whether a failed attempt brought something."""
    failed = 0
    for number in range(1, policy.attempts + 1):
        before = measure()
        try:
            return attempt()
        except Again as again:
            failed = 0 if measure() > before else failed + 1
            pause = policy.first_wait_s * 2 ** max(failed - 1, 0) if again.wait_s is None else again.wait_s
            if failed >= policy.tries or number == policy.attempts or pause > policy.longest_wait_s:
                raise again.reason from None
            say(f"{again.reason.diagnostics[0].message}; trying again in {pause:g} s")
            policy.sleep(pause)
    raise AssertionError("unreachable: the last attempt returns or raises")


def _open(asked: Asked, policy: Policy, headers: Mapping[str, str]) -> Any:
    """One request; the open response. Raises `Again` or DsimportError for anything but 2xx and 416."""
    wanted = {"User-Agent": f"dsimport/{VERSION}", "Accept-Encoding": "identity", **asked.headers, **headers}
    request = urllib.request.Request(asked.url, headers=wanted)
    for name, value in asked.secret.headers().items():
        request.add_unredirected_header(name, value)  # a redirect to the same host adds it again
    try:
        return urllib.request.build_opener(_Redirects()).open(request, timeout=policy.timeout_s)
    except urllib.error.HTTPError as error:
        with contextlib.closing(error):
            if error.code == 416:
                return error
            raise _refused(error, asked) from None
    except _NETWORK as error:
        raise Again(_broken(asked, error)) from None
    except ValueError:  # an address that urllib does not take
        raise problem("A0239", f"the address of {asked.what} cannot be used", "check it") from None


def read_answer(asked: Asked, policy: Policy, say: Callable[[str], None]) -> bytes:
    """A short answer, whole; `asked.limit` bounds it. DsimportError as of `download`."""
    answers: list[bytes] = []

    def attempt() -> None:
        with contextlib.closing(_open(asked, policy, {})) as response:
            try:
                data = response.read(asked.limit + 1)
            except _NETWORK as error:
                raise Again(_broken(asked, error)) from None
            if len(data) > asked.limit:
                raise _oversized(asked, len(data), asked.limit)
            if len(data) < (_length(response.headers) or 0):
                raise Again(_broken(asked, None))
            answers.append(data)

    retried(attempt, policy, say)
    return answers[0]


def _attempt(asked: Asked, part: Path, policy: Policy, meter: Meter) -> None:
    have = _size(part)
    validator = part.with_suffix(".etag")
    etag = _read_text(validator)
    if asked.size is not None and have == asked.size and (asked.validated or etag) and part.is_file():
        return
    if have and not asked.validated and not etag:
        have = _cut(part)
    if asked.size is not None and have > asked.size:
        have = _cut(part)
    headers = {"Range": f"bytes={have}-"} if have else {}
    if have and etag and not asked.validated:
        headers["If-Range"] = etag
    with contextlib.closing(_open(asked, policy, headers)) as response:
        start = _start(response, have, asked, part)
        if not asked.validated:
            if start == 0:
                _cut(part)  # first: old bytes must never stand beside a new validator
            _write_text(validator, _strong_etag(response.headers))
        _copy(response, part, start, asked, meter)


def _start(response: Any, have: int, asked: Asked, part: Path) -> int:
    """Where the answer's bytes begin."""
    if response.status == 416:
        _cut(part)
        raise Again(problem("A0239", f"the server refuses to continue {asked.what}", "try again"))
    if response.headers.get("Content-Encoding", "identity") not in ("", "identity"):
        raise problem("A0239", f"the server sends {asked.what} compressed, unasked", "check proxies on the way")
    if response.status == 206:
        begins = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0].strip()
        if begins != str(have):
            _cut(part)
            raise Again(problem("A0239", f"the server sends another part of {asked.what} than asked for", "try again"))
        return have
    return 0


def _copy(response: Any, part: Path, start: int, asked: Asked, meter: Meter) -> None:
    length = _length(response.headers)
    end = None if length is None else start + length
    if meter.total is None:
        meter.total = end
    limit = asked.limit if asked.size is None else asked.size
    if end is not None and end > limit:
        raise _oversized(asked, end, limit)
    with host_errors(part):
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        stream = os.fdopen(os.open(part, flags, 0o666), "wb")
    with stream:
        with host_errors(part):
            stream.truncate(start)
            stream.seek(start)
        done = _pump(response, stream, start, limit, asked, meter, part)
        with host_errors(part):
            stream.flush()
            os.fsync(stream.fileno())
    expected = asked.size if asked.size is not None else end
    if expected is not None and done < expected:
        raise Again(_broken(asked, None))


def _pump(response: Any, stream: IO[bytes], done: int, limit: int, asked: Asked, meter: Meter, part: Path) -> int:
    while True:
        try:
            block = response.read1(_BLOCK)
        except _NETWORK as error:
            raise Again(_broken(asked, error)) from None
        if not block:
            return done
        if done + len(block) > limit:
            raise _oversized(asked, done + len(block), limit)
        try:
            stream.write(block)
        except OSError as error:
            raise host_error(error, part) from error
        done += len(block)
        meter.at(done)


def _oversized(asked: Asked, size: int, limit: int) -> DsimportError:
    if asked.size is not None:
        return problem(
            "A0238",
            f"{asked.what} is larger than the {limit:,} bytes announced",
            "the source changed the file: check it, then `dsimport lock --update`",
        )
    return problem("A0248", f"{asked.what} has {megabytes(size)} or more; {megabytes(limit)} is the limit", "check it")


def _refused(error: urllib.error.HTTPError, asked: Asked) -> Exception:
    said = error.headers.get("X-Error-Message", "") or ""
    gated = error.code in (401, 403) and error.headers.get("X-Error-Code") == "GatedRepo"
    reason = status_problem(error.code, asked.what, asked.secret, variable=asked.variable, gated=gated, said=said)
    return Again(reason, _retry_after(error.headers)) if error.code in _TEMPORARY else reason


def _broken(asked: Asked, error: BaseException | None) -> DsimportError:
    cause = getattr(error, "reason", error)
    words = "the connection ended early" if cause is None else str(cause) or type(cause).__name__
    host = urlsplit(asked.url).hostname or "the server"
    return problem(
        "A0236",
        f"the connection for {asked.what} failed: {asked.secret.redact(words)[:200]}",
        f"check that {host} can be reached from here (proxy: HTTPS_PROXY); what was fetched is kept",
    )


def _retry_after(headers: Message) -> float | None:
    text = (headers.get("Retry-After") or "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 9 else None


def _length(headers: Message) -> int | None:
    text = headers.get("Content-Length") or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def _strong_etag(headers: Message) -> str:
    etag: str = headers.get("ETag") or ""
    return etag if etag.startswith('"') else ""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Redirects as browsers follow them: the token stays with its host, and https never becomes http."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        old, new = urlsplit(req.full_url), urlsplit(newurl)
        if new.scheme not in ("http", "https") or (old.scheme == "https" and new.scheme == "http"):
            raise urllib.error.URLError("it was redirected to an address that is not safe to follow")
        made = super().redirect_request(req, fp, code, msg, headers, newurl)
        token = req.unredirected_hdrs.get("Authorization")
        if made is not None and token and (old.scheme, old.netloc) == (new.scheme, new.netloc):
            made.add_unredirected_header("Authorization", token)
        return made


def _size(part: Path) -> int:
    try:
        return part.stat().st_size
    except OSError:
        return 0


def _cut(part: Path) -> int:
    with host_errors(part):
        part.unlink(missing_ok=True)
    return 0


def _read_text(path: Path) -> str:
    try:
        return path.read_text("ascii")[:1024]
    except (OSError, ValueError):
        return ""


def _write_text(path: Path, text: str) -> None:
    with host_errors(path):
        path.write_text(text, "ascii", "backslashreplace")

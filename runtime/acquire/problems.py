"""Failures of sources as diagnostics, and tokens kept out of every text."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.compiler.escape import single_line

__all__ = ["NO_SECRET", "Secret", "problem", "shown_url", "status_problem", "token_from"]

HIDDEN = "***"
_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")
_WORDS = 300  # characters of a server's own message that are shown


@dataclass(frozen=True)
class Secret:
    """An access token, or none. `origin`: the variable or store it came from. Its repr shows nothing."""

    value: str | None = field(default=None, repr=False)
    origin: str = ""

    def redact(self, text: str) -> str:
        """The text on one line, without the token: servers and libraries repeat what they were sent."""
        flat = single_line(" ".join(text.split()))
        return flat.replace(self.value, HIDDEN) if self.value else flat

    def headers(self) -> dict[str, str]:
        """The header that carries the token."""
        return {"Authorization": f"Bearer {self.value}"} if self.value else {}


NO_SECRET = Secret()


def problem(code: str, message: str, *advice: str, notes: Iterable[str] = ()) -> DsimportError:
    """A diagnostic as an exception."""
    return DsimportError(Diagnostic(code, message, help=advice, notes=tuple(notes)))


def shown_url(url: str) -> str:
    """An address for people: no query and no user part, which is where signed addresses carry their secret."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return single_line(f"{parts.scheme}://{host}{port}{parts.path}")


def token_from(names: Iterable[str]) -> Secret:
    """The token in the first of these environment variables that is set. A0247 if it cannot be one."""
    for name in names:
        value = os.environ.get(name, "").strip()
        if value:
            if not _TOKEN.fullmatch(value):
                raise problem(
                    "A0247",
                    f"the environment variable {name} holds no token: it has blanks or control characters",
                    f"set {name} again, to the token alone",
                )
            return Secret(value, name)
    return Secret()


def status_problem(
    status: int, what: str, secret: Secret, *, variable: str, gated: bool = False, said: str = "", page: str = ""
) -> DsimportError:
    """The diagnostic for an HTTP status. what: the thing asked for; variable: where a token would be looked for;
    said: the server's own words; page: where a person accepts terms."""
    words = secret.redact(said)[:_WORDS]
    notes = [f"the server says: {words}"] if words else []
    sent = f"the token in {secret.origin} was sent" if secret.value else "no token was sent"
    if gated:
        return problem(
            "A0233",
            f"{what} is gated: its owner wants terms to be accepted",
            f"accept them at {page}" if page else "accept them on its page",
            f"set {variable} to a token of the same account",
            notes=[*notes, sent],
        )
    if status in (401, 403):
        fix = f"set {variable} to a token that may read it"
        if secret.value:
            fix = f"check that the token in {secret.origin} is valid and may read it"
        return problem(
            "A0232", f"access to {what} was refused (HTTP {status})", fix, "check the spelling", notes=[*notes, sent]
        )
    if status in (404, 410):
        private = f"if it is private, set {variable} to a token that may read it"
        return problem("A0231", f"{what} was not found", "check the spelling", private, notes=notes)
    if status == 429:
        advice = (
            "wait a while" if secret.value else f"wait a while, or set {variable}: with a token the limit is higher"
        )
        return problem("A0234", f"too many requests: the server refuses {what} for now", advice, notes=notes)
    if status >= 500:
        fix = "try again later; what was fetched is kept"
        return problem("A0235", f"the server failed on {what} (HTTP {status})", fix, notes=notes)
    fix = "check the address, and proxies on the way"
    return problem("A0239", f"the server answered HTTP {status} for {what}", fix, notes=notes)

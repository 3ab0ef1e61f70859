"""What a person names as a source: an id or address of the Hugging Face hub, a page of the NGC catalog, any other
address, or something on this machine."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from dsimport.compiler.diagnostics import DsimportError
from dsimport.compiler.escape import single_line
from dsimport.runtime.acquire.problems import problem, shown_url
from dsimport.runtime.acquire.sources import Wanted

__all__ = ["Address", "address_of", "recipe_name"]

_HUB_HOSTS = ("huggingface.co", "www.huggingface.co", "hf.co")
_NGC_HOSTS = ("catalog.ngc.nvidia.com", "ngc.nvidia.com", "registry.ngc.nvidia.com")
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


@dataclass(frozen=True)
class Address:
    """A source. wanted: for fetching; section: the recipe's `source`, without the path of a local file, which depends
    on where the recipe lies; title: for people and for hints."""

    wanted: Wanted
    title: str
    section: dict[str, Any] = field(default_factory=dict)


def address_of(text: str, revision: str | None) -> Address:
    """The source that a text names. revision: branch, tag or commit on the hub, where the text names none.

    DsimportError N0510 where it names nothing that is known.
    """
    if Path(text).exists():
        return Address(Wanted("file", text), Path(text).resolve().name)
    if re.match(r"https?://", text, re.IGNORECASE):
        return _of_url(text, revision)
    name, _, tagged = text.partition("@")
    if _REPOSITORY.fullmatch(name) and not name.endswith((".onnx", ".yaml")):
        return _hub(name, tagged or revision, None)
    raise _unknown(text)


def recipe_name(title: str) -> str:
    """A name for the recipe and its folder, from the source's own name."""
    base = title.rsplit("/", 1)[-1].rpartition(".onnx")[0] or title.rsplit("/", 1)[-1]
    slug = re.sub(r"\.\.+", ".", re.sub(r"[^a-z0-9._-]+", "-", base.lower())).strip("._-")
    return slug[:64].rstrip("._-") or "model"


def _of_url(text: str, revision: str | None) -> Address:
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").lower()
        endpoint = urlsplit(os.environ.get("HF_ENDPOINT", ""))
    except ValueError:
        raise _unknown(text) from None
    path = [unquote(part) for part in parts.path.split("/") if part]
    if parts.username is not None or parts.password is not None:
        raise problem("N0510", "the address holds a user name or password", "name the source without them")
    if host in _HUB_HOSTS or (endpoint.netloc and parts.netloc == endpoint.netloc):
        return _of_hub_url(path, revision, text)
    if host in _NGC_HOSTS:
        return _of_catalog(path, parse_qs(parts.query), text)
    if not path:
        raise _unknown(text)
    where = text.split("#", 1)[0]
    return Address(Wanted("url", where), shown_url(where).rsplit("/", 1)[-1], {"url": {"url": where}})


def _of_hub_url(path: list[str], revision: str | None, text: str) -> Address:
    if path[:2] == ["api", "models"]:
        path = path[2:]
    if len(path) < 2 or path[0] in ("datasets", "spaces", "docs") or not _REPOSITORY.fullmatch("/".join(path[:2])):
        raise _unknown(text)
    repo, rest = "/".join(path[:2]), path[2:]
    file = None
    if len(rest) >= 2 and rest[0] in ("blob", "resolve", "tree", "raw", "commit"):
        revision = rest[1] if revision is None else revision
        name = "/".join(rest[2:])
        file = name if name.endswith(".onnx") else None
    return _hub(repo, revision, file)


def _hub(repo: str, revision: str | None, file: str | None) -> Address:
    section: dict[str, Any] = {"huggingface": {"repo": repo, "revision": revision or "main"}}
    if file is not None:
        section["onnx"] = {"file": file}
    return Address(Wanted("huggingface", repo, revision or "main", file=file), repo, section)


def _of_catalog(path: list[str], query: dict[str, list[str]], text: str) -> Address:
    """`/orgs/O/teams/T/models/M[/files]?version=V`, the team left out for models of an organisation."""
    named = {path[at]: path[at + 1] for at in range(len(path) - 1) if path[at] in ("orgs", "teams", "models")}
    if not {"orgs", "models"} <= named.keys():
        raise _unknown(text)
    version = query.get("version", [""])[0]
    if not version:
        raise problem(
            "N0510",
            "the address of the NGC catalog names no version",
            "open the model's page, choose a version under Files, and take the address with ?version=…",
        )
    parts = {"org": named["orgs"], "team": named.get("teams"), "model": named["models"], "version": version}
    ngc = {key: value for key, value in parts.items() if value is not None}
    where = "/".join(ngc[key] for key in ("org", "team", "model") if key in ngc)
    return Address(Wanted("ngc", where, version), where, {"ngc": ngc})


def _unknown(text: str) -> DsimportError:
    shown = shown_url(text) if "://" in text else single_line(text)
    return problem(
        "N0510",
        f"'{shown[:200]}' is no source: no such file here, and no id or address that is known",
        "Hugging Face: owner/name or any address of a model there",
        "NGC: the address of a model's page in the catalog, with ?version=…",
        "else an address of an .onnx file, or a path of an .onnx file or a checkpoint folder",
    )

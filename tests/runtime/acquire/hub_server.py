"""A server on loopback that speaks the protocols of the Hugging Face hub and of NVIDIA's NGC catalog, with faults.

What it says was read off the hub's real client: revision info, tree with pages, HEAD with commit, etag and linked size,
redirect of large files to another path, Range. Faults are scripted: an answer for a path, a number of times.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import threading
import zipfile
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

LARGE = 1024  # files from this size on are kept as LFS
PAGE = 1000  # entries per page of a tree, as on the hub


def git_sha1(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class Fault:
    """Something that goes wrong `times` times for requests whose path matches. status: an error answer, with headers;
    drop_at: the connection is cut after so many bytes of the body, or with `hold` goes silent there; stall_s: silence
    before the answer."""

    path: str
    times: int = 1
    method: str = "GET"
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    drop_at: int | None = None
    hold: bool = False
    stall_s: float = 0.0
    body: bytes = b"{}"


@dataclass
class Repository:
    """A model repository: commits by name, each with its files; branches point at commits."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    licence: str = "apache-2.0"
    gated: bool = False
    private: bool = False

    def push(self, files: dict[str, bytes], branch: str = "main") -> str:
        """A new commit with exactly these files; its hash."""
        text = repr((len(self.commits), sorted((name, sha256(data)) for name, data in files.items())))
        commit = hashlib.sha1(text.encode()).hexdigest()
        self.commits[commit] = dict(files)
        self.branches[branch] = commit
        return commit


class HubServer:
    """The server; a context manager. token: what Authorization must carry for private and gated repositories.

    echo: error answers repeat the headers they got, as careless servers do. requests: (method, path, headers) seen.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.models: dict[str, bytes] = {}
        self.files: dict[str, bytes] = {}
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.token: str | None = None
        self.echo = False
        self.ranges = True
        self.sent = 0
        self.released = threading.Event()
        self._lock = threading.Lock()
        self._server = _Threads(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> HubServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def cdn(self) -> str:
        """The other host, by name, that large files are redirected to; tokens have no business there."""
        return f"http://localhost:{self._server.server_address[1]}/cdn"

    def repository(self, name: str, files: dict[str, bytes], **facts: Any) -> Repository:
        """A repository with one commit on main."""
        made = self.repositories[name] = Repository(**facts)
        made.push(files)
        return made

    def ngc(self, name: str, version: str, files: dict[str, bytes] | bytes) -> None:
        """A model version of the catalog; bytes are an archive as it is."""
        self.models[f"{name}/versions/{version}"] = files if isinstance(files, bytes) else zipped(files)

    def gets(self, part: str) -> list[dict[str, str]]:
        """Headers of the GET requests whose path contains `part`."""
        return [headers for method, path, headers in self.requests if method == "GET" and part in path]

    def take_fault(self, method: str, path: str) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if fault.times > 0 and fault.method == method and re.search(fault.path, path):
                    fault.times -= 1
                    return fault
        return None


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


class _Threads(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no news."""


def _handler(hub: HubServer) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        pass

    Handler.hub = hub
    return Handler


class _Handler(BaseHTTPRequestHandler):
    hub: HubServer
    protocol_version = "HTTP/1.1"
    fault: Fault | None = None

    def log_message(self, *args: Any) -> None:
        """Quiet."""

    def do_HEAD(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def _serve(self) -> None:
        hub = self.hub
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        hub.requests.append((self.command, self.path, {name.title(): text for name, text in self.headers.items()}))
        self.fault = hub.take_fault(self.command, path)
        if self.fault is not None and self.fault.stall_s:
            threading.Event().wait(self.fault.stall_s)
        if self.fault is not None and self.fault.status:
            self._error(self.fault.status, self.fault.headers, self.fault.body)
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?", path):
            self._info(found[1], found[2] or "main")
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/tree/(.+)", path):
            self._tree(found[1], found[2], parse_qs(parts.query))
        elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._resolve(found[1], found[2], found[3])
        elif found := re.fullmatch(r"/v2/models/(.+/versions/[^/]+)(/zip)?", path):
            self._catalog(found[1], found[2] is not None)
        elif path.startswith("/cdn/") and path[5:] in self._blobs():
            self._bytes(self._blobs()[path[5:]], {"ETag": f'"{path[5:]}"'})
        elif path.startswith("/files/") and path[7:] in hub.files:
            data = hub.files[path[7:]]
            self._bytes(data, {"ETag": f'"{sha256(data)[:16]}"'})
        else:
            self._error(404, {"X-Error-Code": "EntryNotFound"})

    def _blobs(self) -> dict[str, bytes]:
        contents = [
            data
            for repo in self.hub.repositories.values()
            for files in repo.commits.values()
            for data in files.values()
        ]
        return {sha256(data): data for data in (*contents, *self.hub.models.values())}

    def _find(self, name: str, revision: str) -> tuple[str, dict[str, bytes]] | None:
        """Commit and files, or an error answer and None."""
        repo = self.hub.repositories.get(name)
        allowed = self.headers.get("Authorization") == f"Bearer {self.hub.token}"
        if repo is None or (repo.private and not allowed):
            missing = {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}
            self._error(404 if allowed else 401, missing)
            return None
        if repo.gated and not allowed:
            words = "Access to model is restricted. You must have access to it and be authenticated."
            self._error(403, {"X-Error-Code": "GatedRepo", "X-Error-Message": words})
            return None
        commit = repo.branches.get(revision, revision)
        if commit not in repo.commits:
            self._error(404, {"X-Error-Code": "RevisionNotFound", "X-Error-Message": f"Invalid rev id: {revision}"})
            return None
        return commit, repo.commits[commit]

    def _info(self, name: str, revision: str) -> None:
        found = self._find(name, revision)
        if found is not None:
            licence = self.hub.repositories[name].licence
            siblings = [{"rfilename": path} for path in found[1]]
            self._json({"id": name, "sha": found[0], "tags": [f"license:{licence}"], "siblings": siblings})

    def _tree(self, name: str, revision: str, query: dict[str, list[str]]) -> None:
        found = self._find(name, revision)
        if found is None:
            return
        entries: list[dict[str, Any]] = []
        for path, data in sorted(found[1].items()):
            entry: dict[str, Any] = {"type": "file", "path": path, "size": len(data), "oid": git_sha1(data)}
            if len(data) >= LARGE:
                entry["lfs"] = {"oid": sha256(data), "size": len(data), "pointerSize": 134}
            entries.append(entry)
        folders = sorted({path.rpartition("/")[0] for path in found[1] if "/" in path})
        entries += [{"type": "directory", "path": path, "size": 0, "oid": "0" * 40} for path in folders]
        start = int(query.get("cursor", ["0"])[0])
        headers = {}
        if start + PAGE < len(entries):
            address = f"{self.hub.url}{urlsplit(self.path).path}?recursive=True&cursor={start + PAGE}"
            headers["Link"] = f'<{address}>; rel="next"'
        self._json(entries[start : start + PAGE], headers)

    def _resolve(self, name: str, revision: str, path: str) -> None:
        found = self._find(name, revision)
        if found is None:
            return
        commit, files = found
        if path not in files:
            self._error(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
            return
        data = files[path]
        if len(data) < LARGE:
            self._bytes(data, {"ETag": f'"{git_sha1(data)}"', "X-Repo-Commit": commit})
            return
        digest = sha256(data)
        linked = {"X-Linked-Size": str(len(data)), "X-Linked-Etag": f'"{digest}"', "X-Repo-Commit": commit}
        self._send(302, {"Location": f"{self.hub.cdn}/{digest}", **linked, "Content-Length": "0"})

    def _catalog(self, version: str, archive: bool) -> None:
        data = self.hub.models.get(version)
        if data is None:
            self._error(404, {})
        elif archive:
            self._send(302, {"Location": f"{self.hub.cdn}/{sha256(data)}", "Content-Length": "0"})
        else:
            size = {"totalSizeInBytes": len(data), "status": "UPLOAD_COMPLETE"}
            self._json({"modelVersion": size, "requestStatus": {"statusCode": "SUCCESS"}})

    def _json(self, document: Any, headers: dict[str, str] | None = None) -> None:
        self._bytes(
            json.dumps(document).encode(), {"Content-Type": "application/json", **(headers or {})}, ranges=False
        )

    def _error(self, status: int, headers: dict[str, str], body: bytes = b"{}") -> None:
        if self.hub.echo:
            got = self.headers.get("Authorization", "")
            headers = {"X-Error-Message": f"cannot serve a request with {got}", **headers}
            headers["X-Error-Message"] += f" ({got})"
            headers["X-HF-Warning"] = f"Auth; {got}"
            body = json.dumps({"error": f"your headers were: Authorization: {got}"}).encode()
        self._send(status, {**headers, "Content-Length": str(len(body)), "Content-Type": "application/json"}, body)

    def _bytes(self, data: bytes, headers: dict[str, str], ranges: bool = True) -> None:
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        same = self.headers.get("If-Range") in (None, headers.get("ETag"))
        if wanted and ranges and self.hub.ranges and same:
            start = int(wanted[1])
            if start >= len(data):
                self._send(416, {"Content-Range": f"bytes */{len(data)}", "Content-Length": "0"})
                return
            place = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
            self._send(206, {**headers, **place, "Content-Length": str(len(data) - start)}, data[start:])
            return
        self._send(200, {**headers, "Content-Length": str(len(data))}, data)

    def _send(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        cut = self.fault.drop_at if self.fault is not None else None
        shown = body if cut is None else body[:cut]
        self.wfile.write(shown)
        self.hub.sent += len(shown)
        if cut is not None and cut < len(body):
            self.close_connection = True
            if self.fault is not None and self.fault.hold:
                self.hub.released.wait(20)
            self.connection.close()

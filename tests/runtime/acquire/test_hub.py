"""The hub's real client against a hub on loopback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from acquire_support import config, model, objects, refused, take
from hub_server import PAGE, Fault, HubServer, sha256

from dsimport.compiler.lock import LockedFile
from dsimport.runtime.acquire.gather import Pins
from dsimport.runtime.acquire.sources import Tools, Wanted

MakeTools = Callable[..., Tools]
TINY = Wanted("huggingface", "acme/tiny", "main")
TOKEN = "hf_AbCdEfGhIjKlMnOpQrStUv"
REPOSITORY = {"config.json": config(), "onnx/model.onnx": model(), "README.md": b"# tiny"}


def test_what_a_detector_needs_is_fetched_at_the_commit_of_main(
    hub: HubServer, tools: MakeTools, said: list[str]
) -> None:
    repo = hub.repository("acme/tiny", {**REPOSITORY, "onnx/model_int8.onnx": model(800)}, licence="mit")
    got = take(TINY, tools())
    assert got.commit == repo.branches["main"]
    assert got.licence == "mit"
    assert [(item.path, item.local.read_bytes()) for item in got.files()] == [
        ("onnx/model.onnx", model()),
        ("config.json", config()),
    ]
    assert said == ["taking onnx/model.onnx (fp32); candidates: onnx/model.onnx, onnx/model_int8.onnx"]
    fetched = [path for method, path, _ in hub.requests if "/resolve/" in path]
    assert all(f"/resolve/{got.commit}/" in path for path in fetched)
    assert not any("README" in path for path in fetched)


def test_main_may_move_while_files_are_fetched(hub: HubServer, tools: MakeTools) -> None:
    repo = hub.repository("acme/tiny", REPOSITORY)
    first = repo.branches["main"]
    pins = Pins(
        first, "onnx/model.onnx", (LockedFile(path="onnx/model.onnx", size=len(model()), sha256=sha256(model())),)
    )
    repo.push({**REPOSITORY, "onnx/model.onnx": model(900)})
    assert take(TINY, tools(), pins).onnx.local.read_bytes() == model()
    assert take(TINY, tools()).onnx.local.read_bytes() == model(900)


def test_a_listing_of_many_pages_is_read_to_its_end(hub: HubServer, tools: MakeTools) -> None:
    many = {f"eval/{index:05}.txt": b"x" for index in range(PAGE + 234)}
    hub.repository("acme/tiny", {**many, "model.onnx": model()})
    assert take(TINY, tools()).onnx.path == "model.onnx"
    assert sum("/tree/" in path for _, path, _ in hub.requests) == 2


def test_weights_in_other_files_come_along(hub: HubServer, tools: MakeTools) -> None:
    files = {"onnx/model.onnx": model(external="model.onnx_data"), "onnx/model.onnx_data": bytes(2800)}
    hub.repository("acme/tiny", files)
    assert [item.path for item in take(TINY, tools()).files()] == ["onnx/model.onnx", "onnx/model.onnx_data"]


@pytest.mark.parametrize("name", ["missing.data", "../../../etc/passwd", "/etc/passwd"])
def test_weights_that_are_elsewhere_are_refused(hub: HubServer, tools: MakeTools, name: str) -> None:
    hub.repository("acme/tiny", {"model.onnx": model(external=name)})
    assert refused(TINY, tools()).code == "A0243"


def test_what_is_no_detector_is_refused_before_its_weights_are_fetched(hub: HubServer, tools: MakeTools) -> None:
    hub.repository("acme/tiny", {**REPOSITORY, "config.json": config(architectures=["ViTForImageClassification"])})
    assert refused(TINY, tools()).code == "A0210"
    assert hub.gets("/cdn/") == []


@pytest.mark.parametrize(
    ("facts", "fault", "code", "fix"),
    [
        ({"gated": True}, None, "A0233", "/acme/tiny"),
        ({"private": True}, None, "A0232", "set HF_TOKEN"),
        ({}, Fault("/api/models/", status=404, times=9), "A0231", "check the spelling"),
        ({}, Fault("/api/models/", status=429, times=9), "A0234", "set HF_TOKEN"),
        ({}, Fault("/api/models/", status=429, headers={"Retry-After": "900"}), "A0234", "wait"),
        ({}, Fault("/api/models/", status=502, times=9), "A0235", "later"),
        ({}, Fault("/api/models/", drop_at=0, times=9), "A0236", "HTTPS_PROXY"),
        ({}, Fault("/api/models/", stall_s=2, times=9), "A0236", "HTTPS_PROXY"),
        ({}, Fault("/api/models/", status=200, body=b"<html>", times=9), "A0239", "HF_ENDPOINT"),
        ({}, Fault("/cdn/", status=403, times=9), "A0232", "HF_TOKEN"),
        ({}, Fault("/cdn/", drop_at=100, times=1000), "A0236", "kept"),
    ],
)
def test_every_failure_says_what_to_do(
    hub: HubServer, tools: MakeTools, facts: dict[str, bool], fault: Fault | None, code: str, fix: str
) -> None:
    hub.repository("acme/tiny", REPOSITORY, **facts)
    hub.ranges = False
    hub.faults = [fault] if fault else []
    found = refused(TINY, tools(tries=2, timeout_s=0.3))
    assert (found.code, fix in " ".join(found.help)) == (code, True), found


@pytest.mark.parametrize(("repo", "revision"), [("acme/none", "main"), ("acme/tiny", "v9")])
def test_a_name_that_is_not_there_is_named(hub: HubServer, tools: MakeTools, repo: str, revision: str) -> None:
    hub.repository("acme/tiny", REPOSITORY)
    found = refused(Wanted("huggingface", repo, revision), tools())
    assert found.code in ("A0231", "A0232")
    assert f"{repo} @ {revision}" in found.message


def test_failures_that_pass_are_waited_out(hub: HubServer, tools: MakeTools, said: list[str]) -> None:
    hub.repository("acme/tiny", REPOSITORY)
    hub.faults = [
        Fault("/api/models/", status=503),
        Fault("/api/models/", status=429, headers={"Retry-After": "2"}),
        Fault("/resolve/", method="HEAD", status=500),
        Fault("/cdn/", drop_at=500),
    ]
    waits: list[float] = []
    assert take(TINY, tools(sleep=waits.append)).onnx.local.read_bytes() == model()
    assert waits == [1, 2, 1, 1]
    assert sum("trying again" in line for line in said) == 3


def test_the_token_goes_to_the_hub_and_never_to_the_host_of_large_files(
    hub: HubServer, tools: MakeTools, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.repository("acme/tiny", REPOSITORY, gated=True)
    hub.token = TOKEN
    monkeypatch.setenv("MY_TOKEN", f" {TOKEN}\n")
    take(Wanted("huggingface", "acme/tiny", "main", token_env="MY_TOKEN"), tools())
    tokens = {
        path.split("/")[1]: headers.get("Authorization") for _, path, headers in hub.requests if "agent" not in path
    }
    assert tokens == {"api": f"Bearer {TOKEN}", "acme": f"Bearer {TOKEN}", "cdn": None}


def test_a_token_with_a_line_break_inside_is_refused_unseen(
    hub: HubServer, tools: MakeTools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", f"{TOKEN}\nX-Evil: 1")
    found = refused(TINY, tools())
    assert (found.code, TOKEN in str(found), hub.requests) == ("A0247", False, [])


def test_what_is_pinned_and_cached_needs_no_network(
    hub: HubServer, tools: MakeTools, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.repository("acme/tiny", REPOSITORY)
    got = take(TINY, tools())
    pins = Pins(
        got.commit, got.onnx.path, tuple(LockedFile(path=i.path, size=i.size, sha256=i.sha256) for i in got.files())
    )
    hub.requests.clear()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert take(TINY, tools(), pins) == got.__class__(
        got.commit, None, got.onnx, got.data, got.config_file, got.labels_file, got.config
    )
    assert hub.requests == []
    got.onnx.local.write_bytes(b"damaged by a bad disk")
    assert refused(TINY, tools(), pins).code == "A0237"
    assert refused(TINY, tools()).code == "A0237"


def test_the_clients_own_cache_is_used_if_its_content_is_right(
    hub: HubServer, tools: MakeTools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = hub.repository("acme/tiny", REPOSITORY).branches["main"]
    cached = tmp_path / "hub-cache/models--acme--tiny/snapshots" / commit / "onnx/model.onnx"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(model())
    pins = Pins(
        commit, "onnx/model.onnx", (LockedFile(path="onnx/model.onnx", size=len(model()), sha256=sha256(model())),)
    )
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert take(TINY, tools(), pins).onnx.local == cached
    cached.write_bytes(b"something else")
    assert refused(TINY, tools(), pins).code == "A0237"


def test_content_that_is_not_what_the_listing_says_is_not_kept(
    hub: HubServer, tools: MakeTools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.repository("acme/tiny", {"model.onnx": model()})
    bad = bytes(len(model()))
    monkeypatch.setattr("hub_server._Handler._blobs", lambda self: {sha256(model()): bad})
    assert refused(TINY, tools()).code == "A0238"
    assert objects(tmp_path / "cache") == []


def test_a_mirror_that_is_out_of_step_is_noticed(hub: HubServer, tools: MakeTools) -> None:
    repo = hub.repository("acme/tiny", REPOSITORY)
    commit = repo.branches["main"]
    hub.faults = [
        Fault("/resolve/", method="HEAD", status=200, headers={"X-Repo-Commit": "0" * 40, "ETag": '"x"'}, times=9)
    ]
    found = refused(TINY, tools())
    assert (found.code, commit[:12] in found.message) == ("A0238", True)

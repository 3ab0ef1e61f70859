"""Checkpoints from folders and hubs: which files are taken, from where, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from acquire_support import config, model
from hub_server import HubServer, sha256

from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.compiler.lock import LockedFile
from dsimport.compiler.recognise.refused import check_architectures
from dsimport.runtime.acquire.checkpoint import Checkpoint, gather_checkpoint, only_weights
from dsimport.runtime.acquire.sources import Tools, Wanted

MakeTools = Callable[..., Tools]
WEIGHTS = bytes(2000)
PARTS = {f"model-0000{n}-of-00002.safetensors": bytes([n]) * 1500 for n in (1, 2)}
INDEX = json.dumps({"weight_map": {f"layer{n}.w": name for n, name in enumerate(PARTS)}}).encode()
FULL = {
    "config.json": config(model_type="detr"),
    "preprocessor_config.json": b"{}",
    "tokenizer.json": b"{ }",
    "vocab.txt": b"a\n",
    "model.safetensors": WEIGHTS,
}
RUBBISH = {"README.md": b"", "training_args.bin": b"pickle", "pytorch_model.bin": b"pickle", "runs/events": b"x"}


def take(wanted: Wanted, tools: Tools, commit: str | None = None, pins: tuple[LockedFile, ...] = ()) -> Checkpoint:
    return gather_checkpoint(wanted, commit, pins, tools, check_architectures)


def refused(wanted: Wanted, tools: Tools) -> Diagnostic:
    with pytest.raises(DsimportError) as caught:
        take(wanted, tools)
    return caught.value.diagnostics[0]


def put(folder: Path, files: dict[str, bytes]) -> Wanted:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return Wanted("file", str(folder))


@pytest.mark.parametrize("remote", [False, True])
def test_what_an_export_needs_is_taken_and_nothing_else(
    remote: bool, hub: HubServer, tools: MakeTools, tmp_path: Path
) -> None:
    hub.repository("acme/tiny", FULL | RUBBISH)
    wanted = Wanted("huggingface", "acme/tiny", "main") if remote else put(tmp_path / "in", FULL | RUBBISH)
    got = take(wanted, tools())
    assert {item.path: item.local.read_bytes() for item in got.files} == FULL
    assert got.config["model_type"] == "detr"
    assert (got.licence, got.commit is not None) == (("apache-2.0", True) if remote else (None, False))
    assert not hub.gets("pytorch_model.bin")


def test_weights_in_parts_come_with_their_index(tools: MakeTools, tmp_path: Path) -> None:
    files = {"config.json": config(), "model.safetensors.index.json": INDEX, **PARTS}
    got = take(put(tmp_path / "in", files | {"model-00003-of-00003.safetensors": b""}), tools())
    assert sorted(item.path for item in got.files) == sorted(files)


def test_a_pickle_is_taken_where_there_is_nothing_else(tools: MakeTools, tmp_path: Path) -> None:
    files = {"config.json": config(), "pytorch_model.bin": WEIGHTS}
    assert [item.path for item in take(put(tmp_path / "in", files), tools()).files] == list(files)


@pytest.mark.parametrize(
    ("files", "code", "words"),
    [
        ({"model.safetensors": WEIGHTS}, "A0253", "has no config.json"),
        ({"config.json": config(), "model.onnx": b""}, "A0253", "has no weights"),
        ({"config.json": b"{", "model.safetensors": WEIGHTS}, "A0203", "config.json"),
        ({"config.json": config(architectures=["SegformerForSemanticSegmentation"])}, "A0210", "Segformer"),
        ({"config.json": config(), "model.safetensors.index.json": INDEX}, "A0253", "not there"),
        ({"config.json": config(), "model.safetensors.index.json": b"{}"}, "A0253", "names 0 files"),
    ],
)
def test_what_is_no_detector_checkpoint_is_refused(
    files: dict[str, bytes], code: str, words: str, tools: MakeTools, tmp_path: Path
) -> None:
    found = refused(put(tmp_path / "in", files), tools())
    assert found.code == code
    assert words in found.message
    assert found.help


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "sub/a.safetensors", "/etc/x.safetensors", "x.bin", "a\n.bin", ""]
)
def test_an_index_cannot_name_files_elsewhere(name: str, tools: MakeTools, tmp_path: Path) -> None:
    index = json.dumps({"weight_map": {"w": name}}).encode()
    found = refused(put(tmp_path / "in", {"config.json": config(), "model.safetensors.index.json": index}), tools())
    assert found.code == "A0253"
    assert "beside it" in found.message


def test_a_folder_that_is_not_there(tools: MakeTools, tmp_path: Path) -> None:
    assert refused(Wanted("file", str(tmp_path / "gone")), tools()).code == "A0204"


def test_pinned_files_are_taken_whatever_the_source_has_now(hub: HubServer, tools: MakeTools) -> None:
    repo = hub.repository("acme/tiny", FULL)
    commit = repo.branches["main"]
    pins = tuple(LockedFile(path=name, size=len(data), sha256=sha256(data)) for name, data in FULL.items())
    repo.push({"README.md": b"all gone"})
    wanted = Wanted("huggingface", "acme/tiny", "main")
    got = take(wanted, tools(), commit, pins)
    assert {item.path: item.local.read_bytes() for item in got.files} == FULL
    repo.commits[commit]["model.safetensors"] = bytes([1]) * 2000
    cache: Any = tools().store
    for item in got.files:
        item.local.unlink()
    with pytest.raises(DsimportError, match="A0238"):
        take(wanted, tools(tries=1), commit, pins)
    assert cache.find(sha256(WEIGHTS)) is None


def test_a_refused_architecture_costs_no_weights(hub: HubServer, tools: MakeTools) -> None:
    hub.repository("acme/tiny", {**FULL, "config.json": config(architectures=["BertForMaskedLM"])})
    assert refused(Wanted("huggingface", "acme/tiny", "main"), tools()).code == "A0210"
    assert not hub.gets("safetensors")


@pytest.mark.parametrize(
    ("names", "wish", "found"),
    [
        (["config.json", "model.safetensors"], {}, True),
        (["pytorch_model.bin.index.json"], {}, True),
        (["model.safetensors", "onnx/model.onnx"], {}, False),
        (["model.safetensors"], {"variant": "fp16"}, False),
        (["config.json"], {}, False),
    ],
)
def test_a_repository_of_weights_alone_can_only_be_exported(
    names: list[str], wish: dict[str, str], found: bool, hub: HubServer, tools: MakeTools
) -> None:
    hub.repository("acme/tiny", {name: model() for name in names})
    assert only_weights(Wanted("huggingface", "acme/tiny", "main", **wish), tools()) is found

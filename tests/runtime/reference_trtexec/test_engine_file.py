"""Engine files: whole or refused, the same bytes for the same model."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsimport.runtime.reference.engine_file import (
    ENGINE_FORMAT,
    EngineError,
    EngineMeta,
    InputProfile,
    read_engine,
    write_engine,
)


def meta_for(onnx: bytes, **changes: object) -> EngineMeta:
    values: dict[str, object] = {
        "format": ENGINE_FORMAT,
        "input_name": "images",
        "min_shape": (1, 3, 4, 4),
        "opt_shape": (2, 3, 4, 4),
        "max_shape": (4, 3, 4, 4),
        "precision": "fp16",
        "onnx_sha256": hashlib.sha256(onnx).hexdigest(),
        "builder": "test",
    }
    return EngineMeta(**{**values, **changes})  # type: ignore[arg-type]


SHAPES = st.lists(st.integers(0, 2**40), max_size=5).map(lambda dims: (tuple(dims), tuple(dim + 1 for dim in dims)))


@settings(deadline=None, max_examples=40)  # each one is synced to the disk
@given(st.binary(max_size=200), st.text(), SHAPES, st.lists(SHAPES, max_size=2))
def test_an_engine_is_read_as_written(
    tmp_path_factory: pytest.TempPathFactory,
    onnx: bytes,
    name: str,
    shapes: tuple[tuple[int, ...], tuple[int, ...]],
    others: list[tuple[tuple[int, ...], tuple[int, ...]]],
) -> None:
    path = tmp_path_factory.getbasetemp() / "a.engine"
    low, high = shapes
    more = tuple(InputProfile(f"more{i}", small, small, big) for i, (small, big) in enumerate(others))
    meta = meta_for(onnx, input_name=name, min_shape=low, opt_shape=high, max_shape=high, more_inputs=more)
    write_engine(path, meta, onnx)
    assert read_engine(path) == (meta, onnx)


def test_the_same_model_gives_the_same_bytes_anywhere(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    paths = [tmp_path / "a.engine", tmp_path / "elsewhere" / "b.engine"]
    for path in paths:
        write_engine(path, meta_for(b"model"), b"model")
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.engine"
    write_engine(path, meta_for(b"model"), b"model")
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(EngineError):
            read_engine(path)


@settings(deadline=None)
@given(st.integers(min_value=0), st.integers(1, 255))
def test_every_damaged_byte_is_noticed(tmp_path_factory: pytest.TempPathFactory, place: int, change: int) -> None:
    whole = tmp_path_factory.getbasetemp() / "whole.engine"
    if not whole.exists():
        write_engine(whole, meta_for(b"model"), b"model")
    data = bytearray(whole.read_bytes())
    data[place % len(data)] ^= change
    path = whole.with_name("damaged.engine")
    path.write_bytes(data)
    with pytest.raises(EngineError):
        read_engine(path)


def test_a_newer_format_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.engine"
    write_engine(path, meta_for(b"model"), b"model")
    data = bytearray(path.read_bytes())
    data[8] += 1
    path.write_bytes(data)
    with pytest.raises(EngineError, match=f"format {ENGINE_FORMAT + 1} is a newer one"):
        read_engine(path)


@pytest.mark.parametrize("content", [b"\x00" * 100, b"ftrt" + b"\x01" * 60, b"PK\x03\x04", b"D"])
def test_a_foreign_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.engine"
    path.write_bytes(content)
    with pytest.raises(EngineError):
        read_engine(path)


def test_a_path_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path, Path("nul\0byte")):
        with pytest.raises(EngineError, match="cannot read engine file"):
            read_engine(path)


def test_a_header_that_could_not_be_read_back_is_not_written(tmp_path: Path) -> None:
    for changes in (
        {"onnx_sha256": "0"},
        {"max_shape": (1, 3, 4, 4)},
        {"min_shape": (1,)},
        {"opt_shape": (2, 3, 4, -1)},
    ):
        with pytest.raises(ValueError, match=r"header|shape"):
            write_engine(tmp_path / "a.engine", meta_for(b"model", **changes), b"model")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_keeps_the_old_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.engine"
    write_engine(path, meta_for(b"old"), b"old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_engine(path, meta_for(b"new"), b"new")
    monkeypatch.undo()
    assert read_engine(path)[1] == b"old"
    assert [item.name for item in tmp_path.iterdir()] == ["a.engine"]


def test_a_missing_folder_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_engine(tmp_path / "no" / "a.engine", meta_for(b"m"), b"m")
    assert not (tmp_path / "no").exists()

"""From a source to the files of a checkpoint: configuration, weights, and a tokenizer where there is one."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsimport.compiler.checkpoint import CONFIG, PROCESSOR_FILES, TOKENIZER_FILES
from dsimport.compiler.escape import single_line
from dsimport.compiler.lock import MAX_FILES, LockedFile, safe_name
from dsimport.runtime.acquire.gather import read_config
from dsimport.runtime.acquire.problems import problem
from dsimport.runtime.acquire.sources import Fetched, HubSource, LocalSource, Source, Tools, Wanted

__all__ = ["WEIGHTS", "Checkpoint", "gather_checkpoint", "only_weights"]

# In the order of preference: a .bin file is a pickle, which is only read where there is nothing else.
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_INDEX = ".index.json"


@dataclass(frozen=True)
class Checkpoint:
    """Everything of a source that its export needs. config: its config.json as data."""

    commit: str | None
    licence: str | None
    files: tuple[Fetched, ...]
    config: dict[str, Any]

    @property
    def config_file(self) -> Fetched:
        """config.json itself."""
        return next(item for item in self.files if item.path == CONFIG)


def only_weights(wanted: Wanted, tools: Tools) -> bool:
    """Whether a hub repository has weights and no ONNX file, so that it can only be exported."""
    if wanted.kind != "huggingface" or wanted.file is not None or wanted.variant is not None:
        return False
    names = HubSource(wanted, tools, None).paths()
    return not any(name.endswith(".onnx") for name in names) and bool(_weights(names))


def gather_checkpoint(
    wanted: Wanted,
    commit: str | None,
    pins: tuple[LockedFile, ...],
    tools: Tools,
    check_config: Callable[[dict[str, Any], str], None],
) -> Checkpoint:
    """Fetch and verify; what is no detector is refused before its weights are fetched.

    commit, pins: of the lock file; without pins the files are chosen now. check_config: called with config.json and
    its name, raises for what is refused. DsimportError: A and H codes, A0253 for what is no checkpoint.
    """
    source = _source(wanted, commit, tools)
    by_name = {pin.path: pin for pin in pins}
    names = sorted(by_name) if pins else source.paths()

    def take(name: str) -> Fetched:
        return source.pinned(by_name[name]) if pins else source.fetch(name)

    where = wanted.where if wanted.revision is None else f"{wanted.where} @ {wanted.revision}"
    if CONFIG not in names:
        raise _no_checkpoint(f"{single_line(where)} has no {CONFIG}", names)
    config_file = take(CONFIG)
    config = read_config(config_file) or {}
    check_config(config, f"{CONFIG} of {single_line(where)}")
    files = [config_file, *(take(name) for name in (*PROCESSOR_FILES, *TOKENIZER_FILES) if name in names)]
    first = _weights(names)
    if first is None:
        raise _no_checkpoint(f"{single_line(where)} has no weights ({' or '.join(WEIGHTS)})", names)
    if not pins:
        tools.say(f"taking {first}")
    weights = take(first)
    parts = _parts(weights, names) if first.endswith(_INDEX) else []
    files += [weights, *(take(name) for name in parts)]
    return Checkpoint(source.commit, source.licence, tuple(files), config)


def _source(wanted: Wanted, commit: str | None, tools: Tools) -> Source:
    if wanted.kind == "huggingface":
        return HubSource(wanted, tools, commit)
    folder = Path(wanted.where)
    if not folder.is_dir():
        raise problem(
            "A0204",
            f"there is no checkpoint folder '{single_line(wanted.where)}'",
            "correct source.file.path; paths are relative to the recipe",
            "an ONNX file's name ends in .onnx",
        )
    return LocalSource(folder / CONFIG)


def _weights(names: Collection[str]) -> str | None:
    candidates = (name for file in WEIGHTS for name in (file, file + _INDEX))
    return next((name for name in candidates if name in names), None)


def _parts(index: Fetched, names: Collection[str]) -> list[str]:
    """The files an index names; every one must be there, in the same folder."""
    table = (read_config(index) or {}).get("weight_map")
    files = sorted({str(name) for name in table.values()}) if isinstance(table, dict) else []
    if not 0 < len(files) <= MAX_FILES // 2:
        raise problem("A0253", f"{index.path} names {len(files)} files of weights", "fetch the checkpoint again")
    for name in files:
        suffix = index.path.removesuffix(_INDEX).rpartition(".")[2]
        if not safe_name(name) or "/" in name or not name.endswith(f".{suffix}"):
            raise problem(
                "A0253",
                f"{index.path} names '{single_line(name)[:200]}', which is no .{suffix} file beside it",
                "fetch the checkpoint again",
            )
        if name not in names:
            raise problem("A0253", f"{index.path} names '{name}', which is not there", "fetch the checkpoint again")
    return files


def _no_checkpoint(message: str, names: Collection[str]) -> Exception:
    shown = ", ".join(single_line(name) for name in sorted(names)[:12]) or "nothing"
    return problem(
        "A0253",
        message,
        "name a folder or repository that transformers' from_pretrained reads",
        "an ONNX file is named by its own path, or needs no source.export",
        notes=[f"there is: {shown}"],
    )

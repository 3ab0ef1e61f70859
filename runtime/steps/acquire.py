"""Step `acquire`: the model as its source has it, under `model/source/`, and its labels where only it knows them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsimport.compiler import paths
from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.compiler.escape import single_line
from dsimport.compiler.labelrules import labels_text
from dsimport.compiler.recognise.labels import labels_of_config
from dsimport.compiler.recognise.refused import check_architectures
from dsimport.runtime.atomic import TEMPORARY, host_errors, make_folder, sync_folder, write_text
from dsimport.runtime.steps.base import Context, Outcome

if TYPE_CHECKING:
    from dsimport.runtime.acquire.gather import Pins
    from dsimport.runtime.acquire.sources import Fetched, Wanted

__all__ = ["run", "wanted_of"]


def run(context: Context) -> Outcome:
    """Fetch or copy the model, verified. Raises DsimportError with A-codes and what to do instead."""
    params = context.step.params
    wanted = wanted_of(params, context.root)
    if wanted.kind == "file" and not params.get("checkpoint") and Path(wanted.where).is_dir():
        raise _error(
            "A0202",
            f"'{params['where']}' is a folder, not an ONNX file",
            "a checkpoint folder's name must not end in .onnx: rename it, or name the .onnx file in it",
        )
    if params["lock"] is None and wanted.kind == "huggingface":
        context.say(f"not locked: takes what {wanted.revision} is now; `dsimport lock` pins it")
    return _checkpoint(context, wanted) if params.get("checkpoint") else _onnx(context, wanted)


def _onnx(context: Context, wanted: Wanted) -> Outcome:
    from dsimport.runtime.acquire.gather import gather, labels_of
    from dsimport.runtime.acquire.sources import default_tools

    params = context.step.params
    pins = _pins(params)
    got = gather(wanted, pins, default_tools(context.say, context.progress.tool_line), check_architectures)
    if wanted.sha256 is not None and got.onnx.sha256 != wanted.sha256.lower():
        raise _error(
            "A0205",
            f"'{params['where']}' has sha256 {got.onnx.sha256}, the recipe wants {wanted.sha256}",
            "fetch the file again, or correct the recipe's sha256 if the new file is the one you want",
        )
    target = context.root / params["target"]
    for item in got.data:
        _copy(item, target.parent / _below(item.path, got.onnx.path))
    _copy(got.onnx, target)
    if params["labels"] is not None:
        labels = labels_of(got, params["classes"], labels_of_config)
        write_text(context.root / params["labels"], labels_text(labels))
    size = got.onnx.size + sum(item.size for item in got.data)
    return Outcome({}, f"{size / 1e6:.1f} MB, sha256 {got.onnx.sha256[:8]}…{_origin(got.commit)}")


def _checkpoint(context: Context, wanted: Wanted) -> Outcome:
    from dsimport.compiler.lock import LockedFile
    from dsimport.runtime.acquire.checkpoint import gather_checkpoint
    from dsimport.runtime.acquire.sources import default_tools

    params = context.step.params
    tools = default_tools(context.say, context.progress.tool_line)
    lock = params["lock"] or {"commit": None, "files": ()}
    pins = tuple(LockedFile.model_validate(item) for item in lock["files"])
    got = gather_checkpoint(wanted, lock["commit"], pins, tools, check_architectures)
    for item in got.files:
        _copy(item, context.root / params["target"] / item.path)
    if params["labels"] is not None:
        labels = labels_of_config(got.config, got.config_file.path, params["classes"])
        write_text(context.root / params["labels"], labels_text(labels))
    size = sum(item.size for item in got.files)
    kind = single_line(str(got.config.get("model_type")))[:60]
    return Outcome({}, f"{kind} checkpoint, {len(got.files)} files, {size / 1e6:.1f} MB{_origin(got.commit)}")


def _origin(commit: str | None) -> str:
    return f", commit {commit[:7]}" if commit else ""


def wanted_of(params: dict[str, Any], root: Path) -> Wanted:
    """The source in the parameters of an acquire step; a local path as seen from here."""
    from dsimport.runtime.acquire.sources import Wanted

    where = str(root / params["where"]) if params["kind"] == "file" else params["where"]
    names = ("kind", "revision", "sha256", "variant", "file", "token_env", "fp16")
    return Wanted(where=where, **{name: params[name] for name in names})


def _pins(params: dict[str, Any]) -> Pins | None:
    from dsimport.compiler.lock import LockedFile
    from dsimport.runtime.acquire.gather import Pins

    lock = params["lock"]
    if lock is None:
        return None
    return Pins(lock["commit"], lock["onnx"], tuple(LockedFile.model_validate(item) for item in lock["files"]))


def _below(path: str, onnx: str) -> str:
    """Where weights lie, seen from the folder of the ONNX file: that is how it names them."""
    return paths.relative(path, paths.directory(onnx))


def _copy(item: Fetched, target: Path) -> None:
    """Copy a verified file; nothing appears under its final name before it is whole and still the same."""
    make_folder(target.parent)
    part = target.with_name(f"{TEMPORARY}{os.getpid()}.part")
    hasher = hashlib.sha256()
    try:
        with host_errors(target), item.local.open("rb") as reader, part.open("wb") as writer:
            while block := reader.read(1 << 20):
                hasher.update(block)
                writer.write(block)
            writer.flush()
            os.fsync(writer.fileno())
        if hasher.hexdigest() != item.sha256:
            raise _error("A0238", f"'{item.path}' changed while it was copied", "run the command again")
        with host_errors(target):
            part.replace(target)
            sync_folder(target.parent)
    finally:
        part.unlink(missing_ok=True)


def _error(code: str, message: str, advice: str) -> DsimportError:
    return DsimportError(Diagnostic(code, message, help=(advice,)))

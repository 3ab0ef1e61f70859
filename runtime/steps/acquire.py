"""Step `acquire`: the model as its source has it, under `model/source/`, and its labels where only it knows them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsimport.compiler import paths
from dsimport.compiler.diagnostics import Diagnostic, DsimportError, Report, Span
from dsimport.compiler.escape import single_line
from dsimport.compiler.labelrules import label_problem, labels_text
from dsimport.runtime.atomic import TEMPORARY, host_errors, make_folder, sync_folder, write_text
from dsimport.runtime.steps.base import Context, Outcome

if TYPE_CHECKING:
    from dsimport.runtime.acquire.gather import Pins
    from dsimport.runtime.acquire.sources import Fetched, Tools, Wanted

__all__ = ["REFUSED_ARCHITECTURES", "check_architectures", "labels_of_config", "run", "wanted_of"]

REFUSED_ARCHITECTURES = (
    "ForImageClassification",
    "ForSemanticSegmentation",
    "ForInstanceSegmentation",
    "ForPanopticSegmentation",
    "ForUniversalSegmentation",
    "ForDepthEstimation",
    "ForMaskedLM",
    "ForTokenClassification",
    "ForCausalLM",
)


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

    params = context.step.params
    pins = _pins(params)
    got = gather(wanted, pins, _tools(context), check_architectures)
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

    params = context.step.params
    lock = params["lock"] or {"commit": None, "files": ()}
    pins = tuple(LockedFile.model_validate(item) for item in lock["files"])
    got = gather_checkpoint(wanted, lock["commit"], pins, _tools(context), check_architectures)
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


def _tools(context: Context) -> Tools:
    from dsimport.runtime.acquire.sources import Tools
    from dsimport.runtime.acquire.store import default_store
    from dsimport.runtime.acquire.transfer import Policy

    return Tools(default_store(), Policy(), context.say, context.progress.tool_line)


def _below(path: str, onnx: str) -> str:
    """Where weights lie, seen from the folder of the ONNX file: that is how it names them."""
    return paths.relative(path, paths.directory(onnx))


def check_architectures(config: dict[str, Any], path: str) -> None:
    """Refuse a config.json whose `architectures` name something that is not an object detector."""
    names = config.get("architectures")
    if not isinstance(names, list):
        return
    for name in names:
        refused = next((suffix for suffix in REFUSED_ARCHITECTURES if str(name).endswith(suffix)), None)
        if refused is not None:
            raise _error(
                "A0210",
                f"architecture '{name}' is not an object detector ({path})",
                "dsimport imports object-detection models only; choose a …ForObjectDetection model",
            )


def labels_of_config(config: dict[str, Any] | None, path: str, classes: int) -> list[str]:
    """Labels in class order by the seed's rule: id2label, else label2id reversed, else names. Never a default list.

    Ids missing from a table become `unused_<id>`: nvinfer needs a line for each class.
    """
    table = _label_table(config or {})
    if not table:
        raise _error(
            "A0211",
            f"no labels: {path} has neither id2label, label2id nor names",
            "write model.labels in the recipe, as a list or a labels file",
        )
    if max(table) >= classes:
        raise _error(
            "A0212",
            f"{path} has a label for class {max(table)}, the recipe declares {classes} classes",
            f"set model.classes to {max(table) + 1}, or write model.labels in the recipe",
        )
    labels = [table.get(index, f"unused_{index}") for index in range(classes)]
    report = Report()
    for index, label in enumerate(labels):
        problem = label_problem(label)
        if problem is not None:
            report.error("N0321", f"label {index} {problem}", Span(path, 1, 1), help="write model.labels in the recipe")
    report.raise_errors()
    return labels


def _label_table(config: dict[str, Any]) -> dict[int, str]:
    try:
        if isinstance(config.get("id2label"), dict):
            return {int(key): str(value) for key, value in config["id2label"].items() if int(key) >= 0}
        if isinstance(config.get("label2id"), dict):
            return {int(value): str(key) for key, value in config["label2id"].items() if int(value) >= 0}
        names = config.get("names")
        if isinstance(names, dict):
            return {int(key): str(value) for key, value in names.items() if int(key) >= 0}
        if isinstance(names, list):
            return {index: str(name) for index, name in enumerate(names)}
    except (TypeError, ValueError):
        return {}
    return {}


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

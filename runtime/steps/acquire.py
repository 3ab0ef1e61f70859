"""Step `acquire`: the model as its source has it, under `model/source/`, and its labels where only it knows them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from dsimport.compiler.diagnostics import Diagnostic, DsimportError, Report, Span
from dsimport.compiler.labels import label_problem
from dsimport.runtime.atomic import write_text
from dsimport.runtime.steps.base import Context, Outcome

__all__ = ["REFUSED_ARCHITECTURES", "check_architectures", "labels_of_config", "run"]

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
    """Copy a local model. Raises DsimportError with A-codes; remote sources are refused with what to do instead."""
    params = context.step.params
    if params["kind"] != "file":
        raise _error(
            "A0201",
            f"this version does not fetch from {params['kind']} sources ({params['where']})",
            "download the ONNX file yourself and name it with source.file.path",
        )
    source = context.root / params["where"]
    config = _config(source)
    if config is not None:
        check_architectures(config, str(_config_path(source)))
    if source.is_dir():
        raise _error(
            "A0202",
            f"'{params['where']}' is a folder, and exporting checkpoints is not in this version",
            "export it to ONNX (optimum-cli export onnx) and name the .onnx file",
        )
    target = context.root / params["target"]
    size, digest = _copy(source, target, params["sha256"])
    if params["labels"] is not None:
        labels = labels_of_config(config, str(_config_path(source)), params["classes"])
        write_text(context.root / params["labels"], "".join(f"{label}\n" for label in labels))
    return Outcome({}, f"{size / 1e6:.1f} MB, sha256 {digest[:8]}…")


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


def _config_path(source: Path) -> Path:
    return (source if source.is_dir() else source.parent) / "config.json"


def _config(source: Path) -> dict[str, Any] | None:
    path = _config_path(source)
    try:
        data = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise _error("A0203", f"cannot read {path}: {error}", "repair the file, or move it away") from None
    return data if isinstance(data, dict) else None


def _copy(source: Path, target: Path, wanted: str | None) -> tuple[int, str]:
    """Copy the ONNX and its external data files; nothing appears under its final name before it is whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    hasher, size = hashlib.sha256(), 0
    try:
        with source.open("rb") as reader, part.open("wb") as writer:
            while block := reader.read(1 << 20):
                hasher.update(block)
                size += len(block)
                writer.write(block)
            writer.flush()
            os.fsync(writer.fileno())
    except OSError as error:
        part.unlink(missing_ok=True)
        missing = isinstance(error, FileNotFoundError) and not source.exists()
        raise _error(
            "A0204" if missing else "H0505",
            f"model file '{source}' does not exist" if missing else f"cannot copy '{source}': {error.strerror}",
            "correct source.file.path; paths are relative to the recipe" if missing else "make room or check permissions",
        ) from None
    digest = hasher.hexdigest()
    if wanted is not None and digest != wanted.lower():
        part.unlink(missing_ok=True)
        raise _error(
            "A0205",
            f"'{source}' has sha256 {digest}, the recipe wants {wanted}",
            "fetch the file again, or correct source.file.sha256 if the new file is the one you want",
        )
    for data in _external_data(source):
        shutil.copyfile(data, target.parent / data.name)
    part.replace(target)
    return size, digest


def _external_data(source: Path) -> list[Path]:
    names = (f"{source.name}.data", f"{source.name}_data")
    return [path for name in names if (path := source.with_name(name)).is_file()]


def _error(code: str, message: str, help: str) -> DsimportError:
    return DsimportError(Diagnostic(code, message, help=(help,)))

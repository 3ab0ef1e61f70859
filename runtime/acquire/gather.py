"""From a source to the files a model needs: configuration, ONNX, weights beside it. Pinned by a lock, or chosen now."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsimport.compiler import paths
from dsimport.compiler.diagnostics import Report
from dsimport.compiler.labels import parse_labels
from dsimport.compiler.lock import LockedFile, safe_name
from dsimport.runtime.acquire.choose import choose_onnx
from dsimport.runtime.acquire.ngc import NgcSource
from dsimport.runtime.acquire.problems import problem
from dsimport.runtime.acquire.sources import Fetched, HubSource, LocalSource, Source, Tools, Wanted
from dsimport.runtime.acquire.url import UrlSource
from dsimport.runtime.onnx_file import GraphError

__all__ = [
    "CONFIG",
    "Gathered",
    "Pins",
    "beside",
    "external_names",
    "gather",
    "labels_of",
    "open_source",
    "read_config",
]

CONFIG = "config.json"
LABELS = "labels.txt"
_MAX_CONFIG = 16 << 20


@dataclass(frozen=True)
class Pins:
    """What a lock file says of the files: the commit (hub), the path of the ONNX among them, all of them."""

    commit: str | None
    onnx: str
    files: tuple[LockedFile, ...]


@dataclass(frozen=True)
class Gathered:
    """Everything of a source that the model needs. config: its config.json as data, None where there is none;
    labels_file: a labels.txt of the source; notes: how the ONNX was chosen."""

    commit: str | None
    licence: str | None
    onnx: Fetched
    data: tuple[Fetched, ...]
    config_file: Fetched | None
    labels_file: Fetched | None
    config: dict[str, Any] | None

    def files(self) -> tuple[Fetched, ...]:
        """All of them, the ONNX first."""
        rest = (self.config_file, self.labels_file)
        return (self.onnx, *self.data, *(item for item in rest if item is not None))


def gather(
    wanted: Wanted,
    pins: Pins | None,
    tools: Tools,
    check_config: Callable[[dict[str, Any], str], None],
    *,
    locking: bool = False,
    source: Source | None = None,
) -> Gathered:
    """Fetch, verify, and refuse what is no detector before its weights are fetched.

    check_config: called with config.json and its name, raises for what is refused. source: what `open_source` gave,
    where it has been asked already. DsimportError with A and H codes.
    """
    source = source or open_source(wanted, tools, pins, locking=locking)
    try:
        return _pinned(source, wanted, pins, check_config) if pins else _chosen(source, wanted, tools, check_config)
    finally:
        if isinstance(source, NgcSource):
            source.done()


def external_names(onnx: Path) -> list[str]:
    """Names of the files in which an ONNX file keeps weights, relative to its folder. GraphError if it is damaged."""
    from dsimport.runtime.inspect_onnx import inspect

    return list(inspect(onnx).external_files)


def labels_of(
    got: Gathered, classes: int, of_config: Callable[[dict[str, Any] | None, str, int], list[str]]
) -> list[str]:
    """Labels in class order: from config.json, else from the source's labels.txt. of_config: the rule for the
    former, which also raises when there are none at all."""
    tables = ("id2label", "label2id", "names")
    if got.labels_file is not None and not any(key in (got.config or {}) for key in tables):
        report = Report()
        name = got.labels_file.path
        labels = parse_labels(got.labels_file.local.read_text("utf-8", "replace"), name, report)
        if len(labels) != classes:
            report.error(
                "A0212",
                f"{name} of the source has {len(labels)} labels, the recipe declares {classes} classes",
                help=f"set model.classes to {len(labels)}, or write model.labels in the recipe",
            )
        report.raise_errors()
        return list(labels)
    return of_config(got.config, got.config_file.path if got.config_file else CONFIG, classes)


def open_source(wanted: Wanted, tools: Tools, pins: Pins | None = None, *, locking: bool = True) -> Source:
    """The source of this kind. locking: content without a known digest may be fetched, to learn it."""
    if wanted.kind == "huggingface":
        return HubSource(wanted, tools, pins.commit if pins else None)
    if wanted.kind == "ngc":
        return NgcSource(wanted, tools)
    if wanted.kind == "url":
        return UrlSource(wanted, tools, locking=locking)
    return LocalSource(Path(wanted.where))


def _pinned(
    source: Source, wanted: Wanted, pins: Pins, check_config: Callable[[dict[str, Any], str], None]
) -> Gathered:
    by_name = {pin.path: pin for pin in pins.files}
    config_name = beside(pins.onnx, CONFIG, by_name)
    config_file = source.pinned(by_name[config_name]) if config_name else None
    config = read_config(config_file)
    if config is not None:
        check_config(config, config_name or CONFIG)
    onnx = source.pinned(by_name[pins.onnx])
    data = []
    for name in _data_names(onnx):
        if name not in by_name:
            raise problem("A0243", f"the lock file does not pin '{name}'", "dsimport lock --update RECIPE")
        data.append(source.pinned(by_name[name]))
    labels_name = beside(pins.onnx, LABELS, by_name)
    labels_file = source.pinned(by_name[labels_name]) if labels_name else None
    return Gathered(pins.commit, None, onnx, tuple(data), config_file, labels_file, config)


def _chosen(
    source: Source, wanted: Wanted, tools: Tools, check_config: Callable[[dict[str, Any], str], None]
) -> Gathered:
    names = source.paths()
    where = wanted.where if wanted.revision is None else f"{wanted.where} @ {wanted.revision}"
    config_file = source.fetch(CONFIG) if CONFIG in names else None
    config = read_config(config_file)
    if config is not None:
        check_config(config, f"{CONFIG} of {where}")
    if wanted.kind == "file":
        path = Path(wanted.where).name
    else:
        choice = choose_onnx(names, variant=wanted.variant, file=wanted.file, where=where, fp16=wanted.fp16)
        path = choice.path
        if wanted.kind != "url":
            tools.say(f"taking {choice}")
    if config_file is None:
        config_name = beside(path, CONFIG, names)
        config_file = source.fetch(config_name) if config_name else None
        config = read_config(config_file)
        if config is not None:
            check_config(config, f"{config_name} of {where}")
    onnx = source.fetch(path)
    data = []
    for name in _data_names(onnx):
        if wanted.kind in ("huggingface", "ngc") and name not in names:
            raise problem(
                "A0243",
                f"{path} keeps weights in '{name}', which {where} does not have",
                "choose another ONNX file with source.onnx.file",
            )
        data.append(source.fetch(name))
    labels_name = beside(path, LABELS, names) if wanted.kind == "ngc" else None
    labels_file = source.fetch(labels_name) if labels_name else None
    return Gathered(source.commit, source.licence, onnx, tuple(data), config_file, labels_file, config)


def beside(onnx: str, name: str, names: Any) -> str | None:
    """The file of this name at the top of the source, else in the folder of the ONNX file."""
    return next((path for path in (name, paths.join(paths.directory(onnx), name)) if path in names), None)


def _data_names(onnx: Fetched) -> list[str]:
    """Paths at the source of the files that hold an ONNX file's weights."""
    try:
        names = external_names(onnx.local)
    except GraphError:
        return []  # a damaged file is reported by the step that reads it, with its place in the recipe
    for name in names:
        if not safe_name(name):
            raise problem(
                "A0243",
                f"{onnx.path} keeps weights in {name[:200]!r}, which is no plain relative name",
                "take another file, or export the model again",
            )
    return [paths.join(paths.directory(onnx.path), name) for name in names]


def read_config(file: Fetched | None) -> dict[str, Any] | None:
    """The mapping in a JSON file; None where there is no file, or something else in it. DsimportError A0203."""
    if file is None:
        return None
    try:
        if file.size > _MAX_CONFIG:
            raise ValueError(f"{file.size:,} bytes are too many")
        data = json.loads(file.local.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise problem("A0203", f"cannot read {file.path}: {error}", "repair the file, or move it away") from None
    return data if isinstance(data, dict) else None

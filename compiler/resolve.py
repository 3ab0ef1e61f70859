"""Recipe + family -> resolved model: every value filled in, with its origin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dsimport.compiler.checkpoint import take_export
from dsimport.compiler.defaults import DEFAULT_VIDEO, DEFAULT_WORKSPACE, DEFAULTS
from dsimport.compiler.diagnostics import Report
from dsimport.compiler.escape import single_line
from dsimport.compiler.expr import ExprError, evaluate
from dsimport.compiler.families import Family, family_for
from dsimport.compiler.labels import read_labels
from dsimport.compiler.load import LoadedRecipe
from dsimport.compiler.lock import Lock, lock_for, lock_path, locked_source
from dsimport.compiler.model import Model, Origin, Resolved, flatten
from dsimport.compiler.parsers.bind import Binding, bind
from dsimport.compiler.plan import InputFile
from dsimport.compiler.rules import check_model
from dsimport.compiler.versions import RELEASES, TensorRt

__all__ = ["Compiled", "check", "resolve"]


@dataclass(frozen=True)
class Compiled:
    """A resolved recipe with what it was resolved against. `inputs`: every file whose text had a say."""

    loaded: LoadedRecipe
    resolved: Resolved
    family: Family
    binding: Binding
    inputs: tuple[InputFile, ...]


class _Values:
    """Collects leaf values by dotted key with their origins: recipe before family before default."""

    def __init__(self, loaded: LoadedRecipe, family: Family) -> None:
        self._written = flatten(loaded.recipe.model_dump(by_alias=True, exclude_unset=True))
        self._spans = loaded.spans
        self._family = family.flat_defaults()
        self._family_name = family.family
        self.values: dict[str, Any] = {}
        self.origins: dict[str, Origin] = {}

    def written(self, key: str) -> bool:
        return self._written.get(key) is not None

    def take(self, key: str) -> Any:
        """Look one key up, note its origin, and return its value."""
        if self.written(key):
            return self.put(key, self._written[key], Origin.at(self._spans.value(key)))
        if self._family.get(key) is not None:
            return self.put(key, self._family[key], Origin(text=f"family {self._family_name}"))
        return self.put(key, DEFAULTS.get(key), Origin(text="default"))

    def put(self, key: str, value: Any, origin: Origin) -> Any:
        """Set a value that was worked out from others."""
        self.values[key] = value
        self.origins[key] = origin
        return value

    def origin_of(self, key: str) -> Origin:
        """Where the recipe says this (or where its nearest parent stands)."""
        return Origin.at(self._spans.value(key))


def resolve(loaded: LoadedRecipe, read: Callable[[str], bytes], report: Report) -> Compiled | None:
    """Fill in everything the recipe leaves open; None when an error in `report` prevents that."""
    before = len(report.errors)
    family, family_file = family_for(loaded, read, report)
    if family is None:
        return None
    values = _Values(loaded, family)
    for key in DEFAULTS:
        values.take(key)
    if not values.written("engine.batch_limit"):
        limit = max(values.values["engine.batch_limit"], values.values["engine.max_batch"])
        values.put("engine.batch_limit", limit, values.origins["engine.batch_limit"])
    values.put("name", loaded.recipe.name, values.origin_of("name"))
    values.put("model.family", loaded.recipe.model.family, values.origin_of("model.family"))
    for key in ("model.input.height", "model.input.width", "model.classes"):
        values.take(key)
    lock, lock_file = lock_for(loaded, read, report)
    _source(values, loaded, lock, report)
    take_export(values, loaded, family, lock, report)
    _locked_labels(values, loaded, lock, report)
    _numbers(values, loaded, report)
    _pipeline(values, loaded, report)
    label_file = read_labels(values.values, loaded, read, report)
    if len(report.errors) > before:
        return None
    binding = _bind(values, family, loaded, report)
    if binding is None or len(report.errors) > before:
        return None
    model = Model.model_validate(_nest(values.values))
    resolved = Resolved(model=model, origins=values.origins)
    check_model(model, family, loaded.spans, report)
    if len(report.errors) > before:
        return None
    extra = tuple(file for file in (family_file, lock_file, label_file) if file is not None)
    return Compiled(loaded, resolved, family, binding, (*loaded.files, *extra))


def check(loaded: LoadedRecipe, read: Callable[[str], bytes], report: Report) -> None:
    """Everything that `validate` looks at beyond the recipe's own text."""
    resolve(loaded, read, report)


def _source(values: _Values, loaded: LoadedRecipe, lock: Lock | None, report: Report) -> None:
    source, facts = loaded.recipe.source, locked_source(loaded)
    where, sha256 = facts.where, None
    if source.file is not None:
        where, sha256 = loaded.path_of("source.file.path", source.file.path), source.file.sha256
    elif source.url is not None:
        sha256 = source.url.sha256
    remote = source.huggingface or source.ngc
    written = {
        "kind": facts.kind,
        "where": where,
        "revision": facts.revision,
        "sha256": sha256,
        "variant": facts.variant,
        "file": facts.file,
        "token_env": remote.token_env if remote is not None else None,
    }
    for key, value in written.items():
        place = f"source.onnx.{key}" if key in ("variant", "file") else f"source.{facts.kind}"
        values.put(f"source.{key}", value, values.origin_of(place))
    pinned = Origin(text=lock_path(loaded.path) if lock is not None else "no lock file")
    values.put("source.commit", lock.commit if lock else None, pinned)
    values.put("source.onnx", lock.onnx if lock else None, pinned)
    values.put("source.files", lock.files if lock else (), pinned)
    if facts.kind == "url" and sha256 is None and lock is None:
        report.error(
            "A0246",
            "nobody says which sha256 the file behind this address must have",
            loaded.spans.value("source.url.url"),
            help=("write source.url.sha256", f"or run `dsimport lock {single_line(loaded.path)}`"),
        )


def _locked_labels(values: _Values, loaded: LoadedRecipe, lock: Lock | None, report: Report) -> None:
    """Labels that only the model's own configuration has are known from the lock."""
    if lock is None or lock.labels is None or values.values["model.labels"] != "config":
        return
    classes = values.values["model.classes"]
    if classes is not None and len(lock.labels) != classes:
        report.error(
            "A0222",
            f"{single_line(lock_path(loaded.path))} has {len(lock.labels)} labels for {classes} classes",
            loaded.spans.value("model.classes"),
            help=("correct model.classes", f"or run `dsimport lock --update {single_line(loaded.path)}`"),
        )
        return
    values.put("model.labels", lock.labels, Origin(text=lock_path(loaded.path)))


def _numbers(values: _Values, loaded: LoadedRecipe, report: Report) -> None:
    """`preprocess.scale` may be arithmetic; one mean or std per channel."""
    key = "preprocess.scale"
    try:
        values.values[key] = float(evaluate(values.values[key], {}))
    except ExprError as error:
        report.error(
            "R0130",
            f"'{key}' is no number: {error}",
            loaded.spans.value(key),
            help="write a number or plain arithmetic, e.g. 1/255 or 1/(255*0.226)",
        )
    channels = values.values["model.input.channels"]
    for key in ("preprocess.mean", "preprocess.std"):
        numbers = list(values.values[key])
        if len(numbers) == 3 and channels == 1 and not values.written(key):
            numbers = numbers[:1]
        if len(numbers) != channels:
            report.error(
                "N0301",
                f"'{key}' has {len(numbers)} values for {channels} channels",
                loaded.spans.value(key),
                help=f"give {channels} numbers, in the order of preprocess.color",
            )
        values.values[key] = numbers


def _pipeline(values: _Values, loaded: LoadedRecipe, report: Report) -> None:
    deepstream = str(values.values["pipeline.deepstream"])
    if deepstream not in RELEASES:
        report.error(
            "N0302",
            f"DeepStream {deepstream} is not supported",
            loaded.spans.value("pipeline.deepstream"),
            help=f"supported: {', '.join(RELEASES)}",
        )
        return
    platform = values.values["pipeline.platform"]
    if values.values["pipeline.tensorrt"] is None:
        origin = Origin(text=f"DeepStream {deepstream}" + (" on Jetson" if platform == "jetson" else ""))
        values.put("pipeline.tensorrt", RELEASES[deepstream].host(platform).tensorrt, origin)
    if values.values["engine.workspace"] is None:
        values.put("engine.workspace", DEFAULT_WORKSPACE[platform], values.origins["engine.workspace"])
    if values.values["engine.strongly_typed"] == "auto":
        version = TensorRt.of(values.values["pipeline.tensorrt"])
        values.put("engine.strongly_typed", version.strong_typing_is_default, Origin(text=f"TensorRT {version}"))
    for key in ("pipeline.video", "benchmark.video"):
        written = values.values[key]
        if written != "default":
            values.values[key] = loaded.path_of(key, written)
        elif key == "benchmark.video":
            values.put(key, values.values["pipeline.video"], values.origins["pipeline.video"])
        else:
            values.values[key] = DEFAULT_VIDEO


def _bind(values: _Values, family: Family, loaded: LoadedRecipe, report: Report) -> Binding | None:
    flat = values.values
    binding = bind(
        family,
        height=flat["model.input.height"],
        width=flat["model.input.width"],
        classes=flat["model.classes"],
        outputs=flat["model.outputs"] or None,
        tensor_names=flat["model.tensors"] or None,
        report=report,
        spans=loaded.spans,
    )
    if binding is None:
        return None
    if not flat["model.outputs"]:
        flat["model.outputs"] = {tensor.name: tensor.shape for tensor in binding.tensors}
        values.origins["model.outputs"] = Origin(text=f"family {family.family}")
    return binding


def _nest(flat: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in flat.items():
        *branch, leaf = key.split(".")
        node = out
        for part in branch:
            node = node.setdefault(part, {})
        node[leaf] = value
    return out

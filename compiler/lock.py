"""`<recipe>.lock.yaml`: what a recipe's source gave when it was locked, so that it gives the same again.

Written by `dsimport lock`, committed beside the recipe, read while planning. Nothing here looks at a disk.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dsimport.compiler.diagnostics import Report, Span
from dsimport.compiler.escape import single_line
from dsimport.compiler.labelrules import label_problem
from dsimport.compiler.load import LoadedRecipe
from dsimport.compiler.nodes import Mapping, Node, Sequence
from dsimport.compiler.plan import InputFile
from dsimport.compiler.tree import find
from dsimport.compiler.yamltext import parse

__all__ = [
    "Lock",
    "LockedExporter",
    "LockedFile",
    "LockedSource",
    "LockedTensor",
    "differences",
    "lock_for",
    "lock_path",
    "lock_text",
    "locked_source",
    "read_lock",
    "safe_name",
]

MAX_FILES = 64

_HEADER = (
    "# What the recipe's source gave, written by `dsimport lock`. Commit it beside the recipe;\n"
    "# `dsimport lock --update` moves it.\n"
)

Hex256: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Text: TypeAlias = Annotated[str, Field(max_length=1023)]
# The largest that a file system can hold: a number beyond it is no size.
Bytes: TypeAlias = Annotated[int, Field(ge=0, le=2**62)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


class LockedFile(_Part):
    """One file of the source: its path there, its size in bytes, its sha256."""

    path: Text
    size: Bytes
    sha256: Hex256


class LockedTensor(_Part):
    """A declared input or output of the ONNX file. dtype: numpy's name; shape: null for a symbolic dimension, and
    as a whole where the file declares none."""

    name: Text
    dtype: Text
    shape: Annotated[tuple[int | None, ...], Field(strict=False)] | None = None


class LockedExporter(_Part):
    """What a checkpoint is exported with. python: its version; packages: those that decide about the graph,
    `name==version`; digest: sha256 of all pins."""

    python: Text
    packages: Annotated[tuple[Text, ...], Field(strict=False, max_length=MAX_FILES)]
    digest: Hex256


class LockedSource(_Part):
    """The source as the recipe wrote it when it was locked. `where`: repository, org/team/model, address or path."""

    kind: Literal["huggingface", "ngc", "url", "file"]
    where: Text
    revision: Text | None = None
    variant: Text | None = None
    file: Text | None = None


class Lock(_Part):
    """The content of a lock file.

    commit: what the revision stood for (Hugging Face). onnx: path of the ONNX file among `files`; none for a
    checkpoint, which has `exporter` instead of opset, inputs and outputs. labels: class names in class order; none
    where the recipe itself has them.
    """

    format: Literal[1]
    source: LockedSource
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{7,64}$")] | None = None
    onnx: Text | None = None
    files: Annotated[tuple[LockedFile, ...], Field(strict=False, min_length=1, max_length=MAX_FILES)]
    licence: Text | None = None
    architectures: Annotated[tuple[Text, ...], Field(strict=False)] = ()
    opset: Annotated[int, Field(ge=1)] | None = None
    inputs: Annotated[tuple[LockedTensor, ...], Field(strict=False)] = ()
    outputs: Annotated[tuple[LockedTensor, ...], Field(strict=False)] = ()
    exporter: LockedExporter | None = None
    labels: Annotated[tuple[str, ...], Field(strict=False)] | None = None

    def file(self, path: str) -> LockedFile | None:
        """The pinned file with this path."""
        return next((item for item in self.files if item.path == path), None)


def lock_path(recipe: str) -> str:
    """Where the lock file of a recipe lies: beside it, named after the recipe file."""
    folder, slash, name = recipe.rpartition("/")
    stem = name.rpartition(".")[0] or name
    return f"{folder}{slash}{stem}.lock.yaml"


def locked_source(loaded: LoadedRecipe) -> LockedSource:
    """What the recipe says of its source, as a lock file keeps it: independent of the folder it is used from."""
    source = loaded.recipe.source
    kind: Literal["huggingface", "ngc", "url", "file"] = "file"
    where, revision = "", None
    if source.file is not None:
        where = source.file.path
    elif source.url is not None:
        kind, where = "url", source.url.url
    elif source.huggingface is not None:
        kind, where, revision = "huggingface", source.huggingface.repo, source.huggingface.revision or "main"
    elif source.ngc is not None:
        ngc = source.ngc
        kind, where, revision = "ngc", "/".join(part for part in (ngc.org, ngc.team, ngc.model) if part), ngc.version
    choice = source.onnx
    return LockedSource(
        kind=kind,
        where=where,
        revision=revision,
        variant=choice.variant if choice else None,
        file=choice.file if choice else None,
    )


def safe_name(path: str) -> bool:
    """Whether a path of a source stays below the folder it is put in, and can be a file name everywhere."""
    parts = path.split("/")
    plain = single_line(path) == path and "\\" not in path and len(path.encode("utf-8", "surrogatepass")) < 1024
    return plain and all(part not in ("", ".", "..") for part in parts)


def read_lock(data: bytes, path: str, report: Report) -> Lock | None:
    """The lock file in these bytes; None after errors (A0220, N0321, and the R codes of text that is no YAML)."""
    before = len(report.errors)
    root = parse(data, path, report)
    if root is None or len(report.errors) > before:
        return None
    try:
        lock = Lock.model_validate(_plain(root))
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        # a misspelt key is also a missing one, and only the misspelling has a place
        first = next((item for item in found if item["type"] != "missing"), found[0])
        parts, node, key = find(root, tuple(first["loc"]))
        where = ".".join(str(part) for part in (parts if first["type"] != "missing" else first["loc"]))
        message = f"{single_line(where) or 'lock file'}: {single_line(str(first['msg']))[:200]}"
        _damaged(report, message, key or node.span)
        return None
    _check(lock, root, report)
    return lock if len(report.errors) == before else None


def lock_for(
    loaded: LoadedRecipe, read: Callable[[str], bytes], report: Report
) -> tuple[Lock | None, InputFile | None]:
    """The lock file beside a recipe, if there is one and it fits; errors (A0220, A0221) go to `report`."""
    path = lock_path(loaded.path)
    try:
        data = read(path)
    except FileNotFoundError:
        return None, None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "cannot be read"
        report.error("A0220", f"cannot read {single_line(path)}: {reason}", help="repair it, or move it away")
        return None, None
    lock = read_lock(data, path, report)
    if lock is None:
        return None, None
    used = InputFile(path=path, sha256=hashlib.sha256(data).hexdigest())
    moved = _moved(lock.source, locked_source(loaded))
    if moved:
        report.error(
            "A0221",
            f"{single_line(path)} was written for another source",
            loaded.spans.value(f"source.{locked_source(loaded).kind}"),
            help=f"dsimport lock --update {single_line(loaded.path)}",
            notes=moved,
        )
        return None, used
    return lock, used


def differences(old: Lock, new: Lock) -> list[str]:
    """What moved between two lock files, one line each; empty when they pin the same."""
    lines = _moved(old.source, new.source)
    if old.commit != new.commit:
        lines.append(f"commit: {_brief(old.commit)} -> {_brief(new.commit)}")
    for path in sorted({item.path for item in (*old.files, *new.files)}):
        before, after = old.file(path), new.file(path)
        if before is None and after is not None:
            lines.append(f"{path}: new, {after.size:,} bytes")
        elif after is None:
            lines.append(f"{path}: gone")
        elif before is not None and before != after:
            lines.append(
                f"{path}: sha256 {before.sha256[:12]} -> {after.sha256[:12]}, {before.size:,} -> {after.size:,} bytes"
            )
    for name in ("onnx", "licence", "architectures", "opset", "inputs", "outputs", "exporter", "labels"):
        before_value, after_value = getattr(old, name), getattr(new, name)
        if before_value != after_value:
            lines.append(f"{name}: {_shown(before_value)} -> {_shown(after_value)}")
    return [single_line(line) for line in lines]


def lock_text(lock: Lock) -> str:
    """The text of a lock file. The same lock gives the same text, and `read_lock` gives it back."""
    from ruamel.yaml import YAML

    yaml = YAML(typ="rt")
    yaml.width = 1 << 20
    yaml.allow_unicode = True
    out = io.StringIO()
    yaml.dump(_quoted(lock.model_dump(mode="json")), out)
    return _HEADER + out.getvalue()


def _quoted(value: Any, level: int = 0) -> Any:
    """Texts in double quotes, so that no reader takes a label such as `no` or `1_0` for something else; items of
    lists on one line each."""
    from ruamel.yaml.comments import CommentedMap, CommentedSeq
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    if isinstance(value, str):
        return DoubleQuotedScalarString(value)
    if isinstance(value, dict):
        mapping = CommentedMap({key: _quoted(item, level + 1) for key, item in value.items() if item is not None})
        if level == 2:
            mapping.fa.set_flow_style()
        return mapping
    if isinstance(value, list):
        sequence = CommentedSeq([_quoted(item, level + 1) for item in value])
        if level > 1 or not value:
            sequence.fa.set_flow_style()
        return sequence
    return value


def _plain(node: Node) -> Any:
    if isinstance(node, Mapping):
        return {name: _plain(entry.node) for name, entry in node.entries.items()}
    if isinstance(node, Sequence):
        return [_plain(item) for item in node.items]
    return node.value


def _check(lock: Lock, root: Node, report: Report) -> None:
    """What must hold between the values, and names that become paths below the model's folder."""
    seen: set[str] = set()
    for index, item in enumerate(lock.files):
        span = find(root, ("files", index, "path"))[1].span
        if not safe_name(item.path):
            _damaged(report, f"files: '{single_line(item.path)}' is no plain relative path", span)
        if item.path in seen:
            _damaged(report, f"files: '{single_line(item.path)}' is there twice", span)
        seen.add(item.path)
    if (lock.onnx is None) == (lock.exporter is None):
        _damaged(report, "it pins an ONNX file with its tensors, or a checkpoint with its exporter", root.span)
    elif lock.onnx is not None and lock.opset is None:
        _damaged(report, "opset: the ONNX file's is missing", root.span)
    if lock.onnx is not None and lock.file(lock.onnx) is None:
        _damaged(report, f"onnx: '{single_line(lock.onnx)}' is not among files", find(root, ("onnx",))[1].span)
    for index, label in enumerate(lock.labels or ()):
        problem = label_problem(label)
        if problem is not None:
            span = find(root, ("labels", index))[1].span
            report.error("N0321", f"label {index} {problem}", span, help="write model.labels in the recipe")


def _damaged(report: Report, message: str, span: Span) -> None:
    report.error("A0220", f"not a lock file of this version: {message}", span, help="dsimport lock --update RECIPE")


def _moved(old: LockedSource, new: LockedSource) -> list[str]:
    before, after = old.model_dump(), new.model_dump()
    return [
        single_line(f"source.{key}: {before[key] or 'none'} -> {after[key] or 'none'}")
        for key in before
        if before[key] != after[key]
    ]


def _brief(commit: str | None) -> str:
    return commit[:12] if commit else "none"


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, tuple) and value and isinstance(value[0], LockedTensor):
        value = {item.name: item.shape for item in value}
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 120 else f"{text[:119]}…"

"""Making lock files: what a source gives now, and what moved since it was locked."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsimport.compiler.checkpoint import is_checkpoint, prompts
from dsimport.compiler.escape import single_line
from dsimport.compiler.exportenv import named_packages, pins_digest
from dsimport.compiler.load import LoadedRecipe
from dsimport.compiler.lock import Lock, LockedExporter, LockedFile, LockedSource, LockedTensor, locked_source
from dsimport.compiler.recognise.labels import labels_of_config
from dsimport.compiler.recognise.refused import check_architectures
from dsimport.runtime.acquire.checkpoint import gather_checkpoint, only_weights
from dsimport.runtime.acquire.gather import Gathered, Pins, gather, labels_of
from dsimport.runtime.acquire.hub import Hub
from dsimport.runtime.acquire.problems import problem
from dsimport.runtime.acquire.sources import Tools, Wanted
from dsimport.runtime.inspect_onnx import TensorFacts, inspect
from dsimport.runtime.onnx_file import GraphError

__all__ = ["Subject", "lock_of", "make_lock", "moved_upstream", "subject_of"]


@dataclass(frozen=True)
class Subject:
    """What is to be locked. classes: of the recipe or its family; labels: whether they come from the source;
    checkpoint: whether the recipe exports one (a hub repository without ONNX is one in any case)."""

    source: LockedSource
    wanted: Wanted
    classes: int
    labels: bool
    checkpoint: bool = False


def subject_of(loaded: LoadedRecipe, root: Path, classes: int) -> Subject:
    """The source of a recipe; local paths as seen from here."""
    source, facts = loaded.recipe.source, locked_source(loaded)
    where, sha256 = facts.where, None
    if source.file is not None:
        where, sha256 = str(root / loaded.path_of("source.file.path", source.file.path)), source.file.sha256
    elif source.url is not None:
        sha256 = source.url.sha256
    remote, graph = source.huggingface or source.ngc, loaded.recipe.graph
    wanted = Wanted(
        kind=facts.kind,
        where=where,
        revision=facts.revision,
        sha256=sha256,
        variant=facts.variant,
        file=facts.file,
        token_env=remote.token_env if remote is not None else None,
        fp16=graph is None or graph.fp32_io is not False,
    )
    checkpoint = is_checkpoint(loaded, None)
    if facts.kind == "file" and not checkpoint and Path(where).is_dir():
        raise problem(
            "A0202",
            f"'{single_line(facts.where)}' is a folder, not an ONNX file",
            "a checkpoint folder's name must not end in .onnx: rename it, or name the .onnx file in it",
        )
    labels = loaded.recipe.model.labels in (None, "config") and not prompts(loaded)
    return Subject(facts, wanted, classes, labels, checkpoint)


def make_lock(subject: Subject, tools: Tools, old: Lock | None = None) -> Lock:
    """The lock of what the source gives now. old: a lock whose choice of files stays while its commit does.

    DsimportError with A and H codes, A0301 for a file that is no ONNX model.
    """
    pins = None
    if old is not None and old.source == subject.source and old.commit is not None:
        commit, _ = _hub(subject, tools).commit_of(subject.wanted.revision or "main")
        if commit == old.commit:
            pins = Pins(old.commit, old.onnx or "", old.files)
    licence = old.licence if pins is not None and old is not None else None
    kept = pins if pins is not None and pins.onnx == "" else None
    pins = None if kept is not None else pins
    if subject.checkpoint or (pins is None and only_weights(subject.wanted, tools)):
        return _checkpoint_lock(subject, kept, tools, licence)
    got = gather(subject.wanted, pins, tools, check_architectures, locking=True)
    wanted = subject.wanted.sha256
    if wanted is not None and got.onnx.sha256 != wanted.lower():
        raise problem(
            "A0205",
            f"'{single_line(subject.source.where)}' has sha256 {got.onnx.sha256}, the recipe wants {wanted}",
            "correct the recipe's sha256 if the new file is the one you want",
        )
    return lock_of(subject, got, licence if pins is not None else got.licence)


def moved_upstream(subject: Subject, old: Lock, tools: Tools) -> list[str]:
    """What the source gives now that differs from the lock, a line each; nothing large is fetched from the hub."""
    if old.commit is None:
        from dsimport.compiler.lock import differences

        return differences(old, make_lock(subject, tools))
    hub = _hub(subject, tools)
    revision = subject.wanted.revision or "main"
    commit, _ = hub.commit_of(revision)
    if commit == old.commit:
        return []
    lines = [f"{revision}: commit {old.commit[:12]} -> {commit[:12]}"]
    now = hub.listing(commit).files
    for pin in old.files:
        remote = now.get(pin.path)
        if remote is None:
            lines.append(f"{pin.path}: gone")
        elif remote.size != pin.size or remote.sha256 not in (None, pin.sha256):
            lines.append(f"{pin.path}: changed, {pin.size:,} -> {remote.size:,} bytes")
        else:
            lines.append(f"{pin.path}: {'same content' if remote.sha256 else 'same size'}")
    return [single_line(line) for line in lines]


def _hub(subject: Subject, tools: Tools) -> Hub:
    wanted = subject.wanted
    return Hub(wanted.where, token_env=wanted.token_env, policy=tools.policy, say=tools.say)


def lock_of(subject: Subject, got: Gathered, licence: str | None) -> Lock:
    """The lock of what was gathered. DsimportError: A0301 for a file that is no ONNX model, and those of labels."""
    try:
        facts = inspect(got.onnx.local)
    except GraphError as error:
        reason = single_line(str(error).replace(str(got.onnx.local), got.onnx.path))
        raise problem("A0301", f"the model cannot be used: {reason}", "name another ONNX file") from None
    return Lock(
        format=1,
        source=subject.source,
        commit=got.commit,
        onnx=got.onnx.path,
        files=tuple(LockedFile(path=item.path, size=item.size, sha256=item.sha256) for item in got.files()),
        licence=licence,
        architectures=_architectures(got.config),
        opset=facts.opset,
        inputs=_tensors(facts.inputs),
        outputs=_tensors(facts.outputs),
        labels=tuple(labels_of(got, subject.classes, labels_of_config)) if subject.labels else None,
    )


def _checkpoint_lock(subject: Subject, kept: Pins | None, tools: Tools, licence: str | None) -> Lock:
    """The lock of a checkpoint. kept: the files of a lock whose commit is still the same, and its licence."""
    commit, files = (kept.commit, kept.files) if kept else (None, ())
    got = gather_checkpoint(subject.wanted, commit, files, tools, check_architectures)
    labels = labels_of_config(got.config, got.config_file.path, subject.classes) if subject.labels else None
    return Lock(
        format=1,
        source=subject.source,
        commit=got.commit,
        files=tuple(LockedFile(path=item.path, size=item.size, sha256=item.sha256) for item in got.files),
        licence=licence if kept else got.licence,
        architectures=_architectures(got.config),
        exporter=LockedExporter(
            python=f"{sys.version_info.major}.{sys.version_info.minor}",
            packages=named_packages(),
            digest=pins_digest(),
        ),
        labels=None if labels is None else tuple(labels),
    )


def _architectures(config: dict[str, Any] | None) -> tuple[str, ...]:
    names = (config or {}).get("architectures")
    return tuple(str(name)[:200] for name in names[:16]) if isinstance(names, list) else ()


def _tensors(items: tuple[TensorFacts, ...]) -> tuple[LockedTensor, ...]:
    return tuple(LockedTensor(name=item.name, dtype=item.dtype, shape=item.dims) for item in items)

"""Collecting facts: what lies at a source, its configuration, and its model run in a process of its own."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dsimport.compiler.diagnostics import DsimportError, Report
from dsimport.compiler.escape import single_line
from dsimport.compiler.labels import parse_labels
from dsimport.compiler.preset import Family
from dsimport.compiler.recognise.decide import Choices, likely_size
from dsimport.compiler.recognise.facts import OnnxFacts, SourceFacts
from dsimport.compiler.recognise.refused import check_architectures
from dsimport.runtime.acquire.choose import choose_onnx
from dsimport.runtime.acquire.gather import CONFIG, Gathered, beside, gather, open_source, read_config
from dsimport.runtime.acquire.problems import problem
from dsimport.runtime.acquire.sources import LocalSource, Source, Tools
from dsimport.runtime.look.address import Address
from dsimport.runtime.process import Finished, run_program

__all__ = ["Looked", "examine", "look"]

PREPROCESSOR = "preprocessor_config.json"
WEIGHTS = (".safetensors", ".bin")
TIMEOUT_S = 300.0
_MEMORY = 8 << 30  # and six times the model: its weights, in the file, in the library, and in copies between passes


@dataclass(frozen=True)
class Looked:
    """What was found. address: with the file that was chosen in a local folder; got: what was fetched, for the lock;
    None for a checkpoint."""

    facts: SourceFacts
    address: Address
    got: Gathered | None


def look(address: Address, tools: Tools, families: Sequence[Family], choices: Choices) -> Looked:
    """Facts of a source. DsimportError: A and H codes of fetching, N05 codes for what nvinfer cannot run."""
    if address.wanted.kind == "file" and Path(address.wanted.where).is_dir():
        return _look_in_folder(address, tools, families, choices)
    source = open_source(address.wanted, tools)
    names = source.paths()
    if _is_checkpoint(names) and address.wanted.file is None:
        config = read_config(source.fetch(CONFIG)) if CONFIG in names else None
        return _checkpoint(address, config, _preprocessor(source, names, ""))
    got = gather(address.wanted, None, tools, check_architectures, locking=True, source=source)
    facts = SourceFacts(
        name=address.title,
        config=got.config,
        preprocessor=_preprocessor(source, names, got.onnx.path),
        labels=_labels_file(got),
        labels_origin=got.labels_file.path if got.labels_file else "",
    )
    onnx = examine(got.onnx.local, got.onnx.path, facts, families, choices)
    return Looked(facts.model_copy(update={"onnx": onnx}), address, got)


def _look_in_folder(address: Address, tools: Tools, families: Sequence[Family], choices: Choices) -> Looked:
    """A checkpoint on this machine, or an exported model with what belongs to it."""
    folder = Path(address.wanted.where)
    found = [item for pattern in ("*", "onnx/*") for item in folder.glob(pattern) if item.is_file()]
    names = sorted(item.relative_to(folder).as_posix() for item in found)
    top = LocalSource(folder / CONFIG)
    if not _is_checkpoint(names):
        choice = choose_onnx(names, variant=None, file=None, where=f"'{single_line(address.title)}'", fp16=True)
        tools.say(f"taking {choice}")
        chosen = replace(address, wanted=replace(address.wanted, where=str(folder / choice.path)))
        looked = look(chosen, tools, families, choices)
        if looked.facts.config is not None or CONFIG not in names:
            return looked
        return replace(looked, facts=_with_config_above(looked.facts, top, names))
    config = read_config(top.fetch(CONFIG)) if CONFIG in names else None
    return _checkpoint(address, config, _preprocessor(top, names, ""))


def _with_config_above(facts: SourceFacts, top: LocalSource, names: Sequence[str]) -> SourceFacts:
    """Facts of a file in onnx/ with the configuration in the folder above it."""
    config = read_config(top.fetch(CONFIG))
    check_architectures(config or {}, CONFIG)
    preprocessor = _preprocessor(top, names, "") or facts.preprocessor
    return facts.model_copy(update={"config": config, "preprocessor": preprocessor, "config_beside": False})


def _checkpoint(address: Address, config: dict[str, Any] | None, preprocessor: dict[str, Any] | None) -> Looked:
    if config is None:
        raise problem(
            "N0501",
            f"'{single_line(address.title)}' has weights, and no config.json that says what they are",
            "name a folder or repository with a config.json, or an .onnx file",
        )
    check_architectures(config, f"{CONFIG} of {single_line(address.title)}")
    return Looked(SourceFacts(name=address.title, config=config, preprocessor=preprocessor), address, None)


def _is_checkpoint(names: Sequence[str]) -> bool:
    """Whether there are weights and nothing that is ONNX already."""
    return not any(name.endswith(".onnx") for name in names) and any(name.endswith(WEIGHTS) for name in names)


def _preprocessor(source: Source, names: Sequence[str], onnx: str) -> dict[str, Any] | None:
    path = beside(onnx, PREPROCESSOR, names)
    return read_config(source.fetch(path)) if path is not None else None


def _labels_file(got: Gathered) -> tuple[str, ...] | None:
    if got.labels_file is None:
        return None
    report = Report()
    labels = parse_labels(got.labels_file.local.read_text("utf-8", "replace"), got.labels_file.path, report)
    report.raise_errors()
    return labels


def examine(path: Path, name: str, facts: SourceFacts, families: Sequence[Family], choices: Choices) -> OnnxFacts:
    """What the file does when it is run, in a process of its own. name: what to call the file.

    DsimportError: A0301, N0502 … N0504, N0508, N0509, N0511.
    """
    inputs = {key: item.model_dump(mode="json") for family in families for key, item in family.inputs.items()}
    with tempfile.TemporaryDirectory(prefix="dsimport-") as folder:
        target = Path(folder) / "facts.json"
        request = {
            "onnx": str(path.absolute()),
            "size": likely_size(facts, families, choices),
            "forced": choices.size is not None,
            "inputs": inputs,
            "memory": _MEMORY + 6 * path.stat().st_size,
            "target": str(target),
        }
        argv = [sys.executable, "-m", "dsimport.runtime.look.tool", json.dumps(request)]
        done = run_program(argv, cwd=Path(folder), timeout_s=TIMEOUT_S)
        answer = json.loads(target.read_text("utf-8")) if target.is_file() else None
    if answer is None:
        raise _crashed(name, done)
    if "error" in answer:
        message = str(answer["error"]).replace(str(path.absolute()), name)
        raise problem(answer["code"], single_line(message), *map(single_line, answer["help"]))
    return OnnxFacts.model_validate(answer["facts"])


def _crashed(name: str, done: Finished) -> DsimportError:
    how = f"signal {-done.exit_code}" if done.exit_code < 0 else f"exit code {done.exit_code}"
    if done.timed_out:
        how = f"not done after {TIMEOUT_S:.0f} s"
    return problem(
        "N0509",
        f"examining {single_line(name)} ended with {how}",
        "try the model in ONNX Runtime by itself; a model that cannot run there cannot be looked at",
        notes=[single_line(line)[:300] for line in done.tail[-3:]],
    )

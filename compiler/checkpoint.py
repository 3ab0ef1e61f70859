"""Whether a source is a checkpoint rather than an ONNX file, and how the recipe wants it exported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from dsimport.compiler.diagnostics import Report, Severity
from dsimport.compiler.escape import single_line
from dsimport.compiler.exportenv import named_packages, pins_digest
from dsimport.compiler.lock import Lock, lock_path
from dsimport.compiler.model import Origin
from dsimport.compiler.preset import Family

if TYPE_CHECKING:
    from typing import Any

    from dsimport.compiler.load import LoadedRecipe

__all__ = ["CONFIG", "PROCESSOR_FILES", "TOKENIZER_FILES", "is_checkpoint", "prompts", "take_export"]

# What a checkpoint has beside its weights; only the first is needed everywhere.
CONFIG = "config.json"
PROCESSOR_FILES = ("preprocessor_config.json", "processor_config.json")
TOKENIZER_FILES = (
    "added_tokens.json",
    "merges.txt",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
)


class _Values(Protocol):
    """The resolver's values."""

    values: dict[str, Any]

    def written(self, key: str) -> bool: ...
    def put(self, key: str, value: Any, origin: Origin) -> Any: ...
    def origin_of(self, key: str) -> Origin: ...


def is_checkpoint(loaded: LoadedRecipe, lock: Lock | None) -> bool:
    """Decided from recipe and lock alone: what the recipe exports, a local path that is no .onnx file, a lock without
    an ONNX file."""
    source = loaded.recipe.source
    folder = source.file is not None and not source.file.path.lower().endswith(".onnx")
    return source.export is not None or folder or (lock is not None and lock.onnx is None)


def prompts(loaded: LoadedRecipe) -> tuple[str, ...]:
    """The class names that are frozen into the graph."""
    export = loaded.recipe.source.export
    return (export.frozen_prompt or ()) if export is not None else ()


def take_export(values: _Values, loaded: LoadedRecipe, family: Family, lock: Lock | None, report: Report) -> None:
    """Fill in `source.export`; errors A0221, A0250, A0251, A0252, and the warning A0255."""
    if not is_checkpoint(loaded, lock):
        values.put("source.export", None, Origin(text="default"))
        return
    _allowed(loaded, family, lock, report)
    frozen = prompts(loaded)
    if not family.exported:
        return
    _prompts(frozen, loaded, family, report)
    written = loaded.recipe.source.export
    for key, default in (("task", "object-detection"), ("exporter", "auto"), ("opset", None)):
        name = f"source.export.{key}"
        value = getattr(written, key) if written is not None else None
        origin = Origin(text="default") if value is None else values.origin_of(name)
        values.put(name, default if value is None else value, origin)
    place = values.origin_of("source.export.frozen_prompt")
    values.put("source.export.frozen_prompt", frozen, place if frozen else Origin(text="default"))
    if family.export.prompt == "none":
        return
    if frozen and not values.written("model.labels"):
        values.put("model.labels", list(frozen), place)
    if frozen and not values.written("model.classes"):
        values.put("model.classes", len(frozen), place)


def _allowed(loaded: LoadedRecipe, family: Family, lock: Lock | None, report: Report) -> None:
    source, spans = loaded.recipe.source, loaded.spans
    export = spans.key("source.export") if source.export is not None else spans.key("source")
    kind = next(name for name in ("huggingface", "ngc", "file", "url") if getattr(source, name) is not None)
    onnx_file = source.file is not None and source.file.path.lower().endswith(".onnx")
    if kind in ("url", "ngc") or onnx_file or source.onnx is not None:
        what = "an ONNX file" if onnx_file or source.onnx is not None else "this kind of source"
        report.error(
            "A0250",
            f"{what} is taken as it is; only checkpoints are exported",
            export,
            help=("remove source.export", "or name a checkpoint: a folder, or a hub repository without source.onnx"),
        )
    if source.file is not None and source.file.sha256 is not None and not onnx_file:
        report.error(
            "A0250",
            "a checkpoint folder has no sha256 of its own",
            spans.key("source.file.sha256"),
            help=f"remove it; `dsimport lock {single_line(loaded.path)}` pins every file",
        )
    if not family.exported:
        report.error(
            "A0251",
            f"checkpoints of family {family.family} cannot be exported",
            spans.value("model.family"),
            help=("export it with the tool it comes from and name the .onnx file with source.file.path",),
        )
    if lock is not None and lock.onnx is not None:
        report.error(
            "A0221",
            f"{single_line(lock_path(loaded.path))} pins an ONNX file, the recipe exports a checkpoint",
            export,
            help=f"dsimport lock --update {single_line(loaded.path)}",
        )
    if lock is not None and lock.exporter is not None and lock.exporter.digest != pins_digest():
        now = set(named_packages())
        moved = [f"locked: {item}" for item in lock.exporter.packages if item not in now]
        report.error(
            "A0255",
            "this dsimport exports with other package versions than those the lock file was written with",
            help=f"dsimport lock --update {single_line(loaded.path)}, and compare the exported models",
            notes=[single_line(line) for line in (*moved, f"now: {', '.join(sorted(now))}")],
            severity=Severity.WARNING,
        )


def _prompts(frozen: tuple[str, ...], loaded: LoadedRecipe, family: Family, report: Report) -> None:
    wanted = family.export.prompt == "required"
    if wanted and not frozen:
        report.error(
            "A0252",
            f"classes of family {family.family} are text prompts, and the recipe names none",
            loaded.spans.value("model.family"),
            help="write source.export.frozen_prompt: a list of class names, e.g. [person, red car]",
        )
    elif frozen and not wanted:
        report.error(
            "A0252",
            f"family {family.family} takes no text prompts",
            loaded.spans.value("source.export.frozen_prompt"),
            help="remove frozen_prompt; the classes are those the model was trained on",
        )
    elif len(set(frozen)) != len(frozen):
        report.error(
            "A0252",
            "a prompt is there twice",
            loaded.spans.value("source.export.frozen_prompt"),
            help="every class needs its own words",
        )

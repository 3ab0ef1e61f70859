"""Recipe file -> checked recipes: read, extend, unfold the matrix, check against the schema, keep every place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from dsimport.compiler import paths
from dsimport.compiler.crosscheck import crosscheck
from dsimport.compiler.diagnostics import Diagnostic, Report, Span
from dsimport.compiler.escape import single_line
from dsimport.compiler.extends import Reader
from dsimport.compiler.matrix import Combination, unfold
from dsimport.compiler.nodes import ScalarValue
from dsimport.compiler.plan import InputFile
from dsimport.compiler.recipe import Recipe
from dsimport.compiler.translate import translate
from dsimport.compiler.tree import Spans, plain, written_paths
from dsimport.compiler.yamltext import MAX_MISTAKES

__all__ = ["LoadedRecipe", "Spans", "load_recipe"]


@dataclass(frozen=True)
class LoadedRecipe:
    """One recipe that is right in itself.

    path: the file, as given. spans: where each value stands, which may be in a file that this one extends.
    written: dotted paths of all keys that have a value. files: every recipe file that was read, with its sha256.
    raw: the merged recipe as plain data, without `matrix`. variant: the matrix values that make up this one.
    """

    path: str
    recipe: Recipe
    spans: Spans
    written: frozenset[str]
    files: tuple[InputFile, ...]
    raw: dict[str, Any]
    variant: dict[str, ScalarValue]

    def path_of(self, key: str, value: str) -> str:
        """A path written at this dotted key, as seen from where `path` starts: relative to the file it stands in."""
        return paths.join(paths.directory(self.spans.value(key).file), value)


def load_recipe(path: str, read: Callable[[str], bytes], report: Report) -> list[LoadedRecipe]:
    """All recipes of one file: one, or one per combination of its matrix; those with errors are left out.

    path: relative to the current directory or absolute, with `/`. read: gives a file's bytes or raises OSError; it may
    stop after `yamltext.MAX_BYTES` + 1 bytes.
    """
    found = Report()
    loaded = _load(path, Reader(read, found), found)
    for item in sorted(found, key=_place(path)):
        report.add(_on_one_line(item))
    return loaded


def _on_one_line(item: Diagnostic) -> Diagnostic:
    """Keys and values of the recipe stand in messages, and may hold line breaks."""
    return replace(
        item,
        message=single_line(item.message),
        label=single_line(item.label),
        help=tuple(map(single_line, item.help)),
        notes=tuple(map(single_line, item.notes)),
    )


def _place(path: str) -> Callable[[Diagnostic], tuple[int, str, int, int]]:
    """Reading order: what stands nowhere, then the recipe, then the files that it extends."""

    def place(item: Diagnostic) -> tuple[int, str, int, int]:
        span = item.span
        return (0, "", 0, 0) if span is None else (1 + (span.file != path), span.file, span.line, span.column)

    return place


def _load(path: str, reader: Reader, report: Report) -> list[LoadedRecipe]:
    root = reader.load(path)
    if root is None:
        return []
    combinations = unfold(root, report)
    usable = not report.errors
    files = tuple(reader.files)
    checked = []
    for combination in combinations:
        checked.append(_check(combination, path, files, report))
        if len(report.errors) >= MAX_MISTAKES:
            break  # every combination repeats the mistakes of the others
    return [item for item in checked if item is not None] if usable else []


def _check(combination: Combination, path: str, files: tuple[InputFile, ...], report: Report) -> LoadedRecipe | None:
    root = combination.root
    before = len(report.errors)
    raw: dict[str, Any] = plain(root, report)
    spans = Spans(root, Span(path, 1, 1))
    recipe = None
    try:
        recipe = Recipe.model_validate(raw)
    except ValidationError as error:
        translate(error, root, spans.start, report)
    crosscheck(raw, spans, report)
    if recipe is None or len(report.errors) > before:
        return None
    return LoadedRecipe(path, recipe, spans, written_paths(root), files, raw, combination.variant)

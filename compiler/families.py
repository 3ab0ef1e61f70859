"""Detection families: the package's presets (`recipes/families/*.yaml`) and a user's own preset files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from dsimport.compiler import paths
from dsimport.compiler.diagnostics import Report, Span
from dsimport.compiler.escape import single_line
from dsimport.compiler.plan import InputFile
from dsimport.compiler.preset import Family
from dsimport.compiler.suggest import closest

if TYPE_CHECKING:
    from dsimport.compiler.load import LoadedRecipe

__all__ = ["Family", "UnknownFamily", "family_for", "family_names", "load_family", "load_family_file"]

FOLDER = Path(__file__).resolve().parent.parent / "recipes" / "families"
MAX_PRESET_BYTES = 65536


class UnknownFamily(LookupError):
    """There is no preset of this name in the package."""


def family_names() -> list[str]:
    """Names of the presets in the package, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


@cache
def load_family(name: str) -> Family:
    """The package's preset `name`. Raises UnknownFamily."""
    if name not in family_names():
        raise UnknownFamily(name)
    data = YAML(typ="safe", pure=False).load((FOLDER / f"{name}.yaml").read_text("utf-8"))
    return Family.model_validate(data)


def family_for(
    loaded: LoadedRecipe, read: Callable[[str], bytes], report: Report
) -> tuple[Family | None, InputFile | None]:
    """The family a recipe names: a preset of the package, or a preset file beside the recipe (`./mine.yaml`).

    The second value is that file. `read(path)` gives a file's bytes or raises OSError. None after errors.
    """
    name = loaded.recipe.model.family
    span = loaded.spans.value("model.family")
    if "/" not in name and not name.endswith((".yaml", ".yml")):
        try:
            return load_family(name), None
        except UnknownFamily:
            near = closest(name, family_names())
            report.error(
                "N0401",
                f"unknown family '{single_line(name)}'",
                span,
                label=f"did you mean '{near}'?" if near else "",
                help=(f"families: {', '.join(family_names())}", "or name a preset file of your own: ./family.yaml"),
            )
            return None, None
    path = paths.join(paths.directory(loaded.path), name)
    try:
        data = read(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "cannot be read"
        report.error(
            "N0402", f"family preset {single_line(path)}: {reason}", span, help="paths are relative to the recipe"
        )
        return None, None
    return load_family_file(path, data, report), InputFile(path=path, sha256=hashlib.sha256(data).hexdigest())


def load_family_file(path: str, data: bytes, report: Report) -> Family | None:
    """A user's own preset. None after errors, which go to `report` with their place in the file."""
    text = _preset_text(path, data, report)
    if text is None:
        return None
    yaml = YAML(typ="safe", pure=False)
    try:
        if any(isinstance(event, AliasEvent) for event in yaml.parse(text)):
            report.error("N0403", "a family preset cannot use YAML aliases", Span(path, 1, 1), help="write it out")
            return None
        root = yaml.compose(text)
        value = yaml.load(text)
    except (YAMLError, ValueError, RecursionError) as error:
        mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
        span = Span(path, mark.line + 1, mark.column + 1) if mark else Span(path, 1, 1)
        report.error("N0403", "the family preset is not valid YAML", span, help="see the presets of the package")
        return None
    try:
        return Family.model_validate(value)
    except ValidationError as error:
        for item in error.errors(include_url=False, include_context=False):
            place = tuple(item["loc"])
            where = ".".join(str(step) for step in place) or "preset"
            message = f"{where}: {item['msg'].removeprefix('Value error, ')}"
            report.error("N0404", message, _span_of(root, place, path), help="see the presets of the package")
        return None


def _preset_text(path: str, data: bytes, report: Report) -> str | None:
    if len(data) > MAX_PRESET_BYTES:
        report.error("N0403", f"a family preset is at most {MAX_PRESET_BYTES} bytes", Span(path, 1, 1), help="split it")
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        report.error("N0403", "the family preset is not UTF-8 text", Span(path, 1, 1), help="save it as UTF-8")
        return None


def _span_of(root: Node | None, place: tuple[int | str, ...], path: str) -> Span:
    """Where the value at `place` (or its nearest parent) stands."""
    node = root
    for step in place:
        # pydantic puts the template's name into the place; the file has no such level
        node = _child(node, step) or node
    if node is None:
        return Span(path, 1, 1)
    return Span(path, node.start_mark.line + 1, node.start_mark.column + 1)


def _child(node: Node | None, step: int | str) -> Node | None:
    found: Node | None = None
    if isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
        found = node.value[step]
    elif isinstance(node, MappingNode):
        found = next((value for key, value in node.value if key.value == str(step)), None)
    return found

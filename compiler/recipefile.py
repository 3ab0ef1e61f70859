"""The text of a recipe that `dsimport init` writes, and writes again without taking anything from its owner.

What init owns is known by a record at the end of the file: per value, a short digest of what init last wrote. A value
that still has that digest is init's to change; any other is the user's, and stays. Lines that begin with `#:` are
init's notes and are made anew each time; every other comment is the user's.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import RoundTripConstructor
from ruamel.yaml.representer import RoundTripRepresenter
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from dsimport.compiler.diagnostics import Report, Span
from dsimport.compiler.escape import single_line
from dsimport.compiler.nodes import Mapping as MappingNode
from dsimport.compiler.recognise.entries import Entry
from dsimport.compiler.render.show import is_plain_word
from dsimport.compiler.tree import Spans
from dsimport.compiler.yamltext import parse

__all__ = ["Kept", "Written", "recipe_text", "with_values"]

NOTE = "#: "
_RECORD = "#= init "
_SCHEMA_LINE = "# yaml-language-server: $schema=../schema/recipe.schema.json\n"
_HEAD = "Lines that begin with #: are notes of `dsimport init`; it writes them anew and leaves everything of yours."
_TAIL = f"{NOTE}What init wrote last, so that it knows its own values from yours:\n"
_LONG = 12  # items of a list that stand on lines of their own
_ORDER = ("schema", "name", "extends", "source", "model", "preprocess", "parser", "graph", "engine", "pipeline")
_FLOW = ("source.huggingface", "source.ngc", "source.url", "source.export", "model.input", "preprocess", "pipeline")
_WHOLE_WIDTH = 4096


@dataclass(frozen=True)
class Kept:
    """A value of the user that init would have written otherwise; theirs is None where they took the key out."""

    key: str
    theirs: Any
    ours: Any


@dataclass(frozen=True)
class Written:
    """A recipe's text. kept: what was left as the user has it; moved: keys whose value is another than before."""

    text: str
    kept: tuple[Kept, ...] = ()
    moved: tuple[str, ...] = ()


class _AsWritten(float):
    """A number of the user's, to be written as it was: ruamel.yaml's own may differ in the last digit."""

    def __new__(cls, text: str) -> _AsWritten:
        number = super().__new__(cls, text.replace(".inf", "inf").replace(".nan", "nan"))
        number.text = text
        return number

    text: str


class _Constructor(RoundTripConstructor):
    pass


class _Representer(RoundTripRepresenter):
    pass


_FLOAT = "tag:yaml.org,2002:float"
_Constructor.add_constructor(_FLOAT, lambda _, node: _AsWritten(node.value))
_Representer.add_representer(_AsWritten, lambda self, number: self.represent_scalar(_FLOAT, number.text))


def recipe_text(entries: Sequence[Entry], old: str | None, path: str, report: Report) -> Written | None:
    """The recipe with these values: a new one, or the old one brought up to date.

    None where the old text is no recipe text; the errors (R codes, at their places in `path`) go to `report`.
    """
    record: dict[str, str] = {}
    if old is None:
        document = CommentedMap({"schema": 1})
    else:
        bare, record = _without_notes(old)
        if not isinstance(parse(bare.encode("utf-8", "replace"), path, report), MappingNode) or report.errors:
            report.error("N0512", f"{path} is no recipe", help="repair it, or choose another file with -o")
            return None
        document = _yaml().load(bare)
    _refuse_occupied(document, entries, path, report)
    if report.errors:
        return None
    kept: list[Kept] = []
    moved: list[str] = []
    for entry in entries:
        outcome = _put(document, entry, record)
        if isinstance(outcome, Kept):
            kept.append(outcome)
            continue
        record[entry.key] = _digest(entry.value)
        if outcome:
            moved.append(entry.key)
    moved += _drop_stale(document, entries, record)
    text = _dumped(document)
    if old is None:
        text = _SCHEMA_LINE + text
    return Written(_noted(text, entries, path, report) + _record(record), tuple(kept), tuple(moved))


def with_values(text: str, values: Mapping[str, Any], path: str, report: Report) -> str | None:
    """A recipe's text with these values put in, by dotted key; comments and everything else stay as they are.

    None where a value of the user stands in the place of a section (N0512 goes to `report`).
    """
    entries = [Entry(key, value, forced=True) for key, value in values.items()]
    document = _yaml().load(text)
    _refuse_occupied(document, entries, path, report)
    if report.errors:
        return None
    for entry in entries:
        _put(document, entry, {})
    return _dumped(document)


def _refuse_occupied(document: Any, entries: Sequence[Entry], path: str, report: Report) -> None:
    """An error for each value of the user that stands where a section has to be."""
    for entry in entries:
        parts = entry.key.split(".")[:-1]
        for depth in range(1, len(parts) + 1):
            there, value = _look(document, ".".join(parts[:depth]))
            if there and not isinstance(value, dict):
                name = ".".join(parts[:depth])
                report.error("N0512", f"{path}: '{name}' is no section", help=f"remove it: it should hold {entry.key}")


def _without_notes(text: str) -> tuple[str, dict[str, str]]:
    record: dict[str, str] = {}
    lines = []
    for line in text.splitlines(keepends=True):
        bare = line.strip()
        if bare.startswith(_RECORD.strip()):
            record.update(re.findall(r"(\S+)=([0-9a-f]{8})(?=\s|$)", bare))
        elif not bare.startswith(NOTE.strip()):
            lines.append(line)
    return "".join(lines).rstrip("\n") + "\n", record


def _put(document: Any, entry: Entry, record: Mapping[str, str]) -> Kept | bool:
    """Set one value; whether it changed, or what was kept instead."""
    *parents, leaf = entry.key.split(".")
    known = record.get(entry.key)
    there, current = _look(document, entry.key)
    own = known is not None and there and known == _digest(current)
    if there and _digest(current) == _digest(entry.value):
        return False
    if not entry.forced and ((there and not own) or (not there and known is not None)):
        return Kept(entry.key, current, entry.value)
    node = document
    for depth, name in enumerate(parents):
        if not isinstance(node.get(name), dict):
            _insert(node, name, _section(".".join(parents[: depth + 1])), _ORDER if depth == 0 else ())
        node = node[name]
    _insert(node, leaf, _value(entry.value), _ORDER if not parents else ())
    return True


def _look(document: Any, key: str) -> tuple[bool, Any]:
    node = document
    for name in key.split("."):
        if not isinstance(node, dict) or node.get(name) is None:
            return False, None
        node = node[name]
    return True, _plain(node)


def _insert(node: Any, name: str, value: Any, order: Sequence[str]) -> None:
    """Set a key. A new one goes before the last: what follows the last key of a section in the text, blank lines and
    comments, belongs to the next one."""
    if name in node or not len(node):
        node[name] = value
        return
    later = [key for key in order[order.index(name) + 1 :] if key in node] if name in order else []
    names = list(node)
    has_comments = bool(node.ca.items) and names[-1] in node.ca.items
    place = names.index(later[0]) if later else len(names) - (1 if has_comments else 0)
    node.insert(place, name, value)


def _section(key: str) -> Any:

    section = CommentedMap()
    if key in _FLOW:
        section.fa.set_flow_style()
    return section


def _drop_stale(document: Any, entries: Sequence[Entry], record: dict[str, str]) -> list[str]:
    """Take out what init wrote once and does not want any more; what the user has changed since stays."""
    wanted = {entry.key for entry in entries}
    dropped = []
    for key in [key for key in record if key not in wanted]:
        there, current = _look(document, key)
        if there and _digest(current) == record[key]:
            _remove(document, key.split("."))
            dropped.append(key)
        if not there or key in dropped:
            del record[key]
    return dropped


def _remove(node: Any, parts: Sequence[str]) -> None:
    """Take a key out, and the sections that are empty without it."""
    if len(parts) > 1:
        _remove(node[parts[0]], parts[1:])
        if node[parts[0]]:
            return
    del node[parts[0]]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float)):
        return int(value) if value == value // 1 else float(value)
    return str(value)


def _digest(value: Any) -> str:
    text = json.dumps(_plain(value), sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _value(value: Any) -> Any:
    """Plain data as ruamel.yaml writes it: short lists and mappings on one line, text quoted where it could be read as
    something else."""
    if isinstance(value, str):
        return value if is_plain_word(value) or re.fullmatch(r"\d+/\d+", value) else DoubleQuotedScalarString(value)
    if isinstance(value, dict):
        mapping = CommentedMap({_value(str(key)): _value(item) for key, item in value.items()})
        mapping.fa.set_flow_style()
        return mapping
    if isinstance(value, (list, tuple)):
        sequence = CommentedSeq([_value(item) for item in value])
        if len(value) <= _LONG:
            sequence.fa.set_flow_style()
        return sequence
    return value


def _yaml() -> Any:

    yaml = YAML(typ="rt")
    yaml.Constructor, yaml.Representer = _Constructor, _Representer
    yaml.preserve_quotes = True
    yaml.width = _WHOLE_WIDTH
    yaml.allow_unicode = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _dumped(document: Any) -> str:
    out = io.StringIO()
    _yaml().dump(document, out)
    return out.getvalue()


def _noted(text: str, entries: Sequence[Entry], path: str, report: Report) -> str:
    """The text with every entry's notes on lines above the line its key stands on."""
    root = parse(text.encode(), path, report)
    assert isinstance(root, MappingNode)
    spans = Spans(root, Span(path, 1, 1))
    above: dict[int, list[str]] = {}
    document = _yaml().load(text)
    for entry in entries:
        if entry.notes and _look(document, entry.key)[0]:
            notes = above.setdefault(spans.key(entry.key).line, [])
            notes += [note for note in entry.notes if note not in notes]
    first = spans.key("schema").line if "schema" in root.entries else 1
    above[first] = [_HEAD, *above.get(first, [])]
    out = []
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        indent = line[: len(line) - len(line.lstrip(" "))]
        out += [f"{indent}{NOTE}{single_line(note)}\n" for note in above.get(number, [])]
        out.append(line)
    return "".join(out)


def _record(record: Mapping[str, str]) -> str:
    lines, line = [], ""
    for key, digest in sorted(record.items()):
        item = f"{key}={digest}"
        if line and len(line) + len(item) > 100:
            lines.append(line)
            line = ""
        line = f"{line} {item}".strip()
    return _TAIL + "".join(f"{_RECORD}{item}\n" for item in [*lines, line] if item)

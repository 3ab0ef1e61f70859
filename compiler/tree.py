"""Located trees of recipes: merging two, finding a place by its dotted path, and turning one into plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dsimport.compiler.diagnostics import Report, Span
from dsimport.compiler.keys import all_keys
from dsimport.compiler.nodes import Entry, Mapping, Node, Scalar, ScalarValue, Sequence

__all__ = ["Spans", "find", "merge", "plain", "set_path", "written_paths"]


def merge(below: Node, above: Node) -> Node:
    """`above` laid over `below`: mappings key by key, everything else replaced. Neither is changed."""
    if not isinstance(below, Mapping) or not isinstance(above, Mapping):
        return above
    entries = dict(below.entries)
    for name, entry in above.entries.items():
        under = entries.get(name)
        entries[name] = Entry(entry.key_span, merge(under.node, entry.node)) if under else entry
    return Mapping(entries, above.span)


def set_path(root: Mapping, path: str, value: Node, key_span: Span) -> Mapping:
    """A copy of the tree with the value at a dotted path replaced or added. Places above it keep their spans."""
    name, _, rest = path.partition(".")
    old = root.entries.get(name)
    if rest:
        inner = old.node if old is not None and isinstance(old.node, Mapping) else Mapping({}, value.span)
        entry = Entry(old.key_span if old is not None else key_span, set_path(inner, rest, value, key_span))
    else:
        entry = Entry(key_span, value)
    return Mapping({**root.entries, name: entry}, root.span)


def find(root: Node, parts: tuple[str | int, ...]) -> tuple[tuple[str | int, ...], Node, Span | None]:
    """Walk down as far as the tree goes: (the parts that exist, the node there, the span of its key if it has one).

    Parts that do not exist where they stand are passed over; pydantic puts names of union branches into its paths.
    """
    node, key_span, found = root, None, []
    for part in parts:
        if isinstance(node, Mapping) and isinstance(part, str) and part in node.entries:
            entry = node.entries[part]
            node, key_span = entry.node, entry.key_span
        elif isinstance(node, Sequence) and isinstance(part, int) and part < len(node.items):
            node, key_span = node.items[part], None
        else:
            continue
        found.append(part)
    return tuple(found), node, key_span


@dataclass(frozen=True)
class Spans:
    """Places of a recipe by dotted path (`parser.threshold`, `model.outputs.boxes`, `preprocess.mean.1`).

    A path that was not written gives the place of its nearest parent, at last the start of the recipe.
    """

    root: Mapping
    start: Span

    def value(self, path: str) -> Span:
        """Where the value stands. For a section in block style, its first line."""
        node, key = self._find(path)
        empty = isinstance(node, Scalar) and not node.text and node.plain
        return (key if empty else node.span) if key is not None else self.start

    def key(self, path: str) -> Span:
        """Where the key stands; for an item of a list, the item itself."""
        _, key = self._find(path)
        return key if key is not None else self.start

    def _find(self, path: str) -> tuple[Node, Span | None]:
        node: Node = self.root
        key: Span | None = None
        rest = path
        while rest:
            if isinstance(node, Mapping):
                # names may contain dots themselves: the longest one that fits wins
                name = rest
                while name not in node.entries and "." in name:
                    name = name.rpartition(".")[0]
                entry = node.entries.get(name)
                if entry is None:
                    break
                node, key = entry.node, entry.key_span
                rest = rest[len(name) + 1 :]
            elif isinstance(node, Sequence):
                name, _, rest = rest.partition(".")
                if not name.isascii() or not name.isdigit() or len(name) > 9 or int(name) >= len(node.items):
                    break
                node = node.items[int(name)]
                key = node.span
            else:
                break
        return node, key


def written_paths(root: Mapping) -> frozenset[str]:
    """Dotted paths of every key with a value that is not null, sections included."""
    found: list[str] = []

    def walk(node: Mapping, prefix: str) -> None:
        for name, entry in node.entries.items():
            if isinstance(entry.node, Scalar) and entry.node.value is None:
                continue
            found.append(prefix + name)
            if isinstance(entry.node, Mapping):
                walk(entry.node, f"{prefix}{name}.")

    walk(root, "")
    return frozenset(found)


def plain(root: Node, report: Report) -> Any:
    """The tree as dicts, lists and scalars. Numbers that cannot be used are reported here, where it is known that a
    number is wanted; text fields take an unquoted number as it is written."""
    return _plain(root, "", report)


def _plain(node: Node, path: str, report: Report) -> Any:
    if isinstance(node, Mapping):
        table = all_keys()
        out: dict[str, Any] = {}
        for name, entry in node.entries.items():
            below = f"{path}.{name}" if path else name
            out[name] = _plain(entry.node, below if below in table else f"{path}.*", report)
        return out
    if isinstance(node, Sequence):
        return [_plain(item, f"{path}.*", report) for item in node.items]
    return _value(node, path, report)


def _value(scalar: Scalar, path: str, report: Report) -> ScalarValue:
    value = scalar.value
    if value is None or not scalar.plain or (isinstance(value, str) and not scalar.trouble):
        return value
    key = all_keys().get(path)
    if key is not None and key.verbatim:
        return scalar.text
    if scalar.trouble == "R0012":
        report.warning(
            "R0012",
            f"{scalar.text} is read as {value}",
            scalar.span,
            help=f"write {value}, or 0o{scalar.text.lstrip('+-0')} for an octal number",
        )
    elif scalar.trouble == "R0011":
        report.error(
            "R0011", f"the number {scalar.text[:40]} cannot be used", scalar.span, help="write an ordinary number"
        )
    return value

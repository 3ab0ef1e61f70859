"""`extends`: one recipe laid over others."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from dsimport.compiler import paths
from dsimport.compiler.diagnostics import Report, Span
from dsimport.compiler.escape import single_line
from dsimport.compiler.nodes import Entry, Mapping, Node, Scalar, Sequence
from dsimport.compiler.plan import InputFile
from dsimport.compiler.tree import merge
from dsimport.compiler.yamltext import parse

__all__ = ["MAX_CHAIN", "MAX_FILES", "Reader"]

MAX_CHAIN = 16
MAX_FILES = 64


@dataclass
class Reader:
    """Reads one recipe with everything it extends. files: every file read, in the order first read."""

    read: Callable[[str], bytes]
    report: Report
    files: list[InputFile] = field(default_factory=list)
    _done: dict[str, Mapping | None] = field(default_factory=dict)

    def load(self, path: str) -> Mapping | None:
        """The merged tree, with the recipe's own `extends` as written; None when a file could not be read."""
        return self._load(path, Span(path, 1, 1), ())

    def _load(self, path: str, named_at: Span, chain: tuple[str, ...]) -> Mapping | None:
        identity = paths.normalise(path)
        if identity in chain:
            round_trip = " -> ".join((*chain[chain.index(identity) :], identity))
            self.report.error(
                "R0201", f"'{path}' extends itself", named_at, help="remove one of the links", notes=[round_trip]
            )
            return None
        if identity in self._done:
            return self._done[identity]
        if len(chain) >= MAX_CHAIN or len(self._done) >= MAX_FILES:
            limit = f"{MAX_CHAIN} files deep" if len(chain) >= MAX_CHAIN else f"{MAX_FILES} files"
            self.report.error(
                "R0202", f"'extends' leads to more than {limit}", named_at, help="merge some of the files"
            )
            return None
        self._done[identity] = None
        tree = self._parse(path, named_at, inside=bool(chain))
        if tree is not None:
            self._done[identity] = tree = self._extended(tree, path, (*chain, identity))
        return tree

    def _parse(self, path: str, named_at: Span, inside: bool) -> Mapping | None:
        try:
            data = self.read(path)
        except OSError as error:
            reason = error.strerror or "input/output error"
            advice = f"paths are relative to {paths.directory(named_at.file)}/" if inside else "check the path"
            where = named_at if inside else None
            self.report.error("R0001", f"cannot read {path}: {reason[:1].lower()}{reason[1:]}", where, help=advice)
            return None
        self.files.append(InputFile(path=path, sha256=hashlib.sha256(data).hexdigest()))
        before = len(self.report.errors)
        tree = parse(data, path, self.report)
        if isinstance(tree, Mapping):
            return tree
        if tree is not None and len(self.report.errors) == before:
            empty = isinstance(tree, Scalar) and tree.value is None
            found = "the file is empty" if empty else "the file holds no 'key: value' lines"
            self.report.error(
                "R0014",
                f"{found}, so it is no recipe",
                tree.span,
                help="a recipe starts with 'schema: 1' and 'name: …'",
            )
        return None

    def _extended(self, tree: Mapping, path: str, chain: tuple[str, ...]) -> Mapping:
        own = tree.entries.get("extends")
        if own is None:
            return tree
        below: Node = Mapping({}, tree.span)
        for named in own.node.items if isinstance(own.node, Sequence) else [own.node]:
            # anything but a usable text is left to the schema's own check; `extends: 7` names a file all the same
            if isinstance(named, Scalar) and named.value is not None and _usable(named.text):
                other = self._load(paths.join(paths.directory(path), named.text), named.span, chain)
                if other is not None:
                    below = merge(below, _without_extends(other))
        merged = merge(below, tree)
        assert isinstance(merged, Mapping)  # both are
        return merged


def _usable(path: str) -> bool:
    return bool(path) and single_line(path) == path


def _without_extends(tree: Mapping) -> Mapping:
    entries: dict[str, Entry] = {name: entry for name, entry in tree.entries.items() if name != "extends"}
    return Mapping(entries, tree.span)

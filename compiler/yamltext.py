"""YAML text -> a tree in which every key and every value knows its place.

The C scanner's event stream goes through a small composer of our own, because a recipe is untrusted text and because
nobody else's composer keeps places, refuses duplicate keys with both places, and bounds what aliases unfold to.
Scalars follow the YAML 1.2 core schema: `no`, `on`, `1_000` and dates are texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dsimport.compiler.diagnostics import Report, Span
from dsimport.compiler.nodes import Entry, Mapping, Node, Scalar, ScalarValue, Sequence
from dsimport.compiler.scalars import resolve
from dsimport.compiler.textlines import split_lines
from dsimport.compiler.yamlerrors import report_syntax_error

__all__ = ["MAX_BYTES", "MAX_DEPTH", "MAX_MISTAKES", "MAX_NODES", "parse"]

MAX_BYTES = 1 << 20
MAX_DEPTH = 64
MAX_NODES = 100_000
MAX_MISTAKES = 100


def parse(data: bytes, file: str, report: Report) -> Node | None:
    """The tree of one YAML document; None when it cannot be read at all. An empty document is a null scalar."""
    text = _decode(data, file, report)
    if text is None:
        return None
    from ruamel.yaml.cyaml import CParser  # type: ignore[attr-defined]  # here: `--help` and `explain` need no YAML
    from ruamel.yaml.error import YAMLError

    composer = _Composer(CParser(text), split_lines(text), file, report)
    try:
        return composer.document()
    except YAMLError as error:
        report_syntax_error(error, composer.lines, file, report)
    except _TooMuch as error:
        report.error("R0007", error.args[0], error.args[1], help=error.args[2])
    return None


# --- bytes to text -------------------------------------------------------------------------------------------------

# Everything YAML forbids, and the line separators that it and editors count differently.
_FORBIDDEN = re.compile(r"[\0-\x08\v\f\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def _decode(data: bytes, file: str, report: Report) -> str | None:
    if len(data) > MAX_BYTES:
        report.error(
            "R0002",
            f"the file has {len(data):,} bytes or more; recipes have at most {MAX_BYTES:,}",
            Span(file, 1, 1),
            help="check that this is the recipe, not a model or a log",
        )
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        lines = split_lines(data[: error.start].decode("utf-8-sig", "replace"))
        utf16 = data[:2] in (b"\xff\xfe", b"\xfe\xff")
        report.error(
            "R0003",
            "the file is UTF-16, not UTF-8" if utf16 else f"byte 0x{data[error.start]:02x} is not UTF-8 text",
            Span(file, len(lines), len(lines[-1]) + 1),
            help="save the file as UTF-8",
        )
        return None
    bad = _FORBIDDEN.search(text)
    if bad is not None:
        lines = split_lines(text[: bad.start()])
        report.error(
            "R0003",
            f"the character U+{ord(bad.group()):04X} is not allowed in a recipe",
            Span(file, len(lines), len(lines[-1]) + 1),
            help="remove it, or write it as an escape inside double quotes",
        )
        return None
    return text


# --- events to tree ------------------------------------------------------------------------------------------------

_CORE = "tag:yaml.org,2002:"
_TAGS: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "bool": (bool,), "null": (type(None),)}


class _TooMuch(Exception):
    """A bound was passed: (message, span, advice)."""

    def __init__(
        self, message: str, span: Span, advice: str = "recipes are a few dozen lines; write it plainly"
    ) -> None:
        super().__init__(message, span, advice)


@dataclass(slots=True)
class _Anchor:
    """What an alias stands for. node is None while the collection is still open."""

    node: Node | None
    nodes: int = 1
    height: int = 1


class _Composer:
    def __init__(self, parser: Any, lines: list[str], file: str, report: Report) -> None:
        self.lines = lines
        self._next = parser.get_event
        self._file = file
        self._report = report
        self._anchors: dict[str, _Anchor] = {}
        self._nodes = 0
        self._mistakes = 0
        self._handlers = {
            "ScalarEvent": self._scalar,
            "AliasEvent": self._alias,
            "MappingStartEvent": self._mapping,
            "SequenceStartEvent": self._sequence,
        }

    def document(self) -> Node | None:
        self._next()  # stream start
        event = self._next()
        if type(event).__name__ == "StreamEndEvent":
            return Scalar(None, "", True, Span(self._file, 1, 1))
        if event.version not in (None, (1, 2)):
            self._complain(
                "R0010",
                "recipes are YAML 1.2",
                self._span(event),
                advice="remove the %YAML line",
                label="another version",
            )
        node, _ = self._node(self._next(), 1)
        self._next()  # document end
        event = self._next()
        if type(event).__name__ != "StreamEndEvent":
            self._complain(
                "R0010", "a second document starts here", self._span(event), advice="one recipe per file; remove '---'"
            )
        return node

    def _complain(
        self, code: str, message: str, span: Span, *, advice: str, label: str = "", notes: Iterable[str] = ()
    ) -> None:
        self._report.error(code, message, span, help=advice, label=label, notes=notes)
        self._mistakes += 1
        if self._mistakes >= MAX_MISTAKES:
            raise _TooMuch(f"{MAX_MISTAKES} mistakes so far", span, "the rest of the file was not looked at")

    def _span(self, event: Any) -> Span:
        start, end = event.start_mark, event.end_mark
        if start.line == end.line:
            length = end.column - start.column
        else:
            line = self.lines[start.line] if start.line < len(self.lines) else ""
            length = len(line.rstrip()) - start.column
        return Span(self._file, start.line + 1, start.column + 1, max(1, length))

    def _node(self, event: Any, depth: int) -> tuple[Node, int]:
        """The node that starts with this event, and its height in levels."""
        self._nodes += 1
        if depth > MAX_DEPTH:
            raise _TooMuch(f"the values are nested more than {MAX_DEPTH} levels deep", self._span(event))
        if self._nodes > MAX_NODES:
            raise _TooMuch(f"the file has more than {MAX_NODES:,} values", self._span(event))
        return self._handlers[type(event).__name__](event, depth)

    def _scalar(self, event: Any, depth: int) -> tuple[Node, int]:
        text, tag, span = event.value, event.tag, self._span(event)
        plain = not event.style
        value, trouble = text, ""
        if tag is not None:
            value, trouble = self._tagged(text, tag, span)
        elif plain:
            value, trouble = resolve(text)
        scalar = Scalar(value, text, plain, span, trouble)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchor(scalar)
        return scalar, 1

    def _tagged(self, text: str, tag: str, span: Span) -> tuple[ScalarValue, str]:
        if tag in ("!", _CORE + "str"):
            return text, ""
        wanted = _TAGS.get(tag.removeprefix(_CORE))
        if wanted is None:
            self._refuse_tag(tag, span)
            return text, "R0009"
        value, trouble = resolve(text)
        if not trouble and type(value) not in wanted:
            name = tag.removeprefix(_CORE)
            self._complain("R0009", f"'{text}' is no !!{name}", span, advice="remove the tag; plain values need none")
            return text, "R0009"
        return value, trouble

    def _refuse_tag(self, tag: str, span: Span) -> None:
        name = "!!" + tag.removeprefix(_CORE) if tag.startswith(_CORE) else tag
        self._complain(
            "R0009",
            f"the tag '{name}' is not supported",
            span,
            advice="remove it; if the text itself starts with '!', put it in quotes",
        )

    def _alias(self, event: Any, depth: int) -> tuple[Node, int]:
        anchor = self._anchors.get(event.anchor)
        if anchor is None or anchor.node is None:
            problem = "refers to the value it stands in" if anchor else "has no anchor before it"
            self._complain(
                "R0006",
                f"the alias '*{event.anchor}' {problem}",
                self._span(event),
                advice=f"mark a value above with &{event.anchor}, or put the text in quotes",
            )
            return Scalar(None, "", True, self._span(event), trouble="R0006"), 1
        self._nodes += anchor.nodes - 1  # every use counts: the tree is walked as if it were written out
        if self._nodes > MAX_NODES:
            raise _TooMuch(f"the aliases stand for more than {MAX_NODES:,} values", self._span(event))
        if depth + anchor.height - 1 > MAX_DEPTH:
            raise _TooMuch(f"the values are nested more than {MAX_DEPTH} levels deep", self._span(event))
        return anchor.node, anchor.height

    def _open(self, start: Any, tag: str) -> _Anchor:
        if start.tag not in (None, "!", _CORE + tag):
            self._refuse_tag(start.tag, self._span(start))
        anchor = _Anchor(None, nodes=self._nodes)
        if start.anchor is not None:
            self._anchors[start.anchor] = anchor
        return anchor

    def _sequence(self, start: Any, depth: int) -> tuple[Node, int]:
        anchor = self._open(start, "seq")
        items: list[Node] = []
        height = 1
        while type(event := self._next()).__name__ != "SequenceEndEvent":
            item, below = self._node(event, depth + 1)
            items.append(item)
            height = max(height, below + 1)
        return self._close(anchor, Sequence(items, self._extent(start, event)), height)

    def _mapping(self, start: Any, depth: int) -> tuple[Node, int]:
        anchor = self._open(start, "map")
        entries: dict[str, Entry] = {}
        height = 1
        while type(event := self._next()).__name__ != "MappingEndEvent":
            key_span = self._span(event)
            key, _ = self._node(event, depth + 1)
            value, below = self._node(self._next(), depth + 1)
            height = max(height, below + 1)
            self._add(entries, key, key_span, value)
        return self._close(anchor, Mapping(entries, self._extent(start, event)), height)

    def _close(self, anchor: _Anchor, node: Node, height: int) -> tuple[Node, int]:
        anchor.node, anchor.nodes, anchor.height = node, self._nodes - anchor.nodes + 1, height
        return node, height

    def _extent(self, start: Any, end: Any) -> Span:
        """A collection in brackets on one line as a whole; any other one to the end of its first line."""
        mark = start.start_mark
        if start.flow_style and mark.line == end.end_mark.line:
            length = end.end_mark.column - mark.column
        else:
            line = self.lines[mark.line] if mark.line < len(self.lines) else ""
            length = len(line.rstrip()) - mark.column
        return Span(self._file, mark.line + 1, mark.column + 1, max(1, length))

    def _add(self, entries: dict[str, Entry], key: Node, span: Span, value: Node) -> None:
        if not isinstance(key, Scalar):
            self._complain("R0013", "a list or mapping cannot be a key", span, advice="write a plain word before ':'")
        elif key.plain and key.text == "<<":
            self._complain(
                "R0008",
                "the merge key '<<' is not supported",
                span,
                advice="put the shared values into a file of their own and name it in 'extends'",
            )
        elif key.unusable and key.trouble != "R0011":
            return
        elif (first := entries.get(key.text)) is not None:
            self._complain(
                "R0005",
                f"the key '{key.text}' is written twice",
                span,
                label="again here",
                advice="remove one of the two",
                notes=[f"first written at {first.key_span}"],
            )
        else:
            entries[key.text] = Entry(span, value)

"""Mermaid flowcharts without Mermaid: the part of its language that design notes use, drawn as SVG.

Read are nodes with their shapes and labels, arrows with labels, chains and `&`, `classDef`, `class`, `style` and `:::`.
What cannot be drawn faithfully (other kinds of diagrams, subgraphs, arrows with two heads) gives None, so that a caller
can show the text instead. The text is untrusted: labels are shown literally, and only colours are taken from styles.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable

from dsimport.compiler.diagram import Diagram, Edge, Node, Shape, Style
from dsimport.runtime.diagram.layout import BIG, MOST
from dsimport.runtime.diagram.svg import diagram_svg
from dsimport.runtime.diagram.text import wrapped

__all__ = ["mermaid_svg", "read_flowchart"]

MAX_TEXT, MAX_NODES, MAX_EDGES = 100_000, 200, 400
_MOST_LINES = 8  # of a label

_HEADER = re.compile(r"\s*(?:flowchart|graph)(?:[ \t]+(TD|TB|BT|LR|RL))?[ \t]*(?:;|\n|$)")
_DROPPED = re.compile(r"\A\s*---\n.*?\n---[ \t]*\n|%%\{.*?\}%%|^[ \t]*%%[^\n]*$", re.DOTALL | re.MULTILINE)
_NAME = re.compile(r"[^\W_]\w*(?:[-.](?![-.>])\w+)*|_\w+")
# Longest openings first: `((` is no `(` with a text that begins with one.
_SHAPES: tuple[tuple[str, str, Shape], ...] = (
    ("(((", ")))", "circle"),
    ("((", "))", "circle"),
    ("([", "])", "stadium"),
    ("[(", ")]", "cylinder"),
    ("[[", "]]", "box"),
    ("{{", "}}", "hexagon"),
    ("[/", "/]", "box"),
    ("[\\", "\\]", "box"),
    ("[", "]", "box"),
    ("(", ")", "round"),
    ("{", "}", "diamond"),
    (">", "]", "box"),
)
_LINK = re.compile(r"(--+|==+|-\.+-)([->xo]|(?=[\s|\w\"]))")
_OPEN_LINK = re.compile(r"(--|==|-\.)[ \t]+(\"[^\"\n]*\"|[^\"\n|>]*?)[ \t]*(--+|==+|\.+-)([->xo]?)")
_CLASS = re.compile(r":::([\w-]+)")
_COLOR = re.compile(r"#[0-9a-fA-F]{3}(?:[0-9a-fA-F]{3})?|[a-z]{3,20}")
_TAG = re.compile(r"</?(?:b|i|u|em|strong|small|sub|sup|code|span|p)(?:\s[^<>]*)?>", re.IGNORECASE)
_ENTITY = re.compile(r"#(\d{1,7}|[A-Za-z]\w{1,20});")
_DEFAULT = Style("#eef0fa", "#283593", "#16193a")


class _Unknown(Exception):
    """Something this reader does not draw."""


def mermaid_svg(text: str) -> str | None:
    """The flowchart as text of an SVG file; None when it is no flowchart that can be drawn here."""
    diagram = read_flowchart(text)
    return None if diagram is None else diagram_svg(diagram)


def read_flowchart(text: str) -> Diagram | None:
    """The flowchart as data; None when it holds anything that cannot be drawn."""
    if len(text) > MAX_TEXT:
        return None
    plain = _DROPPED.sub("", text.replace("\r\n", "\n"))
    header = _HEADER.match(plain)
    if header is None:
        return None
    reader = _Reader(plain, header.end())
    try:
        reader.read()
    except _Unknown:
        return None
    return reader.diagram(header[1] or "TD")


class _Reader:
    """Reads statements one after another; `at` is where it stands."""

    def __init__(self, text: str, at: int) -> None:
        self._text = text
        self._at = at
        self._nodes: dict[str, tuple[str, Shape]] = {}
        self._edges: list[Edge] = []
        self._classes: dict[str, str] = {}
        self._styles: dict[str, Style] = {"default": _DEFAULT}

    def read(self) -> None:
        """Read to the end; _Unknown for what is not understood."""
        words: dict[str, Callable[[str], None]] = {
            "classDef": self._class_def,
            "class": self._class,
            "style": self._style,
            "linkStyle": lambda rest: None,
            "click": lambda rest: None,
        }
        while self._skip(r"[\s;]*") and self._at < len(self._text):
            word = re.compile(r"([A-Za-z]+)[ \t]+([^\n;]*)").match(self._text, self._at)
            if word is not None and word[1] in words:
                self._at = word.end()
                words[word[1]](word[2].strip())
            elif re.compile(r"(?:subgraph|direction|end)\b(?![-.\[({])").match(self._text, self._at):
                raise _Unknown
            else:
                self._chain()
            if len(self._nodes) > MAX_NODES or len(self._edges) > MAX_EDGES:
                raise _Unknown

    def diagram(self, direction: str) -> Diagram:
        """What was read."""
        nodes = tuple(
            Node(name, tuple(_lines(label)), shape=shape, style=self._classes.get(name, "default"))
            for name, (label, shape) in self._nodes.items()
        )
        down = direction in ("TD", "TB", "BT")
        return Diagram("flowchart", nodes, tuple(self._edges), self._styles, direction="down" if down else "right")

    def _skip(self, pattern: str) -> bool:
        found = re.compile(pattern).match(self._text, self._at)
        self._at = found.end() if found is not None else self._at
        return True

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self._text, self._at)
        if found is not None:
            self._at = found.end()
        return found

    def _chain(self) -> None:
        sources = self._group()
        while self._skip(r"[ \t]*") and self._at < len(self._text) and self._text[self._at] not in "\n;":
            label, dashed, head = self._link()
            self._skip(r"\s*")
            targets = self._group()
            self._edges += [Edge(a, b, label, dashed, head) for a in sources for b in targets]
            sources = targets

    def _group(self) -> list[str]:
        names = [self._node()]
        while self._take(re.compile(r"[ \t]*&[ \t]*")):
            names.append(self._node())
        return names

    def _node(self) -> str:
        found = self._take(_NAME)
        if found is None:
            raise _Unknown
        name = found[0]
        label, shape = self._shape()
        if label is not None:
            self._nodes[name] = (label, shape)
        else:
            self._nodes.setdefault(name, (name, "box"))
        if chosen := self._take(_CLASS):
            self._classes[name] = chosen[1]
        return name

    def _shape(self) -> tuple[str | None, Shape]:
        for opening, closing, shape in _SHAPES:
            if not self._text.startswith(opening, self._at):
                continue
            quoted = re.compile(r'\s*"([^"]*)"\s*' + re.escape(closing))
            plain = re.compile(r"([^\"\n]*?)" + re.escape(closing))
            start = self._at
            self._at += len(opening)
            found = self._take(quoted) or self._take(plain)
            if found is not None:
                return found[1], shape
            self._at = start
        return None, "box"

    def _link(self) -> tuple[str, bool, bool]:
        """Label, whether it is dashed, whether it has a head."""
        found = self._take(_OPEN_LINK)
        if found is not None:
            return " ".join(_lines(found[2].strip().strip('"'))), found[1] == "-.", found[4] != "-" and found[4] != ""
        found = self._take(_LINK)
        if found is None:
            raise _Unknown
        label = self._take(re.compile(r"[ \t]*\|\s*(?:\"([^\"]*)\"|([^|\n]*))\s*\|"))
        text = "" if label is None else " ".join(_lines(label[1] if label[1] is not None else label[2]))
        return text, found[1].startswith("-."), found[2] in (">", "x", "o")

    def _class_def(self, rest: str) -> None:
        names, _, look = rest.partition(" ")
        for name in names.split(","):
            self._styles[name] = _styled(look, _DEFAULT)

    def _class(self, rest: str) -> None:
        names, _, chosen = rest.rpartition(" ")
        self._classes |= dict.fromkeys((name.strip() for name in names.split(",")), chosen)

    def _style(self, rest: str) -> None:
        names, _, look = rest.partition(" ")
        for name in names.split(","):
            self._styles[f"\0{name}"] = _styled(look, self._styles.get(self._classes.get(name, ""), _DEFAULT))
            self._classes[name] = f"\0{name}"


def _styled(look: str, before: Style) -> Style:
    """A style with the colours that a list of CSS properties gives."""
    found = dict(part.split(":", 1) for part in look.split(",") if ":" in part)
    values = {key.strip(): value.strip() for key, value in found.items()}

    def color(key: str, otherwise: str) -> str:
        value = values.get(key, "")
        return value if _COLOR.fullmatch(value) and value != "none" else otherwise

    return Style(
        fill=color("fill", before.fill),
        stroke=color("stroke", before.stroke),
        text=color("color", before.text),
        dashed="stroke-dasharray" in values or before.dashed,
    )


def _lines(label: str) -> list[str]:
    """The lines a label shows: its own breaks, and where it is too wide."""
    text = _ENTITY.sub(lambda match: "\0" + _character(match[1]), label)
    text = re.sub(r"<br\s*/?>|\\n", "\n", text, flags=re.IGNORECASE)
    text = _TAG.sub("", text)
    if text.startswith("`") and text.endswith("`") and len(text) > 1:
        text = re.sub(r"\*\*|__", "", text[1:-1])
    text = html.unescape(text).replace("\0", "")
    lines = [line for part in text.split("\n") for line in wrapped(part, BIG, MOST, _MOST_LINES) or [""]]
    return lines[:_MOST_LINES] or [""]


def _character(code: str) -> str:
    if code.isdigit():
        number = int(code)
        return chr(number) if 0 < number < 0x110000 and not 0xD800 <= number < 0xE000 else "\ufffd"
    return html.unescape(f"&{code};")

"""A diagram as SVG: no script, no style sheet, nothing from outside; the same diagram gives the same bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from dsimport.compiler.diagram import Diagram, Style
from dsimport.compiler.escape import html_text
from dsimport.runtime.diagram.layout import BIG, LINE, PAD, SMALL, Box, Curve, Layout, Point, lay_out
from dsimport.runtime.diagram.text import FONTS, width_of

__all__ = [
    "INK",
    "LINES",
    "MARGIN",
    "TextPlace",
    "arrow_head",
    "diagram_svg",
    "legend_places",
    "outline",
    "text_places",
]

MARGIN = 12.0
INK = "#1a1f24"  # text outside nodes
LINES = "#4a5560"
_ARROW = 7.0


@dataclass(frozen=True)
class TextPlace:
    """One line of a node: where its baseline begins (left) or has its middle (center), and a rule above it."""

    text: str
    x: float
    y: float
    size: float
    anchor: Literal["left", "center"]
    strong: bool = False
    rule: float | None = None


def diagram_svg(diagram: Diagram) -> str:
    """The picture as text of an SVG file, embeddable in HTML as it is. White behind it, so that it can be read on any
    page."""
    layout = lay_out(diagram)
    places, bottom = legend_places(diagram, layout)
    width, height = layout.width + 2 * MARGIN, bottom + 2 * MARGIN
    size = f'width="{_n(width)}" height="{_n(height)}"'
    box = f'viewBox="0 0 {_n(width)} {_n(height)}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {box} role="img" font-family="{FONTS}">',
        f"<title>{html_text(diagram.title)}</title>",
        f'<rect {size} fill="#ffffff"/>',
        f'<g transform="translate({_n(MARGIN)} {_n(MARGIN)})">',
        *(_curve(curve) for curve in layout.curves),
        *(line for box in layout.boxes for line in _box(box, diagram.styles.get(box.node.style, Style()))),
        *(_label(curve) for curve in layout.curves if curve.label is not None),
        *_legend(diagram, places),
        "</g>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def legend_places(diagram: Diagram, layout: Layout) -> tuple[list[Point], float]:
    """Where each entry of the legend begins, below the diagram, and where everything ends."""
    places: list[Point] = []
    x, y = 0.0, layout.height + (22.0 if diagram.legend else 0.0)
    for _, text in diagram.legend:
        length = width_of(text, SMALL) + 40
        if x > 0 and x + length > max(layout.width, 300):
            x, y = 0.0, y + LINE + 3
        places.append((x, y))
        x += length
    return places, y + (LINE if diagram.legend else 0.0)


def outline(box: Box) -> list[Point]:
    """Corners of a node's shape where it has straight sides only; empty for the others."""
    left, right, top, bottom = (
        box.x - box.width / 2,
        box.x + box.width / 2,
        box.y - box.height / 2,
        box.y + box.height / 2,
    )
    if box.node.shape == "diamond":
        return [(box.x, top), (right, box.y), (box.x, bottom), (left, box.y)]
    if box.node.shape == "hexagon":
        return [
            (left + 12, top),
            (right - 12, top),
            (right, box.y),
            (right - 12, bottom),
            (left + 12, bottom),
            (left, box.y),
        ]
    return []


def text_places(box: Box) -> list[TextPlace]:
    """The texts of a node, each in its place. The first of the details has a rule above it."""
    headed = box.node.headed
    block = len(box.lines) * LINE + (len(box.details) * LINE + PAD if box.details else 0)
    at = box.y - block / 2 + LINE * 0.78 + (4 if box.node.shape == "cylinder" else 0)
    places = []
    for index, text in enumerate(box.lines):
        size = SMALL if headed and index > 0 else BIG
        places.append(TextPlace(text, box.x, at, size, "center", headed and index == 0))
        at += LINE
    rule: float | None = at - LINE * 0.78 + PAD / 2
    at += PAD
    for text in box.details:
        places.append(TextPlace(text, box.x - box.width / 2 + PAD, at, SMALL, "left", False, rule))
        rule = None
        at += LINE
    return places


def _box(box: Box, style: Style) -> Iterable[str]:
    dash = ' stroke-dasharray="5 3"' if style.dashed else ""
    yield _shape(box, f'fill="{style.fill}" stroke="{style.stroke}" stroke-width="1.3"{dash}')
    left, right = box.x - box.width / 2, box.x + box.width / 2
    for place in text_places(box):
        if place.rule is not None:
            line = f"M{_n(left)} {_n(place.rule)}H{_n(right)}"
            yield f'<path d="{line}" stroke="{style.stroke}" stroke-width="0.8" opacity="0.6"/>'
        strong = ' font-weight="bold"' if place.strong else ""
        anchor = ' text-anchor="middle"' if place.anchor == "center" else ""
        yield _text(place.x, place.y, place.text, place.size, style.text, strong + anchor)


def _shape(box: Box, paint: str) -> str:
    left, top = box.x - box.width / 2, box.y - box.height / 2
    corners = outline(box)
    if corners:
        points = " ".join(f"{_n(x)},{_n(y)}" for x, y in corners)
        return f'<polygon points="{points}" {paint}/>'
    if box.node.shape == "circle":
        return f'<circle cx="{_n(box.x)}" cy="{_n(box.y)}" r="{_n(box.width / 2)}" {paint}/>'
    if box.node.shape == "cylinder":
        right, bottom, half = left + box.width, top + box.height, box.width / 2
        arc = f"A{_n(half)} 7 0 0"
        body = f"M{_n(left)} {_n(top + 7)}V{_n(bottom - 7)}{arc} 0 {_n(right)} {_n(bottom - 7)}V{_n(top + 7)}"
        return f'<path d="{body}{arc} 0 {_n(left)} {_n(top + 7)}{arc} 0 {_n(right)} {_n(top + 7)}" {paint}/>'
    radius = {"round": 10.0, "stadium": box.height / 2}.get(box.node.shape, 4.0)
    size = f'width="{_n(box.width)}" height="{_n(box.height)}"'
    return f'<rect x="{_n(left)}" y="{_n(top)}" {size} rx="{_n(radius)}" {paint}/>'


def _curve(curve: Curve) -> str:
    start = curve.pieces[0][0]
    path = f"M{_n(start[0])} {_n(start[1])}"
    for piece in curve.pieces:
        path += "C" + " ".join(f"{_n(x)} {_n(y)}" for x, y in piece[1:])
    dash = ' stroke-dasharray="4 3"' if curve.edge.dashed else ""
    line = f'<path d="{path}" fill="none" stroke="{LINES}" stroke-width="1.2"{dash}/>'
    if not curve.edge.head:
        return line
    tip, wings = arrow_head(curve)
    points = " ".join(f"{_n(x)},{_n(y)}" for x, y in (tip, *wings))
    return f'{line}\n<polygon points="{points}" fill="{LINES}"/>'


def arrow_head(curve: Curve) -> tuple[Point, tuple[Point, Point]]:
    """The arrow's tip and the two corners behind it."""
    _, _, before, tip = curve.pieces[-1]
    dx, dy = tip[0] - before[0], tip[1] - before[1]
    length = (dx * dx + dy * dy) ** 0.5 or 1.0
    ux, uy = dx / length * _ARROW, dy / length * _ARROW
    back = (tip[0] - ux, tip[1] - uy)
    return tip, ((back[0] - uy * 0.45, back[1] + ux * 0.45), (back[0] + uy * 0.45, back[1] - ux * 0.45))


def _label(curve: Curve) -> str:
    x, y = curve.label or (0.0, 0.0)
    width = width_of(curve.edge.label, SMALL) + 8
    back = f'<rect x="{_n(x - width / 2)}" y="{_n(y - 7)}" width="{_n(width)}" height="14" fill="#ffffff"/>'
    text = _text(x, y + 4, curve.edge.label, SMALL, INK, ' text-anchor="middle"')
    return f"{back}\n{text}"


def _legend(diagram: Diagram, places: Iterable[Point]) -> Iterable[str]:
    for (name, text), (x, y) in zip(diagram.legend, places, strict=True):
        style = diagram.styles.get(name, Style())
        dash = ' stroke-dasharray="3 2"' if style.dashed else ""
        paint = f'fill="{style.fill}" stroke="{style.stroke}"{dash}'
        yield f'<rect x="{_n(x)}" y="{_n(y)}" width="18" height="11" rx="2" {paint}/>'
        yield _text(x + 24, y + 9.5, text, SMALL, INK, "")


def _text(x: float, y: float, text: str, size: float, color: str, more: str) -> str:
    return f'<text x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}" fill="{color}"{more}>{html_text(text)}</text>'


def _n(value: float) -> str:
    """A number as short as it can be; tenths of a pixel cannot be seen."""
    return (
        f"{value:.1f}".removesuffix(".0").replace("-0", "0") if abs(value) < 0.05 else f"{value:.1f}".removesuffix(".0")
    )

"""Layouts of any graph: nothing overlaps, arrows lead down and touch what they join, the same comes out every time."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsimport.compiler.diagram import Diagram, Edge, Node, Style
from dsimport.runtime.diagram.layout import Box, Layout, lay_out
from dsimport.runtime.diagram.svg import MARGIN, diagram_svg, legend_places, text_places
from dsimport.runtime.diagram.text import cut, width_of, wrapped

SVG = "{http://www.w3.org/2000/svg}"

labels = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=40)
shapes = st.sampled_from(["box", "round", "stadium", "hexagon", "diamond", "cylinder", "circle"])


@st.composite
def diagrams(draw: st.DrawFn) -> Diagram:
    """Any graph, circles and self-loops included."""
    count = draw(st.integers(1, 9))
    nodes = tuple(
        Node(
            f"n{index}",
            tuple(draw(st.lists(labels, min_size=1, max_size=2))),
            tuple(draw(st.lists(labels, max_size=2))) if index % 2 else (),
            draw(shapes),
            draw(st.sampled_from(["", "a"])),
            draw(st.booleans()),
        )
        for index in range(count)
    )
    name = st.integers(0, count - 1).map("n{}".format)
    edge = st.builds(Edge, name, name, st.sampled_from(["", "yes", "a label"]), st.booleans(), st.booleans())
    direction = draw(st.sampled_from(["down", "right"]))
    legend = draw(st.sampled_from([(), (("a", "2 of a"),)]))
    edges = tuple(draw(st.lists(edge, max_size=14)))
    return Diagram(draw(labels), nodes, edges, {"a": Style("#e3f4e6", dashed=True)}, legend, direction)  # type: ignore[arg-type]


def overlap(a: Box, b: Box) -> bool:
    return abs(a.x - b.x) < (a.width + b.width) / 2 - 0.01 and abs(a.y - b.y) < (a.height + b.height) / 2 - 0.01


def inside(layout: Layout, box: Box) -> bool:
    across = box.width / 2 - 0.01 <= box.x <= layout.width - box.width / 2 + 0.01
    return across and box.height / 2 - 0.01 <= box.y <= layout.height - box.height / 2 + 0.01


@settings(max_examples=60)
@given(diagrams())
def test_nodes_lie_apart_and_arrows_join_them(diagram: Diagram) -> None:
    layout = lay_out(diagram)
    assert layout == lay_out(diagram)
    boxes = {box.node.id: box for box in layout.boxes}
    assert set(boxes) == {node.id for node in diagram.nodes}
    assert [pair for pair in combinations(layout.boxes, 2) if overlap(*pair)] == []
    assert all(inside(layout, box) for box in layout.boxes)
    assert len(layout.curves) == sum(edge.source != edge.target for edge in diagram.edges)
    for curve in layout.curves:
        for end, point in ((curve.edge.source, curve.pieces[0][0]), (curve.edge.target, curve.pieces[-1][3])):
            box = boxes[end]
            assert abs(point[0] - box.x) <= box.width / 2 + 0.01
            assert abs(point[1] - box.y) <= box.height / 2 + 0.01
        for before, after in zip(curve.pieces, curve.pieces[1:], strict=False):
            assert before[3] == after[0]
        assert (curve.label is not None) == bool(curve.edge.label)


@settings(max_examples=60)
@given(diagrams())
def test_texts_lie_within_their_nodes(diagram: Diagram) -> None:
    for box in lay_out(diagram).boxes:
        for place in text_places(box):
            width = width_of(place.text, place.size, bold=place.strong)
            left = place.x - (width / 2 if place.anchor == "center" else 0)
            assert box.x - box.width / 2 <= left + 0.01
            assert left + width <= box.x + box.width / 2 + 0.01
            assert box.y - box.height / 2 <= place.y <= box.y + box.height / 2


@settings(max_examples=60)
@given(diagrams())
def test_a_picture_is_one_safe_document(diagram: Diagram) -> None:
    text = diagram_svg(diagram)
    root = ET.fromstring(text)
    known = {"svg", "title", "rect", "g", "path", "polygon", "circle", "text"}
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= known
    assert not any(name.startswith("on") or "href" in name for element in root.iter() for name in element.attrib)
    assert "url(" not in text
    layout = lay_out(diagram)
    _, bottom = legend_places(diagram, layout)
    assert float(root.attrib["height"]) == pytest.approx(bottom + 2 * MARGIN, abs=0.1)


def test_arrows_lead_down_where_there_is_no_circle() -> None:
    edges = tuple(Edge(f"n{a}", f"n{b}") for a, b in [(0, 1), (1, 2), (0, 3), (3, 2), (0, 2), (4, 2)])
    layout = lay_out(Diagram("", tuple(Node(f"n{index}", ("x",)) for index in range(5)), edges))
    for curve in layout.curves:
        heights = [piece[0][1] for piece in curve.pieces] + [curve.pieces[-1][3][1]]
        assert heights == sorted(heights)


@given(labels, st.floats(20, 300), st.booleans())
def test_what_is_cut_fits_and_keeps_its_ends(text: str, room: float, bold: bool) -> None:
    short = cut(text, 12, room, bold=bold)
    assert short == text or width_of(short, 12, bold=bold) <= max(room, width_of("…x", 12, bold=bold) * 1.6)
    if short != text:
        start, end = short.split("…", 1) if text.count("…") == 0 else ("", "")
        assert text.startswith(start)
        assert text.endswith(end)


@given(labels, st.integers(1, 4))
def test_wrapping_loses_no_word(text: str, most: int) -> None:
    lines = wrapped(text, 12, 200, most)
    assert len(lines) <= most
    assert " ".join(lines).split() == text.split()
    assert all(width_of(line, 12) <= 200 or len(line.split()) == 1 for line in lines[:-1])


def test_png_is_the_same_picture() -> None:
    """Read by another library: size, white corners, and the fill of a node where the layout puts it."""
    import cv2
    import numpy as np

    from dsimport.runtime.diagram.png import DPI, diagram_png

    nodes = (Node("a", ("<$x$>", "y"), ("file",), style="s", headed=True), Node("b", ("b",), shape="circle", style="s"))
    diagram = Diagram("t", nodes, (Edge("a", "b", "yes", dashed=True),), {"s": Style("#ff8000")}, (("s", "1 s"),))
    data = diagram_png(diagram)
    assert data == diagram_png(diagram)
    image = cv2.imdecode(np.frombuffer(io.BytesIO(data).getvalue(), np.uint8), cv2.IMREAD_COLOR)
    layout, scale = lay_out(diagram), DPI / 72
    assert image.shape[1] == pytest.approx((layout.width + 2 * MARGIN) * scale, abs=2)
    assert image[2, 2].tolist() == [255, 255, 255]
    for box in layout.boxes:
        x, y = (box.x + MARGIN) * scale, (box.y + MARGIN - box.height / 2 + 4) * scale
        assert image[int(y), int(x)].tolist() == [0, 128, 255]

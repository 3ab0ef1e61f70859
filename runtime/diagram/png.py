"""A diagram as PNG: the same geometry as the SVG, drawn by matplotlib, which brings the font it is measured with."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.compiler.diagram import Diagram, Style
from dsimport.compiler.escape import single_line
from dsimport.runtime.diagram.layout import LINE, SMALL, Box, Curve, lay_out
from dsimport.runtime.diagram.svg import INK, LINES, MARGIN, arrow_head, legend_places, outline, text_places

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["diagram_png"]

DPI = 144  # two pixels to a user unit
_UNIT = 72.0


def diagram_png(diagram: Diagram) -> bytes:
    """The picture as a PNG file. DsimportError H0502 where matplotlib is not installed."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise DsimportError(
            Diagnostic("H0502", "matplotlib is not installed", help=("pip install 'dsimport[report]', or use svg",))
        ) from None
    layout = lay_out(diagram)
    places, bottom = legend_places(diagram, layout)
    width, height = layout.width + 2 * MARGIN, bottom + 2 * MARGIN
    figure = Figure(figsize=(width / _UNIT, height / _UNIT), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    axes: Any = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(-MARGIN, width - MARGIN)
    axes.set_ylim(height - MARGIN, -MARGIN)
    axes.axis("off")
    for curve in layout.curves:
        _curve(axes, curve)
    for box in layout.boxes:
        _box(axes, box, diagram.styles.get(box.node.style, Style()))
    for curve in layout.curves:
        if curve.label is not None:
            frame = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
            _text(axes, curve.label[0], curve.label[1] + 4, curve.edge.label, SMALL, INK, ha="center", bbox=frame)
    _legend(axes, diagram, places)
    target = io.BytesIO()
    figure.savefig(target, format="png", dpi=DPI, metadata={"Software": None})
    return target.getvalue()


def _box(axes: Any, box: Box, style: Style) -> None:
    from matplotlib.patches import Circle, FancyBboxPatch, Polygon

    look: dict[str, Any] = {"facecolor": style.fill, "edgecolor": style.stroke, "linewidth": 1.3, "zorder": 3}
    look["linestyle"] = (0, (4, 2)) if style.dashed else "solid"
    corners = outline(box)
    left, top = box.x - box.width / 2, box.y - box.height / 2
    if corners:
        axes.add_patch(Polygon(corners, closed=True, **look))
    elif box.node.shape == "circle":
        axes.add_patch(Circle((box.x, box.y), box.width / 2, **look))
    else:
        radius = {"round": 10.0, "stadium": box.height / 2, "cylinder": 10.0}.get(box.node.shape, 4.0)
        shape = f"round,pad=0,rounding_size={radius}"
        axes.add_patch(FancyBboxPatch((left, top), box.width, box.height, boxstyle=shape, mutation_aspect=1, **look))
    for place in text_places(box):
        strong = {"weight": "bold"} if place.strong else {}
        _text(axes, place.x, place.y, place.text, place.size, style.text, ha=place.anchor, **strong)
        if place.rule is not None:
            axes.plot(
                [left, left + box.width], [place.rule] * 2, color=style.stroke, linewidth=0.8, zorder=4, alpha=0.6
            )


def _curve(axes: Any, curve: Curve) -> None:
    from matplotlib.patches import PathPatch, Polygon
    from matplotlib.path import Path

    points = [curve.pieces[0][0]]
    codes = [Path.MOVETO]
    for piece in curve.pieces:
        points += piece[1:]
        codes += [Path.CURVE4] * 3
    dash = (0, (3.3, 2.5)) if curve.edge.dashed else "solid"
    line = PathPatch(Path(points, codes), fill=False, edgecolor=LINES, linewidth=1.2, linestyle=dash, zorder=2)
    axes.add_patch(line)
    if curve.edge.head:
        tip, wings = arrow_head(curve)
        axes.add_patch(Polygon([tip, *wings], closed=True, color=LINES, linewidth=0, zorder=2))


def _legend(axes: Any, diagram: Diagram, places: Sequence[tuple[float, float]]) -> None:
    from matplotlib.patches import Rectangle

    for (name, text), (x, y) in zip(diagram.legend, places, strict=True):
        style = diagram.styles.get(name, Style())
        dash = (0, (3, 2)) if style.dashed else "solid"
        axes.add_patch(Rectangle((x, y), 18, 11, facecolor=style.fill, edgecolor=style.stroke, linestyle=dash))
        _text(axes, x + 24, y + LINE * 0.63, text, SMALL, INK, ha="left")


def _text(axes: Any, x: float, y: float, text: str, size: float, color: str, **more: Any) -> None:
    # A dollar sign would begin mathematics.
    shown = single_line(text).replace("$", "\\$")
    axes.text(x, y, shown, fontsize=size, color=color, family="DejaVu Sans", va="baseline", zorder=5, **more)

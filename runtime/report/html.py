"""Markdown to one self-contained HTML page: no script, no remote reference, nothing from the text but its words.

Raw HTML in the Markdown is shown as text. Links keep only schemes that lead to a document; pictures are those that the
caller hands in, as data URIs.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import urlsplit

from dsimport.compiler.escape import html_text
from dsimport.compiler.templating import Raw, render

__all__ = ["Drawer", "data_uri", "figure", "html_page", "markdown_body", "plate"]

# Draws the text of a code block as SVG; None for what it cannot draw, which then stays a code block.
Drawer = Callable[[str], "str | None"]

_SCHEMES = ("", "http", "https", "mailto")
_EXTENSIONS = ("tables", "fenced_code", "toc", "sane_lists")
_FENCE = re.compile(r"^(?P<fence>```+|~~~+)[ ]*(?P<language>\w+)[ ]*\n(?P<text>.*?)\n(?P=fence)[ ]*$", re.M | re.S)


def data_uri(media_type: str, content: bytes) -> str:
    """The content as a `data:` URI."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"


def html_page(title: str, body: Raw, kind: Literal["report", "notes"], *, paper: bool = False) -> str:
    """The page around a body. kind: lines of code are wrapped in reports, where they are commands, and scroll in
    notes, where they may be drawings. paper: for a converter to PDF, some of which do not know that they print."""
    style, printed = (Raw(render("html", f"report/{name}.css.j2")) for name in ("style", "paper"))
    rules = printed if paper else Raw(f"@media print {{\n{printed}}}\n")
    return render("html", "report/page.html.j2", title=title, kind=kind, body=body, style=style, rules=rules)


def markdown_body(
    text: str,
    pictures: Callable[[str], str | None],
    figures: Mapping[str, Sequence[Raw]] | None = None,
    drawers: Mapping[str, Drawer] | None = None,
) -> Raw:
    """The Markdown as HTML elements. ImportError without the library `markdown`.

    pictures: the data URI for a picture's address in the text, or None to show its description instead.
    figures: HTML to put at the end of a section, by how the section's second-level heading begins.
    drawers: by the language of a fenced code block.
    """
    import markdown

    converter = markdown.Markdown(extensions=list(_EXTENSIONS), output_format="html")
    converter.preprocessors.deregister("html_block")
    converter.inlinePatterns.deregister("html")
    converter.ESCAPED_CHARS.append("~")  # what `markdown_text` escapes and Markdown's first version did not know
    converter.treeprocessors.register(_cleaner(converter, pictures, figures or {}), "dsimport", 1)
    # After line ends are made equal, before code blocks are taken literally.
    converter.preprocessors.register(_drawing(converter, drawers or {}), "dsimport", 27)
    return Raw(converter.convert(text))


def _drawing(converter: Any, drawers: Mapping[str, Drawer]) -> Any:
    from markdown.preprocessors import Preprocessor

    def drawn(match: re.Match[str]) -> str:
        drawer = drawers.get(match["language"])
        svg = drawer(match["text"]) if drawer is not None else None
        if svg is None:
            return match.group(0)
        return f"\n{_stash(converter, figure(plate(svg), ''))}\n"

    class Drawing(Preprocessor):
        """Code blocks that can be drawn become their drawings."""

        def run(self, lines: list[str]) -> list[str]:
            return _FENCE.sub(drawn, "\n".join(lines)).split("\n")

    return Drawing(converter)


def plate(drawing: str) -> Raw:
    """A drawing in dark ink, which keeps its light ground when the page is dark."""
    return Raw(f'<div class="plate">{drawing}</div>')


def figure(content: str, caption: str) -> Raw:
    """A drawing or picture that is HTML already, with its caption as text."""
    below = f"<figcaption>{html_text(caption)}</figcaption>" if caption else ""
    return Raw(f"<figure>{content}{below}</figure>")


def _stash(converter: Any, content: str) -> str:
    stored: str = converter.htmlStash.store(content)
    return stored


def _cleaner(converter: Any, pictures: Callable[[str], str | None], figures: Mapping[str, Sequence[Raw]]) -> Any:
    from xml.etree.ElementTree import Element

    from markdown.treeprocessors import Treeprocessor

    class Cleaner(Treeprocessor):
        """Addresses, wide tables and the figures of sections."""

        def run(self, root: Element) -> None:
            for parent in list(root.iter()):
                for index, child in enumerate(list(parent)):
                    if child.tag == "img":
                        _picture(child, pictures)
                    elif child.tag == "a" and not _leads_somewhere(child.get("href", "")):
                        child.tag, child.attrib = "span", {}
                    elif child.tag == "table":
                        parent[index] = _wide(child)
            _insert(root, figures, converter)

    return Cleaner(converter)


def _picture(element: Any, pictures: Callable[[str], str | None]) -> None:
    found = pictures(element.get("src", ""))
    if found is not None:
        element.attrib = {"src": found, "alt": element.get("alt", "")}
        return
    element.tag, element.text = "span", element.get("alt", "")
    element.attrib = {}


def _leads_somewhere(address: str) -> bool:
    try:
        return urlsplit(address.strip()).scheme.lower() in _SCHEMES and not re.search(r"[\x00-\x20]", address.strip())
    except ValueError:
        return False


def _wide(table: Any) -> Any:
    """The table in a box of its own that scrolls, so that the page does not."""
    from xml.etree.ElementTree import Element

    box = Element("div", {"class": "wide"})
    box.append(table)
    box.tail, table.tail = table.tail, None
    return box


def _insert(root: Any, figures: Mapping[str, Sequence[Raw]], converter: Any) -> None:
    from xml.etree.ElementTree import Element

    waiting: Sequence[Raw] = ()
    out: list[Any] = []

    def flush() -> None:
        for item in waiting:
            holder = Element("p")
            holder.text = _stash(converter, item)
            out.append(holder)

    for child in list(root):
        if child.tag in ("h1", "h2"):
            flush()
            heading = "".join(child.itertext())
            waiting = next((items for start, items in figures.items() if heading.startswith(start)), ())
        out.append(child)
    flush()
    root[:] = out

"""Text for pages and pictures, read back by parsers that others wrote."""

from __future__ import annotations

import html.parser
import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from dsimport.compiler.escape import html_text, single_line


def as_shown(text: str) -> str:
    """What a reader should see: everything but line feeds and tabs as `single_line` shows it."""
    kept = "".join(char if char in "\n\t" else single_line(char) for char in text)
    return kept.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


class Cells(html.parser.HTMLParser):
    """The one attribute and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.title: str | None = ""
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.title = dict(attrs)["title"]

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.text())
def test_html_shows_the_text_and_nothing_else(text: str) -> None:
    page = Cells(f'<b title="{html_text(text)}">{html_text(text)}</b>')
    assert (page.tags, page.title, page.text) == (["b"], as_shown(text), as_shown(text))


@given(st.text())
def test_xml_shows_the_text_and_nothing_else(text: str) -> None:
    element = ET.fromstring(f"<text>{html_text(text)}</text>")
    assert (element.text or "", len(element)) == (as_shown(text), 0)

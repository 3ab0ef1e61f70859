"""Text for pages and pictures, read back by parsers that others wrote."""

from __future__ import annotations

import csv
import html.parser
import re
import xml.etree.ElementTree as ET
from urllib.parse import unquote, urljoin, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from dsimport.compiler.escape import csv_cell, html_text, single_line, uri_path


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


@given(st.lists(st.text(), min_size=1))
def test_csv_is_read_back_and_holds_no_formula(cells: list[str]) -> None:
    [row] = csv.reader([",".join(map(csv_cell, cells))], strict=True) if cells != [""] else [[""]]
    assert [cell.removeprefix("'") for cell in row] == [single_line(cell).removeprefix("'") for cell in cells]
    assert not any(re.match(r"\s*[=+\-@|%]", cell) for cell in row)


@given(st.text(st.characters(codec="utf-8")))
def test_a_path_in_a_link_stays_a_path(path: str) -> None:
    link = urlsplit(urljoin("file:///folder/page.html", "./" + uri_path(path)))
    assert (urlsplit(uri_path(path)).scheme, link.scheme, link.query, link.fragment) == ("", "file", "", "")
    assert unquote(uri_path(path)) == path

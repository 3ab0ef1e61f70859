"""The fleet's page in a real browser, from `file://`: it sorts and filters, says nothing on the console, fits a phone,
and can be read by everybody, in the light and in the dark."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from fleet import make

from dsimport.cli.main import run

MODELS = 60

# The colours that are seen at every text, as [what, size, bold, colour, background].
TEXTS = """() => {
  const solid = (color) => !/, 0\\)$|^transparent$/.test(color);
  return [...document.querySelectorAll("body *")].filter((e) => e.checkVisibility() && e.tagName !== "SCRIPT"
    && [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())).map((e) => {
    let behind = e;
    while (behind.parentElement && !solid(getComputedStyle(behind).backgroundColor)) behind = behind.parentElement;
    const style = getComputedStyle(e);
    return [e.tagName + "." + e.className, parseFloat(style.fontSize), parseInt(style.fontWeight) >= 700,
      style.color, getComputedStyle(behind).backgroundColor];
  });
}"""
COLUMN = """(index) => [...document.querySelectorAll("tbody")].map((body) =>
  [...body.rows].slice(1).map((row) => row.cells[index].firstChild.textContent.trim()))"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a fleet."""
    root = tmp_path_factory.mktemp("fleet")
    make(root, MODELS)
    assert run(["fleet", str(root)]) == 0
    return (root / "fleet.html").as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """The page on a desk; whatever it says on the console fails the test."""
    said: list[str] = []
    opened = browser.new_page(viewport={"width": 1280, "height": 800})
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("request", lambda request: said.append(request.url) if request.url != address else None)
    opened.goto(address)
    yield opened
    opened.close()
    assert said == []


def numbers(texts: list[str]) -> list[float]:
    return [float(re.sub(r"[^\d.]", "", text)) for text in texts if text != "–"]


def test_every_column_sorts_both_ways_within_its_groups(page: Any) -> None:
    before = page.evaluate(COLUMN, 0)
    assert sum(map(len, before)) == MODELS
    assert len(before) == 3
    for index in range(8):
        button = page.locator("thead button").nth(index)
        for direction in ("first", "second"):
            button.click()
            stated = page.locator("thead th").nth(index).get_attribute("aria-sort")
            numeric = "n" in (page.locator("thead th").nth(index).get_attribute("class") or "")
            assert stated == ("descending" if numeric == (direction == "first") else "ascending")
            for group in page.evaluate(COLUMN, index):
                shown: list[Any] = numbers(group) if numeric else [text.casefold() for text in group]
                assert shown == sorted(shown, reverse=stated == "descending")
        assert page.locator("[aria-sort]").count() == 1
        assert [sorted(group) for group in page.evaluate(COLUMN, 0)] == [sorted(group) for group in before]


def test_the_keyboard_sorts_too(page: Any) -> None:
    page.locator("thead button").nth(2).focus()
    page.keyboard.press("Enter")
    assert page.locator("thead th").nth(2).get_attribute("aria-sort") == "descending"


def test_the_filter_leaves_what_was_asked_for(page: Any) -> None:
    page.locator("#filter").fill("detector-0010")
    assert page.locator("tbody tr:not(.g):visible").count() == 1
    assert page.locator("#found").text_content() == "1 found"
    page.locator("#filter").fill("")
    assert page.locator("tbody tr:not(.g):visible").count() == MODELS


@pytest.mark.parametrize("width", [320, 390, 981, 1280])
def test_no_page_scrolls_sideways(width: int, page: Any) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    outside = f"[...document.querySelectorAll('td,th,button')].filter(e => e.getBoundingClientRect().right > {width})"
    assert page.evaluate(f"{outside}.length") == 0


def channels(color: str) -> list[float]:
    return [float(part) / 255 for part in re.findall(r"[\d.]+", color)[:3]]


def luminance(color: str) -> float:
    """WCAG 2's relative luminance."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels(color)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    darker, lighter = sorted((luminance(a), luminance(b)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_aa(scheme: str, width: int, page: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    texts = page.evaluate(TEXTS)
    assert len(texts) > MODELS * 8
    low = {
        (what, color, behind): round(contrast(color, behind), 2)
        for what, size, bold, color, behind in texts
        if contrast(color, behind) < (3 if size >= 24 or (bold and size >= 18.66) else 4.5)
    }
    assert low == {}
    dark = luminance(page.evaluate("getComputedStyle(document.body).backgroundColor")) < 0.2
    assert dark == (scheme == "dark")

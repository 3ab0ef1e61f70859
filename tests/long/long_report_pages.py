"""Reports in a real browser and on paper: what a person would see of a model that was really run."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))
sys.path.insert(0, str(Path(__file__).parents[1] / "runtime/report"))

from e2e_support import ASSETS, FRAMES, SETTINGS, Project
from report_support import HEADINGS

from dsimport.runtime.report.document import write_document
from dsimport.runtime.report.pdf import Maker, makers
from dsimport.runtime.report.regenerate import converter, report_again

REPO = Path(__file__).resolve().parents[2]
NAME = "tiny-yolov8"
PHONE, DESK = (390, 844), (1280, 900)

# The ratio of WCAG 2 between every text and what lies behind it, where it is below what AA asks for.
CONTRAST = """
const parse = c => c.match(/[\\d.]+/g).map(Number);
const light = c => { const [r, g, b] = c.slice(0, 3).map(v => { v /= 255;
  return v <= 0.03928 ? v / 12.92 : Math.pow((v + 0.055) / 1.055, 2.4); });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const behind = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor);
  if (c.length < 4 || c[3] > 0.99) return c; } return parse(getComputedStyle(document.body).backgroundColor); };
const low = [];
const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const text = walker.currentNode.textContent.trim(), element = walker.currentNode.parentElement;
  if (!text || element.tagName == 'title') continue;
  const style = getComputedStyle(element), size = parseFloat(style.fontSize);
  const ink = parse(element.closest('svg') ? style.fill : style.color);
  const [a, b] = [light(ink), light(behind(element))].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
  if (ratio < (large ? 3 : 4.5)) low.push([text.slice(0, 40), ratio.toFixed(2), element.tagName]);
}
return low;
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project(tmp_path_factory.mktemp("pages"))
    recipes = made.root / "recipes"
    recipes.mkdir()
    run = [sys.executable, str(ASSETS / "tinydet.py"), "yolov8", str(recipes / "model.onnx")]
    subprocess.run(run, check=True)
    run = [sys.executable, str(ASSETS / "make_clip.py"), str(recipes / "clip.mp4"), "--frames", str(FRAMES)]
    subprocess.run(run, check=True)
    made.write("yolov8", **SETTINGS | {"run_s": 8})
    assert made.json("apply", f"recipes/{NAME}.yaml", "--toolchain", "reference")["exit_code"] == 0
    return made


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    for word in ("headless=new", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-sync"):
        options.add_argument(f"--{word}")
    for word in ("disable-background-networking", "disable-component-update"):
        options.add_argument(f"--{word}")
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('chromium')}")
    options.binary_location = "/usr/bin/chromium"
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    yield driver
    driver.quit()


def show(browser: Any, page: Path, size: tuple[int, int], scheme: str, picture: Path) -> None:
    """Open a page from disk as a device of this size shows it, and keep a picture of all of it."""
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    feature = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)
    browser.get(page.as_uri())
    shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_bytes(base64.b64decode(shot["data"]))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("kind", ["report", "document"])
def test_a_page_reads_well(
    kind: str, size: tuple[int, int], scheme: str, project: Project, browser: Any, tmp_path: Path
) -> None:
    page = project.models / NAME / "reports/benchmark_report.html"
    if kind == "document":
        write_document(REPO / "docs/architecture.md", tmp_path, ("html",), converter(tmp_path))
        page = tmp_path / "architecture.html"
    show(browser, page, size, scheme, project.root / f"pictures/{kind}-{size[0]}-{scheme}.png")
    assert browser.get_log("browser") == []
    assert browser.execute_script("return [document.documentElement.scrollWidth, innerWidth]") == [size[0], size[0]]
    boxes = ".wide, pre" if kind == "report" else ".wide"  # a drawing in letters scrolls
    wide = f"return [...document.querySelectorAll('{boxes}')].filter(e => e.scrollWidth > e.clientWidth + 1).length"
    assert browser.execute_script(wide) == 0
    assert browser.execute_script(CONTRAST) == []
    dark = browser.execute_script("return getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == (scheme == "dark")
    if kind == "report":
        pictures = browser.execute_script("return [...document.images].map(i => i.complete && i.naturalWidth)")
        assert pictures.count(1500) == 5
        assert 0 not in pictures
        assert len(pictures) == 6
        assert browser.execute_script("return document.querySelectorAll('svg').length") == 3


def test_the_measure_of_contrast_finds_faint_text(browser: Any, tmp_path: Path) -> None:
    page = tmp_path / "faint.html"
    svg = '<svg><text fill="#999" y="20">drawn</text></svg>'
    page.write_text(f'<main style="background:#fff"><p style="color:#888">faint</p><p>plain</p>{svg}</main>', "utf-8")
    browser.get(page.as_uri())
    assert [text for text, _, _ in browser.execute_script(CONTRAST)] == ["faint", "drawn"]


@pytest.mark.parametrize("maker", makers(), ids=lambda maker: maker.name)
def test_a_pdf_reads_well(maker: Maker, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dsimport.runtime.report.write.makers", lambda: [maker])
    _, written = report_again(project.root, NAME, ("pdf",), tmp_path)
    assert written.warnings == []
    made = tmp_path / f"benchmark_report_{NAME}.pdf"
    info = _output("pdfinfo", made)
    assert "(A4)" in info
    text = " ".join(_output("pdftotext", "-layout", made, "-").split())
    places = [text.find(heading) for heading in HEADINGS]
    assert -1 not in places
    assert places == sorted(places)
    assert f"PDF made by {maker.version}" in text
    images = re.findall(r"^\s*\d+\s+\d+ image +(\d+) +(\d+)", _output("pdfimages", "-list", made), re.MULTILINE)
    assert images.count(("1500", "900")) == 5
    assert len(images) >= 6
    subprocess.run(["pdftoppm", "-r", "50", "-gray", made, tmp_path / "page"], check=True)
    pages = sorted(tmp_path.glob("page-*.pgm"))
    assert len(pages) == int(re.findall(r"Pages:\s+(\d+)", info)[0])
    for page in pages:
        pixels = page.read_bytes().split(b"\n", 3)[3]
        assert sum(pixel < 200 for pixel in pixels) > len(pixels) / 500, f"{page.name} is nearly empty"


def _output(*words: str | Path) -> str:
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True).stdout

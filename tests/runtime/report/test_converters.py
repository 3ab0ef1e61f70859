"""HTML to PDF by whatever is there, documents of any Markdown, and an installation without the extra."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from e2e_quick import NAME
from report_support import PIXEL, Applied, Page

from dsimport.compiler.diagnostics import DsimportError
from dsimport.runtime.machine import parse_nvidia_smi
from dsimport.runtime.report import document, pdf
from dsimport.runtime.report.charts import draw_charts
from dsimport.runtime.report.document import write_document
from dsimport.runtime.report.pdf import makers
from dsimport.runtime.report.regenerate import converter, report_again
from dsimport.runtime.report.schema import BenchmarkData

pytestmark = pytest.mark.usefixtures("no_drawing")
Fake = Callable[[str], None]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """A function that puts a `wkhtmltopdf` that does this (sh; $1 is the last argument) in front on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def put(text: str) -> None:
        script = folder / "wkhtmltopdf"
        version = '[ "$1" = --version ] && { echo "wkhtmltopdf 9.9.9"; exit 0; }'
        script.write_text(f"#!/bin/sh\n{version}\nfor last; do :; done\n{text}\n", "utf-8")
        script.chmod(0o755)

    return put


def data_of(folder: Path) -> BenchmarkData:
    return BenchmarkData.model_validate_json((folder / "benchmark_data.json").read_bytes())


def test_wkhtmltopdf_comes_first_and_gets_no_files(applied: Applied, fake: Fake, tmp_path: Path) -> None:
    fake(f'echo "$@" >{tmp_path}/arguments; cat >{tmp_path}/page.html; printf "%%PDF-1.4 made" >"$last"')
    out = tmp_path / "out"
    _, written = report_again(applied.root, NAME, ("html", "pdf"), out)
    assert written.warnings == []
    assert data_of(out).pdf.made_by == "wkhtmltopdf 9.9.9 (pdfkit)"
    assert "| PDF made by | wkhtmltopdf 9.9.9 (pdfkit) |" in (out / "benchmark_report.md").read_text("utf-8")
    assert (out / f"benchmark_report_{NAME}.pdf").read_bytes() == b"%PDF-1.4 made"
    arguments = (tmp_path / "arguments").read_text("utf-8")
    for option in ("--disable-local-file-access", "--disable-javascript", "--page-size A4", "--margin-top 15mm"):
        assert option in arguments
    page = (tmp_path / "page.html").read_text("utf-8")
    assert page.count("data:image/png") == 5
    assert "wkhtmltopdf 9.9.9" in page


def test_a_converter_that_fails_is_followed_by_the_next(fake: Fake, notes: Path, tmp_path: Path) -> None:
    for does in ("exit 1", "exit 0", 'echo "no PDF" >"$last"', "kill -9 $$"):
        fake(does)
        out = tmp_path / "out"
        written = write_document(notes, out, ("pdf",), converter(tmp_path))
        assert (written.files, written.warnings) == (["notes.pdf"], [])
        assert (out / "notes.pdf").read_bytes().startswith(b"%PDF-")
        assert [path.name for path in out.iterdir()] == ["notes.pdf"]
        (out / "notes.pdf").unlink()


def test_without_a_converter_the_rest_is_written(
    applied: Applied, fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake("sleep 60")
    monkeypatch.setattr(pdf, "PDF_TIMEOUT_S", 1.0)
    monkeypatch.setattr("dsimport.runtime.report.regenerate.PDF_TIMEOUT_S", 1.0)
    found = makers()[:1]
    monkeypatch.setattr("dsimport.runtime.report.write.makers", lambda: found)
    out = tmp_path / "out"
    _, written = report_again(applied.root, NAME, ("html", "pdf"), out)
    [warning] = written.warnings
    assert (warning.code, warning.severity.value) == ("H0521", "warning")
    assert "did not end in time" in warning.message
    assert data_of(out).pdf.made_by is None
    assert "no PDF was made" in (out / "benchmark_report.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("module", "lost"),
    [("matplotlib", ["charts/chart_efficiency.png"]), ("markdown", ["benchmark_report.html"])],
)
def test_without_a_library_the_rest_is_written(
    module: str, lost: list[str], applied: Applied, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dsimport.runtime.report.write.draw_charts", draw_charts)
    monkeypatch.setitem(sys.modules, module, None)
    _, written = report_again(applied.root, NAME, ("html",), tmp_path)
    assert [warning.code for warning in written.warnings] == ["H0521"]
    assert f"without {'charts' if module == 'matplotlib' else 'HTML and PDF'}" in written.warnings[0].message
    assert [name for name in lost if name in written.files or (tmp_path / name).exists()] == []
    assert {"benchmark_data.json", "benchmark_report.md"} <= set(written.files)
    text = (tmp_path / "benchmark_report.md").read_text("utf-8")
    assert text.count("](charts/") == (0 if module == "matplotlib" else 5)


DOCUMENT = """\
# Notes <b>of</b> a design

Raw <script>alert(1)</script> and <img src=x onerror=alert(1)>.

<div onclick="alert(1)">block</div>

![inside](pictures/dot.png) ![outside](../secret.png) ![remote](http://example.org/x.png) ![text](notes.md)

[good](https://example.org/page) [bad](javascript:alert(1)) [worse](DATA:text/html,x) [local](other.md)

```flow
a --> b
```

```python
print("<b>")
```

| a | b |
|---|--:|
| 1 | 2 |
"""


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    (folder / "pictures").mkdir(parents=True)
    (folder / "pictures/dot.png").write_bytes(PIXEL)
    (tmp_path / "secret.png").write_bytes(PIXEL)
    (folder / "notes.md").write_text(DOCUMENT, "utf-8")
    return folder / "notes.md"


def test_any_markdown_becomes_a_page_that_refers_to_nothing(
    notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document, "DRAWERS", {"flow": lambda text: f"<svg><text>{text}</text></svg>", "python": _none})
    out = tmp_path / "out"
    written = write_document(notes, out, ("html", "pdf"), converter(tmp_path))
    assert written.files == ["notes.html", "notes.pdf"]
    page = Page((out / "notes.html").read_text("utf-8"))
    tags = [tag for tag, _ in page.elements]
    assert tags.count("img") == tags.count("svg") == 1
    assert not {"script", "b"} & set(tags)
    assert [names for _, names in page.elements if any(name.startswith("on") for name in names)] == []
    addresses = [value for _, name, value in page.values if name in ("src", "href")]
    assert [value for value in addresses if not value.startswith("data:image/png")] == [
        "https://example.org/page",
        "other.md",
    ]
    assert "<script>alert(1)</script>" in page.words
    assert 'print("<b>")' in page.words
    assert (out / "notes.pdf").read_bytes().startswith(b"%PDF-")


def _none(text: str) -> None:
    return None


def test_what_is_no_markdown_file_is_refused(tmp_path: Path) -> None:
    binary, folder = tmp_path / "binary.md", tmp_path / "folder.md"
    binary.write_bytes(b"\xff\xfe\x00")
    folder.mkdir()
    for source in (binary, folder, tmp_path / "missing.md"):
        with pytest.raises(DsimportError) as raised:
            write_document(source, tmp_path / "out", ("html",), converter(tmp_path))
        assert [item.code for item in raised.value.diagnostics] == ["P0621"]
    assert not (tmp_path / "out").exists()


def test_without_the_library_a_document_says_how_to_get_it(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "markdown", None)
    with pytest.raises(DsimportError) as raised:
        write_document(notes, notes.parent, ("html",), converter(notes.parent))
    assert raised.value.diagnostics[0].code == "H0522"
    assert "dsimport[report]" in raised.value.diagnostics[0].help[0]


SMI = "NVIDIA H100 80GB HBM3, 81559 MiB, 595.10\nNVIDIA H100 80GB HBM3, 81559 MiB, 595.10\n"
BANNER = "| NVIDIA-SMI 595.10    Driver Version: 595.10    CUDA Version: 13.2     |"


def test_gpu_facts_are_read_from_nvidia_smi() -> None:
    facts = {"gpu": "2 x NVIDIA H100 80GB HBM3", "gpu_memory": "81559 MiB", "driver": "595.10", "cuda": "13.2"}
    assert parse_nvidia_smi(SMI, BANNER) == facts
    assert parse_nvidia_smi("", "") == {}
    assert parse_nvidia_smi("NVIDIA-SMI has failed, because, of, the driver\n", "") == {}

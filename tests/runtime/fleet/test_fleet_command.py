"""`dsimport fleet`: the page, the data and the table say the same of every model, hostile names included."""

from __future__ import annotations

import base64
import csv
import hashlib
import html.parser
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from dsimport.cli.main import run
from dsimport.compiler.plan import Plan
from dsimport.runtime.fleet.collect import Row
from dsimport.runtime.fleet.engine import Engine
from dsimport.runtime.fleet.page import fleet_page
from dsimport.runtime.fleet.table import fleet_csv, fleet_document

HOSTILE = "<script>alert(1)</script>|`\"'\n\u202e=cmd()" + "x" * 200


class Page(html.parser.HTMLParser):
    """The table's rows as lists of texts, and everything else that a test asks for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.groups: list[int] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.scopes: list[str | None] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
            if given.get("class") == "g":
                self.groups.append(len(self.rows) - 1)
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self.scopes += [given.get("scope")] if tag == "th" else []
        elif tag == "small":
            self.rows[-1][-1] += " / "
        elif tag == "a":
            self.links.append(given["href"] or "")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1] and self.tags[-1] not in ("script", "style"):
            self.rows[-1][-1] += data.strip("\n")


def page_of(rows: list[Row], folder: Path) -> tuple[str, Page]:
    text = fleet_page(rows, folder, folder / "fleet.html")
    return text, Page(text)


def test_all_three_say_the_same(model: Callable[..., Plan], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model("gpu-a", seed=1)
    model("gpu-b", hardware="NVIDIA H100", seed=2)
    model("cpu", "reference", "a laptop", seed=3)
    assert run(["fleet", "--json", "-o", "out/page.html"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert run(["fleet", "--csv"]) == 0
    table = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert not (tmp_path / "fleet.html").exists()
    rows: dict[str, Any] = {row["name"]: row for row in document["models"]}
    assert document["engines"] == {"current": 3}
    assert [line["name"] for line in table] == sorted(rows) == ["cpu", "gpu-a", "gpu-b"]
    for line in table:
        row = rows[line["name"]]
        assert float(line["images_per_s"]) == row["images_per_s"]
        assert (line["engine"], line["hardware"]) == (row["engine"]["state"], row["hardware"])
    page = Page((tmp_path / "out/page.html").read_text("utf-8"))
    titles = [page.rows[index][0] for index in page.groups]
    assert titles == [
        "TensorRT and DeepStream: NVIDIA H100 (1 model)",
        "TensorRT and DeepStream: NVIDIA L4 (1 model)",
        "CPU, not TensorRT: a laptop (1 model)",
    ]
    shown = {cells[0].split(" / ")[0]: cells for cells in page.rows if len(cells) > 1}
    for name, row in rows.items():
        assert f"{row['images_per_s']:,.1f}" in shown[name][2]
        assert shown[name][6] == "current"
    # Links lead from the page to files that are there.
    assert len(page.links) == 3
    for link in page.links:
        assert (tmp_path / "out" / unquote(link)).is_file()
    assert page.scopes.count("col") == 8
    assert page.scopes.count("row") == 3


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    rows = [
        Row(HOSTILE, HOSTILE, HOSTILE, HOSTILE, engine=Engine("stale", HOSTILE), report=f"models/{HOSTILE}/r.md"),
        Row("b", problem=HOSTILE),
        Row("c", images_per_s=-0.5, last_run=HOSTILE, ended=HOSTILE),
    ]
    text, page = page_of(rows, tmp_path)
    assert page.tags.count("script") == 1
    assert len([cells for cells in page.rows if len(cells) > 1]) == 4
    assert "\u202e" not in text
    assert not re.search(r"javascript:|\son[a-z]+=", text.partition("<main>")[2].partition("<script>")[0])
    table = list(csv.reader(fleet_csv(rows).splitlines()))
    assert [len(line) for line in table] == [len(table[0])] * 4
    assert not any(cell.startswith(("=", "+", "@")) for line in table for cell in line)
    assert table[3][table[0].index("images_per_s")] == "-0.5"
    json.dumps(fleet_document(rows), allow_nan=False)


def test_nothing_runs_but_the_page_s_own_script(tmp_path: Path) -> None:
    text, page = page_of([Row("a")], tmp_path)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    allowed = policy[1].replace("&#39;", "'")
    for kind in ("script", "style"):
        inner = text.partition(f"<{kind}>")[2].partition(f"</{kind}>")[0]
        digest = base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in allowed
    assert allowed.startswith("default-src 'none'")
    assert "http" not in text.replace("http-equiv", "")
    assert {"link", "img", "iframe"} & set(page.tags) == set()


def test_a_damaged_record_is_a_row_and_an_exit_code(
    model: Callable[..., Plan], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model("good")
    model("bad")
    (tmp_path / "models/bad/.dsimport/state.json").write_text("{")
    (tmp_path / "models/good/reports/benchmark_data.json").write_text("[")
    assert run(["fleet", "--json", "-o", "fleet.html"]) == 1
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["models"]}
    assert "is damaged" in rows["bad"]["problem"]
    assert (rows["good"]["problem"], rows["good"]["hardware"]) == ("", "")
    assert rows["good"]["streams"] is not None
    assert "is damaged" in (tmp_path / "fleet.html").read_text("utf-8")


def test_an_empty_folder_has_an_empty_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fleet", str(tmp_path)]) == 0
    assert "No model was applied here." in (tmp_path / "fleet.html").read_text("utf-8")
    assert capsys.readouterr().out == ""


def test_a_page_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert run(["fleet", str(tmp_path), "-o", str(tmp_path / "file/page.html")]) == 1
    assert "error[H060" in capsys.readouterr().err


def test_large_files_are_not_read(model: Callable[..., Plan], tmp_path: Path) -> None:
    """An engine of a size that is never read, and cannot be here, is taken as recorded while it is there."""
    model("m")
    engine = tmp_path / "models/m/benchmarks/engines/m_dynamic_b64.engine"
    os.truncate(engine, 1 << 40)
    assert run(["fleet"]) == 0
    assert ">current<" in (tmp_path / "fleet.html").read_text("utf-8")

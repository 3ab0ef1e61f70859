"""Data, charts and documents of a whole run: complete, self-contained, and deaf to what the texts say."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_support import HEADINGS, Applied, Page, headings, tables

from dsimport.compiler.escape import single_line
from dsimport.compiler.layout import CHARTS
from dsimport.compiler.plan import StepKind
from dsimport.runtime.report.charts import draw_charts
from dsimport.runtime.report.html import html_page, markdown_body
from dsimport.runtime.report.markdown import PHASES, report_markdown
from dsimport.runtime.report.schema import BenchmarkData, data_schema_text, data_text
from dsimport.runtime.report.svg import latency_svg, timeline_svg

REPO = Path(__file__).resolve().parents[3]

# Everything a page may consist of.
TAGS = {
    "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "p", "strong", "em", "div", "table", "thead",
    "tbody", "tr", "th", "td", "ul", "li", "pre", "code", "a", "img", "figure", "figcaption", "svg", "rect", "line",
    "text", "g", "path", "polygon",
}  # fmt: skip


def markdown_of(applied: Applied, data: BenchmarkData) -> str:
    return report_markdown(applied.plan(), data, applied.root, applied.reports, True)


def test_an_apply_leaves_the_whole_report(applied: Applied) -> None:
    names = ["benchmark_data.json", "benchmark_report.html", "benchmark_report.md", "benchmark_report_tiny-yolov8.pdf"]
    found = sorted(path.name for path in applied.reports.iterdir() if path.is_file() and path.suffix != ".log")
    assert [name for name in found if name != "verify.json"] == names
    assert sorted(path.name for path in (applied.reports / "charts").iterdir()) == sorted(CHARTS)
    text = (applied.reports / "benchmark_report.md").read_text("utf-8")
    assert headings(text) == HEADINGS
    first = text.split("\n", 1)[0]
    assert first.startswith("Measured with the reference toolchain on a CPU through ONNX Runtime")
    assert "these are not TensorRT figures" in first
    assert (applied.reports / names[3]).read_bytes().startswith(b"%PDF-")


def test_a_page_holds_its_charts_and_refers_to_nothing_else(applied: Applied) -> None:
    text = (applied.reports / "benchmark_report.html").read_text("utf-8")
    page = Page(text)
    assert text.count("data:image/png") == len(CHARTS)
    assert {tag for tag, _ in page.elements} <= TAGS
    assert [names for _, names in page.elements if any(name.startswith("on") for name in names)] == []
    sources = [value for _, name, value in page.values if name in ("src", "href", "srcset", "data", "action")]
    local = [value for value in sources if not value.startswith("data:image/")]
    assert local == ["../samples/tiny-yolov8_single_stream.mp4"]
    assert "url(" not in text
    assert "@import" not in text
    policy = next(value for tag, name, value in page.values if (tag, name) == ("meta", "content"))
    assert "default-src 'none'" in policy
    assert [title for title in HEADINGS if title not in page.words] == []


def test_charts_have_their_size_and_the_same_bytes_again(applied: Applied, data: BenchmarkData) -> None:
    first = draw_charts(data)
    assert first == draw_charts(data)
    for name in CHARTS:
        content = first[name]
        assert struct.unpack(">II", content[16:24]) == (1500, 900)
        assert struct.unpack(">II", content[content.index(b"pHYs") + 4 :][:8]) == (5906, 5906)  # per metre: 150 dpi
        assert b"tEXt" not in content
    assert len(set(first.values())) == len(CHARTS)


def test_the_data_follow_the_committed_schema(applied: Applied, data: BenchmarkData) -> None:
    assert (REPO / "schema/benchmark_data.schema.json").read_text("utf-8") == data_schema_text()
    schema = json.loads(data_schema_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    for document in (json.loads((applied.reports / "benchmark_data.json").read_bytes()), json.loads(data_text(data))):
        jsonschema.validate(document, schema)
    assert BenchmarkData.model_validate_json(data_text(data)) == data


# Fields that the Markdown does not show, and why.
ELSEWHERE = {
    "trtexec.bs1.spread": "a figure of the page",
    "trtexec.bsmax.spread": "a figure of the page",
    "engine_file.bytes": "the same as engine_bytes",
}
SETTINGS_ELSEWHERE = {
    "benchmark.warmup_ms": "in the commands",
    "benchmark.duration_s": "in the commands",
    "engine.builder": "in the commands",
    "engine.check": "its step is among those that are timed",
    "graph.*": "what they led to is the path of conversion",
    "model.labels": "the classes that were seen are shown",
    "model.tensors": "for the parser only",
    "name": "shown as the model's name",
    "parser.march": "in the parser's makefile",
    "parser.per_class": "in the configuration",
    "parser.select": "for the parser only",
    "pipeline.frames": "the frames that were kept are shown",
    "pipeline.interval": "in the configuration",
    "pipeline.muxer.*": "in the configuration",
    "report.formats": "seen by what there is",
    "source.*": "shown as the source of the model",
}


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict) and value and path != ("settings", "model.outputs"):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list) and value and isinstance(value[0], (dict, str)) and path[:1] != ("settings",):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    else:
        yield path


def other(value: Any) -> Any:
    """A value of the same type that is shown differently."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value * 3 + 1
    if isinstance(value, str):
        others = {"reference": "deepstream", "ok": "not run", "failed": "not run", "nms": "none"}
        return others.get(value, f"Zq7{value}")
    if isinstance(value, list):
        return [other(item) for item in value] or [7]
    return {"Zq7": [7]} if value == {} or isinstance(value, dict) else 5


def changed(document: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(document))
    node: Any = copy
    for part in path[:-1]:
        node = node[part]
    node[path[-1]] = other(node[path[-1]])
    return copy


def test_every_field_of_the_data_is_in_the_report(applied: Applied, data: BenchmarkData) -> None:
    document = data.model_dump(mode="json")
    # A step that took no time would not show which phase it belongs to.
    document["seconds"] = {step: number + 1.0 for number, step in enumerate(document["seconds"])}
    before = markdown_of(applied, BenchmarkData.model_validate(document))
    shown: dict[str, bool] = {}
    for path in leaves(document):
        name = ".".join("[]" if isinstance(part, int) else str(part) for part in path).replace(".[]", "[]")
        if path[0] == "settings":
            name = "settings." + ".".join(str(part) for part in path[1:])
        if path[0] == "seconds":
            name = "seconds"
        if name != "format":  # there is one format
            altered = BenchmarkData.model_validate(changed(document, path))
            shown[name] = shown.get(name, False) or markdown_of(applied, altered) != before
    hidden = {name for name, seen in shown.items() if not seen}
    settings = {name.removeprefix("settings.") for name in hidden if name.startswith("settings.")}
    fields = {name for name in hidden if not name.startswith("settings.")}
    assert {name for name in fields if not any(name.startswith(known) for known in ELSEWHERE)} == set()
    assert {known for known in ELSEWHERE if not any(name.startswith(known) for name in fields)} == set()
    assert {name for name in settings if not any(fnmatchcase(name, known) for known in SETTINGS_ELSEWHERE)} == set()
    assert {known for known in SETTINGS_ELSEWHERE if not any(fnmatchcase(n, known) for n in settings)} == set()


NASTY = (
    "<script>alert(1)</script>",
    "a|b | c",
    "`code` and ``more``",
    "one\ntwo\r\n\n# three\n\n| a |\n|---|",
    "x" * 200,
    "😀 日本",
    "\u202eright to left\u2066",
    "שלום",
    "![p](http://example.org/x.png) [l](javascript:alert(1)) <http://example.org>",
    "&amp;lt; &#60; \\| \\\\ ~~gone~~ **bold** __b__ [x]: y",
    "\x00\x02wzxhzdk:0\x03\x1b[31m",
    "- item\n1. one\n    code",
    "{{ d }} {% raw %} $x$ %s",
    '" onload="alert(1)',
)
CHARACTERS = "<>|`*_#[]()!&;~^\\\"'$-+=:\n\t \x00\x02\x03\u202e\u2028a1é😀"
PIECES = st.sampled_from([*CHARACTERS, "```", "    ", "1. "])


def poisoned(data: BenchmarkData, text: str) -> BenchmarkData:
    """The data with `text` in place of every free text."""

    def walk(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: walk(item, name) for name, item in value.items()}
        if isinstance(value, list):
            return [walk(item, key) for item in value]
        fixed = ("state", "kind", "toolchain", "started", "when", "measured_from", "measured_to", "built_at", "mode")
        return text if isinstance(value, str) and key not in fixed else value

    document = data.model_dump(mode="json")
    kept = ("settings", "model_name", "visual", "plan")
    free = {key: walk(value, key) for key, value in document.items() if key not in kept}
    settings = document["settings"] | {
        "model.input.name": text, "pipeline.video": text, "benchmark.video": text, "model.outputs": {text: [1, 2]},
        "model.family": text, "engine.workspace": text, "preprocess.color": text,
    }  # fmt: skip
    return BenchmarkData.model_validate(document | free | {"settings": settings})


def page_of(applied: Applied, data: BenchmarkData) -> Page:
    figures = {"5.": [latency_svg(data) or ""], "11.": [timeline_svg(data) or ""]}
    body = markdown_body(markdown_of(applied, data), lambda address: f"data:image/png;base64,{address}", figures)
    return Page(html_page(f"Benchmark report: {data.model_name}", body, "report"))


def check_text(text: str, applied: Applied, data: BenchmarkData) -> None:
    plain, page = page_of(applied, poisoned(data, "plain")), page_of(applied, poisoned(data, text))
    assert page.elements == plain.elements
    words = " ".join(page.words.split())
    shown = " ".join(single_line(" ".join(text.split())).split())
    assert words.count(shown) >= plain.words.count("plain") - len(data.commands) * 10


@pytest.mark.parametrize("text", NASTY)
def test_what_a_text_says_changes_no_element(text: str, applied: Applied, data: BenchmarkData) -> None:
    check_text(text, applied, data)


@settings(max_examples=25, deadline=None)
@given(text=st.lists(PIECES, min_size=1, max_size=8).map("".join).filter(lambda text: text.strip()))
def test_no_text_changes_an_element(text: str, applied: Applied, data: BenchmarkData) -> None:
    check_text(text, applied, data)


def test_charts_take_any_name(data: BenchmarkData) -> None:
    system = data.system.model_copy(update={"processor": "$x_{1}$ \\frac <b> \n 日本"})
    name = "a" * 64
    drawn = draw_charts(data.model_copy(update={"model_name": name, "system": system}))
    assert {content[:8] for content in drawn.values()} == {b"\x89PNG\r\n\x1a\n"}


def test_every_kind_of_step_is_in_one_phase_and_the_phases_are_the_total(applied: Applied) -> None:
    named = [kind for kinds in PHASES.values() for kind in kinds]
    assert sorted([*named, "ds-run", "report"]) == sorted(get_args(StepKind))
    text = (applied.reports / "benchmark_report.md").read_text("utf-8")
    [phases] = [table for table in tables(text) if table[0].startswith("| Phase")]
    seconds = [float(line.split("|")[2].strip(" *")) for line in phases[2:]]
    assert sum(seconds[:-1]) == pytest.approx(seconds[-1], abs=0.05 * len(seconds))


def test_no_table_of_a_whole_report_is_empty(applied: Applied) -> None:
    text = (applied.reports / "benchmark_report.md").read_text("utf-8")
    assert [table for table in tables(text) if len(table) < 3] == []

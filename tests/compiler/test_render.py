"""The renderers draw the same findings: for people, for programs, for GitHub, as SARIF."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsimport.compiler.codes import CODES
from dsimport.compiler.diagnostics import Diagnostic, Severity, Span
from dsimport.compiler.render.github import render_github
from dsimport.compiler.render.json import render_json
from dsimport.compiler.render.sarif import render_sarif
from dsimport.compiler.render.terminal import render_terminal
from dsimport.compiler.render.text import presentable, redacted, summary, width

FULL = Diagnostic(
    "R0102",
    "unknown key 'treshold'",
    span=Span("recipes/x.yaml", 2, 10, 8),
    label="did you mean 'threshold'?",
    help=("keys of parser: threshold, top_k",),
    notes=("first note",),
)
SOURCE = "schema: 1\nparser: {treshold: 0.25}\n"


def draw(*items: Diagnostic, source: str | None = SOURCE, color: bool = False, columns: int = 100) -> str:
    return render_terminal(items, lambda _: source, color, columns)


def test_a_diagnostic_for_people() -> None:
    assert draw(FULL) == (
        "error[R0102]: unknown key 'treshold'\n"
        "  ┌─ recipes/x.yaml:2:10\n"
        "2 │ parser: {treshold: 0.25}\n"
        "  │          ^^^^^^^^ did you mean 'threshold'?\n"
        "  = help: keys of parser: threshold, top_k\n"
        "  = first note\n"
        "  = more: dsimport explain R0102\n"
    )


def test_the_explanation_is_offered_once_per_code() -> None:
    text = draw(FULL, Diagnostic("R0102", "another", help=("x",)), Diagnostic("Q9999", "no long form", help=("x",)))
    assert text.count("dsimport explain R0102") == 1
    assert "Q9999\n" not in text


def test_colours_only_when_asked() -> None:
    colored = draw(FULL, color=True)
    assert "\x1b[" not in draw(FULL)
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == draw(FULL)


@pytest.mark.parametrize("source", [None, "", "one line"])
def test_a_place_that_is_not_there_still_gets_its_label(source: str | None) -> None:
    text = draw(FULL, source=source)
    assert "recipes/x.yaml:2:10" in text
    assert "did you mean 'threshold'?" in text
    assert "^" not in text


def columns_before_caret(text: str) -> tuple[str, int, int]:
    """(source line as drawn, display columns before the caret, carets) of the one excerpt in the text."""
    lines = text.splitlines()
    at = next(number for number, line in enumerate(lines) if re.match(r" *│ *\^", line))
    bar = lines[at].index("│")
    marks = lines[at][bar + 2 :]
    return lines[at - 1][bar + 2 :], len(marks) - len(marks.lstrip()), marks.count("^")


PIECES = st.text(st.sampled_from("ab \t漢é\u0301\u200d😀\x1b\u202e"), max_size=30)


@given(PIECES, st.text(st.sampled_from("xyz漢"), min_size=1, max_size=5), PIECES)
def test_the_caret_stands_under_the_marked_text(before: str, marked: str, after: str) -> None:
    line = f"{before}{marked}{after}"
    item = Diagnostic("R0102", "m", span=Span("x", 1, len(before) + 1, len(marked)), help=("h",))
    drawn, column, carets = columns_before_caret(draw(item, source=line, columns=500))
    taken = 0
    rest = drawn
    while taken < column:  # walk display columns, to find what is above the first caret
        taken += cell(rest[0])
        rest = rest[1:]
    while rest and cell(rest[0]) == 0:
        rest = rest[1:]
    assert taken == column
    assert rest.startswith(marked)
    assert carets == sum(cell(char) for char in marked)


def cell(char: str) -> int:
    if char == "\u200d" or unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


@given(st.integers(0, 3000), st.integers(1, 400), st.integers(0, 3000), st.integers(10, 160))
def test_long_lines_are_cropped_around_the_caret(before: int, length: int, after: int, columns: int) -> None:
    line = "a" * before + "X" * length + "b" * after
    item = Diagnostic("R0102", "m", span=Span("x", 1, before + 1, length), help=("h",))
    drawn, column, carets = columns_before_caret(draw(item, source=line, columns=columns))
    room = max(columns - 4, 24)
    assert len(drawn) <= room
    assert drawn[column] == "X"
    assert drawn.count("X") == carets
    assert drawn.startswith("…") == (drawn.lstrip("…")[0] != line[0] or drawn.count("a") < before)
    assert drawn.endswith("…") == (drawn.count("b") < after or carets < length)


def test_control_and_bidi_characters_are_shown_as_escapes() -> None:
    item = Diagnostic("R0102", "bad \x1b[2J\u202e", span=Span("a\x1b.yaml", 1, 1, 1), label="\r", help=("\x07",))
    text = draw(item, source="\x1b]0;title\x07")
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", text)
    assert r"\x1b]0;title\x07" in text


SECRETS = ["hf_" + "a1B" * 9, "nvapi-" + "x" * 40, "https://user:hunter2@example.com/x"]


@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_appear_in_no_format(secret: str) -> None:
    hidden = secret.removeprefix("https://").split("@")[0]
    item = Diagnostic("R0106", f"m {secret}", span=Span("x", 1, 1, 3), label=secret, help=(secret,), notes=(secret,))
    formats = [
        draw(item, source=f"token: {secret}"),
        json.dumps(render_json([item])),
        render_github([item]),
        json.dumps(render_sarif([item], "1")),
    ]
    for text in formats:
        assert hidden not in text
    assert len(redacted(secret)) == len(secret)


def test_json_says_everything() -> None:
    assert render_json([FULL, Diagnostic("H0001", "m", Severity.WARNING)]) == [
        {
            "code": "R0102",
            "severity": "error",
            "message": "unknown key 'treshold'",
            "file": "recipes/x.yaml",
            "line": 2,
            "column": 10,
            "length": 8,
            "label": "did you mean 'threshold'?",
            "help": ["keys of parser: threshold, top_k"],
            "notes": ["first note"],
        },
        {
            **dict.fromkeys(("file", "line", "column", "length")),
            "code": "H0001",
            "severity": "warning",
            "message": "m",
            "label": "",
            "help": [],
            "notes": [],
        },
    ]


def test_github_annotations() -> None:
    assert render_github([FULL]) == (
        "::error file=recipes/x.yaml,line=2,col=10,endColumn=18,title=R0102::"
        "unknown key 'treshold' (did you mean 'threshold'?)%0Ahelp: keys of parser: threshold, top_k%0Afirst note\n"
    )
    assert render_github([Diagnostic("H0001", "50% of a::b", Severity.NOTE)]) == "::notice title=H0001::50%25 of a::b\n"


@given(st.text(max_size=40), st.text(min_size=1, max_size=40))
def test_github_commands_cannot_be_forged(message: str, file: str) -> None:
    text = render_github([Diagnostic("R0102", message, span=Span(file, 1, 1), help=("h",))])
    assert len(text.splitlines()) == 1 == text.count("\n")
    head, _, data = text[len("::error ") :].partition("::")
    properties = [part.split("=", 1)[0] for part in head.split(",")]
    assert properties == ["file", "line", "col", "endColumn", "title"]
    decoded = head.split(",")[0][len("file=") :]
    for escape, char in (("%2C", ","), ("%3A", ":"), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        decoded = decoded.replace(escape, char)
    assert decoded == presentable(file)
    assert data.startswith(presentable(message).replace("%", "%25"))


def test_sarif() -> None:
    document = render_sarif([FULL, Diagnostic("Q9999", "m", Severity.NOTE), FULL], "1.2.3")
    (run,) = document["runs"]
    assert document["version"] == "2.1.0"
    assert run["tool"]["driver"]["version"] == "1.2.3"
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["Q9999", "R0102"]
    assert rules[1]["shortDescription"] == {"text": CODES["R0102"].title}
    assert [rules[result["ruleIndex"]]["id"] for result in run["results"]] == ["R0102", "Q9999", "R0102"]
    assert [result["level"] for result in run["results"]] == ["error", "note", "error"]
    assert run["results"][0]["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "recipes/x.yaml"},
                "region": {"startLine": 2, "startColumn": 10, "endColumn": 18},
            }
        }
    ]
    assert "locations" not in run["results"][1]


def test_sarif_paths_are_uris() -> None:
    item = Diagnostic("R0102", "m", span=Span("a b/é%.yaml", 1, 1))
    (result,) = render_sarif([item], "1")["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%20b/%C3%A9%25.yaml"


WARNING = Diagnostic("R0012", "m", Severity.WARNING)


@pytest.mark.parametrize(
    ("items", "failed", "total", "text"),
    [
        ([], 0, 0, "no mistakes"),
        ([], 0, 1, "1 recipe, no mistakes"),
        ([], 0, 1400, "1,400 recipes, no mistakes"),
        ([FULL], 1, 1, "1 error in 1 recipe"),
        ([FULL, FULL], 2, 14, "2 errors in 2 of 14 recipes"),
        ([FULL, WARNING], 1, 14, "1 error and 1 warning in 1 of 14 recipes"),
        ([WARNING], 0, 14, "1 warning in 14 recipes"),
        ([FULL], 0, 0, "1 error"),
    ],
)
def test_summary(items: list[Diagnostic], failed: int, total: int, text: str) -> None:
    assert summary(items, failed, total) == text


def test_width() -> None:
    assert [width(text) for text in ("ab", "漢字", "e\u0301", "\t", "a\tb", "\x1b")] == [2, 4, 1, 4, 5, 4]

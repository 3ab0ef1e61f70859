"""Known problems in samples of logs. Each sample's name begins with the code that must be found in it.

The texts of nvinfer and deepstream-app are those of their sources, the others those that users report.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsimport.compiler.codes import CODES
from dsimport.compiler.render.terminal import render_terminal
from dsimport.runtime.diagnose.read import MAX_LINE, MAX_PLACES, RULES, Finding, explained_log, read_log, read_stream

LOGS = Path(__file__).resolve().parents[2] / "assets" / "logs"
SAMPLES = sorted(LOGS.glob("*.log"))


def read(text: str) -> list[Finding]:
    return read_stream(io.BytesIO(text.encode()))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_sample(path: Path, golden: Callable[[str, str], None]) -> None:
    found = read_log(path)
    assert path.stem[:5] in [item.rule.code for item in found]
    shown = render_terminal([item.diagnostic(path.name) for item in found], lambda file: path.read_text("utf-8"))
    golden(f"diagnose/{path.stem}.txt", shown)


def test_every_rule_has_its_sample() -> None:
    reviewed = (LOGS.parents[1] / "golden" / "diagnose").iterdir()
    assert sorted(path.stem for path in reviewed) == [path.stem for path in SAMPLES]
    seen = {id(item.rule) for path in SAMPLES for item in read_log(path)}
    assert [rule.pattern.pattern for rule in RULES if id(rule) not in seen] == []


def test_rules_say_what_to_do_and_name_only_what_they_find() -> None:
    for rule in RULES:
        assert rule.code in CODES
        assert rule.help
        names = dict.fromkeys(rule.pattern.groupindex, "x")
        for text in (rule.message, rule.cause, *rule.help):
            assert text.format(**names) == " ".join(text.format(**names).split())


def test_colours_carriage_returns_and_other_lines_do_not_hide_a_problem() -> None:
    text = "some line\r\n\x1b[31m** ERROR: \x1b[0mFailed to parse config file 'a.txt'\r\nmore\n"
    (found,) = read(text)
    assert (found.rule.code, found.line, found.column, found.count) == ("T0759", 2, 11, 1)
    assert found.message == "deepstream-app cannot read a.txt"


def test_places_of_one_kind_are_counted_and_bounded() -> None:
    keys = "".join(f"Unknown or legacy key specified 'k{n}' for group [property]\n" * 2 for n in range(20))
    found = read(keys)
    assert [(item.groups["key"], item.line, item.count) for item in found] == [
        (f"k{n}", 2 * n + 1, 2) for n in range(MAX_PLACES)
    ]


def test_rates_that_begin_with_zero_are_no_problem() -> None:
    zero, good = "**PERF:  0.00 (0.00)\t0.00 (0.00)\t\n", "**PERF:  0.00 (0.00)\t29.97 (12.10)\t\n"
    assert [item.rule.code for item in read(zero * 3)] == ["T0740"]
    assert read(zero * 3 + good) == []


def test_a_few_empty_lines_are_no_problem() -> None:
    assert read("** INFO: <bus_callback:628>: Pipeline running\n" + "\n" * 50) == []


def test_an_option_has_one_explanation() -> None:
    for option in ("--fp16", "--buildOnly", "--noCudaGraph", "--nonsense", "model.onnx"):
        assert len(read(f"[E] Unknown option: {option}\n")) == 1, option


def test_hostile_words_stay_words() -> None:
    (found,) = read("** ERROR: <main:691>: Failed to parse config file '{0.__class__}\x1b]0;x\x07{file}'\n")
    assert found.message == "deepstream-app cannot read {0.__class__}\\x1b]0;x\\x07{file}"


def test_what_explains_a_failed_step(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"x\n" * (1 << 20) + (LOGS / "T0774-foreign-node.log").read_bytes())
    notes, fixes = explained_log(log)
    assert notes[0].startswith("known problem T0774: TensorRT finds no implementation for a fused part")
    assert notes[1].startswith("evidence: [07/14/2026-")
    assert fixes == ["set graph.simplify: true, then engine.optimization_level: 2; or export with the other exporter"]
    assert explained_log(tmp_path / "none.log") == ([], [])
    assert explained_log(tmp_path) == ([], [])


_WORDS = [line for path in SAMPLES for line in path.read_text("utf-8").split("\n")]


@settings(deadline=None)  # machines are shared
@given(st.lists(st.one_of(st.sampled_from(_WORDS), st.text(max_size=40)), max_size=30))
def test_any_log_is_read(lines: list[str]) -> None:
    total = len("\n".join(lines).split("\n"))
    for found in read_stream(io.BytesIO("\n".join(lines).encode("utf-8", "replace"))):
        assert 1 <= found.line <= total
        found.diagnostic("a.log")


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_read(data: bytes) -> None:
    read_stream(io.BytesIO(data))
    read_stream(io.BytesIO(data * (MAX_LINE // max(1, len(data)) + 50)))

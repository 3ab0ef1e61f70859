"""What a person sees, on a terminal and in a pipe."""

from __future__ import annotations

import io
import time

import pytest
from apply_support import wait_for

from dsimport.compiler.diagnostics import Diagnostic, Severity
from dsimport.runtime import progress
from dsimport.runtime.progress import ENGINE_SILENCE, Progress, cut_to_width, seconds_text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_plain_lines_in_a_pipe() -> None:
    out = io.StringIO()
    with Progress(out) as shown:
        shown.start("engine-b64", ENGINE_SILENCE)
        shown.tool_line("a line of the tool")
        shown.say("a note")
        shown.warn(Diagnostic("T0412", "slow", Severity.WARNING))
        shown.done("engine-b64", 825.2, "94.2 MB")
        shown.idle("scale", "up to date")
        shown.start("kitti")
        shown.failed("kitti", 9, "no detections")
    assert out.getvalue() == (
        "  … engine-b64\n"
        "      a note\n"
        "      warning[T0412]: slow\n"
        "  ✓ engine-b64        13m 45s   94.2 MB\n"
        "  … kitti\n"
        "  ✗ kitti                9.0s   no detections\n"
    )


def test_verbose_adds_tool_output_and_quiet_says_nothing() -> None:
    loud, silent = io.StringIO(), Terminal()
    for shown in (Progress(loud, verbose=True), Progress(silent, quiet=True)):
        with shown:
            shown.start("a")
            shown.tool_line("  tool \x1b[2J says\r")
            shown.idle("b", "up to date")
            shown.done("a", 0.04, "")
    assert loud.getvalue() == (f"  … a\n      tool \\x1b[2J says\n  ● b{'':27}up to date\n  ✓ a{'':20}0.0s\n")
    assert silent.getvalue() == ""


def test_one_live_line_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "TICK_S", 0.01)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    out = Terminal()
    with Progress(out) as shown:
        shown.start("engine-b64")
        shown.tool_line("compiling " + "x" * 200 + "\x07")
        assert wait_for(lambda: "compiling" in out.getvalue())
        shown.done("engine-b64", 1, "fine")
    text = out.getvalue()
    last = text.rsplit("\x1b[K", 1)[1]
    assert last == "  ✓ engine-b64           1.0s   fine\n", "the live line is gone, the result stays"
    assert "\x07" not in text
    drawn = [piece for piece in text.split("\r\x1b[K") if "compiling" in piece]
    assert {len(piece) for piece in drawn} == {59}


@pytest.mark.parametrize("live", [True, False])
def test_the_silence_of_a_tool_is_explained(live: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "TICK_S", 0.01)
    monkeypatch.setattr(progress, "PLAIN_TICK_S", 0.01)
    monkeypatch.setattr(progress, "SILENCE_S", 0.05)
    out = io.StringIO()
    with Progress(out, live=live) as shown:
        shown.start("engine-b64", ENGINE_SILENCE)
        assert wait_for(lambda: ENGINE_SILENCE in out.getvalue())
        time.sleep(0.1)
        shown.start("bench-b64")
        time.sleep(0.1)
    assert out.getvalue().count(ENGINE_SILENCE) == 1, "once, and only for steps that are known for it"


@pytest.mark.parametrize("name", ["CI", "TERM"])
def test_no_live_line_in_ci_or_on_a_dumb_terminal(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "dumb")
    out = Terminal()
    with Progress(out) as shown:
        shown.start("a")
        shown.done("a", 1, "fine")
    assert "\x1b" not in out.getvalue()


def test_a_closed_or_narrow_minded_stream_does_not_stop_the_work() -> None:
    closed = io.StringIO()
    closed.close()
    shown = Progress(io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    shown.done("a", 1, "ü")
    gone = Progress(io.StringIO())
    gone._stream = closed
    gone.done("a", 1, "fine")


def test_durations() -> None:
    given = [0, 0.04, 9.94, 9.96, 59.4, 59.6, 61, 825.2, 3599.6, 7510]
    assert [seconds_text(item) for item in given] == (
        ["0.0s", "0.0s", "9.9s", "10s", "59s", "1m 00s", "1m 01s", "13m 45s", "1h 00m", "2h 05m"]
    )


def test_widths_count_columns() -> None:
    assert cut_to_width("abc", 3) == "abc"
    assert cut_to_width("abcd", 3) == "ab…"
    assert cut_to_width("日本語", 6) == "日本語"
    assert cut_to_width("日本語", 5) == "日本…"
    assert cut_to_width("e\u0301e\u0301", 2) == "e\u0301e\u0301"

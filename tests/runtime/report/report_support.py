"""A model applied by stand-ins that leave what the tools would, the real report of it, and readers of reports."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from e2e_quick import NAME, Quick

from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.runtime.formats import trtexec as log
from dsimport.runtime.formats.kitti import KittiLine, file_name, format_line
from dsimport.runtime.records import load_state
from dsimport.runtime.report.data import collect
from dsimport.runtime.report.schema import BenchmarkData
from dsimport.runtime.steps.base import Context, Outcome

__all__ = ["PIXEL", "Applied", "Page", "full_data", "headings", "tables"]

PIXEL = base64.b64decode(  # a PNG
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

HEADINGS = (
    "1. Model Configuration",
    "2. System Configuration",
    "3. Preprocessing",
    "4. Engine Build Summary",
    "5. trtexec Results",
    "6. PEAK_GPU_STREAMS Derivation",
    "7. Single-Stream Validation",
    "8. DeepStream Benchmark Results",
    "9. trtexec vs DeepStream Comparison",
    "10. Efficiency Analysis",
    "11. Pipeline Timing",
    "12. Reference Commands",
)


class Applied(Quick):
    """`Quick` with the real report. failing: a step's id and the diagnostic it ends with; boxes: detections a frame;
    mode: how the visual check ended."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, real=("report",))
        self.failing: tuple[str, Diagnostic, int] | None = None
        self.boxes = 2
        self.mode = "reference"

    @property
    def home(self) -> Path:
        return self.root / "models" / NAME

    @property
    def reports(self) -> Path:
        return self.home / "reports"

    def data(self) -> BenchmarkData:
        """The data as the records have it now."""
        state = load_state(self.home)
        assert state is not None
        return collect(self.plan(), self.root, state)

    def _stand_in(self, context: Context) -> Outcome:
        outcome = super()._stand_in(context)
        if context.step.kind == "bench":
            context.say("* GPU compute time is unstable")
            context.log_path.write_text(_bench_log(), "utf-8")
        if context.step.kind == "visual":
            self._visual(context)
        if context.step.kind == "kitti":
            self._kitti(context)
        if context.step.kind == "graph":
            context.warn(Diagnostic("G0403", "a pass was left out", help=("none",)))
        if self.failing is not None and self.failing[0] == context.step.id:
            raise DsimportError(self.failing[1], exit_code=self.failing[2])
        return outcome

    def _visual(self, context: Context) -> None:
        skipped = self.mode == "skipped"
        clip = None if skipped else f"{context.plan.home}/samples/{context.plan.name}_single_stream.mp4"
        marker = {"mode": self.mode, "output": clip, "frames": [] if skipped else ["frame_1.png"]}
        context.path(context.step.outputs[0]).write_text(json.dumps(marker), "utf-8")

    def _kitti(self, context: Context) -> None:
        folder = context.path(context.step.params["folder"])
        for path in folder.iterdir():
            path.unlink()
        for frame in range(4):
            lines = [format_line(KittiLine(f"label {n}", 1, 2, 30, 40, 0.5)) for n in range(self.boxes)]
            (folder / file_name(0, 0, frame)).write_text("".join(lines), "utf-8")


def _bench_log() -> str:
    spread = log.spread_of([1.0, 1.5, 2.0, 4.0], (50, 99))
    summary = log.Summary(100.0, spread, spread, spread, spread, spread, 1.0, 1.0)
    return "\n".join(log.log_line("I", line, time.gmtime(0)) for line in log.summary_lines(summary))


def full_data(data: BenchmarkData) -> BenchmarkData:
    """The data with something in every place that may be null or empty."""
    document = data.model_dump(mode="json")
    system = {key: f"a {key}" for key in document["system"]} | {"others": ["another machine"]}
    failure = {"step": "kitti", "code": "G0401", "message": "too few boxes", "when": "2026-01-02T03:04:05.000Z"}
    failed = {"id": "bad", "kind": "kitti", "state": "failed", "seconds": 1.0, "started": "2026", "summary": "too few"}
    steps = [step for step in document["steps"] if step["state"] == "ok"]
    notes = [{"step": "graph", "code": "G0403", "text": "left out"}]
    run = {"streams": 4, "total_fps": 99.0, "fps_per_stream": 24.75}
    trtexec = document["trtexec"] | {"ended": {"step": "engine-b8", "why": "no memory"}}
    deepstream = document["deepstream"] | {"run2_full": run, "run2_halved": True}
    source = document["source"] | {"revision": "main", "commit": "abc123", "onnx": "model.onnx", "files": 3}
    changes = {
        "system": system, "failures": [failure], "steps": [*steps, failed], "notes": notes, "complete": False,
        "deepstream": deepstream, "trtexec": trtexec, "source": source, "pdf": {"made_by": "a converter"},
    }  # fmt: skip
    whole = BenchmarkData.model_validate(document | changes)
    assert list(_empty(whole.model_dump(mode="json"))) == []
    return whole


def _empty(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict) and path != ".settings":
        for key, item in value.items():
            yield from _empty(item, f"{path}.{key}")
    elif isinstance(value, list):
        for item in value:
            yield from _empty(item, f"{path}[]")
    if value is None or value == []:
        yield path


def headings(markdown: str) -> tuple[str, ...]:
    """Second-level headings in their order."""
    return tuple(line[3:].replace("\\", "") for line in markdown.split("\n") if line.startswith("## "))


def tables(markdown: str) -> list[list[str]]:
    """Tables as their lines, head and rule included."""
    found: list[list[str]] = []
    before = ""
    for line in markdown.split("\n"):
        if line.startswith("|"):
            if not before.startswith("|"):
                found.append([])
            found[-1].append(line)
        before = line
    return found


class Page(HTMLParser):
    """A page as a strict reader sees it. elements: every tag with its attributes' names; values: by (tag, attribute);
    words: all text outside of style sheets."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.values: list[tuple[str, str, str]] = []
        self.words = ""
        self._style = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _ in attrs)))
        self.values += [(tag, name, value or "") for name, value in attrs]
        self._style = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._style = False

    def handle_data(self, data: str) -> None:
        if not self._style:
            self.words += data

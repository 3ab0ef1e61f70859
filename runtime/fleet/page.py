"""The fleet as one static page: no framework, nothing from outside, readable from `file://` and on a phone.

Models are grouped by what measured them, and sorted within their group only: figures of a CPU and of TensorRT, or of
two GPUs, never stand in one ranking.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dsimport.compiler.escape import single_line, uri_path
from dsimport.compiler.templating import Raw, render
from dsimport.runtime.fleet.collect import Row

__all__ = ["fleet_page"]

_MAX_WHY = 160  # characters of a reason on the page; the data has all of it
_UNKNOWN = "–"


@dataclass(frozen=True)
class _Column:
    title: str
    numeric: bool = True


_COLUMNS = (
    _Column("Model", numeric=False),
    _Column("Streams per GPU"),
    _Column("img/s"),
    _Column("Latency, batch 1"),
    _Column("Detection rate"),
    _Column("Verify"),
    _Column("Engine", numeric=False),
    _Column("Last run", numeric=False),
)


@dataclass(frozen=True)
class _Cell:
    """What a cell shows, by what it sorts (empty: last), and a second line."""

    text: str
    key: str = ""
    note: str = ""
    link: str = ""
    kind: str = ""


def fleet_page(rows: Sequence[Row], root: Path, page: Path) -> str:
    """Text of the HTML file that is to lie at `page`; links lead from there to the reports below `root`."""
    groups: dict[tuple[bool, str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.toolchain == "reference", row.toolchain, row.hardware), []).append(row)
    here = os.path.realpath(page.parent)
    base = os.path.realpath(root)
    style, script = (render("html", f"report/fleet.{suffix}") for suffix in ("css", "js"))
    return render(
        "html",
        "report/fleet.html.j2",
        columns=_COLUMNS,
        groups=[
            (_group_title(key, len(members)), [_cells(row, base, here) for row in members])
            for key, members in sorted(groups.items())
        ],
        count=len(rows),
        summary=_summary(rows),
        style=Raw(style),
        script=Raw(script),
        policy=f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'",
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _summary(rows: Sequence[Row]) -> str:
    counts: Counter[str] = Counter(row.engine.state for row in rows)
    states = ("current", "stale", "not built", "unknown")
    return "Engines: " + (", ".join(f"{counts[state]} {state}" for state in states if counts[state]) or "none")


def _group_title(key: tuple[bool, str, str], count: int) -> str:
    reference, toolchain, hardware = key
    where = single_line(hardware) or "hardware not recorded"
    known = {"deepstream": "TensorRT and DeepStream", "": "never applied"}
    what = "CPU, not TensorRT" if reference else known.get(toolchain, single_line(toolchain))
    title = where if where.startswith(what) else f"{what}: {where}"
    return f"{title} ({count} {'model' if count == 1 else 'models'})"


def _cells(row: Row, base: str, here: str) -> list[_Cell]:
    if row.problem:
        blank = [_Cell(_UNKNOWN)] * (len(_COLUMNS) - 3)
        return [_name(row, base, here), *blank, _Cell("unknown", note=_short(row.problem), kind="bad"), _Cell(_UNKNOWN)]
    target = None if row.target_fps is None else f"at {row.target_fps:g} fps"
    return [
        _name(row, base, here),
        _number(row.streams, "{:,.0f}", target or ""),
        _number(row.images_per_s, "{:,.1f}", f"batch {row.batch}" if row.batch else ""),
        _number(row.latency_ms, "{:,.2f} ms"),
        _number(row.detection_rate, "{:.1%}"),
        _number(row.verify_rate, "{:.1%}"),
        _engine(row),
        _Cell(_when(row.last_run), row.last_run, row.ended, kind="" if row.ended in ("done", "under way") else "bad"),
    ]


def _name(row: Row, base: str, here: str) -> _Cell:
    link = uri_path(os.path.relpath(os.path.join(base, row.report), here)) if row.report else ""  # noqa: PTH118
    return _Cell(single_line(row.name), row.name, single_line(row.recipe), link)


def _number(value: float | None, form: str, note: str = "") -> _Cell:
    return _Cell(_UNKNOWN) if value is None else _Cell(form.format(value), f"{value:.6g}", note)


def _engine(row: Row) -> _Cell:
    engine = row.engine
    kind = {"current": "good", "unknown": ""}.get(engine.state, "bad")
    return _Cell(engine.state, engine.state, _short(engine.why), kind=kind)


def _short(text: str) -> str:
    flat = single_line(text)
    return flat if len(flat) <= _MAX_WHY else flat[: _MAX_WHY - 1] + "…"


def _when(run: str) -> str:
    """`2026-11-25 15:24` from a run's id, which begins with the time in UTC."""
    date, _, time = run.partition("T")
    if len(date) == 8 and len(time) >= 6 and (date + time[:6]).isascii() and (date + time[:6]).isdigit():
        return f"{date[:4]}-{date[4:6]}-{date[6:]} {time[:2]}:{time[2:4]} UTC"
    return single_line(run) or _UNKNOWN

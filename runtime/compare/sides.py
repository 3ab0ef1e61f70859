"""Where the figures of a comparison come from: a model's record, a report's data, or one run of a model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.compiler.escape import single_line
from dsimport.compiler.suggest import closest
from dsimport.runtime.atomic import host_error
from dsimport.runtime.compare.history import RUN_ID, Run, read_history, text_at
from dsimport.runtime.compare.judge import Side
from dsimport.runtime.compare.metrics import figures_of_data, figures_of_values
from dsimport.runtime.records import load_state
from dsimport.runtime.status import all_models

__all__ = ["DATA_NAME", "read_data", "read_sides"]

DATA_NAME = "benchmark_data.json"
MAX_DATA = 8 << 20  # bytes


@dataclass(frozen=True)
class _Found:
    """One side before the history is divided. runs: those of the same plan, up to this side's moment. pooled: the
    repeats themselves are what is compared, not just the latest figures."""

    label: str
    toolchain: str
    figures: dict[str, float]
    data: Mapping[str, Any] = field(default_factory=dict)
    home: Path | None = None
    plan: str = ""
    runs: tuple[Run, ...] = ()
    pooled: bool = False


def read_sides(root: Path, a: str, b: str) -> tuple[Side, Side]:
    """Both sides. DsimportError: P0710 nothing has that name, P0711 not figures of a report, S and H codes."""
    left, right = _find(root, a), _find(root, b)
    left_runs, right_runs = _divided(left, right)
    return _side(left, left_runs), _side(right, right_runs)


def read_data(path: Path) -> dict[str, Any] | None:
    """A `benchmark_data.json` as plain data; None where there is none. DsimportError P0711 for what is none."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as stream:
            text = stream.read(MAX_DATA + 1)
    except OSError as error:
        raise host_error(error, path) from error
    try:
        document = json.loads(text) if len(text) <= MAX_DATA else None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("model_name"), str):
        raise DsimportError(
            Diagnostic(
                "P0711",
                f"{single_line(str(path))} is no benchmark data",
                help=(f"name the {DATA_NAME} of a report, or its folder; `dsimport apply` writes it anew",),
            )
        )
    return document


def _find(root: Path, word: str) -> _Found:
    models = all_models(root)
    if word in models:
        return _model(root, word)
    name, _, run = word.rpartition("@")
    if RUN_ID.fullmatch(run):
        for model in [name] if name else models:
            found = _run(root, model, run) if model in models else None
            if found is not None:
                return found
    for path in (root / word, root / word / DATA_NAME, root / word / "reports" / DATA_NAME):
        data = None if path.is_dir() else read_data(path)
        if data is not None:
            return _report(path, data)
    near = closest(word, models)
    known = ", ".join(models) or "none was applied here"
    raise DsimportError(
        Diagnostic(
            "P0710",
            f"nothing to compare is called '{single_line(word)}'",
            help=(
                *([f"did you mean '{near}'?"] if near else []),
                f"name a model ({known}), a run as MODEL@RUN, or a {DATA_NAME} or its folder",
            ),
        )
    )


def _model(root: Path, name: str) -> _Found:
    home = root / "models" / name
    state = load_state(home)
    if state is None:
        return _Found(name, "", {}, home=home)
    runs = tuple(run for run in read_history(home) if run.plan == state.plan)
    figures = figures_of_values(state.values())
    data = _data_of(home, state.toolchain)
    return _Found(name, state.toolchain, figures, data, home, state.plan, runs, pooled=True)


def _run(root: Path, name: str, run_id: str) -> _Found | None:
    home = root / "models" / name
    history = read_history(home)
    run = next((run for run in history if run.id == run_id), None)
    if run is None:
        return None
    state = load_state(home)
    # The report shows the latest plan only: an older one may have had other settings.
    data = _data_of(home, run.toolchain) if state is not None and state.plan == run.plan else {}
    runs = tuple(item for item in history if item.plan == run.plan and item.id <= run.id)
    return _Found(f"{name}@{run_id}", run.toolchain, figures_of_values(run.known), data, home, run.plan, runs)


def _report(path: Path, data: dict[str, Any]) -> _Found:
    home = path.absolute().parent.parent
    state = load_state(home) if (home / ".dsimport" / "state.json").is_file() else None
    plan = text_at(data, "plan") or ("" if state is None else state.plan)
    runs = tuple(run for run in read_history(home) if run.plan == plan) if plan else ()
    label = f"{data['model_name']} ({path.as_posix()})"
    return _Found(label, text_at(data, "toolchain"), figures_of_data(data), data, home, plan, runs)


def _data_of(home: Path, toolchain: str) -> Mapping[str, Any]:
    """The report's data beside a record, where it can be read and is of the same toolchain."""
    try:
        data = read_data(home / "reports" / DATA_NAME)
    except DsimportError:
        return {}
    return data if data is not None and data.get("toolchain") == toolchain else {}


def _divided(a: _Found, b: _Found) -> tuple[tuple[Run, ...], tuple[Run, ...]]:
    """The runs that tell each side's noise. Of one plan's runs the later side has those after the earlier side: what
    lies between two sides is what is asked for, not noise."""
    if a.home != b.home or a.plan != b.plan or not a.runs or not b.runs or a.runs[-1].id == b.runs[-1].id:
        return a.runs, b.runs
    first, second = (a, b) if a.runs[-1].id < b.runs[-1].id else (b, a)
    later = tuple(run for run in second.runs if run.id > first.runs[-1].id)
    return (first.runs, later) if first is a else (later, first.runs)


def _side(found: _Found, runs: tuple[Run, ...]) -> Side:
    repeats: dict[str, list[float]] = {}
    for run in runs:
        batch = {"max_batch": run.known.get("max_batch")}
        for key, figure in figures_of_values({**batch, **run.measured}).items():
            repeats.setdefault(key, []).append(figure)
    samples: dict[str, tuple[float, ...]] = {}
    for key, figure in found.figures.items():
        seen = tuple(repeats.get(key, ()))
        samples[key] = seen if found.pooled and seen and key != "max_batch" else (figure,)
    settings = found.data.get("settings")
    return Side(
        label=found.label,
        toolchain=found.toolchain,
        hardware=text_at(found.data, "hardware"),
        samples=samples,
        repeats=repeats,
        settings=settings if isinstance(settings, dict) else {},
    )

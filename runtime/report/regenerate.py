"""A report made again from the records of a model, whatever became of its run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.compiler.escape import single_line
from dsimport.compiler.plan import Plan
from dsimport.compiler.record import ModelState
from dsimport.runtime.atomic import make_folder
from dsimport.runtime.digest import hash_file
from dsimport.runtime.execute import put_back
from dsimport.runtime.lock import ModelLock
from dsimport.runtime.process import Finished, run_program
from dsimport.runtime.records import load_plan, load_state, save_state
from dsimport.runtime.report.pdf import PDF_TIMEOUT_S, RunProgram
from dsimport.runtime.report.write import Written, write_report

__all__ = ["converter", "report_again"]


def report_again(root: Path, name: str, formats: Sequence[str] | None, folder: Path | None) -> tuple[Path, Written]:
    """Write the report of an applied model; its folder and what is in it.

    formats: those of the recipe if not given. folder: another place; the model's own record then stays as it is.
    DsimportError: S0621 no plan on record, S0601 damaged record, S0603 another process writes, H codes.
    """
    place = Path(os.path.abspath(root))  # noqa: PTH100 - links on the way to the root stay as they were named
    home = place / "models" / name
    if folder is not None:
        plan, state = _known(home)
        make_folder(folder)
        return folder, _write(plan, place, folder, state, formats)
    with ModelLock(home):
        plan, state = _known(home)
        state = put_back(place, plan.home, state)
        folder = place / plan.step("report").params["folder"]
        written = _write(plan, place, folder, state, formats)
        _note(place, home, state)
    return folder, written


def converter(folder: Path) -> RunProgram:
    """Runs converters in `folder`, for as long as one may take; what they say is in the result only."""

    def run(argv: Sequence[str]) -> Finished:
        return run_program(argv, cwd=folder, timeout_s=PDF_TIMEOUT_S)

    return run


def _known(home: Path) -> tuple[Plan, ModelState]:
    plan, state = load_plan(home), load_state(home)
    if plan is None or state is None:
        recipe = state.recipe if state is not None else "RECIPE"
        raise DsimportError(
            Diagnostic(
                "S0621",
                f"{single_line(home.name)} has no plan on record",
                help=(f"dsimport apply {single_line(recipe)}: that keeps the plan, and repeats nothing",),
            )
        )
    return plan, state


def _write(plan: Plan, root: Path, folder: Path, state: ModelState, formats: Sequence[str] | None) -> Written:
    wanted = formats or plan.step("report").params["formats"]
    return write_report(plan, root, folder, state, wanted, converter(root), fresh=False)


def _note(root: Path, home: Path, state: ModelState) -> None:
    """The files of the report's step are new: its record is to know them, or the next plan would write them again."""
    record = state.steps.get("report")
    if record is None or record.status != "ok":
        return
    outputs = {path: hash_file(root / path) for path in record.outputs}
    save_state(home, state.with_step(record.model_copy(update={"outputs": outputs})))

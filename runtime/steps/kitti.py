"""Step `kitti`: detections of one stream as KITTI files, and the gate on them."""

from __future__ import annotations

import shutil
from pathlib import Path

from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.compiler.plan import Value
from dsimport.runtime.atomic import TEMPORARY, write_bytes
from dsimport.runtime.causes import likely_causes
from dsimport.runtime.formats.kitti import read_folder
from dsimport.runtime.steps.base import Context, Outcome

__all__ = ["run"]

GATE_EXIT_CODE = 3
ROOM = 1 << 16  # bytes, more than the KITTI file of any frame


def run(context: Context) -> Outcome:
    """Run deepstream-app into an empty folder, keep the first frames, and hold the detection rate against the gate."""
    params = context.step.params
    folder = context.root / params["folder"]
    shutil.rmtree(folder, ignore_errors=True)  # old frames would be counted
    folder.mkdir(parents=True)
    context.run()
    _check_room(folder)
    for extra in sorted(folder.glob("*.txt"))[params["frames"] :]:
        extra.unlink()
    summary = read_folder(folder)
    rate = summary.frames_with_detections / summary.frames if summary.frames else 0.0
    wanted = params["min_detection_rate"]
    text = f"{summary.frames_with_detections} of {summary.frames} frames have a detection"
    if summary.frames == 0 or rate < wanted:
        raise DsimportError(
            Diagnostic(
                "G0401",
                f"{text} (gate: {wanted:.0%})",
                notes=(
                    *likely_causes(context.plan, context.root, summary, context.log_path),
                    f"evidence: {params['folder']}, {context.log_path}",
                ),
                help=(
                    "look at the causes above, correct the recipe and apply again; nothing was deleted",
                    "lower pipeline.min_detection_rate only if the clip really has frames without objects",
                ),
            ),
            exit_code=GATE_EXIT_CODE,
        )
    values: dict[str, Value] = {
        "kitti.frames": summary.frames,
        "kitti.frames_with_detections": summary.frames_with_detections,
        "kitti.detections": summary.detections,
        "kitti.rate": rate,
    }
    return Outcome(values, f"{text}, {summary.detections} boxes")


def _check_room(folder: Path) -> None:
    """DsimportError (H codes) on a disk without room: deepstream-app leaves out what it cannot write and says nothing,
    and missing detections would be taken for the model's."""
    probe = folder / f"{TEMPORARY}room"
    write_bytes(probe, bytes(ROOM))
    probe.unlink()

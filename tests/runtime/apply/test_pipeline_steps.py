"""What steps around deepstream-app and trtexec make of their logs: the seed's scripts counted and divided wrongly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from apply_support import HOME, make_plan, run, sh, shell

from dsimport.compiler.plan import Step
from dsimport.runtime.apply import ApplyResult
from dsimport.runtime.steps import HANDLERS


def row(first: float, second: float) -> str:
    return f"**PERF:  {first:.2f} ({first:.2f})\\t{second:.2f} ({second:.2f})\\t\\n"


def ds_run(root: Path, log: str, streams: int = 2) -> ApplyResult:
    """A benchmark run whose program prints `log`."""
    scale = Step(
        id="scale",
        kind="scale",
        title="",
        argv=sh("true"),
        params={"give": {"run1.streams": streams, "max_batch": 64}},
        gives=("run1.streams", "max_batch"),
    )
    step = Step(
        id="ds-run1",
        kind="ds-run",
        title="",
        needs=("scale",),
        argv=sh(f"printf '{log}'"),
        log=f"{HOME}/benchmarks/ds/run1.log",
        params={"run": "run1", "streams": "run1.streams", "target_fps": 30, "values": ["run1.streams", "max_batch"]},
        gives=("run1.total_fps", "run1.fps_per_stream", "run2.streams"),
    )
    return run(make_plan([scale, step]), root, {**HANDLERS, "scale": shell})


@pytest.mark.parametrize(
    "log",
    [
        "",
        "** INFO: <bus_callback:628>: Pipeline running\\n",
        row(0, 0) * 30,
        row(0, 29.9) * 30,
        "**PERF:  30.00 (30.00)\\t\\n" * 12,
    ],
    ids=["empty", "no row", "all zero", "one stream at zero", "fewer streams than asked for"],
)
def test_a_run_without_a_rate_for_every_stream_is_no_success(log: str, tmp_path: Path) -> None:
    result = ds_run(tmp_path, log)
    assert (result.exit_code, result.failed) == (4, "ds-run1")
    assert [item.code for item in result.diagnostics] == ["T0412"]


def test_zero_rates_are_explained(tmp_path: Path) -> None:
    (found,) = ds_run(tmp_path, row(0, 0) * 30).diagnostics
    assert found.notes[0].startswith("known problem T0740: no frame was counted: every rate in the log is 0")
    assert any(line.startswith("read ") for line in found.help)


def test_all_streams_count_and_empty_lines_do_not(tmp_path: Path) -> None:
    """The seed took the first stream's rate for everybody's; a closed standard input fills logs with empty lines."""
    result = ds_run(tmp_path, "\\n" * 40 + (row(40, 20) + "\\n" * 3) * 12)
    assert result.exit_code == 0, result.diagnostics
    assert result.values["run1.total_fps"] == pytest.approx(60.0)
    assert result.values["run2.streams"] == 2


def test_a_crash_is_no_rate(tmp_path: Path) -> None:
    result = ds_run(tmp_path, row(30, 30) * 12 + "'; kill -SEGV $$; printf '")
    assert (result.exit_code, result.failed) == (4, "ds-run1")
    assert [item.code for item in result.diagnostics] == ["T0602"]


def kitti(root: Path, script: str, **params: Any) -> ApplyResult:
    folder = f"{HOME}/samples/kitti_output/"
    step = Step(
        id="kitti",
        kind="kitti",
        title="",
        outputs=(folder,),
        argv=sh(script),
        log=f"{HOME}/benchmarks/ds/kitti.log",
        params={"folder": folder, "frames": 3, "min_detection_rate": 0.5} | params,
        gives=("kitti.frames", "kitti.frames_with_detections", "kitti.detections", "kitti.rate"),
    )
    return run(make_plan([step]), root, HANDLERS)


LINE = "face 0.0 0 0.0 1.0 1.0 2.0 2.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.9"


def test_a_long_log_and_old_files_do_not_disturb_kitti(tmp_path: Path) -> None:
    """The seed's script piped the application into head, and counted what an earlier run had left."""
    folder = f"{HOME}/samples/kitti_output"
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder / "00_000_009999.txt").write_text(LINE + "\n", "utf-8")
    script = (
        f"i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i + 1)); done; "
        f"for n in 0 1 2 3; do echo '{LINE}' > {folder}/00_000_00000$n.txt; done"
    )
    result = kitti(tmp_path, script)
    assert result.exit_code == 0, result.diagnostics
    assert result.values["kitti.frames"] == 3, "old frames are gone, and those above the wanted number are not counted"
    assert len((tmp_path / HOME / "benchmarks/ds/kitti.log").read_text("utf-8").splitlines()) == 3000


def test_empty_files_are_frames_without_detections(tmp_path: Path) -> None:
    """deepstream-app writes a file for every frame, so only the share of those with boxes says something."""
    folder = f"{HOME}/samples/kitti_output"
    script = f"for n in 0 1 2; do : > {folder}/00_000_00000$n.txt; done; echo '{LINE}' > {folder}/00_000_000000.txt"
    result = kitti(tmp_path, script, min_detection_rate=0.3)
    assert result.exit_code == 0, result.diagnostics
    assert (result.values["kitti.frames"], result.values["kitti.frames_with_detections"]) == (3, 1)

"""`dsimport report` as users run it, on a model that the reference toolchain really ran; its commands, pasted."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

from e2e_support import Project, copy_project

NAME = "tiny-yolov8"
RECIPE = f"recipes/{NAME}.yaml"


def commands(report: str) -> dict[str, str]:
    """The commands of section 12 by step, as a reader would copy them."""
    section = report.partition("\n## 12. Reference Commands\n")[2]
    return dict(re.findall(r"^([\w-]+):\n\n    (.+)$", section, re.MULTILINE))


def test_the_commands_of_a_report_run_when_pasted(undisturbed: Project, tmp_path: Path) -> None:
    made = copy_project(undisturbed, tmp_path / "a copy, with blanks")
    done = made.run("report", NAME, "--formats", "md")
    assert done.returncode == 0, done.stderr
    home = made.models / NAME
    found = commands((home / "reports/benchmark_report.md").read_text("utf-8"))
    steps = ["build-parser", "engine-b2", "bench-b2", "bench-b1", "visual", "kitti", "ds-run1", "ds-run2"]
    assert list(found) == steps
    for command in found.values():
        subprocess.run(["sh", "-n"], input=command.encode(), check=True)
        words = shlex.split(command)
        assert Path(words[0]).is_absolute()
        assert [word for word in words if word.startswith(("models/", "recipes/"))] == []
    log = home / "benchmarks/b1/trtexec_b1.log"
    assert str(home / f"benchmarks/engines/{NAME}_dynamic_b2.engine") in found["bench-b1"]
    for step in ("build-parser", "bench-b1", "kitti"):
        # Another folder, and no PATH that knows the reference programs.
        again = subprocess.run(["sh", "-c", found[step]], cwd="/", capture_output=True, text=True)
        assert again.returncode == 0, again.stdout + again.stderr
        if step == "bench-b1":
            assert "Throughput: " in again.stdout
    assert log.is_file()


def test_reports_of_names_recipes_and_documents(undisturbed: Project, tmp_path: Path) -> None:
    made = copy_project(undisturbed, tmp_path / "copy")
    document = made.json("report", RECIPE, "--formats", "html")
    [report] = document["reports"]
    assert (report["name"], report["diagnostics"]) == (NAME, [])
    assert [name for name in report["files"] if not (Path(made.root) / report["folder"] / name).is_file()] == []
    home = made.models / NAME
    page = (home / "reports/benchmark_report.html").read_text("utf-8")
    assert page.count("data:image/png") == 5
    assert page.count("data:image/jpeg") == 1  # frames with their boxes
    clip = re.search(r'href="(\.\./samples/[^"]+\.mp4)"', page)
    assert clip is not None
    assert (home / "reports" / clip[1]).is_file()
    unchanged = made.run("plan", RECIPE, "--toolchain", "reference", "--detailed-exitcode")
    assert unchanged.returncode == 0, unchanged.stdout

    unknown = made.run("report", "nobody")
    assert (unknown.returncode, "S0609" in unknown.stderr, unknown.stdout) == (1, True, "")
    (made.root / "notes.md").write_text("# Notes\n\nText.\n", "utf-8")
    done = made.run("report", "--doc", "notes.md", "--formats", "html", "-o", "out")
    assert (done.returncode, done.stdout) == (0, "out/notes.html\n"), done.stderr
    assert "<title>Notes</title>" in (made.root / "out/notes.html").read_text("utf-8")
    for words in (["report"], ["report", NAME, "--doc", "notes.md"], ["report", NAME, "--formats", "doc"]):
        wrong = made.run(*words)
        assert wrong.returncode == 2
        assert "usage: dsimport report" in wrong.stderr


def test_a_report_of_another_users_machine_needs_no_tools(undisturbed: Project, tmp_path: Path) -> None:
    """The folder, copied to where neither recipe nor clip nor programs are."""
    made = copy_project(undisturbed, tmp_path / "copy")
    for path in (made.root / "recipes").iterdir():
        path.unlink()
    data = json.loads((undisturbed.models / NAME / "reports/benchmark_data.json").read_text("utf-8"))
    assert made.run("report", NAME, "--formats", "md").returncode == 0
    again = json.loads((made.models / NAME / "reports/benchmark_data.json").read_text("utf-8"))
    moved = ("commands", "pdf", "seconds", "total_seconds")
    assert {key: again[key] for key in again if key not in moved} == {k: data[k] for k in data if k not in moved}

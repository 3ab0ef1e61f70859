"""A project folder with a recipe, and the command as users run it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[2]
ASSETS = REPO / "tests" / "assets"
BIN = Path(sys.executable).parent

FRAMES = 40

# One frame per second is real time for any machine, so every run has two streams, and file names do not move.
SETTINGS = {"run_s": 6, "fps": 1}

# What differs between the layouts; everything else is the family's.
LAYOUTS: dict[str, dict[str, Any]] = {
    "yolov8": {"input": "images", "classes": 3},
    "detr": {"input": "pixel_values", "classes": 3, "plain": True},
    "rt-detr": {"input": "pixel_values", "classes": 3},
    "nms-rows": {"input": "images", "classes": 3},
    "centerface": {"input": "input.1", "classes": 1},
}


def recipe_text(layout: str, **changes: Any) -> str:
    """The recipe of one layout. `plain`: pixels of 0..1 without mean and std, whatever the family was trained on."""
    facts = LAYOUTS[layout]
    labels = "[square, circle, triangle]" if facts["classes"] == 3 else "[shape]"
    values = {
        "threshold": 0.35,
        "frames": FRAMES,
        "max_batch": 2,
        "batch_limit": 2,
        "min_rate": 0.9,
        "run_s": 6,
        "fps": 30,
    } | changes
    plain = "preprocess: {scale: 1/255, mean: [0, 0, 0], std: [1, 1, 1], resize: stretch}\n" if "plain" in facts else ""
    queries = {"detr": "  outputs: {logits: [100, 4], pred_boxes: [100, 4]}\n"}
    queries["rt-detr"] = "  outputs: {logits: [100, 3], pred_boxes: [100, 4]}\n"
    queries["nms-rows"] = "  outputs: {output0: [100, 6]}\n"
    queries["yolov8"] = "  outputs: {output0: [7, 768]}\n"
    return (
        "schema: 1\n"
        f"name: tiny-{layout}\n"
        "source: {file: {path: model.onnx}}\n"
        "model:\n"
        f"  family: {layout}\n"
        f"  input: {{name: {facts['input']}, height: 96, width: 128}}\n"
        f"  classes: {facts['classes']}\n"
        f"  labels: {labels}\n"
        f"{queries.get(layout, '')}"
        f"{plain}"
        f"parser: {{threshold: {values['threshold']}}}\n"
        f"engine: {{precision: fp32, max_batch: {values['max_batch']}, batch_limit: {values['batch_limit']}}}\n"
        f"pipeline: {{video: clip.mp4, frames: {values['frames']}, min_detection_rate: {values['min_rate']}, "
        "muxer: {width: 256, height: 192}}\n"
        f"benchmark: {{warmup_ms: 20, duration_s: 0.2, run_s: {values['run_s']}, target_fps: {values['fps']}}}\n"
    )


@dataclass
class Project:
    """A root folder in which `dsimport` is run."""

    root: Path

    def write(self, layout: str, **changes: Any) -> Path:
        """(Re)write the recipe; its path."""
        path = self.root / "recipes" / f"tiny-{layout}.yaml"
        path.write_text(recipe_text(layout, **changes), "utf-8")
        return path

    def run(self, *words: str, path: str | None = None, **env: str) -> subprocess.CompletedProcess[str]:
        """Run dsimport here. path: PATH in front of the usual one."""
        command = [str(BIN / "dsimport"), *words]
        environment = self.environment(path, **env)
        return subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True, timeout=300)

    def start(self, *words: str, path: str | None = None, **env: str) -> subprocess.Popen[str]:
        """Start dsimport here; the caller waits for it or kills it. Standard error goes nowhere."""
        command = [str(BIN / "dsimport"), *words]
        environment = self.environment(path, **env)
        return subprocess.Popen(
            command,
            cwd=self.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def environment(self, path: str | None = None, **env: str) -> dict[str, str]:
        """What `run` passes on: no colours, no toolchain chosen outside, and PATH as it says there."""
        search = os.pathsep.join(part for part in (path, str(BIN), os.environ["PATH"]) if part)
        outer = {key: value for key, value in os.environ.items() if key != "DSIMPORT_TOOLCHAIN"}
        return {**outer, "PATH": search, "NO_COLOR": "1", **env}

    def json(self, *words: str, code: int = 0, **env: str) -> Any:
        """The document of a `--json` command that must end with this exit code."""
        done = self.run(*words, "--json", **env)
        assert done.returncode == code, done.stderr + done.stdout
        return json.loads(done.stdout)

    @property
    def models(self) -> Path:
        return self.root / "models"


def copy_project(project: Project, root: Path) -> Project:
    """A project of one's own with the same recipes and models."""
    for name in ("recipes", "models"):
        shutil.copytree(project.root / name, root / name)
    return Project(root)


def tree(folder: Path, without: Iterable[str] = ()) -> dict[str, str]:
    """sha256 of every file below a folder by relative path, `folder` for folders; `without`: names of files and
    folders that are left out, suffixes (`*.log`) included."""
    found: dict[str, str] = {}
    dropped = tuple(without)
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if any(
            Path(*name.parts[:count]).match(pattern) for count in range(1, len(name.parts) + 1) for pattern in dropped
        ):
            continue
        if path.is_symlink():
            found[name.as_posix()] = f"link {path.readlink()}"
        else:
            found[name.as_posix()] = "folder" if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def links_to_reference(folder: Path) -> str:
    """A folder for PATH in which `trtexec` and `deepstream-app` are links to the reference programs; its path."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("trtexec", "deepstream-app"):
        (folder / name).symlink_to(BIN / f"ref-{name}")
    return str(folder)

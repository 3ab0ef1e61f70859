"""The wheel, installed in an empty environment outside the repository: it plans, applies, and adds one package."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

REPO = Path(__file__).resolve().parents[1]
ASSETS = REPO / "tests" / "assets"
DATA_KINDS = (".j2", ".yaml", ".h", ".css", ".js", ".txt")

RECIPE = """\
schema: 1
name: tiny
source: {file: {path: model.onnx}}
model:
  family: nms-rows
  input: {name: images, height: 96, width: 128}
  outputs: {output0: [100, 6]}
  classes: 3
  labels: [square, circle, triangle]
parser: {threshold: 0.35}
engine: {precision: fp32, max_batch: 2, batch_limit: 2}
pipeline: {video: clip.mp4, frames: 20, muxer: {width: 256, height: 192}}
benchmark: {warmup_ms: 20, duration_s: 0.2, run_s: 3, target_fps: 1}
"""


def call(*words: str | Path, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a clean environment; it must succeed."""
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "DSIMPORT", "VIRTUAL_ENV"))
    }
    done = subprocess.run([str(word) for word in words], cwd=cwd, env=kept | env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the tree, so that no build folder of the checkout gets into it."""
    place = tmp_path_factory.mktemp("wheel")
    copy = place / "tree"
    skipped = shutil.ignore_patterns(".*", "build", "dist", "models", "*.egg-info", "__pycache__", "tests")
    shutil.copytree(REPO, copy, ignore=skipped)
    call(sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "-w", place, copy, cwd=place)
    [built] = place.glob("dsimport-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new virtual environment with the wheel and nothing else of its own; its folder.

    The libraries come in by one .pth file that names this environment's, so that no test waits for downloads. What
    the wheel needs is said in its metadata, which is held against what the code imports.
    """
    place = tmp_path_factory.mktemp("installed") / "venv"
    call(sys.executable, "-m", "venv", "--without-pip", place, cwd=place.parent)
    target = _site(place)
    call(
        sys.executable,
        "-m",
        "pip",
        "--python",
        place / "bin/python",
        "install",
        "--no-deps",
        "--quiet",
        wheel,
        cwd=place,
    )
    # Entries of sys.path only: .pth files of those folders, such as an editable install's, are not read.
    libraries = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    (target / "libraries.pth").write_text("\n".join(libraries) + "\n", "utf-8")
    return place


def _site(venv: Path) -> Path:
    [found] = venv.glob("lib/python3*/site-packages")
    return found


def test_only_dsimport_lands_in_site_packages(installed: Path) -> None:
    names = {path.name for path in _site(installed).iterdir()} - {"libraries.pth"}
    assert len(names) == 2
    [info] = names - {"dsimport"}
    assert info.startswith("dsimport-")
    assert info.endswith(".dist-info")
    record = (_site(installed) / info / "RECORD").read_text("utf-8").splitlines()
    tops = {line.split(",")[0].split("/")[0] for line in record if not line.startswith("../../../bin/")}
    assert tops == {"dsimport", info}
    scripts = {Path(line.split(",")[0]).name for line in record if line.startswith("../../../bin/")}
    assert scripts == {"dsimport", "dsimport-build-engine", "ref-trtexec", "ref-deepstream-app"}


def test_the_wheel_holds_all_data_files_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder, package in (("templates", "templates"), ("recipes/families", "recipes/families")):
        wanted = {
            f"dsimport/{package}/{path.relative_to(REPO / folder).as_posix()}"
            for path in (REPO / folder).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts and path.suffix in DATA_KINDS
        }
        assert wanted - names == set()
    assert "dsimport/py.typed" in names
    kinds = (".py", ".typed", *DATA_KINDS)
    strangers = {name for name in names if not name.endswith(kinds) and ".dist-info/" not in name}
    assert strangers == set()
    assert [name for name in names if "lock.yaml" in name or "/tests/" in name] == []


def test_the_base_install_needs_little(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        [name] = [item for item in archive.namelist() if item.endswith("/METADATA")]
        lines = archive.read(name).decode().splitlines()
    needed = [line.removeprefix("Requires-Dist: ") for line in lines if line.startswith("Requires-Dist: ")]
    base = {item.split(">")[0].split(";")[0].strip() for item in needed if "extra ==" not in item}
    assert base == {"jinja2", "onnx", "pydantic", "ruamel.yaml", "ruamel.yaml.clib"}
    assert "Requires-Python: >=3.10" in lines


def test_a_recipe_is_planned_and_applied_outside_the_repository(installed: Path, tmp_path: Path) -> None:
    recipes = tmp_path / "recipes"
    recipes.mkdir()
    (recipes / "tiny.yaml").write_text(RECIPE, "utf-8")
    for words in (("tinydet.py", "nms-rows", "model.onnx"), ("make_clip.py", "clip.mp4", "--frames", "20")):
        call(sys.executable, ASSETS / words[0], *words[1:], cwd=recipes)
    dsimport = installed / "bin/dsimport"
    where = call(installed / "bin/python", "-c", "import dsimport; print(dsimport.__file__)", cwd=tmp_path).stdout
    assert Path(where.strip()).is_relative_to(installed)
    plan: Any = json.loads(call(dsimport, "plan", "recipes", "--toolchain", "reference", "--json", cwd=tmp_path).stdout)
    assert [item["name"] for item in plan["plans"]] == ["tiny"]
    done = call(dsimport, "apply", "recipes", "--toolchain", "reference", "--json", cwd=tmp_path, NO_COLOR="1")
    values = json.loads(done.stdout)["models"][0]["values"]
    assert (values["kitti.frames"], values["kitti.rate"]) == (20, 1.0)
    again = call(dsimport, "apply", "recipes", "--toolchain", "reference", "--json", cwd=tmp_path)
    assert json.loads(again.stdout)["models"][0]["done"] == []
    call(installed / "bin/ref-trtexec", "--help", cwd=tmp_path)
    call(installed / "bin/ref-deepstream-app", "--version", cwd=tmp_path)

"""The export environment: made once, used again, repaired, shared, and what is said when it cannot be made."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from export_support import Fake, context_of

from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.compiler.exportenv import LAYERS, named_packages, requirements
from dsimport.compiler.presetexport import Layer
from dsimport.runtime.export import environment
from dsimport.runtime.export.environment import Environment, Python
from dsimport.runtime.export.worker.main import RESULT

BASE = [
    "venv --python PYTHON build/.venv_optimum",
    "pip install --python build/.venv_optimum/bin/python -r build/.venv_optimum/transformers-4.txt",
]
OVERLAY, TIMM = (
    "pip install --python build/.venv_optimum/bin/python --no-deps --target "
    f"build/.venv_optimum/overlays/{layer} -r build/.venv_optimum/{layer}.txt"
    for layer in ("transformers-5", "timm")
)


def ready(fake: Fake, *layers: Layer, repair: bool = False) -> Python:
    with Environment(context_of(fake.folder)).ready(*(layers or ("transformers-4",)), repair=repair) as python:
        return python


def refused(fake: Fake) -> Diagnostic:
    with pytest.raises(DsimportError) as caught:
        ready(fake)
    return caught.value.diagnostics[0]


def test_it_is_made_once_and_a_newer_transformers_is_laid_over_it(fake: Fake) -> None:
    program = fake.environment / "bin" / "python"
    assert ready(fake) == Python(program)
    assert fake.uv_calls == BASE
    overlays = [fake.environment / "overlays" / layer for layer in ("transformers-5", "timm")]
    assert ready(fake, "transformers-5") == Python(program, (overlays[0],))
    assert fake.uv_calls == [*BASE, OVERLAY]
    for _ in range(2):
        assert ready(fake, "transformers-5", "timm") == Python(program, tuple(overlays))
        assert ready(fake, "transformers-4", "timm") == Python(program, (overlays[1],))
        assert ready(fake) == Python(program)
    assert fake.uv_calls == [*BASE, OVERLAY, TIMM]
    for layer in LAYERS:
        assert (fake.environment / f"{layer}.txt").read_text("utf-8") == requirements(layer)


@pytest.mark.parametrize("damage", ["stamp", "interpreter", "start", "other pins"])
def test_a_broken_one_is_made_anew(fake: Fake, damage: str) -> None:
    ready(fake)
    stamp = fake.environment / "dsimport-transformers-4.json"
    if damage == "stamp":  # as after a kill: it is written last
        stamp.unlink()
    elif damage == "interpreter":
        (fake.environment / "bin" / "python").unlink()
    elif damage == "start":
        (fake.environment / "bin" / "python").write_text("#!/bin/sh\nexit 127\n", "utf-8")
    else:
        stamp.write_text('{"pins": "0", "python": "3.9.1"}', "utf-8")
    (fake.environment / "rubbish").touch()
    ready(fake)
    assert fake.uv_calls == [*BASE, *BASE]
    assert not (fake.environment / "rubbish").exists()


def test_a_lost_overlay_costs_only_the_overlay(fake: Fake) -> None:
    ready(fake, "transformers-5")
    shutil.rmtree(fake.environment / "overlays")
    ready(fake, "transformers-5")
    assert fake.uv_calls == [*BASE, OVERLAY, OVERLAY]


def test_without_uv_it_is_pip_in_a_venv(fake: Fake) -> None:
    """The base is real then, so only the overlay goes through the made-up pip."""
    ready(fake)
    fake.no_uv()
    ready(fake, "transformers-5")
    [call] = fake.seen("pip")
    options = ["--disable-pip-version-check", "--no-input", "install", "--progress-bar", "off", "--no-deps"]
    assert call["words"][: 2 + len(options)] == ["-m", "pip", *options]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ERROR: Could not find a version that satisfies the requirement torch==2.13.0", "H0611"),
        ("NewConnectionError: Failed to establish a new connection: Name or service not known", "H0611"),
        ("error: Failed to fetch: dns error: failed to lookup address information", "H0611"),
        ("error: Python.h: No such file or directory", "H0610"),
    ],
)
def test_a_failed_install_says_why_and_leaves_nothing_that_counts(fake: Fake, text: str, code: str) -> None:
    (fake.folder / "uv-fails").write_text(text, "utf-8")
    found = refused(fake)
    assert found.code == code
    assert any(text in note for note in found.notes)
    assert text in (fake.folder / "build" / ".venv_optimum.log").read_text("utf-8")
    (fake.folder / "uv-fails").unlink()
    ready(fake)
    assert fake.uv_calls == [*BASE, *BASE]


def test_an_old_python_is_told_before_anything_is_installed(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "MIN_PYTHON", (99, 1))
    found = refused(fake)
    assert (found.code, "needs Python 99.1" in found.message, fake.uv_calls) == ("H0610", True, [])


def test_two_at_once_make_it_once_and_a_repair_waits_for_users(fake: Fake) -> None:
    threads = [threading.Thread(target=ready, args=(fake,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert fake.uv_calls == BASE
    done = threading.Event()

    def repair() -> None:
        ready(fake, repair=True)
        done.set()

    with Environment(context_of(fake.folder)).ready("transformers-4") as python:
        thread = threading.Thread(target=repair)
        thread.start()
        assert not done.wait(0.3)
        assert python.program.exists()
    thread.join(30)
    assert fake.uv_calls == [*BASE, *BASE]


def test_it_can_lie_elsewhere(fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSIMPORT_EXPORT_ENV", str(tmp_path / "shared" / "env"))
    assert ready(fake).program == tmp_path / "shared" / "env" / "bin" / "python"


def test_all_pins_are_exact_and_the_lock_names_those_that_matter() -> None:
    for layer in LAYERS:
        lines = [line for line in requirements(layer).splitlines() if line and not line.startswith("#")]
        assert all(line.count("==") == 1 and " " not in line for line in lines)
    names = [item.partition("==")[0] for item in named_packages()]
    assert names.count("transformers") == 2
    assert {"torch", "onnx", "optimum", "optimum-onnx", "onnxscript"} <= set(names)


def test_the_worker_starts_by_path_and_misses_only_its_packages(tmp_path: Path) -> None:
    boot = Path(sys.modules[Environment.__module__].__file__ or "").with_name("boot.py")
    request = '{"memory": 4000000000, "probe": true, "exporter": "torch", "overlays": [], "timm": false}'
    command = [sys.executable, "-I", str(boot), request]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    answer = json.loads(done.stdout.splitlines()[-1].removeprefix(RESULT))
    assert answer == {"stage": "environment", "error": "ModuleNotFoundError: No module named 'torch'"}

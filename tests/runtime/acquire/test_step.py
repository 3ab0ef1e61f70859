"""The step `acquire`: what lies in the model's folder afterwards, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from acquire_support import config, model
from hub_server import HubServer, sha256

from dsimport.compiler.diagnostics import DsimportError
from dsimport.compiler.plan import Plan, Step
from dsimport.runtime.progress import Progress
from dsimport.runtime.steps.acquire import run
from dsimport.runtime.steps.base import Context

HOME = "models/m"


def pinned(files: dict[str, bytes], onnx: str, commit: str | None = None) -> dict[str, Any]:
    """The `lock` parameter of the step."""
    pins = [{"path": path, "size": len(data), "sha256": sha256(data)} for path, data in files.items()]
    return {"commit": commit, "onnx": onnx, "files": pins}


@pytest.fixture
def acquire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that runs the step in `tmp_path/root` and gives the files below the model's folder."""
    monkeypatch.setenv("DSIMPORT_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "root"
    root.mkdir()

    def call(**changes: Any) -> dict[str, bytes]:
        none = dict.fromkeys(("revision", "sha256", "variant", "file", "token_env", "lock", "labels"))
        fixed = {"kind": "file", "fp16": True, "target": f"{HOME}/model/source/m.onnx", "classes": 2}
        step = Step(id="acquire", kind="acquire", title="", params={**none, **fixed, **changes})
        facts = {"compiler": "dsimport 1", "name": "m", "recipe": "m.yaml", "home": HOME, "toolchain": "reference"}
        plan = Plan(**facts, inputs=(), settings={}, steps=(step,))
        run(Context(root, plan, step, {}, Progress(quiet=True), lambda *names, **fields: None))
        return {
            path.relative_to(root / HOME).as_posix(): path.read_bytes()
            for path in sorted((root / HOME).rglob("*"))
            if path.is_file()
        }

    return call


def put(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def code_of(acquire: Any, **changes: Any) -> str:
    with pytest.raises(DsimportError) as caught:
        acquire(**changes)
    return caught.value.diagnostics[0].code


def test_a_local_model_comes_with_its_weights_and_labels(acquire: Any, tmp_path: Path) -> None:
    onnx = model(external="weights/w.bin")
    put(tmp_path / "root/in", {"a.onnx": onnx, "config.json": config(), "b.onnx": b"no"})
    assert code_of(acquire, where="in/a.onnx") == "A0204"
    put(tmp_path / "root/in", {"weights/w.bin": bytes(2800)})
    assert acquire(where="in/a.onnx", labels=f"{HOME}/config/labels.txt") == {
        "config/labels.txt": b"square\ncircle\n",
        "model/source/m.onnx": onnx,
        "model/source/weights/w.bin": bytes(2800),
    }


def test_a_local_model_is_held_against_recipe_and_lock(acquire: Any, tmp_path: Path) -> None:
    files = {"a.onnx": model(), "config.json": config()}
    put(tmp_path / "root", files)
    lock = pinned(files, "a.onnx")
    assert acquire(where="a.onnx", lock=lock, sha256=sha256(model()).upper()) == {"model/source/m.onnx": model()}
    assert code_of(acquire, where="a.onnx", sha256="0" * 64) == "A0205"
    put(tmp_path / "root", {"config.json": json.dumps({"changed": True}).encode()})
    assert code_of(acquire, where="a.onnx", lock=lock) == "A0238"
    assert code_of(acquire, where="gone.onnx") == "A0204"
    assert code_of(acquire, where=".") == "A0202"


def test_weights_of_a_repository_lie_as_the_onnx_names_them(acquire: Any, hub: HubServer) -> None:
    onnx = model(external="w/part-1.bin")
    repo = hub.repository("acme/tiny", {"onnx/model.onnx": onnx, "onnx/w/part-1.bin": bytes(2800)})
    files = {"model/source/m.onnx": onnx, "model/source/w/part-1.bin": bytes(2800)}
    assert acquire(kind="huggingface", where="acme/tiny", revision="main") == files
    lock = pinned(repo.commits[repo.branches["main"]], "onnx/model.onnx", repo.branches["main"])
    assert acquire(kind="huggingface", where="acme/tiny", revision="main", lock=lock) == files
    lock["files"] = lock["files"][:1]
    assert code_of(acquire, kind="huggingface", where="acme/tiny", revision="main", lock=lock) == "A0243"


def test_a_source_without_labels_needs_them_in_the_recipe(acquire: Any, hub: HubServer) -> None:
    hub.repository("acme/tiny", {"model.onnx": model()})
    labels = f"{HOME}/config/labels.txt"
    assert code_of(acquire, kind="huggingface", where="acme/tiny", revision="main", labels=labels) == "A0211"

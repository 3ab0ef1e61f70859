"""What `dsimport init` writes goes through `plan`, `apply --toolchain reference` and `verify` as it is.

ONNX files in the layouts of many exporters, and models behind the addresses that `init` takes. Checkpoints are in
`tests/live/live_export_step.py`, since they need the export environment.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / folder) for folder in ("cli", "runtime/acquire", "runtime/look")]

from cli_support import apply_patiently, quick, whatever_run_length  # noqa: E402
from hub_server import HubServer  # noqa: E402
from init_support import DETR_FILES  # noqa: E402
from layout_models import LAYOUTS, build  # noqa: E402

ASSETS = TESTS / "assets"
FRAMES = 8

# What a person sets for a machine without a GPU; everything about the model comes from `init`.
MACHINE = """\
# this machine
schema: 1
engine: {precision: fp32, max_batch: 2, batch_limit: 2}
pipeline: {muxer: {width: 256, height: 192}}
benchmark: {warmup_ms: 10, duration_s: 0.1, run_s: 4, target_fps: 1}
report: {formats: [md]}
"""


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A clip with moving shapes."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    subprocess.run([sys.executable, str(ASSETS / "make_clip.py"), str(path), "--frames", str(FRAMES)], check=True)
    return path.read_bytes()


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


@pytest.fixture
def passes(tmp_path: Path, clip: bytes, hub: HubServer) -> Callable[..., Any]:
    """A function that makes a recipe of a source, leaves it as it is, and goes the whole way; what `init` found."""
    recipe = tmp_path / "recipes" / "m.yaml"
    recipe.parent.mkdir()
    recipe.write_text(MACHINE, "utf-8")
    (tmp_path / "clip.mp4").write_bytes(clip)

    def command(*words: str) -> tuple[int, str, str]:
        return quick(tmp_path, hub.url, *words)

    def run(*words: str, code: int = 0) -> Any:
        found, out, err = command(*words, "--json")
        assert found == code, out[-3000:] + err[-3000:]
        return json.loads(out)

    def go(source: str, *words: str, until: str = "report") -> Any:
        whole = ("recipes/m.yaml", "--toolchain", "reference")
        made = run("init", source, "-o", whole[0], "--video", "clip.mp4", "--frames", str(FRAMES), *words)
        run("plan", *whole, "--detailed-exitcode", code=2)
        [applied] = apply_patiently(command, recipe, *whole, "--until", until)["models"]
        assert until in applied["done"]
        [verified] = run("verify", *whole)["models"]
        assert verified["frames"]["matched"] == verified["frames"]["boxes"] > 0
        assert whatever_run_length(recipe.read_text("utf-8")) == whatever_run_length(made["recipe"]["text"])
        if until == "report":
            run("plan", *whole, "--detailed-exitcode")
        return made

    return go


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_goes_the_whole_way(name: str, passes: Callable[..., Any], tmp_path: Path) -> None:
    layout = LAYOUTS[name]
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / layout.title).write_bytes(build(layout))
    for title, content in (("config", layout.config), ("preprocessor_config", layout.preprocessor)):
        if content is not None:
            (folder / f"{title}.json").write_text(json.dumps(content), "utf-8")
    words = []
    if layout.labels is not None:
        words = ["--labels", "labels.txt"]
        (tmp_path / "labels.txt").write_text("".join(f"thing {at}\n" for at in range(layout.labels)), "utf-8")
    # Benchmarks and report are the same for all.
    assert passes(f"model/{layout.title}", *words, until="kitti")["family"] == layout.family


PAGE = "https://catalog.ngc.nvidia.com/orgs/nvidia/teams/tao/models/cars/files?version=deployable_v1.0"


@pytest.mark.parametrize(
    ("source", "family"), [("acme/detr", "detr"), (PAGE, "tao-detr"), ("{server}/files/net.onnx", "yolov8")]
)
def test_hub_catalog_and_address_go_the_whole_way(
    source: str, family: str, passes: Callable[..., Any], hub: HubServer
) -> None:
    hub.repository("acme/detr", DETR_FILES)
    labels = b"car\ncycle\nsign\n"
    hub.ngc("nvidia/tao/cars", "deployable_v1.0", {"cars.onnx": build(LAYOUTS["TAO DINO"]), "labels.txt": labels})
    hub.files["net.onnx"] = build(LAYOUTS["ultralytics raw head"])
    address = source.format(server=hub.url.replace("127.0.0.1", "localhost"))
    assert passes(address)["family"] == family

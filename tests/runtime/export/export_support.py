"""An export environment that a test makes up: an installer and an interpreter that do what they are told.

The interpreter is a script of this Python. For `boot.py` it plays the worker: `plays.json` beside it says, by exporter,
how attempts end; what it was given is kept in `seen.jsonl`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dsimport.compiler.plan import Plan, Step
from dsimport.runtime.progress import Progress
from dsimport.runtime.steps.base import Context

__all__ = ["HOME", "Fake", "context_of", "params_of"]

HOME = "models/m"
DETR: dict[str, Any] = {"exporters": ["optimum", "torch", "dynamo"], "stack": "transformers-5", "square": []}

PYTHON = """#!{python}
import json, os, sys, time
from pathlib import Path
here = Path(__file__).resolve().parent
words = sys.argv[2:]  # the first is -I
def keep(**facts):
    with open("{seen}", "a") as stream:
        stream.write(json.dumps(dict(facts, environment=dict(os.environ), words=words)) + "\\n")
plays = json.loads(Path("{plays}").read_text())
if words[0] == "-c":
    sys.exit(plays.get("start", 0))
if words[:2] == ["-m", "pip"]:
    keep(kind="pip")
    for line in plays.get("pip", []):
        print(line)
    if "--target" in words:
        Path(words[words.index("--target") + 1]).mkdir(parents=True)
    sys.exit(1 if plays.get("pip") else 0)
request = json.loads(words[1])
keep(kind="worker", request=request)
plays_of = plays.get(request["exporter"], [])
count = sum(json.loads(line).get("request", dict()).get("exporter") == request["exporter"]
            for line in Path("{seen}").read_text().splitlines())
play = plays_of[min(count, len(plays_of)) - 1] if plays_of else "ok"
print("working")
if play == "killed":
    os.kill(os.getpid(), 9)
if play == "silent":
    time.sleep(60)
if play == "ok":
    target = Path(request["target"])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(b"onnx")
    answer = dict(max_abs_diff=1e-6, versions=dict(torch="2"))
else:
    stage, _, error = play.partition(": ")
    answer = dict(stage=stage, error=error)
print("RESULT " + json.dumps(answer))
"""

UV = """#!{python}
import os, sys
from pathlib import Path
words = sys.argv[1:]
Path("{log}").open("a").write(" ".join(words) + "\\n")
if words[0] == "venv":
    program = Path(words[-1]) / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text(Path("{interpreter}").read_text())
    program.chmod(0o755)
elif "--target" in words:
    Path(words[words.index("--target") + 1]).mkdir(parents=True)
text = Path("{fails}").read_text() if Path("{fails}").exists() and words[0] == "pip" else ""
print(text)
sys.exit(1 if text else 0)
"""


class Fake:
    """The made-up world in one folder: `uv` on PATH, the interpreter it makes, and what both were asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.programs = folder / "programs"
        self.programs.mkdir(parents=True)
        self.environment = folder / "build" / ".venv_optimum"
        self.play()
        facts = {"python": sys.executable, "seen": folder / "seen.jsonl", "plays": folder / "plays.json"}
        (folder / "seen.jsonl").touch()
        (folder / "interpreter").write_text(_filled(PYTHON, facts), "utf-8")
        facts |= {"log": folder / "uv.log", "interpreter": folder / "interpreter", "fails": folder / "uv-fails"}
        (folder / "uv.log").touch()
        uv = self.programs / "uv"
        uv.write_text(_filled(UV, facts), "utf-8")
        uv.chmod(0o755)

    def play(self, **by_exporter: Any) -> None:
        """How attempts end, by exporter, in order; the last one counts for all that follow. `ok`, `killed`, `silent`,
        or a stage and an error."""
        (self.folder / "plays.json").write_text(json.dumps(by_exporter), "utf-8")

    def no_uv(self) -> None:
        """Installing is pip's now: the interpreter that is there answers for it."""
        (self.programs / "uv").unlink()

    @property
    def uv_calls(self) -> list[str]:
        """Command lines of uv, with this world's folder left out."""
        text = (self.folder / "uv.log").read_text("utf-8").replace(f"{self.folder}/", "")
        return text.replace(sys.executable, "PYTHON").splitlines()

    def seen(self, kind: str = "worker") -> list[dict[str, Any]]:
        """What the interpreter was asked."""
        lines = (self.folder / "seen.jsonl").read_text("utf-8").splitlines()
        return [item for item in map(json.loads, lines) if item["kind"] == kind]

    def requests(self) -> list[tuple[str, int, bool]]:
        """Exporter, opset and post-processing of every attempt."""
        found = [item["request"] for item in self.seen()]
        return [(item["exporter"], item["opset"], item["post_process"]) for item in found]


def _filled(text: str, facts: dict[str, Any]) -> str:
    for name, value in facts.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text


def params_of(**changes: Any) -> dict[str, Any]:
    """Parameters of an export step for DETR and rt_detr."""
    model = {**DETR, "strategy": "heads", "quirks": []}
    return {
        "source": f"{HOME}/model/checkpoint/",
        "target": f"{HOME}/model/source/m.onnx",
        "report": f"{HOME}/model/export_report.json",
        "family": "detr",
        "task": "object-detection",
        "exporter": "auto",
        "opset": None,
        "first_opset": 17,
        "models": {"detr": model, "yolos": {**model, "exporters": ["torch"]}},
        "prompts": [],
        "input": {"name": "pixel_values", "shape": [3, 64, 96]},
        "outputs": {"scores": {"of": "logits", "name": "logits"}, "boxes": {"of": "pred_boxes", "name": "boxes"}},
        "batch": 4,
        "pins": {},
        **changes,
    }


def context_of(root: Path, say: Callable[[str], None] = lambda text: None, **changes: Any) -> Context:
    """The surroundings of the export step, with a checkpoint in place."""
    folder = root / HOME / "model" / "checkpoint"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "config.json").exists():
        (folder / "config.json").write_text(json.dumps({"model_type": "detr"}), "utf-8")
    step = Step(
        id="export", kind="export", title="", params=params_of(**changes), log=f"{HOME}/model/export.log", timeout_s=60
    )
    facts = {"compiler": "dsimport 1", "name": "m", "recipe": "m.yaml", "home": HOME, "toolchain": "reference"}
    plan = Plan(**facts, inputs=(), settings={}, steps=(step,))
    context = Context(root, plan, step, {}, Progress(quiet=True), lambda *names, **fields: None)
    object.__setattr__(context, "say", say)
    return context


def search_path(fake: Fake) -> str:
    """PATH with the made-up programs in front."""
    return os.pathsep.join((str(fake.programs), os.environ["PATH"]))

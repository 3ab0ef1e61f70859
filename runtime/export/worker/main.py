"""A request in, a file and one line of result out: load, export, compare with the model."""

from __future__ import annotations

import json
import os
import traceback
from pathlib import Path
from typing import Any

__all__ = ["RESULT", "main"]

RESULT = "RESULT "
_WORDS = 400  # characters of an exception's own text that are kept


def main(text: str) -> int:
    """Serve one request (JSON). The last line of stdout is `RESULT ` and a JSON object: how far the file is from the
    model, or `stage` (environment, load, export, check) and `error`."""
    request = json.loads(text)
    stage = ["environment"]
    try:
        _limit(request["memory"])
        answer = _serve(request, stage)
    except Exception as error:
        traceback.print_exc()
        told = " ".join(str(error).split())[:_WORDS]
        answer = {"stage": stage[0], "error": f"{type(error).__name__}: {told}" if told else type(error).__name__}
    print(f"{RESULT}{json.dumps(answer)}", flush=True)
    return 1 if "error" in answer else 0


def _limit(size: int) -> None:
    """A bound on this process' memory in bytes, so that a model that is too large fails here and not the machine."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (size if hard < 0 else min(size, hard), hard))


def _serve(request: dict[str, Any], stage: list[str]) -> dict[str, Any]:
    from .backbones import offline_checkpoint, without_operators

    if request["timm"]:
        without_operators()  # before anything imports torchvision
    import torch

    from .exporters import EXPORTERS, versions
    from .numerics import difference, frames, run
    from .strategies import STRATEGIES, apply_quirk

    used = versions(request["exporter"], request["timm"])
    if request["probe"]:
        return {"versions": used}
    torch.set_num_threads(1)  # sums in one order: the same file every time
    torch.manual_seed(0)
    stage[0] = "load"
    print(f"loading {request['checkpoint']}", flush=True)
    major = int(used["transformers"].partition(".")[0])
    checkpoint = offline_checkpoint(Path(request["checkpoint"]), Path(request["work"]), major)
    request = {**request, "checkpoint": str(checkpoint)}
    subject = STRATEGIES[request["strategy"]](request)
    pixels = frames(request["batch"], request["input"]["shape"])
    stage[0] = "export"
    with torch.no_grad():
        batches = [pixels[:batch] for batch in (1, request["batch"])]
        wanted = [subject.reference(torch.from_numpy(batch)) for batch in batches]
        for name in request["quirks"]:
            apply_quirk(name, subject, torch.from_numpy(pixels[:1]))
        print(f"exporting with {request['exporter']}, opset {request['opset']}", flush=True)
        file = EXPORTERS[request["exporter"]](request, subject)
    stage[0] = "check"
    print(f"comparing with the model at batch 1 and {request['batch']}", flush=True)
    found = run(file, request["input"]["name"], request["outputs"], batches)
    worst = max(difference(mine, theirs, request["tolerance"]) for mine, theirs in zip(found, wanted, strict=True))
    target = Path(request["target"])
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(file, target)  # noqa: PTH105 - within one folder tree, whole or not at all
    return {"max_abs_diff": worst, "versions": used}

"""Running the command in this process, as if in a folder of its own, with a hub on loopback and nobody's tokens."""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dsimport.cli import main

RUN_LENGTH = re.compile(r"(?<=run_s: )\d+")
LONGEST_RUN_S = 60


def quick(root: Path, url: str, *words: str, **variables: str) -> tuple[int, str, str]:
    """Exit code, output and error output of `dsimport WORDS` in `root`. url: of the server for hub and catalog;
    variables: of the environment."""
    home = {"DSIMPORT_CACHE": str(root / "cache"), "HF_ENDPOINT": url, "NGC_API_URL": url, "NO_COLOR": "1"}
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for name in ("HF_TOKEN", "NGC_API_KEY"):
            patch.delenv(name, raising=False)
        patch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(root / "token"))
        patch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(root / "hf"))
        for name, value in {**home, **variables}.items():
            patch.setenv(name, value)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main.run(words)
    return code, out.getvalue(), err.getvalue()


def apply_patiently(run: Callable[..., tuple[int, str, str]], recipe: Path, *words: str) -> dict[str, Any]:
    """`dsimport apply WORDS`, until it is done; the document it prints. run: a command's words to what `quick` gives.

    On a busy machine a pipeline may load for longer than its run lasts. Then the recipe's `run_s` is made twice as
    long, as the diagnostic advises, and apply goes on from there.
    """
    while True:
        code, out, err = run("apply", *words, "--json")
        text = recipe.read_text("utf-8")
        run_s = int(RUN_LENGTH.findall(text)[0])
        if '"T0412"' not in out or run_s > LONGEST_RUN_S:
            assert code == 0, out[-3000:] + err[-3000:]
            document: dict[str, Any] = json.loads(out)
            return document
        recipe.write_text(RUN_LENGTH.sub(str(2 * run_s), text), "utf-8")


def whatever_run_length(text: str) -> str:
    """A recipe's text without the seconds of `run_s`."""
    return RUN_LENGTH.sub("", text)

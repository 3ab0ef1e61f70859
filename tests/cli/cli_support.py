"""Running the command in this process, as if in a folder of its own, with a hub on loopback and nobody's tokens."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest

from dsimport.cli import main


def quick(root: Path, url: str, *words: str) -> tuple[int, str, str]:
    """Exit code, output and error output of `dsimport WORDS` in `root`. url: of the server for hub and catalog."""
    home = {"DSIMPORT_CACHE": str(root / "cache"), "HF_ENDPOINT": url, "NGC_API_URL": url, "NO_COLOR": "1"}
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for name in ("HF_TOKEN", "NGC_API_KEY"):
            patch.delenv(name, raising=False)
        patch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(root / "token"))
        patch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(root / "hf"))
        for name, value in home.items():
            patch.setenv(name, value)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main.run(words)
    return code, out.getvalue(), err.getvalue()

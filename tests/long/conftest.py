"""The second stage of CI: what takes minutes, or compilers that a first `make test` does not ask for."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "parsers"))

from parser_build import workshop

__all__ = ["workshop"]

"""Makes the modules of other tests importable: the parsers' host and workshop, the hub of the sources, commands."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / folder) for folder in ("parsers", "runtime/acquire", "cli")]

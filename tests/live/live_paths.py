"""Makes the modules of the parsers' own tests importable; tests have it from conftest.py."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "parsers"))

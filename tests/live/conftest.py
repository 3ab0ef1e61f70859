from __future__ import annotations

import sys
from pathlib import Path

# The host and the workshop of the parsers' own tests serve here, too, and the hub of those of sources.
sys.path.insert(0, str(Path(__file__).parents[1] / "parsers"))
sys.path.insert(0, str(Path(__file__).parents[1] / "runtime" / "acquire"))

from __future__ import annotations

import sys
from pathlib import Path

# The host and the workshop of the parsers' own tests serve here, too.
sys.path.insert(0, str(Path(__file__).parents[1] / "parsers"))

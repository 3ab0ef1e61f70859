from __future__ import annotations

import live_paths  # noqa: F401 - the host and the workshop of the parsers' own tests serve here, too

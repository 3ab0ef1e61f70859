"""How long steps may take."""

from __future__ import annotations

__all__ = ["HOUR"]

HOUR = 3600.0

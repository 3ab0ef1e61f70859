"""What `dsimport init` wants to stand in a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Entry"]


@dataclass(frozen=True)
class Entry:
    """One value. key: dotted path in the recipe; value: plain data; notes: lines of comment above it; forced: the
    user asked for it just now, so it replaces what stands there."""

    key: str
    value: Any
    notes: tuple[str, ...] = ()
    forced: bool = False

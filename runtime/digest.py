"""The digest of a file."""

from __future__ import annotations

import hashlib
from pathlib import Path

__all__ = ["hash_file"]

_BLOCK = 1 << 20


def hash_file(path: Path) -> str:
    """sha256 (hex) of a file's content; OSError where it cannot be read."""
    hasher = hashlib.sha256()
    with path.open("rb", buffering=0) as stream:
        while block := stream.read(_BLOCK):
            hasher.update(block)
    return hasher.hexdigest()

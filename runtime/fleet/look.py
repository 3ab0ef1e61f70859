"""A look at the disk that never reads a large file: what a page over hundreds of models can afford."""

from __future__ import annotations

import os
from pathlib import Path

from dsimport.compiler.record import ModelState
from dsimport.runtime.observe import LARGE, DiskObservation
from dsimport.runtime.toolversions import ToolVersions

__all__ = ["QuickObservation"]


class QuickObservation:
    """An `Observation` that takes large files and folders, as long as they are there, and programs that this host does
    not have for what the record says of them: a page may be made beside the GPU hosts. `dsimport plan` looks closer."""

    def __init__(self, root: Path, home: str, state: ModelState, versions: ToolVersions) -> None:
        self._root = root
        self._disk = DiskObservation(root, home, versions)
        self._recorded: dict[str, str] = {}
        self._tools: dict[str, str] = {}
        for record in sorted(state.steps.values(), key=lambda record: record.kind == "engine"):
            self._recorded |= {
                label.removeprefix("input "): fact
                for label, fact in record.facts.items()
                if label.startswith("input ") and fact != "missing"
            }
            self._recorded |= record.outputs
            labels = (label for label in record.facts if label.startswith("tool "))
            self._tools |= {label.removeprefix("tool "): record.facts[label] for label in labels}

    def digest(self, path: str) -> str | None:
        """sha256 of a small file; of a large one, or of a folder that holds some, as it was recorded."""
        place = self._root / path
        try:
            size = _folder_size(place) if place.is_dir() else place.stat().st_size
        except (OSError, ValueError):
            return None
        recorded = self._recorded.get(path) if size >= LARGE else None
        return recorded or self._disk.digest(path)

    def text(self, path: str) -> str | None:
        """Nothing: a page shows no differences of texts."""
        return None

    def tool(self, name: str) -> str | None:
        """The version of a program, asked once; where it is not here, as it was recorded."""
        return self._disk.tool(name) or self._tools.get(name)


def _folder_size(folder: Path) -> int:
    """Bytes of all files below a folder, counted until it is large."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            total += os.lstat(os.path.join(parent, name)).st_size  # noqa: PTH118 - thousands of paths
            if total >= LARGE:
                return total
    return total

"""KITTI files as deepstream-app writes them: one per frame, one line per detection, empty where there is none."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["KittiLine", "KittiSummary", "file_name", "format_line", "frame_files", "parse_line", "read_folder"]

_COLUMNS = 15  # numbers behind the label
_NAME = re.compile(r"(\d{2,})_(\d{3,})_(\d{6,})\.txt", re.ASCII)


@dataclass(frozen=True)
class KittiLine:
    """One detection; pixels of the muxer's resolution."""

    label: str
    left: float
    top: float
    right: float
    bottom: float
    confidence: float


@dataclass(frozen=True)
class KittiSummary:
    """What a folder holds. class_counts: detections per label."""

    frames: int
    frames_with_detections: int
    class_counts: Mapping[str, int]
    detections: int


def file_name(instance: int, source: int, frame: int) -> str:
    """instance: index of the configuration file; source: stream; frame: number from 0."""
    return f"{instance:02d}_{source:03d}_{frame:06d}.txt"


def format_line(line: KittiLine) -> str:
    """The line with its line break. A label with blanks moves the columns; an empty one leaves a leading blank."""
    box = f"{line.left:f} {line.top:f} {line.right:f} {line.bottom:f}"
    return f"{line.label} 0.0 0 0.0 {box} 0.0 0.0 0.0 0.0 0.0 0.0 0.0 {line.confidence:f}\n"


def parse_line(text: str) -> KittiLine | None:
    """Read a line; the label is what stands before the last fifteen columns, blanks and all. None if it is no line."""
    parts = text.rstrip("\n").rsplit(" ", _COLUMNS)
    if len(parts) != _COLUMNS + 1:
        return None
    try:
        numbers = [float(part) for part in parts[1:]]
    except ValueError:
        return None
    left, top, right, bottom = numbers[3:7]
    return KittiLine(parts[0], left, top, right, bottom, numbers[14])


def frame_files(folder: Path) -> list[Path]:
    """The files of a folder's frames, in their order; files with other names are left out. Raises OSError."""
    return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))


def read_folder(folder: Path, limit: int | None = None) -> KittiSummary:
    """Count the frames and detections of a folder; only the first `limit` files by name, if given. Other files and
    lines that are no detections do not count. Raises OSError."""
    frames = with_detections = 0
    counts: Counter[str] = Counter()
    for path in frame_files(folder)[:limit]:
        text = path.read_text("utf-8", "surrogateescape")
        # Not splitlines: a label may hold any line separator but \n.
        lines = [line for line in map(parse_line, text.split("\n")) if line is not None]
        frames += 1
        with_detections += bool(lines)
        counts.update(line.label for line in lines)
    return KittiSummary(frames, with_detections, dict(counts.most_common()), sum(counts.values()))

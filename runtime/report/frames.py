"""A contact sheet: frames of the KITTI run with their boxes drawn, as one JPEG."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dsimport.compiler.plan import Plan
from dsimport.runtime.formats.kitti import KittiLine, frame_files, parse_line

__all__ = ["contact_sheet"]

FRAMES = 6
COLUMNS = 2
TILE = (480, 270)  # the most a frame takes, pixels
GAP = 6
QUALITY = 82
COLORS = ("#ffca28", "#4dd0e1", "#aed581", "#ff8a65", "#ba68c8", "#90a4ae")


def contact_sheet(plan: Plan, root: Path, folder: str) -> bytes | None:
    """JPEG of up to six frames, spread over the run, with the boxes of their KITTI files in `folder` (root-relative).

    None without frames, without a clip that can be decoded, or without PyAV and Pillow. Pictures are scaled to the
    muxer's resolution, in which the boxes are given.
    """
    try:
        import av  # noqa: F401
        import PIL  # noqa: F401
    except ImportError:
        return None
    files = frame_files(root / folder)
    if not files:
        return None
    count = min(FRAMES, len(files))
    numbers = sorted({len(files) * (2 * k + 1) // (2 * count) for k in range(count)})
    muxer = (int(plan.settings["pipeline.muxer.width"].value), int(plan.settings["pipeline.muxer.height"].value))
    try:
        pictures = _decode(root / str(plan.settings["pipeline.video"].value), numbers)
    except (OSError, ValueError):  # PyAV's errors are one of both
        return None
    tiles = [_tile(picture, _boxes(files[number]), muxer) for number, picture in pictures]
    return _sheet(tiles) if tiles else None


def _boxes(path: Path) -> list[KittiLine]:
    lines = path.read_text("utf-8", "replace").split("\n")
    return [line for line in map(parse_line, lines) if line is not None]


def _decode(video: Path, numbers: Sequence[int]) -> list[tuple[int, Any]]:
    """(number, picture) of the frames with these numbers, from 0."""
    import av

    found = []
    with av.open(str(video)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index in numbers:
                found.append((index, frame.to_image()))
            if index >= numbers[-1]:
                break
    return found


def _tile(picture: Any, boxes: Sequence[KittiLine], muxer: tuple[int, int]) -> Any:
    from PIL import ImageDraw

    scale = min(TILE[0] / muxer[0], TILE[1] / muxer[1])
    tile = picture.resize((max(1, round(muxer[0] * scale)), max(1, round(muxer[1] * scale))))
    drawing = ImageDraw.Draw(tile)
    colors = {label: COLORS[index % len(COLORS)] for index, label in enumerate(sorted({box.label for box in boxes}))}
    for box in boxes:
        left, right = sorted((box.left * scale, box.right * scale))
        top, bottom = sorted((box.top * scale, box.bottom * scale))
        drawing.rectangle((left, top, right, bottom), outline=colors[box.label], width=2)
        _caption(drawing, left, top, box, colors[box.label])
    return tile


def _caption(drawing: Any, left: float, top: float, box: KittiLine, color: str) -> None:
    """Label and score on a patch above the box. The built-in font has no more than Latin letters."""
    words = f"{box.label[:24]} {box.confidence:.2f}".encode("latin-1", "replace").decode("latin-1")
    place = drawing.textbbox((0, 0), words)
    height = place[3] + 3
    y = max(0.0, top - height)
    drawing.rectangle((left, y, left + place[2] + 4, y + height), fill=color)
    drawing.text((left + 2, y + 1), words, fill="#000000")


def _sheet(tiles: Sequence[Any]) -> bytes:
    from PIL import Image

    width, height = tiles[0].size
    rows = -(-len(tiles) // COLUMNS)
    columns = min(COLUMNS, len(tiles))
    size = (columns * (width + GAP) - GAP, rows * (height + GAP) - GAP)
    sheet = Image.new("RGB", size, "#ffffff")
    for index, tile in enumerate(tiles):
        sheet.paste(tile.convert("RGB"), (index % columns * (width + GAP), index // columns * (height + GAP)))
    out = io.BytesIO()
    sheet.save(out, "JPEG", quality=QUALITY, optimize=True)
    return out.getvalue()

"""Step `visual`: boxes drawn on the clip, and a few frames of it as pictures."""

from __future__ import annotations

import importlib.util
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from dsimport.compiler.diagnostics import DsimportError, Severity
from dsimport.compiler.emit.scripts import FRAMES
from dsimport.runtime.atomic import write_text
from dsimport.runtime.steps.base import TOOL_FAILED, Context, Outcome

__all__ = ["MODES", "run"]

# What the report may call the visual check: the seed's three, and the reference toolchain's own.
MODES = {
    "nvenc-primary": "nvv4l2h264enc MP4",
    "theoraenc-fallback": "theoraenc OGV (NVENC unavailable)",
    "skipped": "skipped (no encoder available)",
    "reference": "reference OSD, MPEG-4 Part 2 MP4 (no GPU)",
}

_MARKER = re.compile(r"^DS_SINGLE_STREAM_(MODE|OUTPUT)=(.*)$", re.MULTILINE)


def run(context: Context) -> Outcome:
    """Run the pipeline, note which encoder it used, and cut out up to three frames."""
    params = context.step.params
    context.run()
    if params["mode"] == "reference":
        mode, output = "reference", params["video"]
    else:
        found = dict(_MARKER.findall(context.log_path.read_text("utf-8", "replace")))
        mode, output = found.get("MODE", "skipped"), found.get("OUTPUT", "")
    mode = mode if mode in MODES else "skipped"
    frames = _frames(context, output) if output else []
    marker: dict[str, Any] = {"mode": mode, "output": output or None, "frames": frames}
    write_text(context.root / params["marker"], json.dumps(marker, indent=1) + "\n")
    return Outcome({}, f"{MODES[mode]}{', ' + output if output else ''}")


def _frames(context: Context, output: str) -> list[str]:
    """Names of the pictures taken out of the video. That none could be taken is a warning: the video is there."""
    folder = context.root / context.step.params["folder"]
    if importlib.util.find_spec("av") is not None:
        return extract_frames(context.root / output, folder)
    if "extract" not in context.step.params:
        return []
    try:
        context.run(("sh", context.step.params["extract"], output, context.step.params["folder"]), append=True)
    except DsimportError as error:
        if error.exit_code != TOOL_FAILED:  # a full disk, say, ends the step
            raise
        context.warn(replace(error.diagnostics[0], severity=Severity.WARNING))
        return []
    return [f"frame_{n}.png" for n in range(1, FRAMES + 1) if (folder / f"frame_{n}.png").is_file()]


def extract_frames(video: Path, folder: Path) -> list[str]:
    """Write up to three frames, spread over the clip, as `frame_<n>.png` with PyAV; names of the files."""
    import av

    names: list[str] = []
    with av.open(str(video)) as container:
        count = sum(1 for _ in container.decode(video=0))
    wanted = sorted({count * (2 * k + 1) // (2 * FRAMES) for k in range(FRAMES)}) if count else []
    with av.open(str(video)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index in wanted:
                name = f"frame_{len(names) + 1}.png"
                _save_png(frame, folder / name)
                names.append(name)
    return names


def _save_png(frame: Any, path: Path) -> None:
    """Encode one frame with PyAV's own PNG encoder (lossless)."""
    import av

    encoder: Any = av.CodecContext.create("png", "w")
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "rgb24"
    encoder.time_base = 1
    picture = frame.reformat(format="rgb24")
    picture.pts = 0
    packets = [*encoder.encode(picture), *encoder.encode(None)]
    path.write_bytes(b"".join(bytes(packet) for packet in packets))

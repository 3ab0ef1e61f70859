"""Shell scripts that reproduce steps by hand."""

from __future__ import annotations

from dsimport.compiler import escape
from dsimport.compiler.layout import Layout
from dsimport.compiler.model import Model
from dsimport.compiler.plan import GeneratedFile, Hole, Step, Text, joined
from dsimport.compiler.templating import render

__all__ = ["FRAMES", "emit_extract_script", "emit_single_stream_script", "emit_step_scripts"]

FRAMES = 3  # pictures taken out of the video of the visual check, at most


def emit_single_stream_script(model: Model, base: str) -> str:
    """The gst-launch pipeline of the visual check; `base` is the output's path without suffix."""
    layout = Layout(model.name)
    return render(
        "shell",
        "scripts/ds-single-stream.sh.j2",
        name=model.name,
        video=model.pipeline.video,
        config=layout.nvinfer_config,
        base=base,
        width=model.pipeline.muxer.width,
        height=model.pipeline.muxer.height,
    )


def emit_extract_script() -> str:
    """Pictures out of a video with GStreamer, for hosts without PyAV."""
    return render("shell", "scripts/extract-frames.sh.j2", frames=FRAMES)


_HEAD = """\
#!/bin/sh
# Step {step} of {name}, by hand: the command that `dsimport apply` runs, from the same folder.
set -eu
cd "$(dirname "$0")/../../.."
exec"""


def _script(step: str, name: str, argv: tuple[Text, ...]) -> Text:
    """A script of one command. Each word is quoted fragments and numbers, side by side."""
    pieces: list[str | Hole] = [_HEAD.format(step=step, name=name)]
    for word in argv:
        pieces.append(" ")
        if isinstance(word, str):
            pieces.append(escape.shell_word(word))
        else:
            pieces += (escape.shell_word(part) if isinstance(part, str) else part for part in word)
    pieces.append("\n")
    return joined(pieces)


def emit_step_scripts(name: str, recipe: str, toolchain: str, steps: tuple[Step, ...]) -> tuple[GeneratedFile, ...]:
    """`scripts/<step>.sh` for every step: its command, or the call that has dsimport do just this step."""
    layout = Layout(name)
    files = []
    for step in steps:
        argv = step.argv or ("dsimport", "apply", recipe, "--toolchain", toolchain, "--again", step.id)
        content = _script(step.id, name, argv)
        files.append(GeneratedFile(path=layout.script(step.id), content=content, executable=True))
    return tuple(files)

"""Shell scripts that reproduce steps by hand."""

from __future__ import annotations

from dsimport.compiler import escape
from dsimport.compiler.layout import Layout
from dsimport.compiler.model import Model
from dsimport.compiler.plan import GeneratedFile, Hole, Step, Text
from dsimport.compiler.templating import Raw, render, render_text

__all__ = ["emit_single_stream_script", "emit_step_scripts"]


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


def _word(text: Text) -> list[Raw | Hole]:
    """One shell word: quoted fragments and numbers, side by side."""
    parts = (text,) if isinstance(text, str) else text
    return [part if isinstance(part, Hole) else Raw(escape.shell_word(part)) for part in parts]


def emit_step_scripts(name: str, recipe: str, toolchain: str, steps: tuple[Step, ...]) -> tuple[GeneratedFile, ...]:
    """`scripts/<step>.sh` for every step: its command, or the call that has dsimport do just this step."""
    layout = Layout(name)
    files = []
    for step in steps:
        argv = step.argv or ("dsimport", "apply", recipe, "--toolchain", toolchain, "--again", step.id)
        content = render_text(
            "shell", "scripts/step.sh.j2", step=step.id, name=name, words=[_word(text) for text in argv]
        )
        files.append(GeneratedFile(path=layout.script(step.id), content=content, executable=True))
    return tuple(files)

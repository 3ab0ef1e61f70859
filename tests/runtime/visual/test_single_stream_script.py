"""The scripts of the visual check, run by a shell with programs that stand in for GStreamer's."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from dsimport.compiler.emit.scripts import FRAMES, emit_extract_script
from dsimport.compiler.templating import render

BASE = "models/m/samples/m_single_stream"
SHELLS = [name for name in ("sh", "dash", "bash", "busybox") if shutil.which(name)]

# Writes its words to launched.txt, one call after the other, then does what the test wants of it.
LAUNCH = """\
#!/bin/sh
printf '%s\\n' "$@" '' >>"$HERE/launched.txt"
case "$*" in *videotestsrc*) exit "${NVENC_FAILS:-0}" ;; esac
cat >"$HERE/input.bin"
for word in "$@"; do
  case $word in
    location=models/*) [ -n "${NO_OUTPUT-}" ] || echo video >"${word#location=}" ;;
    location=frame_*) [ -n "${NO_OUTPUT-}" ] || { echo a >frame_00000.new; echo b >frame_00007.new; } ;;
  esac
done
exit "${LAUNCH_FAILS:-0}"
"""
INSPECT = """\
#!/bin/sh
case " ${WITHOUT-} " in *" $2 "*) exit 1 ;; esac
"""


@dataclass
class Shell:
    """A root folder with both scripts, and how they are run."""

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "ro ot"

    def run(self, shell: str, *words: str, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a script of the model's; `words` are its name and arguments."""
        name, *arguments = words
        script = str(self.root / "models/m/scripts" / name)
        command = [*([shell, "sh"] if shell == "busybox" else [shell]), script, *arguments]
        path = f"{self.folder}/bin{os.pathsep}/usr/bin{os.pathsep}/bin"
        given = {"PATH": path, "HERE": str(self.folder), "CDPATH": "/", **env}
        return subprocess.run(command, cwd=cwd or "/", env=given, capture_output=True, text=True, timeout=60)

    def calls(self) -> list[list[str]]:
        """The words of every call of gst-launch."""
        text = (self.folder / "launched.txt").read_text("utf-8")
        return [call.split("\n") for call in text.rstrip("\n").split("\n\n")]


@pytest.fixture
def made(tmp_path: Path) -> Shell:
    up = Shell(tmp_path)
    for folder in ("bin", "ro ot/models/m/scripts", "ro ot/models/m/samples", "ro ot/recipes"):
        (tmp_path / folder).mkdir(parents=True)
    for name, text in (("gst-launch-1.0", LAUNCH), ("gst-inspect-1.0", INSPECT)):
        (tmp_path / "bin" / name).write_text(text, "utf-8")
        (tmp_path / "bin" / name).chmod(0o755)
    config = {"name": "m", "config": "models/m/config/c.txt", "base": BASE, "width": 1280, "height": 720}
    texts = {
        "ds-single-stream.sh": render("shell", "scripts/ds-single-stream.sh.j2", video="recipes/clip.mp4", **config),
        "extract-frames.sh": emit_extract_script(),
    }
    for name, text in texts.items():
        (up.root / "models/m/scripts" / name).write_text(text, "utf-8")
    (up.root / "recipes/clip.mp4").write_text("the recipe's clip", "utf-8")
    return up


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("env", "mode", "suffix"),
    [
        ({}, "nvenc-primary", ".mp4"),
        ({"NVENC_FAILS": "1"}, "theoraenc-fallback", ".ogv"),
        ({"WITHOUT": "nvv4l2h264enc"}, "theoraenc-fallback", ".ogv"),
        ({"WITHOUT": "nvv4l2h264enc theoraenc"}, "skipped", ""),
        ({"NVENC_FAILS": "1", "WITHOUT": "oggmux"}, "skipped", ""),
        ({"WITHOUT": "nvinfer"}, "skipped", ""),
    ],
    ids=["nvenc", "nvenc does not encode", "no nvenc", "no encoder", "no muxer", "no nvinfer"],
)
def test_the_encoder_rule(shell: str, env: dict[str, str], mode: str, suffix: str, made: Shell) -> None:
    for old in (".mp4", ".ogv"):
        (made.root / f"{BASE}{old}").write_text("of an earlier run", "utf-8")
    done = made.run(shell, "ds-single-stream.sh", **env)
    assert done.returncode == 0, done.stderr
    output = f"{BASE}{suffix}" if suffix else ""
    assert done.stdout.endswith(f"DS_SINGLE_STREAM_MODE={mode}\nDS_SINGLE_STREAM_OUTPUT={output}\n")
    if output:
        assert (made.root / output).read_text("utf-8") == "video\n"
        assert (made.folder / "input.bin").read_text("utf-8") == "the recipe's clip"
        other = ".ogv" if suffix == ".mp4" else ".mp4"
        assert not (made.root / f"{BASE}{other}").exists(), "what an earlier run left is not taken for this one's"


def test_theora_has_the_seeds_settings(made: Shell) -> None:
    made.run("sh", "ds-single-stream.sh", WITHOUT="nvv4l2h264enc")
    words = made.calls()[-1]
    at = words.index("theoraenc")
    assert words[at : at + 5] == ["theoraenc", "quality=48", "!", "queue", "!"]
    assert words[at + 5] == "oggmux"
    assert "video/x-raw,format=I420" in words[:at]
    assert not any(word in ("x264enc", "openh264enc") for call in made.calls() for word in call)


@pytest.mark.parametrize("without", ["", "nvv4l2h264enc"])
def test_queues_stand_between_all_elements_and_do_not_leak(without: str, made: Shell) -> None:
    """decodebin has queues of its own, and reads its source directly."""
    made.run("sh", "ds-single-stream.sh", WITHOUT=without)
    words = " ".join(made.calls()[-1])
    assert "leaky" not in words
    for chain in words.removeprefix("-e ").replace(" filesrc ", "\nfilesrc ").split("\n"):
        elements = [part.split()[0] for part in chain.split(" ! ")]
        named = [name for name in elements if not name.startswith(("video/x-raw", "mux."))]
        pairs = set(itertools.pairwise(named)) - {("filesrc", "decodebin")}
        assert all("queue" in pair for pair in pairs), pairs
        assert len(named) >= 5


@pytest.mark.parametrize("code", ["1", "139"])
def test_a_failed_pipeline_is_a_failure(code: str, made: Shell) -> None:
    done = made.run("sh", "ds-single-stream.sh", LAUNCH_FAILS=code)
    assert done.returncode == int(code)
    assert "DS_SINGLE_STREAM_MODE" not in done.stdout
    assert not (made.root / f"{BASE}.mp4").exists()


def test_a_pipeline_that_wrote_nothing_is_a_failure(made: Shell) -> None:
    """36 of docs/defects.md: the seed's script says `failed with exit code 0` and ends with 0."""
    done = made.run("sh", "ds-single-stream.sh", NO_OUTPUT="1")
    assert done.returncode == 1
    assert "wrote nothing" in done.stdout


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("name", ['it\'s a "clip" $(touch pwned) ;&.mp4', "50% #1.mp4", "-n", "a\\b !.mp4"])
def test_any_name_of_a_clip_is_only_a_name(shell: str, name: str, made: Shell) -> None:
    place = made.folder / "other place"
    place.mkdir()
    (place / name).write_text("another clip", "utf-8")
    for words, cwd in (([str(place / name)], None), ([name], place)):
        done = made.run(shell, "ds-single-stream.sh", *words, cwd=cwd)
        assert done.returncode == 0, done.stderr
        assert (made.folder / "input.bin").read_text("utf-8") == "another clip"
    assert list(made.folder.rglob("pwned")) == []
    assert not any(name in word for call in made.calls() for word in call), "GStreamer never sees the name"


def test_a_clip_that_is_not_there_is_a_failure(made: Shell) -> None:
    done = made.run("sh", "ds-single-stream.sh", "none.mp4")
    assert done.returncode != 0
    assert "none.mp4" in done.stderr


def test_pictures_are_taken_and_counted(made: Shell) -> None:
    """37 of docs/defects.md: the seed's script ends with the status of a grep."""
    folder = made.root / "models/m/samples"
    (folder / "frame_3.png").write_text("of an earlier run", "utf-8")
    clip = str(made.root / "recipes/clip.mp4")
    done = made.run("sh", "extract-frames.sh", clip, str(folder))
    assert done.returncode == 0, done.stderr
    assert {path.name: path.read_text("utf-8") for path in folder.iterdir()} == {
        "frame_1.png": "a\n",
        "frame_2.png": "b\n",
    }
    assert f"max-files={FRAMES}" in made.calls()[-1]


@pytest.mark.parametrize(
    ("env", "code"), [({"LAUNCH_FAILS": "3"}, 3), ({"NO_OUTPUT": "1"}, 1), ({"WITHOUT": "pngenc"}, 0)]
)
def test_the_exit_code_of_taking_pictures_is_that_of_the_pipeline(env: dict[str, str], code: int, made: Shell) -> None:
    clip, folder = str(made.root / "recipes/clip.mp4"), str(made.root / "models/m/samples")
    assert made.run("sh", "extract-frames.sh", clip, folder, **env).returncode == code


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_reads_them(shell: str, made: Shell) -> None:
    for path in (made.root / "models/m/scripts").iterdir():
        command = [*([shell, "sh"] if shell == "busybox" else [shell]), "-n", str(path)]
        assert subprocess.run(command, capture_output=True, text=True).stderr == ""

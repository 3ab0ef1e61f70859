"""The visual check on the real GStreamer: only NVIDIA's elements are replaced, by ones of the base plugins.

Demuxing, decoding, the queues, theoraenc, oggmux and the pictures are what runs on a GPU host, too. And every generated
script under shellcheck.
"""

from __future__ import annotations

import os
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dsimport.compiler.emit.scripts import emit_extract_script
from dsimport.compiler.templating import render

REPO = Path(__file__).resolve().parents[2]
GOLDEN = REPO / "tests/golden"
BASE = "models/m/samples/m_single_stream"

# nvv4l2h264enc fails as on a GPU without an encoder, unless NVENC is set; then JPEG stands in for H.264.
LAUNCH = """\
#!/bin/sh
n=$#
while [ "$n" -gt 0 ]; do
  word=$1; shift; n=$((n - 1))
  case $word in
    nvstreammux) set -- "$@" funnel ;;
    batch-size=*|width=*|height=*|batched-push-timeout=*|config-file-path=*|interval=*) ;;
    nvinfer|nvdsosd|h264parse) set -- "$@" identity ;;
    nvvideoconvert) set -- "$@" videoconvert ;;
    nvv4l2h264enc)
      [ -n "${NVENC-}" ] || { echo "Could not open device '/dev/v4l2-nvenc'" >&2; exit 1; }
      set -- "$@" jpegenc ;;
    'video/x-raw(memory:NVMM),'*) set -- "$@" video/x-raw ;;
    *) set -- "$@" "$word" ;;
  esac
done
exec /usr/bin/gst-launch-1.0 "$@"
"""
INSPECT = """\
#!/bin/sh
case $2 in nvinfer|nvv4l2h264enc|nvvideoconvert|h264parse) exit 0 ;; esac
exec /usr/bin/gst-inspect-1.0 "$@"
"""

# Made with GStreamer, with a sound track, by name of the clip.
SOUNDING = {
    "theora.ogv": ("theoraenc ! oggmux", "vorbisenc"),
    "vp8.webm": ("vp8enc deadline=1 ! webmmux", "vorbisenc"),
    "mjpeg.avi": ("jpegenc ! avimux", "identity"),
    "mjpeg.mkv": ("jpegenc ! matroskamux", "vorbisenc"),
    "mjpeg.mp4": ("jpegenc ! qtmux", "identity"),
}
# Made with PyAV: encoder and format (None: by suffix). A raw stream has no container at all.
SILENT = {
    "h264.mp4": ("libx264", None),
    "h264.h264": ("libx264", "h264"),
    "h264.ts": ("libx264", None),
    "h265.mkv": ("libx265", None),
    "h265.h265": ("libx265", "hevc"),
    "av1.mp4": ("libsvtav1", None),
}
CLIPS = (*SOUNDING, *SILENT)
FRAMES = 60


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root folder with both scripts and stand-ins on its own PATH."""
    folder = tmp_path_factory.mktemp("gst") / 'it\'s a "root" 100%'
    for name in ("bin", "models/m/scripts", "models/m/samples", "clips"):
        (folder / name).mkdir(parents=True)
    for name, text in (("gst-launch-1.0", LAUNCH), ("gst-inspect-1.0", INSPECT)):
        (folder / "bin" / name).write_text(text, "utf-8")
        (folder / "bin" / name).chmod(0o755)
    config = {"name": "m", "config": "models/m/config/c.txt", "base": BASE, "width": 320, "height": 240}
    script = render("shell", "scripts/ds-single-stream.sh.j2", video="clips/none.mp4", **config)
    (folder / "models/m/scripts/ds-single-stream.sh").write_text(script, "utf-8")
    (folder / "models/m/scripts/extract-frames.sh").write_text(emit_extract_script(), "utf-8")
    return folder


def clip(root: Path, name: str) -> Path:
    """A clip of two seconds with a name full of characters that mean something elsewhere."""
    made = root.parent / f"made.{name}"
    if name in SOUNDING:
        _with_sound(made, *SOUNDING[name])
    else:
        _without_sound(made, *SILENT[name])
    return made.rename(root / "clips" / f"a 'b' \"c\" %20 #1 ! {name}")


def _with_sound(path: Path, video: str, sound: str) -> None:
    words = (
        f"videotestsrc num-buffers={FRAMES} ! video/x-raw,width=320,height=240,framerate=30/1 ! {video} name=m "
        f"! filesink location={path} audiotestsrc num-buffers=80 ! audioconvert ! {sound} ! m."
    )
    subprocess.run(["/usr/bin/gst-launch-1.0", "-q", *words.split()], check=True, timeout=120)


def _without_sound(path: Path, codec: str, kind: str | None) -> None:
    import av
    import numpy as np

    with av.open(str(path), "w", format=kind) as container:
        stream: Any = container.add_stream(codec, rate=30)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for shade in range(FRAMES):
            picture = np.full((240, 320, 3), shade * 4, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


def run(root: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    path = f"{root}/bin{os.pathsep}{os.environ['PATH']}"
    command = ["sh", str(root / "models/m/scripts" / words[0]), *words[1:]]
    return subprocess.run(
        command, cwd="/", env={**os.environ, "PATH": path, **env}, capture_output=True, text=True, timeout=300
    )


def frames_of(video: Path) -> int:
    import av

    with av.open(str(video)) as container:
        return sum(1 for _ in container.decode(video=0))


@pytest.mark.parametrize("name", CLIPS)
def test_any_container_becomes_theora(name: str, root: Path) -> None:
    done = run(root, "ds-single-stream.sh", str(clip(root, name)))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(f"DS_SINGLE_STREAM_MODE=theoraenc-fallback\nDS_SINGLE_STREAM_OUTPUT={BASE}.ogv\n")
    assert frames_of(root / f"{BASE}.ogv") == FRAMES, "no frame is dropped"


def test_pictures_come_out_of_both_kinds_of_video(root: Path) -> None:
    source = clip(root, "theora.ogv")
    for suffix, env in ((".mp4", {"NVENC": "1"}), (".ogv", {})):
        done = run(root, "ds-single-stream.sh", str(source), **env)
        assert done.stdout.endswith(f"DS_SINGLE_STREAM_OUTPUT={BASE}{suffix}\n"), done.stdout + done.stderr
        done = run(root, "extract-frames.sh", str(root / f"{BASE}{suffix}"), str(root / "models/m/samples"))
        assert done.returncode == 0, done.stdout + done.stderr
        picture = (root / "models/m/samples/frame_1.png").read_bytes()
        assert picture[:8] == b"\x89PNG\r\n\x1a\n"
        assert struct.unpack(">II", picture[16:24]) == (320, 240)


@pytest.mark.parametrize(
    "content", [b"", b"this is no video\n", b"\0\0\0\x20ftypisom"], ids=["empty", "text", "a head"]
)
def test_what_is_no_video_is_a_failure(content: bytes, root: Path) -> None:
    bad = root / "clips/bad.mp4"
    bad.write_bytes(content)
    done = run(root, "ds-single-stream.sh", str(bad))
    assert done.returncode != 0
    assert "DS_SINGLE_STREAM_MODE" not in done.stdout
    assert not (root / f"{BASE}.ogv").exists()


@pytest.mark.parametrize("path", sorted(GOLDEN.rglob("*.sh")), ids=lambda path: path.relative_to(GOLDEN).as_posix())
def test_generated_scripts_are_clean_for_shellcheck_and_dash(path: Path) -> None:
    done = subprocess.run(["shellcheck", "-s", "sh", str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert subprocess.run(["dash", "-n", str(path)]).returncode == 0

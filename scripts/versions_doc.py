"""The text of `docs/versions.md`: the table of releases, and what differs in the files that are written for each.

The differences are those of real plans. One without a reason in `REASONS` stops the generation.
"""

from __future__ import annotations

import re

from dsimport.compiler.diagnostics import Report
from dsimport.compiler.load import load_recipe
from dsimport.compiler.lower import lower
from dsimport.compiler.plan import show_text
from dsimport.compiler.resolve import resolve
from dsimport.compiler.versions import RELEASES, Host, Platform, TensorRt

__all__ = ["versions"]

NEWEST = list(RELEASES)[-1]
BEYOND = "11.0"  # no release works with it; trtexec's command line is known all the same

RECIPE = """\
schema: 1
name: m
source: {file: {path: m.onnx}}
model: {family: yolov8, input: {height: 640, width: 640}, classes: 1, labels: [thing]}
engine: {max_batch: 8, batch_limit: 8, KEYS}
pipeline: {platform: PLATFORM, deepstream: RELEASE}
"""

TEXT = """\
# Versions

Generated from `compiler/versions.py` and from plans by `python scripts/gen_docs.py`. `pipeline.deepstream`,
`pipeline.platform` and `pipeline.tensorrt` of a recipe select what is written; pairs that cannot work are errors while
planning. A question mark: NVIDIA's pages did not confirm the value.

## Releases

| DeepStream | TensorRT | CUDA | system | driver | on Jetson: TensorRT | CUDA | JetPack | object | angle |
|---|---|---|---|---|---|---|---|---|---|
{releases}

A release works with the major version of TensorRT it was built for: 9.1 with 10.x, and none with 11. An older minor
version than the one it was built for is a warning.

## trtexec

{trtexec}

## What differs in the files

One recipe (a YOLO, fp16) for every release, against the files for {newest} on a discrete GPU. Everything that is not in
this table is byte for byte the same: the parser's source, the deepstream-app configurations, all other scripts.

| file | for | differs | why |
|---|---|---|---|
{differences}

Not in the table, because it needs a key of its own: `engine.dla` writes `enable-dla` and `use-dla-core`, and
`--useDLACore` with `--allowGPUFallback`. The visual check asks the host which encoder works: an Orin Nano has no NVENC
and gets theoraenc.
"""

# Part of a line or word that differs between releases, and why.
REASONS = (
    (r"CUDA_VER \?= .*", "the CUDA toolkit that comes with the release: its headers are included by DeepStream's"),
    (r"-DDSIMPORT_DS_MAJOR=.*|.* for DeepStream \d+\.", "28-byte objects with rotation_angle from 9.0 on, 24 before"),
    (r"--skipInference|--buildOnly", "trtexec renamed the option in TensorRT 8.6"),
    (r"--memPoolSize=.*", "a Jetson's memory is shared with the decoder, the frames and the system"),
    (r"--stronglyTyped|--fp16", "a strongly typed network has its precision in the graph"),
    (r"strongly-typed=1|network-mode=.*", "the same in nvinfer, should it build the engine again"),
)

TRTEXEC = (
    ("precision as a flag (`--fp16`)", "weak_typing", "gone in 11: the option ends the program"),
    ("that flag prints a deprecation", "weak_typing_warns", "harmless"),
    ("`--stronglyTyped`", "strong_typing", "fp16 is then the pass to-fp16"),
    ("strong typing is all there is", "strong_typing_is_default", "no flag is written"),
    ("compute only is the default of measurements", "measures_compute_only", "the three flags are written elsewhere"),
    ("`--skipInference`", "skip_inference", "`--buildOnly` before"),
    ("`--builderOptimizationLevel`", "optimization_levels", "N0341 before"),
    ("builds for the DLA of an Orin", "dla", "N0342 after 10.7"),
)


def versions() -> str:
    """The whole document."""
    return TEXT.format(
        releases="\n".join(_row(item.deepstream) for item in RELEASES.values()),
        trtexec="\n".join(_trtexec()),
        newest=NEWEST,
        differences="\n".join(_differences()),
    )


def _row(deepstream: str) -> str:
    item = RELEASES[deepstream]
    size, angle = f"{item.object_bytes} bytes", "yes" if item.has_rotation else "no"
    host, jetson = item.dgpu, item.jetson
    cells = (deepstream, _sure(host, "tensorrt"), _sure(host, "cuda"), _sure(host, "system"), f"{host.driver}+")
    more = (_sure(jetson, "tensorrt"), _sure(jetson, "cuda"), _sure(jetson, "system").removeprefix("JetPack "))
    return f"| {' | '.join((*cells, *more, size, angle))} |"


def _sure(host: Host, name: str) -> str:
    return f"{getattr(host, name)}{' ?' if name in host.uncertain else ''}"


def _trtexec() -> list[str]:
    hosts = [host.tensorrt for item in RELEASES.values() for host in (item.dgpu, item.jetson)]
    found = sorted({TensorRt.of(text) for text in (*hosts, BEYOND)})
    lines = [f"| | {' | '.join(map(str, found))} | |", "|---|" + "---|" * len(found) + "---|"]
    for title, name, note in TRTEXEC:
        cells = ["yes" if getattr(version, name) else "" for version in found]
        lines.append(f"| {title} | {' | '.join(cells)} | {note} |")
    return lines


def _differences() -> list[str]:
    base = _tree(NEWEST, "dgpu")
    rows: dict[tuple[str, str, str], list[str]] = {}
    variants: list[tuple[str, Platform, str, str]] = [(name, "dgpu", "", name) for name in RELEASES]
    variants += [(name, "jetson", "", f"{name} on Jetson") for name in RELEASES]
    variants.append((NEWEST, "dgpu", "strongly_typed: true", "engine.strongly_typed"))
    for name, platform, keys, title in variants:
        tree = _tree(name, platform, keys)
        if tree.keys() != base.keys():
            raise SystemExit(f"other files for {title}")
        for path, content in tree.items():
            for piece in _pieces(path, content) - _pieces(path, base[path]):
                rows.setdefault((path, piece, _reason(piece, path)), []).append(title)
    return [
        f"| {path} | {', '.join(titles)} | `{piece}` | {reason} |"
        for (path, piece, reason), titles in sorted(rows.items())
    ]


def _tree(deepstream: str, platform: Platform, keys: str = "") -> dict[str, str]:
    text = RECIPE.replace("RELEASE", deepstream).replace("PLATFORM", platform).replace("KEYS", keys)

    def read(file: str) -> bytes:
        if file == "recipes/m.yaml":
            return text.encode()
        raise FileNotFoundError(2, "No such file or directory", file)

    report = Report()
    [loaded] = load_recipe("recipes/m.yaml", read, report)
    compiled = resolve(loaded, read, report)
    plan = lower(compiled, "deepstream", "dsimport", report) if compiled else None
    if plan is None or len(report):
        raise SystemExit(f"no plan for {deepstream} on {platform}: {list(report)}")
    return {show_text(item.path).removeprefix(f"{plan.home}/"): show_text(item.content) for item in plan.files()}


def _pieces(path: str, content: str) -> set[str]:
    """Lines; words of a script's command."""
    return set(content.split() if path.endswith(".sh") else content.splitlines())


def _reason(piece: str, path: str) -> str:
    for pattern, reason in REASONS:
        if re.search(rf"^(?:.*\s)?(?:{pattern})$", piece):
            return reason
    raise SystemExit(f"scripts/versions_doc.py has no reason for {piece!r} in {path}")

"""Times emitted parsers in one C++ host: `python benchmarks/parsers/run.py [FAMILY...]` prints a Markdown table.

Every parser is built with the flags of its own Makefile. `read once` is a vectorised maximum over the whole tensor the
scores are in; `loop` is the usual loop over candidates and classes of the first block, without optimisation (as
`-Wall -std=c++11` builds it) and at -O2.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dsimport.compiler.diagnostics import Report
from dsimport.compiler.families import load_family
from dsimport.compiler.parsers.bind import Binding, bind
from dsimport.compiler.parsers.blocks import blocks_of
from dsimport.compiler.parsers.emit import ParserOptions, abi_files, emit_parser
from dsimport.compiler.parsers.names import parser_names
from dsimport.compiler.preset import DetectionsDecode

HERE = Path(__file__).resolve().parent
FLAGS = ("-std=c++17", "-O2", "-ftree-vectorize", "-fPIC", "-Iabi")
STREAMS, FPS = 256, 30
OBJECTS = 60


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    family: str
    height: int = 640
    width: int = 640
    classes: int = 80
    select: str | None = None
    queries: int | None = None


CASES = (
    Case("yolov8"),
    Case("rt-detr", select="argmax"),
    Case("rt-detr", select="pairs"),
    Case("detr", classes=91, queries=300),
    Case("nms-rows"),
    Case("yolov5"),
    Case("yolov7-raw"),
    Case("nanodet", 416, 416),
    Case("ssd-torchvision", 300, 300),
    Case("detectnet", 544, 960, 3),
    Case("centernet", 512, 512),
    Case("centerface", 480, 640, 1),
)


def bound(case: Case) -> Binding:
    outputs = None
    if case.queries:
        outputs = {"logits": (case.queries, case.classes + 1), "pred_boxes": (case.queries, 4)}
    report = Report()
    sizes = {"height": case.height, "width": case.width, "classes": case.classes}
    binding = bind(load_family(case.family), **sizes, outputs=outputs, report=report)
    if binding is None:
        raise SystemExit("\n".join(item.message for item in report))
    return binding


def frame(binding: Binding) -> list[np.ndarray]:
    """Outputs that show OBJECTS objects and no more."""
    rng = np.random.default_rng(1)
    arrays = [rng.uniform(0.2, 0.6, tensor.shape).astype(np.float32) for tensor in binding.tensors]
    decode = binding.family.decode
    for block in blocks_of(binding):
        if isinstance(decode, DetectionsDecode):
            source = block.sources["boxes"]
            where = np.arange(4) * source.channel_stride + np.arange(block.count)[:, None] * source.candidate_stride
            arrays[source.tensor].reshape(-1)[source.first + where] = [50, 60, 150, 160]
        for name in ("scores", "objectness", "classes"):
            if name not in block.sources:
                continue
            source, part = block.sources[name], getattr(decode, name)
            flat = arrays[source.tensor].reshape(-1)
            activated = getattr(part, "activation", "none") == "none"
            background = getattr(part, "background", "none")
            channels = 1 if name != "scores" or isinstance(decode, DetectionsDecode) else binding.classes
            channels += background != "none"
            where = (
                np.arange(channels)[:, None] * source.channel_stride + np.arange(block.count) * source.candidate_stride
            )
            low = rng.uniform(0, 0.01, where.shape) if activated else rng.normal(-7, 1, where.shape)
            first = 1 if background == "first" else 0
            if background != "none":
                low[-1 if background == "last" else 0] = 4
            share = max(1, round(OBJECTS * block.count / sum(each.count for each in blocks_of(binding))))
            chosen = np.linspace(0, block.count - 1, share).astype(int)
            low[first + chosen % (channels - (background != "none")), chosen] = 0.8 if activated else 9
            flat[source.first + where] = 0 if name == "classes" else low
    return arrays


def run(case: Case, folder: Path) -> str:
    binding = bound(case)
    names = parser_names("bench")
    (folder / "parser.cpp").write_text(emit_parser(binding, ParserOptions(names, 0.25, case.select)))
    defines = ('-DSOURCE="parser.cpp"', f"-DFUNCTION={names.function}", f"-I{folder}")
    build(folder, *FLAGS, *defines, str(HERE / "bench.cpp"), "o0.o", "o2.o", "-o", "bench")
    files = []
    for index, array in enumerate(frame(binding)):
        (folder / f"{index}.bin").write_bytes(array.tobytes())
        files.append(f"{index}.bin")
    block = blocks_of(binding)[0]
    source = block.sources["scores"]
    place = (source.tensor, source.first, block.count, source.channel_stride, source.candidate_stride, 0.25)
    command = ["./bench", *files, *map(str, place)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    objects, parser, once, o0, o2 = (float(item) for item in done.stdout.split())
    shape = " + ".join("x".join(map(str, tensor.shape)) for tensor in binding.tensors)
    title = case.family + (f" ({case.select})" if case.select else "")
    share = parser * 1e-9 * STREAMS * FPS * 100
    row = f"| {title} | {shape} | {objects:.0f} | {parser / 1e3:.1f} | {once / 1e3:.1f} | {parser / once:.2f} "
    return row + f"| {o0 / parser:.1f} | {o2 / parser:.1f} | {share:.1f} % |"


def build(folder: Path, *arguments: str) -> None:
    subprocess.run(["g++", *arguments], cwd=folder, check=True)


def main() -> None:
    chosen = [case for case in CASES if not sys.argv[1:] or case.family in sys.argv[1:]]
    print(
        "| family | outputs | objects | parser µs | read once µs | ratio | loop -O0 x | loop -O2 x | core at 256 x 30 |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "abi").mkdir()
        for path, text in abi_files().items():
            (folder / path).write_text(text)
        loop = str(HERE / "per_candidate.cpp")
        build(folder, "-Wall", "-std=c++11", "-DNAME=per_candidate_o0", "-c", loop, "-o", "o0.o")
        build(folder, "-std=c++11", "-O2", "-DNAME=per_candidate_o2", "-c", loop, "-o", "o2.o")
        for case in chosen:
            print(run(case, folder), flush=True)


if __name__ == "__main__":
    main()

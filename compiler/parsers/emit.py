"""C++ source, Makefile and headers of a bound family's parser."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any, Literal

from dsimport.compiler.expr import evaluate
from dsimport.compiler.parsers.area import Area
from dsimport.compiler.parsers.binding import Binding
from dsimport.compiler.parsers.blocks import Block, Source, blocks_of
from dsimport.compiler.parsers.names import ParserNames
from dsimport.compiler.preset import CandidatesDecode, DetectionsDecode, GridDecode
from dsimport.compiler.templating import TEMPLATES, Raw, render

__all__ = ["ParserOptions", "abi_files", "emit_makefile", "emit_parser"]

MAX_RESERVE = 4096
_INDICES = {
    "xyxy": (0, 1, 2, 3),
    "yxyx": (1, 0, 3, 2),
    "cxcywh": (0, 1, 2, 3),
    "cycxhw": (1, 0, 3, 2),
    "ltrb": (0, 1, 2, 3),
}


@dataclass(frozen=True)
class ParserOptions:
    """What a recipe decides about its parser.

    threshold: for classes the host passes no threshold for. select: overrides the family's where it has one.
    area: part of the network input that shows the frame; None for all of it. top_k: results per frame, overrides the
    family's limit; None leaves it.
    """

    names: ParserNames
    threshold: float
    select: Literal["argmax", "pairs"] | None = None
    area: Area | None = None
    top_k: int | None = None


def emit_parser(binding: Binding, options: ParserOptions) -> str:
    """The parser's C++ source (C++14 or later), specialised for the binding's shapes."""
    family = binding.family
    area = options.area or Area(0, 0, binding.width, binding.height)
    blocks = blocks_of(binding)
    context: dict[str, Any] = {
        "family": Raw(family.family),
        "function": Raw(options.names.function),
        "function_text": options.names.function,
        "width": binding.width,
        "height": binding.height,
        "classes": binding.classes,
        "threshold": float(options.threshold),
        "compare": Raw(">" if family.defaults.compare == "gt" else ">="),
        "area": area,
        "tensors": [
            {
                "name": tensor.name,
                "integers": tensor.spec.integers,
                "rank": len(tensor.shape),
                "dims": _numbers(tensor.shape),
                "size": math.prod(tensor.shape),
            }
            for tensor in binding.tensors
        ],
    }
    decode = family.decode
    if isinstance(decode, CandidatesDecode):
        context |= _candidates(binding, decode, blocks, options)
    elif isinstance(decode, DetectionsDecode):
        context |= _detections(binding, decode, blocks[0])
    else:
        context |= _grid(binding, decode, blocks[0], options)
    return _tidy(render("cpp", f"parser/{family.template}.cpp.j2", **context))


def emit_makefile(names: ParserNames, *, cuda: str, deepstream_major: int, march: str | None = None) -> str:
    """The Makefile that builds and checks the library; `march` becomes -march."""
    return render(
        "make",
        "parser/Makefile.j2",
        source=names.source,
        library=names.library,
        function=names.function,
        cuda=cuda,
        deepstream_major=deepstream_major,
        march=march,
    )


def abi_files() -> dict[str, str]:
    """Headers to put beside the source, by path relative to it: for hosts without the DeepStream SDK."""
    folder = TEMPLATES / "parser" / "abi"
    return {f"abi/{path.name}": path.read_text("utf-8") for path in sorted(folder.glob("*.h"))}


def _candidates(
    binding: Binding, decode: CandidatesDecode, blocks: tuple[Block, ...], options: ParserOptions
) -> dict[str, Any]:
    scores, boxes, objectness = decode.scores, decode.boxes, decode.objectness
    softmax = scores.activation == "softmax"
    rows = objectness is None and all(block.sources["scores"].candidate_stride == 1 for block in blocks)
    rows = rows and not (softmax and scores.background == "none")
    activated = objectness is not None and objectness.activation != "none"
    sigmoids = scores.activation == "sigmoid" or activated or boxes.transform in ("anchor_v5", "anchor_v3")
    topk = _topk(binding, decode.topk, options)
    count = sum(block.count for block in blocks)
    first_class = 1 if scores.background == "first" else 0
    background = softmax and scores.background != "none"
    select = options.select or decode.select
    contiguous = all(block.sources["scores"].channel_stride == 1 for block in blocks)
    by_candidate = not rows and objectness is None and (background or not softmax)
    i0, i1, i2, i3 = _INDICES[boxes.format]
    return {
        "needs_sigmoid": sigmoids,
        "needs_floor": scores.activation != "none" or activated,
        "softmax": softmax,
        "activation": scores.activation,
        "background": background,
        "background_channel": -1 if scores.background == "first" else binding.classes,
        "background_index": Raw("static_cast<std::ptrdiff_t>(stride) * kBackground"),
        "objectness": objectness is not None,
        "objectness_activation": objectness.activation if objectness else "none",
        "combine": objectness.combine if objectness else "none",
        **_score_texts(decode),
        "keep_best": _keep("best", topk),
        "keep_class": _keep("c", topk),
        "rows": rows,
        "tile": _tile(tuple(block.count for block in blocks)),
        "contiguous": contiguous,
        "row_maximum": contiguous and (by_candidate or select == "argmax"),
        "needs_stride": softmax or select == "pairs" or not contiguous,
        "strided_search": by_candidate and not contiguous,
        "floor": Raw("floor" if background else "floor_"),
        "select": select,
        "topk": topk,
        "reserve": min(MAX_RESERVE, count if topk is None else max(topk, count)),
        "levels": boxes.needs_levels,
        "anchors": _anchor_table(blocks) if boxes.needs_anchors else [],
        "cell_offset": _number(binding, decode.levels.cell_offset) if decode.levels else 0.0,
        "blocks": _block_rows(blocks, first_class),
        "transform": boxes.transform,
        "format": boxes.format,
        "bins": boxes.reg_max + 1,
        "variance_centre": float(boxes.variances[0]),
        "variance_size": float(boxes.variances[1]),
        "exp_clip": None if boxes.exp_clip is None else _number(binding, boxes.exp_clip),
        "i0": i0,
        "i1": i1,
        "i2": i2,
        "i3": i3,
        **_units(boxes.units),
    }


def _score_texts(decode: CandidatesDecode) -> dict[str, Raw]:
    """C++ for the score of a class from its value `top` or `value`, and of the objectness."""
    activation, objectness = decode.scores.activation, decode.objectness
    # Where nothing is activated the product is float32 as in the trainers' code; what needs an exp stays double.
    plain = activation == "none" and (objectness is None or objectness.activation == "none")

    def score(name: str) -> Raw:
        if activation == "softmax":
            return Raw(f"softmax.of({name})")
        value = f"sigmoid({name})" if activation == "sigmoid" else name
        if objectness is not None:
            value = f"objectness * {value}"
            if objectness.combine == "sqrt_mul":
                value = f"std::sqrt({value})"
        return Raw(value if plain else f"static_cast<float>({value})")

    activated = objectness is not None and objectness.activation == "sigmoid"
    return {
        "score_of_top": score("top"),
        "score_of_value": score("value"),
        "real": Raw("float" if plain else "double"),
        "objectness_of": Raw("sigmoid" if activated else ""),
    }


def _block_rows(blocks: tuple[Block, ...], first_class: int) -> list[dict[str, Any]]:
    """The blocks as the template prints them; scores start at the first real class."""
    out: list[dict[str, Any]] = []
    first_anchor = 0
    for block in blocks:
        scores = block.sources["scores"]
        real = Source(
            scores.tensor,
            scores.first + first_class * scores.channel_stride,
            scores.channel_stride,
            scores.candidate_stride,
        )
        row: dict[str, Any] = {"count": block.count, "scores": _source(real), "boxes": _source(block.sources["boxes"])}
        if "objectness" in block.sources:
            row["objectness"] = _source(block.sources["objectness"])
        if block.level is not None:
            per_cell = block.count // (block.level.rows * block.level.columns)
            row |= {"columns": block.level.columns, "stride": block.level.stride, "per_cell": per_cell}
            row["scale_xy"] = block.level.scale_xy
        row["first_anchor"] = first_anchor
        first_anchor += len(block.anchors)
        out.append(row)
    return out


def _anchor_table(blocks: tuple[Block, ...]) -> list[tuple[float, float]]:
    return [anchor for block in blocks for anchor in block.anchors]


@functools.cache
def _tile(counts: tuple[int, ...]) -> int:
    """Candidates per tile of the row scan: least work scanned twice, then largest; a multiple of 16 where possible."""
    smallest = min(counts)
    # 4,096 maxima are half of a first-level cache, and long runs of every row suit the prefetcher.
    sizes = [size for size in range(128, 4097, 16) if size <= smallest]
    if not sizes:
        return smallest
    return min(sizes, key=lambda size: (sum(-(-count // size) * size for count in counts), -size))


def _detections(binding: Binding, decode: DetectionsDecode, block: Block) -> dict[str, Any]:
    i0, i1, i2, i3 = _INDICES[decode.boxes.format]
    return {
        "count": block.count,
        "boxes": _source(block.sources["boxes"]),
        "scores": _source(block.sources["scores"]),
        "class_ids": _source(block.sources["classes"]),
        "first_class": float(decode.classes.base),
        "count_tensor": None if decode.count is None else binding.tensor(decode.count.tensor),
        "format": decode.boxes.format,
        "i0": i0,
        "i1": i1,
        "i2": i2,
        "i3": i3,
        **_units(decode.boxes.units),
    }


def _grid(binding: Binding, decode: GridDecode, block: Block, options: ParserOptions) -> dict[str, Any]:
    topk = _topk(binding, decode.topk, options)
    order = decode.offset.order if decode.offset else "xy"
    return {
        "needs_sigmoid": decode.scores.activation != "none",
        "needs_floor": decode.scores.activation != "none",
        "columns": block.columns,
        "count": block.count,
        "stride": _number(binding, decode.stride),
        "cell_offset": _number(binding, decode.cell_offset),
        "box_scale": _number(binding, decode.boxes.scale),
        "topk": topk,
        "keep_class": _keep("class_id", topk),
        "scores": _source(block.sources["scores"]),
        "boxes": _source(block.sources["boxes"]),
        "offset": _source(block.sources["offset"]) if "offset" in block.sources else None,
        "reserve": min(MAX_RESERVE, block.count),
        "activation": decode.scores.activation,
        "peak": decode.peak,
        "per_class": decode.boxes.per_class,
        "box_channels": decode.boxes.channels,
        "offset_x": _second("kOffsets.channel_stride", order.index("x")),
        "offset_y": _second("kOffsets.channel_stride", order.index("y")),
        "format": decode.boxes.format,
        "width_index": _second("stride", decode.boxes.order.index("w")),
        "height_index": _second("stride", decode.boxes.order.index("h")),
        "size_exp": decode.boxes.exp,
    }


def _second(stride: str, channel: int) -> Raw:
    """C++ index of the first or the second channel."""
    return Raw(stride if channel else "0")


def _topk(binding: Binding, own: int | float | str | None, options: ParserOptions) -> int | None:
    if options.top_k is not None:
        return options.top_k
    return None if own is None else int(evaluate(own, binding.dims))


def _keep(class_id: str, topk: int | None) -> Raw:
    """C++ for whether a score is a result so far: with a limit, thresholds come after the cut."""
    return Raw("std::isfinite(score)" if topk is not None else f"thresholds_.keeps(score, {class_id})")


def _number(binding: Binding, value: int | float | str) -> float:
    return float(evaluate(value, binding.dims))


def _units(units: str) -> dict[str, Raw]:
    """C++ after a value to have pixels, across and down."""
    across, down = {
        "pixels": ("", ""),
        "normalized": (" * kWidth", " * kHeight"),
        "stride": (" * block.stride", " * block.stride"),
    }[units]
    return {"across": Raw(across), "down": Raw(down)}


def _numbers(values: tuple[int, ...]) -> Raw:
    return Raw(", ".join(str(value) for value in values))


def _source(source: Source) -> Raw:
    return _numbers((source.tensor, source.first, source.channel_stride, source.candidate_stride))


def _tidy(text: str) -> str:
    """Without the blank lines that conditions of a template leave: never two in a row."""
    lines: list[str] = []
    for line in text.split("\n"):
        if line or (lines and lines[-1]):
            lines.append(line.rstrip())
    return "\n".join(lines)

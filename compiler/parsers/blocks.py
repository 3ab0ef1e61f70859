"""Where a parser finds its values: strides and first elements in the output tensors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dsimport.compiler.expr import evaluate
from dsimport.compiler.parsers.binding import Binding, BoundTensor, Level
from dsimport.compiler.preset import CandidatesDecode, DetectionsDecode, Part

__all__ = ["Block", "LayoutError", "Source", "blocks_of"]


class LayoutError(ValueError):
    """The preset's axes and channels do not fit its tensor. The message says where."""


@dataclass(frozen=True)
class Source:
    """Values in a tensor: element = first + channel * channel_stride + candidate * candidate_stride."""

    tensor: int
    first: int
    channel_stride: int
    candidate_stride: int


@dataclass(frozen=True)
class Block:
    """Candidates with one addressing rule: a whole tensor, a level of it, or an anchor of a level.

    columns: cells per row of the grid, 1 where there is none. anchors: (width, height) in pixels, one per candidate
    of a cell.
    """

    count: int
    columns: int
    sources: dict[str, Source]
    level: Level | None = None
    anchors: tuple[tuple[float, float], ...] = ()


Wanted = list[tuple[str, Part, int]]  # name, part, number of channels


def blocks_of(binding: Binding) -> tuple[Block, ...]:
    """The blocks of a bound family, in tensor order. Raises LayoutError, ExprError."""
    decode = binding.family.decode
    wanted = _wanted(binding)
    if isinstance(decode, CandidatesDecode) and decode.levels is not None:
        return tuple(_level_blocks(binding, decode.levels.anchor_order == "outer", wanted))
    counts = {candidates_in(binding.tensors[binding.tensor(part.tensor)]) for _, part, _ in wanted}
    if len(counts) != 1:
        raise LayoutError(f"its tensors have different numbers of candidates: {', '.join(map(str, sorted(counts)))}")
    columns = extent(binding.tensors[binding.tensor(decode.scores.tensor)], "x")
    return (Block(counts.pop(), columns, {name: _source(binding, name, part, n) for name, part, n in wanted}),)


def _wanted(binding: Binding) -> Wanted:
    decode = binding.family.decode
    if isinstance(decode, DetectionsDecode):
        channels = {"boxes": 4, "scores": 1, "classes": 1}
    elif isinstance(decode, CandidatesDecode):
        columns = binding.classes + (decode.scores.background != "none")
        channels = {"boxes": decode.boxes.channels, "scores": columns, "objectness": 1}
    else:
        maps = decode.boxes.channels * (binding.classes if decode.boxes.per_class else 1)
        channels = {"boxes": maps, "scores": binding.classes, "offset": 2}
    return [(name, part, channels[name]) for name, part in decode.parts]


def extent(tensor: BoundTensor, axis: str) -> int:
    """Size of an axis, 1 where the tensor does not have it."""
    return dict(zip(tensor.spec.axes, tensor.shape, strict=True)).get(axis, 1)  # type: ignore[call-overload,no-any-return]


def candidates_in(tensor: BoundTensor) -> int:
    """Candidates a tensor holds (per anchor where it has an anchor axis)."""
    return extent(tensor, "candidate") * extent(tensor, "y") * extent(tensor, "x")


def _strides(tensor: BoundTensor) -> dict[str, int]:
    """Row-major stride of every axis, in elements."""
    strides: dict[str, int] = {}
    step = 1
    for axis, size in zip(reversed(tensor.spec.axes), reversed(tensor.shape), strict=True):
        strides[axis] = step
        step *= size
    return strides


def _source(binding: Binding, name: str, part: Part, channels: int, level: int = 0, anchor: int = 0) -> Source:
    """Addresses of `channels` channels of a part."""
    index = binding.tensor(part.tensor, level)
    tensor = binding.tensors[index]
    strides = _strides(tensor)
    if "anchor_channel" in strides:
        anchors = binding.levels[level].per_cell if binding.levels else 1
        available, rest = divmod(extent(tensor, "anchor_channel"), anchors)
        if rest:
            raise LayoutError(f"{name}: the channels of output '{tensor.name}' do not divide among {anchors} anchors")
        channel_stride = strides["anchor_channel"]
        first = anchor * available * channel_stride
    else:
        available = extent(tensor, "channel")
        channel_stride = strides.get("channel", 0)
        first = anchor * strides.get("anchor", 0)
    at = evaluate(part.at, binding.dims)
    if at != int(at) or not 0 <= at <= available - channels:
        raise LayoutError(f"{name}: {channels} channels from {at} on, but output '{tensor.name}' has {available}")
    return Source(index, first + int(at) * channel_stride, channel_stride, _candidate_stride(tensor, strides, name))


def _candidate_stride(tensor: BoundTensor, strides: dict[str, int], name: str) -> int:
    if "candidate" in strides:
        return strides["candidate"]
    if "x" not in strides:
        raise LayoutError(f"{name}: output '{tensor.name}' has neither the axis candidate nor x")
    if "y" in strides and strides["y"] != strides["x"] * extent(tensor, "x"):
        raise LayoutError(f"{name}: in output '{tensor.name}' the axes y and x do not follow each other")
    return strides["x"]


def _level_blocks(binding: Binding, outer: bool, wanted: Wanted) -> Iterator[Block]:
    """One block per level; per level and anchor where every anchor has a grid of its own (`outer`)."""
    before = 0
    for index, level in enumerate(binding.levels):
        cells = level.rows * level.columns
        grids = level.per_cell if outer else 1
        for anchor in range(grids):
            count = cells * (level.per_cell // grids)
            sources = {}
            for name, part, channels in wanted:
                source = _source(binding, name, part, channels, index, anchor)
                spec = binding.tensors[source.tensor].spec
                offset = 0
                if "candidate" in spec.axes:
                    offset = before if len(spec.names) == 1 else anchor * count
                sources[name] = _moved(source, offset)
            anchors = level.anchors[anchor : anchor + 1] if outer else level.anchors
            yield Block(count, level.columns, sources, level, anchors)
            before += count
        for name, part, _ in wanted:
            _check_level(name, binding.tensors[binding.tensor(part.tensor, index)], cells, level)
    for name, part, _ in wanted:
        _check_total(name, binding.tensors[binding.tensor(part.tensor)], before)


def _moved(source: Source, candidates: int) -> Source:
    first = source.first + candidates * source.candidate_stride
    return Source(source.tensor, first, source.channel_stride, source.candidate_stride)


def _is_shared(tensor: BoundTensor) -> bool:
    """One tensor holds the candidates of all levels in turn."""
    return len(tensor.spec.names) == 1 and "candidate" in tensor.spec.axes


def _check_level(name: str, tensor: BoundTensor, cells: int, level: Level) -> None:
    if _is_shared(tensor):
        return
    per_anchor = "anchor" in tensor.spec.axes or "anchor_channel" in tensor.spec.axes
    own = cells if per_anchor else cells * level.per_cell
    if candidates_in(tensor) != own:
        raise LayoutError(f"{name}: output '{tensor.name}' has {candidates_in(tensor)} candidates, its level {own}")
    if extent(tensor, "anchor") not in (1, level.per_cell):
        raise LayoutError(
            f"{name}: output '{tensor.name}' has {extent(tensor, 'anchor')} anchors, not {level.per_cell}"
        )


def _check_total(name: str, tensor: BoundTensor, total: int) -> None:
    if _is_shared(tensor) and candidates_in(tensor) != total:
        raise LayoutError(f"{name}: output '{tensor.name}' has {candidates_in(tensor)} candidates, the levels {total}")

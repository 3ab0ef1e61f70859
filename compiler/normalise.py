"""Pixel normalisation: what nvinfer does with its one scale factor, and what moves into the graph."""

from __future__ import annotations

from dataclasses import dataclass

from dsimport.compiler.model import Model

__all__ = ["Normalisation", "normalisation"]


@dataclass(frozen=True)
class Normalisation:
    """nvinfer computes y = net_scale_factor * (x - offsets[c]) on pixels x of 0..255.

    graph_scale, graph_bias: per channel, z = y * scale + bias is prepended to the graph; None if nothing is.
    """

    net_scale_factor: float
    offsets: tuple[float, ...] | None
    graph_scale: tuple[float, ...] | None = None
    graph_bias: tuple[float, ...] | None = None


def normalisation(model: Model) -> Normalisation:
    """Split y = (x * scale - mean) / std between nvinfer and the graph.

    Different std values per channel have no exact form in nvinfer (one scalar scale), so `fold-normalize: auto`
    prepends a multiply and an add, which is exact whatever the first convolution's padding is (folding a mean into a
    padded convolution's bias is not).
    """
    pre = model.preprocess
    scale, mean, std = pre.scale, pre.mean, pre.std
    fold = model.graph.fold_normalize
    different = len(set(std)) > 1
    if fold is True or (fold == "auto" and different):
        return Normalisation(
            1.0, None, tuple(scale / s for s in std), tuple(-m / s for m, s in zip(mean, std, strict=True))
        )
    # Unequal std without the pass: the scale that halves the range of std minimises the worst gain error.
    middle = (min(std) + max(std)) / 2
    offsets = tuple(m / scale for m in mean) if any(mean) else None
    return Normalisation(scale / middle, offsets)

"""Random weights under which a detector finds something: distinct scores, some of them over any threshold."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["images", "settle", "spread"]


def images(count: int, size: Sequence[int], seed: int) -> Tensor:
    """[count, 3, height, width] from 0 to 1: tiles under noise, so that no image is like another on any scale."""
    source = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 4, 6, generator=source) * torch.rand(count, 3, 1, 1, generator=source)
    tiles = nn.functional.interpolate(coarse, tuple(size), mode="nearest")
    return (0.8 * tiles + 0.2 * torch.rand(count, 3, *size, generator=source)).float()


def spread(model: nn.Module, heads: Sequence[str]) -> nn.Module:
    """Weights that give distinct scores. heads: parts of the names of layers that score."""
    with torch.no_grad():
        for name, module in model.named_modules():
            head = any(part in name for part in heads) and getattr(module, "bias", None) is not None
            if isinstance(module, (nn.Conv2d, nn.Linear)) and module.weight.requires_grad:
                module.weight.normal_(0.0, math.sqrt((9.0 if head else 1.6) / module.weight[0].numel()))
                if head:
                    module.bias.fill_(-1.0)
    return model


def settle(model: nn.Module, pixels: Tensor) -> nn.Module:
    """The same with its batch normalisation fitted to these images, as after a training: else signals die out."""
    model.eval()
    layers = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for layer in layers:
        layer.train()
        layer.reset_running_stats()
        layer.momentum = None  # the mean of what it sees
    with torch.no_grad():
        model(pixels)
    return model.eval()

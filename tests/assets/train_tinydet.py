"""Trains the tiny detector on synthetic scenes and writes its weights, tinydet.npz beside this file.

Needs PyTorch, which the project does not: `pip install torch==2.13.0` (the CPU build is enough). One core is used.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from make_clip import LABELS, Shape, background, paint, random_shapes
from numpy.typing import NDArray
from tinydet import HEIGHT, NETWORK, STRIDE, WEIGHTS, WIDTH, Step
from torch import nn
from torch.nn import functional

SPREAD = 1.0
"""Standard deviation, in cells, of the objectness around an object's centre: beside it a score is still above 0.6, so
that a layout without peak selection needs its NMS, and no position of the centre leaves all cells with low scores."""

ROWS, COLUMNS = HEIGHT // STRIDE, WIDTH // STRIDE


def sample(rng: np.random.Generator) -> tuple[NDArray[np.uint8], list[Shape]]:
    """One training image at network resolution with its shapes: also stretched, blurred, tinted and with noise."""
    size = (WIDTH, HEIGHT)
    count, stretch = int(rng.random() * 8), 0.65 + 0.7 * rng.random()
    shapes = random_shapes(rng, count, size, sizes=(0.10, 0.5), stretch=stretch)
    image: NDArray[Any] = paint(background(rng, size), shapes, softness=0.5 + rng.random()).astype(np.float32)
    # Video keeps colour at half resolution: the mean over 2x2 pixels keeps its brightness and loses its hue.
    grey = image.mean(axis=2, keepdims=True)
    colour = (image - grey).reshape(HEIGHT // 2, 2, WIDTH // 2, 2, 3).mean(axis=(1, 3))
    image = grey + colour.repeat(2, axis=0).repeat(2, axis=1) if rng.random() < 0.7 else image
    image = image * (0.75 + 0.5 * rng.random()) + 20 * (rng.random() - 0.5)
    image += 16 * rng.random() * (rng.random(image.shape) - 0.5)
    return np.clip(image, 0, 255).astype(np.uint8), shapes


def target(shapes: Sequence[Shape]) -> NDArray[np.float32]:
    """[6, rows, columns]: objectness, class id, offset x, y and log width, height in cells of the nearest shape."""
    maps = np.zeros((6, ROWS, COLUMNS), np.float32)
    row, column = np.mgrid[0:ROWS, 0:COLUMNS]
    for shape in shapes:
        dx, dy = shape.x / STRIDE - column - 0.5, shape.y / STRIDE - row - 0.5
        heat = np.exp(-(dx**2 + dy**2) / (2 * SPREAD**2))
        size = np.log([shape.width / STRIDE, shape.height / STRIDE])
        full = np.broadcast_arrays(heat, float(LABELS.index(shape.label)), dx, dy, size[0], size[1])
        maps = np.where(heat > maps[0], np.stack(full).astype(np.float32), maps)
    return maps


class TinyDet(nn.Module):
    """tinydet.NETWORK with batch normalisation, which `folded` merges into the weights."""

    def __init__(self) -> None:
        super().__init__()
        self.convs, self.norms = nn.ModuleDict(), nn.ModuleDict()
        for step in NETWORK:
            if step.op not in ("conv", "head"):
                continue
            inputs, outputs = step.channels
            head = step.op == "head"
            self.convs[step.name] = nn.Conv2d(inputs, outputs, step.kernel, step.stride, step.kernel // 2, bias=head)
            if not head:
                self.norms[step.name] = nn.BatchNorm2d(outputs)
        nn.init.constant_(self.convs["head"].bias[:1], -3.0)  # objects are rare: start from few

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """[N, 3, H, W] of 0..1 to the head's [N, 8, H/4, W/4]."""
        tensors = {"image": image}
        for step in NETWORK:
            tensors[step.name] = self._layer(step, [tensors[name] for name in step.inputs])
        return tensors["head"]

    def _layer(self, step: Step, inputs: list[torch.Tensor]) -> torch.Tensor:
        if step.op == "add":
            return inputs[0] + inputs[1]
        if step.op == "up":
            return functional.interpolate(inputs[0], scale_factor=2, mode="nearest")
        out: torch.Tensor = self.convs[step.name](inputs[0])
        return functional.relu(self.norms[step.name](out)) if step.op == "conv" else out

    def folded(self) -> dict[str, NDArray[Any]]:
        """Weights and biases in float16, with the normalisation merged into them, under tinydet's names."""
        arrays: dict[str, NDArray[Any]] = {}
        for name, conv in self.convs.items():
            weight, bias = conv.weight.detach(), conv.bias
            if name in self.norms:
                norm = self.norms[name]
                gain = norm.weight.detach() / torch.sqrt(norm.running_var + norm.eps)
                weight, bias = weight * gain[:, None, None, None], norm.bias - norm.running_mean * gain
            arrays[f"{name}.weight"] = weight.numpy().astype(np.float16)
            arrays[f"{name}.bias"] = bias.detach().numpy().astype(np.float16)
        return arrays


def loss(head: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Quality focal loss for objectness; cross entropy and L1, where objectness is, for class and box."""
    heat, label, box = truth[:, 0], truth[:, 1].long(), truth[:, 2:]
    focus = (torch.sigmoid(head[:, 0]) - heat).abs() ** 2
    objectness = (focus * functional.binary_cross_entropy_with_logits(head[:, 0], heat, reduction="none")).sum()
    weight = heat * (heat > 0.1)
    classes = (functional.cross_entropy(head[:, 1:4], label, reduction="none") * weight).sum()
    boxes = (functional.l1_loss(head[:, 4:], box, reduction="none").sum(dim=1) * weight).sum()
    return (4 * objectness + classes + 2 * boxes) / weight.sum().clamp(min=1.0)


def train(steps: int, batch: int, pool: int, seed: int) -> TinyDet:
    """Trains on `pool` images, mirrored and with their colour channels exchanged at random."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    scenes = [sample(rng) for _ in range(pool)]
    images = torch.from_numpy(np.stack([image for image, _ in scenes])).permute(0, 3, 1, 2)
    truths = torch.from_numpy(np.stack([target(shapes) for _, shapes in scenes]))
    model = TinyDet()
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=steps, pct_start=0.1)
    start = time.monotonic()
    for step in range(steps):
        chosen = torch.from_numpy(rng.integers(0, pool, batch))
        image, truth = images[chosen].float() / 255, truths[chosen]
        image = image[:, torch.randperm(3)]
        if rng.random() < 0.5:
            image, truth = image.flip(3), truth.flip(3)
            truth = truth * torch.tensor([1.0, 1, -1, 1, 1, 1]).view(1, 6, 1, 1)
        value = loss(model(image), truth)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        schedule.step()
        if step % 100 == 99:
            print(f"step {step + 1}/{steps}  loss {value.item():.3f}  {time.monotonic() - start:.0f} s", flush=True)
    model.eval()
    return model


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--pool", type=int, default=6000, help="training images to generate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    options = parser.parse_args(argv)
    model = train(options.steps, options.batch, options.pool, options.seed)
    arrays: dict[str, Any] = model.folded()
    np.savez_compressed(options.out, labels=np.array(LABELS), **arrays)
    return 0


if __name__ == "__main__":
    sys.exit(main())

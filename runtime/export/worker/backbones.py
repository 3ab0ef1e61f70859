"""Backbones of the package timm, which many DETRs have: what makes their checkpoints load here."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["offline_checkpoint", "without_operators"]

_REGISTRATIONS = "torchvision._meta_registrations"
# What transformers 5 calls options of version 4; the others keep their names.
_NAMES = {"in_chans": "num_channels"}


def without_operators() -> None:
    """Let timm import torchvision, whose own operators are compiled for one build of torch: with another one, it stops
    where it registers them. No backbone uses any."""
    sys.modules.setdefault(_REGISTRATIONS, ModuleType(_REGISTRATIONS))


def offline_checkpoint(checkpoint: Path, work: Path, major: int) -> Path:
    """The checkpoint with a config.json that asks no hub for the backbone, whose weights are among its own: itself, or
    a folder of links in `work`. major: of the transformers that will read it."""
    text = (checkpoint / "config.json").read_text("utf-8")
    config: dict[str, Any] = json.loads(text)
    backbone = config.get("backbone_config")
    options = config.get("backbone_kwargs")
    if config.get("use_pretrained_backbone"):
        config["use_pretrained_backbone"] = False
    if isinstance(backbone, dict) and backbone.get("use_pretrained_backbone"):
        backbone["use_pretrained_backbone"] = False
    elif major >= 5 and options and config.get("use_timm_backbone"):
        # Version 5 would look for a repository of the backbone's name.
        known = {_NAMES.get(name, name): value for name, value in options.items()}
        named = {"model_type": "timm_backbone", "backbone": config.pop("backbone")}
        config["backbone_config"] = {**named, **known, "use_pretrained_backbone": False}
        del config["backbone_kwargs"], config["use_timm_backbone"]
    if config == json.loads(text):
        return checkpoint
    folder = work / "checkpoint"
    folder.mkdir()
    for path in checkpoint.iterdir():
        (folder / path.name).symlink_to(path.resolve())
    (folder / "config.json").unlink()
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    return folder

"""Backbones of the package timm, which many DETRs have: what makes their checkpoints load here."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["offline_checkpoint", "without_operators"]

_REGISTRATIONS = "torchvision._meta_registrations"
# What may be said of a backbone, with what transformers 5 calls it. Others can name files for timm to read.
_OPTIONS = {
    "in_chans": "num_channels",
    "out_indices": "out_indices",
    "output_stride": "output_stride",
    "img_size": "img_size",
    "always_partition": "always_partition",
}


def without_operators() -> None:
    """Let timm import torchvision, whose own operators are compiled for one build of torch: with another one, it stops
    where it registers them. No backbone uses any."""
    sys.modules.setdefault(_REGISTRATIONS, ModuleType(_REGISTRATIONS))


def offline_checkpoint(checkpoint: Path, work: Path, major: int) -> Path:
    """The checkpoint with a config.json that asks no hub for the backbone, whose weights are among its own: itself, or
    a folder of links in `work`. major: of the transformers that will read it. ValueError for a name that is none."""
    text = (checkpoint / "config.json").read_text("utf-8")
    config: dict[str, Any] = json.loads(text)
    section = config.get("backbone_config")
    for place in (config, section if isinstance(section, dict) else {}):
        if place.get("use_pretrained_backbone"):
            place["use_pretrained_backbone"] = False
        _check_name(place.get("backbone"))
    options = config.get("backbone_kwargs")
    if options:
        config["backbone_kwargs"] = {name: value for name, value in dict(options).items() if name in _OPTIONS}
    if major >= 5 and options and config.get("use_timm_backbone") and not section:
        # Version 5 would look for a repository of the backbone's name.
        named = {"model_type": "timm_backbone", "backbone": config.pop("backbone"), "use_pretrained_backbone": False}
        known = {_OPTIONS[name]: value for name, value in config.pop("backbone_kwargs").items()}
        config["backbone_config"] = {**known, **named}
        del config["use_timm_backbone"]
    return checkpoint if config == json.loads(text) else _linked(checkpoint, work / "checkpoint", config)


def _check_name(name: Any) -> None:
    """timm takes addresses and folders for names, too."""
    if name is not None and not re.fullmatch(r"[\w./-]+", str(name)):
        raise ValueError(f"the backbone's name is none of timm: {name!r}")


def _linked(checkpoint: Path, folder: Path, config: dict[str, Any]) -> Path:
    """A folder with links to the checkpoint's files, and this config.json."""
    folder.mkdir()
    for path in checkpoint.iterdir():
        if path.name != "config.json":
            (folder / path.name).symlink_to(path.resolve())
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    return folder

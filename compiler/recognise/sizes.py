"""The size of the network input, and how frames become it: preprocessor_config.json and exporters' metadata.

Sizes are (height, width) in pixels.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["CAMERA", "Input", "config_size", "input_of_preprocessor", "rounded_down", "size_of_metadata"]

CAMERA = (1080, 1920)  # what a rule that keeps the aspect ratio is worked out for
MAX_SIDE = 16384


@dataclass(frozen=True)
class Input:
    """How a model wants its input. Keys of `values` are those of a recipe's `preprocess`; evidence: a line each."""

    size: tuple[int, int] | None = None
    size_evidence: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    evidence: tuple[str, ...] = ()


def size_of_metadata(metadata: Mapping[str, str]) -> tuple[int, int] | None:
    """Ultralytics' `imgsz`, `[height, width]`."""
    found = re.fullmatch(r"\[?(\d{1,5}), ?(\d{1,5})\]?", metadata.get("imgsz", ""))
    return _checked(int(found[1]), int(found[2])) if found else None


def config_size(config: Mapping[str, Any]) -> tuple[int, int] | None:
    """`image_size` of config.json or of its vision_config: a number or [height, width]."""
    for section in (config, config.get("vision_config"), config.get("backbone_config")):
        if not isinstance(section, Mapping):
            continue
        value = section.get("image_size")
        sides = (value, value) if _side(value) else value
        if isinstance(sides, (list, tuple)) and len(sides) == 2 and all(map(_side, sides)):
            return _checked(sides[0], sides[1])
    return None


def rounded_down(size: tuple[int, int], multiple: int) -> tuple[int, int]:
    """Both sides as multiples, at least one."""
    height, width = (max(side // multiple, 1) * multiple for side in size)
    return height, width


def input_of_preprocessor(data: Mapping[str, Any], camera: tuple[int, int] = CAMERA) -> Input:
    """What preprocessor_config.json says; a key with a value of the wrong kind says nothing.

    The order is that of the image processors: resize, rescale, normalise, pad at the right and below.
    """
    values: dict[str, Any] = {}
    evidence = []
    size, said = _size(data, camera) if data.get("do_resize", True) is not False else (None, "")
    if said:
        evidence.append(said)
    factor = data.get("rescale_factor", 1 / 255)
    if data.get("do_rescale", True) is False:
        values["scale"] = 1
        evidence.append("do_rescale false: pixels stay 0..255")
    elif _number(factor) and factor > 0:
        values["scale"] = "1/255" if abs(factor * 255 - 1) < 1e-6 else factor
        evidence.append(f"rescale_factor {factor:.6g}")
    mean, std = _channels(data.get("image_mean")), _channels(data.get("image_std"))
    if data.get("do_normalize", True) is False:
        values |= {"mean": [0, 0, 0], "std": [1, 1, 1]}
        evidence.append("do_normalize false: no mean, no std")
    elif mean is not None and std is not None and all(item > 0 for item in std):
        values |= {"mean": mean, "std": std}
        evidence.append("image_mean and image_std of do_normalize")
    pad = data.get("pad_size")
    if data.get("do_pad") is True and isinstance(pad, Mapping) and _side(pad.get("height")) and _side(pad.get("width")):
        size = _checked(pad["height"], pad["width"])
        values["resize"] = "letterbox"
        evidence.append(f"do_pad to {pad['height']} x {pad['width']}, at the right and below")
    elif size is not None:
        values["resize"] = "stretch"
    return Input(size, said, values, tuple(evidence))


def _size(data: Mapping[str, Any], camera: tuple[int, int]) -> tuple[tuple[int, int] | None, str]:
    rule = data.get("size")
    if _side(rule):  # old files have `size` and `max_size` as numbers
        limit = data.get("max_size")
        rule = {"shortest_edge": rule, "longest_edge": limit} if _side(limit) else {"height": rule, "width": rule}
    if not isinstance(rule, Mapping):
        return None, ""
    given = {key: value for key, value in rule.items() if _side(value)}
    seen = f"of a {camera[1]} x {camera[0]} camera"
    if {"height", "width"} <= given.keys():
        return _checked(given["height"], given["width"]), f"size {given['height']} x {given['width']}, stretched"
    if "shortest_edge" in given:
        short, long = given["shortest_edge"], given.get("longest_edge")
        limit = f", longest at most {long}" if long else ""
        return _shortest(camera, short, long), f"size: shortest edge {short}{limit}; {seen}"
    if "longest_edge" in given:
        longest = given["longest_edge"]
        return _within(camera, longest, longest), f"size: longest edge {longest}; {seen}"
    if {"max_height", "max_width"} <= given.keys():
        box = given["max_height"], given["max_width"]
        return _within(camera, *box), f"size: within {box[0]} x {box[1]}; {seen}"
    return None, ""


def _shortest(camera: tuple[int, int], wanted: int, limit: int | None) -> tuple[int, int] | None:
    """The image processors' own arithmetic, roundings included: the short side as wanted unless the long one gets
    too long."""
    short, long = sorted(camera)
    raw = float(wanted)
    size = wanted
    if limit is not None and long / short * wanted > limit:
        raw = limit * short / long
        size = round(raw)
    other = int(raw * long / short)
    return _checked(size, other) if camera[0] <= camera[1] else _checked(other, size)


def _within(camera: tuple[int, int], height: int, width: int) -> tuple[int, int] | None:
    scale = min(height / camera[0], width / camera[1])
    return _checked(int(camera[0] * scale), int(camera[1] * scale))


def _checked(height: int, width: int) -> tuple[int, int] | None:
    return (height, width) if 1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE else None


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e6


def _side(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_SIDE


def _channels(value: Any) -> list[float] | None:
    good = isinstance(value, list) and len(value) == 3 and all(map(_number, value))
    return list(value) if good else None

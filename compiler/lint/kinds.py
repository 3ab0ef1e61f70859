"""Whose configuration a file is."""

from __future__ import annotations

from typing import Literal

from dsimport.compiler.deepstream_keys import GROUPS
from dsimport.compiler.lint.text import ConfigText
from dsimport.compiler.nvinfer_keys import CLASS_ATTRS_PREFIX

__all__ = ["ConfigKind", "kind_of"]

ConfigKind = Literal["nvinfer", "deepstream-app"]


def kind_of(config: ConfigText) -> ConfigKind | None:
    """By the groups it has; None where they say nothing."""
    names = [group.name for group in config.groups()]
    if any(name == "property" or name.startswith(CLASS_ATTRS_PREFIX) for name in names):
        return "nvinfer"
    if any(name.rstrip("0123456789") in GROUPS for name in names):
        return "deepstream-app"
    return None

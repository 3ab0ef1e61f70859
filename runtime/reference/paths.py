"""Relative paths in configuration files, resolved as nvinfer and deepstream-app do, quirks included."""

from __future__ import annotations

import errno
import os
from pathlib import Path

__all__ = ["app_path", "config_folder", "nvinfer_path"]


def config_folder(config: Path) -> str:
    """The folder that relative paths start from: that of the file itself, not of a link to it."""
    return os.path.dirname(os.path.realpath(config))  # noqa: PTH120 (text, not a Path: the text is what is kept)


def app_path(config: Path, value: str) -> str:
    """A path in a deepstream-app file. Absolute ones are kept, relative ones are put behind the file's folder."""
    return value if value.startswith("/") else f"{config_folder(config)}/{value}"


def nvinfer_path(config: Path, value: str) -> str:
    """A path in an nvinfer file; the file need not exist. Raises OSError where nvinfer's parse fails (not a folder,
    no permission, a loop of links)."""
    if value.startswith("/"):
        return _leftover(value)
    text = f"{config_folder(config)}/{value}"
    try:
        return os.path.realpath(text, strict=True)
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise
        return text


def _leftover(path: str) -> str:
    """What glibc's realpath leaves behind: the whole path, or everything up to the first component that is missing."""
    done = "/"
    for part in path.split("/"):
        if not part:
            continue
        following = f"{done.rstrip('/')}/{part}"
        try:
            done = os.path.realpath(following, strict=True)
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise
            return following
    return done

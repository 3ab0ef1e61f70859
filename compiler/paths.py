"""Root-relative POSIX paths as text. Nothing here looks at a disk."""

from __future__ import annotations

__all__ = ["directory", "join", "normalise", "relative"]


def normalise(path: str) -> str:
    """The path without `.` and inner `..` parts; leading `..` stay. Absolute paths stay absolute."""
    absolute = path.startswith("/")
    parts: list[str] = []
    for part in path.split("/"):
        if part in ("", "."):
            continue
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part == ".." and absolute:
            continue
        else:
            parts.append(part)
    return ("/" if absolute else "") + "/".join(parts) or "."


def join(base: str, path: str) -> str:
    """`path` as seen from folder `base`, normalised; an absolute `path` wins."""
    return normalise(path if path.startswith("/") else f"{base}/{path}")


def directory(path: str) -> str:
    """The folder part of a path, `.` where there is none."""
    head, _, _ = path.rpartition("/")
    return head or ("/" if path.startswith("/") else ".")


def relative(path: str, folder: str) -> str:
    """`path` written from `folder`; both root-relative, `folder` without leading `..`. Absolute paths stay."""
    if path.startswith("/"):
        return path
    target = [part for part in normalise(path).split("/") if part != "."]
    start = [part for part in normalise(folder).split("/") if part != "."]
    while target and start and target[0] == start[0]:
        target.pop(0)
        start.pop(0)
    return "/".join([".."] * len(start) + target) or "."

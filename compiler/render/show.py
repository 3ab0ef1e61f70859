"""A resolved recipe as YAML, each value with a comment that says where it came from."""

from __future__ import annotations

import json
import re
from typing import Any

from dsimport.compiler.escape import single_line
from dsimport.compiler.model import Resolved

__all__ = ["is_plain_word", "show_yaml"]

COLUMN = 46
_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "inf", "nan"}


def show_yaml(resolved: Resolved, path: str) -> str:
    """YAML text; parents are printed once, values aligned with their origins in comments."""
    lines = [f"# {single_line(path)}, everything filled in", "schema: 1"]
    open_parents: list[str] = []
    for key, value in resolved.settings().items():
        *parents, leaf = key.split(".")
        while open_parents != parents[: len(open_parents)]:
            open_parents.pop()
        for parent in parents[len(open_parents) :]:
            lines.append(f"{'  ' * len(open_parents)}{parent}:")
            open_parents.append(parent)
        text = f"{'  ' * len(parents)}{leaf}: {_flow(value)}"
        lines.append(f"{text:<{COLUMN}} # {single_line(str(resolved.origins.get(key, 'default')))}")
    return "\n".join(lines) + "\n"


def is_plain_word(text: str) -> bool:
    """Whether every YAML reader takes this text, unquoted, for the text that it is."""
    return _PLAIN.fullmatch(text) is not None and text.lower() not in _WORDS


def _flow(value: Any) -> str:
    """A value as YAML flow text (JSON, with plain words unquoted)."""
    if isinstance(value, str):
        return value if is_plain_word(value) else json.dumps(value, ensure_ascii=True)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(str(key))}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    return json.dumps(value)

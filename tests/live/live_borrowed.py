"""Functions and classes of packages, read from their wheels: nothing of the packages is installed or imported.

Their own imports would ask for gigabytes, or for each other's old versions; what is borrowed gets the few names it
uses from here.
"""

from __future__ import annotations

import ast
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

__all__ = ["Wheel", "extracted"]

WHEELS = Path(__file__).parents[2] / "build" / "wheels"


class Wheel:
    """A package's wheel in `build/wheels`, whatever its version there."""

    def __init__(self, name: str) -> None:
        found = sorted(WHEELS.glob(f"{name.replace('-', '_')}-*.whl"))
        assert len(found) == 1, f"{len(found)} wheels of {name} in {WHEELS}: make test-live downloads them"
        self._path = found[0]
        self.title = f"{name} {found[0].name.split('-')[1]}"

    def borrowed(self, path: str, *names: str, **others: Any) -> SimpleNamespace:
        """Functions, methods and classes by name from a module, with `others` as what they find besides each other."""
        with zipfile.ZipFile(self._path) as archive:
            text = archive.read(path).decode("utf-8")
        return extracted(text, f"{self._path}/{path}", *names, **others)


def extracted(text: str, file: str, *names: str, **others: Any) -> SimpleNamespace:
    """The same from a module's text. `Class.method` is the method alone; decorators of what is named go."""
    found = [_definition(ast.parse(text), name.split("."), file) for name in names]
    source = ast.unparse(ast.Module([ast.ImportFrom("__future__", [ast.alias("annotations")], 0), *found], []))
    scope: dict[str, Any] = dict(others)
    exec(compile(source, file, "exec"), scope)
    return SimpleNamespace(**{node.name: scope[node.name] for node in found})


def _definition(tree: ast.AST, steps: list[str], file: str) -> ast.FunctionDef | ast.ClassDef:
    """The only definition of this name, step by step inwards."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    for step in steps:
        found = [node for node in ast.walk(tree) if isinstance(node, kinds) and node.name == step]
        assert len(found) == 1, f"{file} has {len(found)} definitions of {step}"
        tree = found[0]
    assert isinstance(tree, kinds)
    tree.decorator_list = []
    return tree

"""Functions and classes of packages, read from what is downloaded: nothing of the packages is installed or imported.

Their own imports would ask for gigabytes, or for each other's old versions; what is borrowed gets the few names it
uses from here.
"""

from __future__ import annotations

import ast
import tarfile
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

__all__ = ["Wheel", "extracted"]

WHEELS = Path(__file__).parents[2] / "build" / "wheels"


class Wheel:
    """A package's wheel in `build/wheels`, whatever its version there, or its sources where it has no wheel."""

    def __init__(self, name: str) -> None:
        stem = name.replace("-", "_")
        found = sorted([*WHEELS.glob(f"{stem}-*.whl"), *WHEELS.glob(f"{stem}-*.tar.gz")])
        assert len(found) == 1, f"{len(found)} wheels of {name} in {WHEELS}: make test-live downloads them"
        self.path = found[0]
        self.title = f"{name} {found[0].name.removesuffix('.tar.gz').split('-')[1]}"

    def borrowed(self, path: str, *names: str, **others: Any) -> SimpleNamespace:
        """Functions, methods and classes by name from a module, with `others` as what they find besides each other."""
        return extracted(self.read(path).decode("utf-8"), f"{self.path}/{path}", *names, **others)

    def read(self, path: str) -> bytes:
        """A file of it."""
        if self.path.suffix == ".whl":
            with zipfile.ZipFile(self.path) as archive:
                return archive.read(path)
        with tarfile.open(self.path) as tar:
            member = tar.extractfile(f"{self.path.name.removesuffix('.tar.gz')}/{path}")
            assert member is not None
            return member.read()


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

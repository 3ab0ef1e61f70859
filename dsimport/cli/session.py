"""What plan, apply, show and validate share: recipes of a command line, read from below the root and compiled."""

from __future__ import annotations

import argparse
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from dsimport._version import VERSION
from dsimport.compiler.diagnostics import Diagnostic, DsimportError, Report
from dsimport.compiler.load import LoadedRecipe, load_recipe
from dsimport.compiler.lower import lower
from dsimport.compiler.model import Toolchain
from dsimport.compiler.plan import Plan
from dsimport.compiler.resolve import Compiled, resolve
from dsimport.compiler.templating import use_bytecode_cache

__all__ = ["COMPILER", "Session", "add_recipe_arguments"]

COMPILER = f"dsimport {VERSION}"
MAX_TEXT = 1 << 20
TOOLCHAINS: tuple[Toolchain, ...] = ("reference", "deepstream")


def add_recipe_arguments(parser: argparse.ArgumentParser, *, toolchain: bool = True, required: bool = True) -> None:
    """Recipes, root and toolchain, spelled the same in every command."""
    parser.add_argument(
        "recipes", nargs="+" if required else "*", metavar="RECIPE", help="recipe file, or a folder of recipes"
    )
    parser.add_argument("--root", default=".", metavar="DIR", help="folder that holds models/ (default: here)")
    if toolchain:
        parser.add_argument(
            "--toolchain", choices=TOOLCHAINS, help="default: DSIMPORT_TOOLCHAIN, recipe, what is found"
        )


class Session:
    """Compiles the recipes named on a command line. `sources` keeps the texts read, for carets in diagnostics."""

    def __init__(self, args: argparse.Namespace) -> None:
        use_template_cache()
        self.root = Path(args.root)
        self._chosen: str | None = getattr(args, "toolchain", None)
        self._paths: list[str] = list(args.recipes)
        self._names: dict[str, str] = {}
        self._found: Toolchain | None = None
        self.failed = 0
        self.total = 0
        self.notices: list[str] = []

    def read(self, path: str) -> bytes:
        """The bytes of a text file named root-relative or absolute, cut after `MAX_TEXT` + 1: readers refuse those.

        OSError for what is no regular file: a pipe would block."""
        place = self.root / path
        if place.exists() and not place.is_file():
            raise OSError(errno.EINVAL, "not a regular file")
        with place.open("rb") as stream:
            return stream.read(MAX_TEXT + 1)

    def recipe_paths(self) -> list[str]:
        """Recipe files as root-relative paths, in the order given; folders stand for the recipes in them."""
        found: list[str] = []
        for name in self._paths:
            path = Path(name)
            if path.is_dir():
                names = (item for item in sorted(path.glob("*.y*ml")) if not item.name.endswith(".lock.yaml"))
                found += [str(item) for item in names]
            else:
                found.append(name)
        base = self.root.resolve()
        relative = (
            os.path.relpath(os.path.realpath(Path(name).parent) + "/" + Path(name).name, base) for name in found
        )
        paths = list(dict.fromkeys(Path(name).as_posix() for name in relative))
        if not paths:
            folders = ", ".join(self._paths)
            raise DsimportError(
                Diagnostic(
                    "P0102", f"no recipe in {folders}", help=("name a recipe file, or a folder with *.yaml files",)
                )
            )
        return paths

    def compile(self, report: Report) -> Iterator[Compiled]:
        """Every recipe (and matrix variant) that compiles; what does not is in `report`."""
        for path in self.recipe_paths():
            self.total += 1
            before = len(report.errors)
            for loaded in load_recipe(path, self.read, report):
                if self._is_new(loaded, report):
                    compiled = resolve(loaded, self.read, report)
                    if compiled is not None:
                        yield compiled
            self.failed += len(report.errors) > before

    def lowered(self, report: Report) -> Iterator[tuple[Compiled, Plan]]:
        """Every recipe that compiles, with its plan."""
        for compiled in self.compile(report):
            plan = lower(compiled, self.toolchain_for(compiled.loaded), COMPILER, report)
            if plan is not None:
                yield compiled, plan

    def plans(self, report: Report) -> Iterator[Plan]:
        """Plans of all recipes that compile."""
        return (plan for _, plan in self.lowered(report))

    def footer(self, report: Report) -> str:
        """`2 errors in 2 of 14 recipes`; empty without errors."""
        count = len(report.errors)
        if not count:
            return ""
        recipes = "1 recipe" if self.total == 1 else f"{self.failed} of {self.total} recipes"
        return f"{count} error{'s' if count > 1 else ''} in {recipes}"

    def _is_new(self, loaded: LoadedRecipe, report: Report) -> bool:
        name = loaded.recipe.name
        if name in self._names:
            report.error(
                "R0190",
                f"the name '{name}' is taken by {self._names[name]}",
                loaded.spans.value("name"),
                help="give each recipe a name of its own: it becomes the folder models/<name>",
            )
            return False
        self._names[name] = loaded.path
        return True

    def toolchain_for(self, loaded: LoadedRecipe) -> Toolchain:
        """--toolchain, else DSIMPORT_TOOLCHAIN, else the recipe, else what this host has."""
        pipeline = loaded.recipe.pipeline
        return self.default_toolchain(pipeline.toolchain if pipeline else None)

    def default_toolchain(self, written: str | None = None) -> Toolchain:
        """The toolchain of a command; `written` is what the recipe says, where there is one."""
        wanted = self._chosen or os.environ.get("DSIMPORT_TOOLCHAIN") or written
        for known in TOOLCHAINS:
            if wanted == known:
                return known
        if wanted not in (None, "", "auto"):
            raise DsimportError(
                Diagnostic(
                    "P0101",
                    f"DSIMPORT_TOOLCHAIN names no toolchain: '{wanted}'",
                    help=(f"use one of {', '.join(TOOLCHAINS)}",),
                )
            )
        if self._found is None:
            self._found = "deepstream" if _has_deepstream() else "reference"
            if self._found == "reference":
                self.notices.append("no deepstream-app and trtexec here: planning for the reference toolchain (CPU)")
        return self._found


def use_template_cache() -> None:
    """Keep compiled templates in the user's cache folder, as Python keeps its own bytecode. Without one, do without."""
    from jinja2 import FileSystemBytecodeCache

    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 - Path raises without HOME
    folder = Path(home) / "dsimport" / f"templates-{VERSION}"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if folder.stat().st_uid == os.getuid() and os.access(folder, os.W_OK):
            use_bytecode_cache(FileSystemBytecodeCache(str(folder)))
    except OSError:
        return


def _has_deepstream() -> bool:
    from dsimport.runtime.toolversions import API_TENSORRT, ToolVersions, find_program

    builder = find_program("trtexec") is not None or ToolVersions().of(API_TENSORRT) is not None
    return builder and find_program("deepstream-app") is not None

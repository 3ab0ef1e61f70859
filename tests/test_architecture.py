"""Rules of the architecture that a reader could not see broken: purity, import budget, sizes, tables, codes."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[1]
PACKAGES = {"dsimport": REPO / "dsimport", "dsimport.compiler": REPO / "compiler", "dsimport.runtime": REPO / "runtime"}
SOURCES = sorted(path for folder in PACKAGES.values() for path in folder.rglob("*.py"))
COMPILER = sorted((REPO / "compiler").rglob("*.py"))

MAX_LINES = 500
MAX_FUNCTION = 60

# All that the compiler may import: itself, pure parts of the standard library, and the libraries that read recipes
# and write templates. Everything with an effect is on no list.
PURE = {
    "__future__", "abc", "ast", "bisect", "collections", "copy", "dataclasses", "decimal", "difflib", "enum", "errno",
    "fractions", "functools", "hashlib", "importlib", "io", "itertools", "json", "math", "operator", "re", "string",
    "struct", "textwrap", "types", "typing", "unicodedata", "urllib.parse",
}  # fmt: skip
LIBRARIES = {"annotated_types", "jinja2", "pydantic", "pydantic_core", "ruamel", "typing_extensions"}

# Modules that read the package's own data, and nothing else.
DATA_LOADERS = {"exportenv.py", "families.py", "parsers/emit.py", "templating.py"}
READERS = {"open", "read_bytes", "read_text", "write_bytes", "write_text", "iterdir", "glob", "rglob", "exists", "stat"}

HEAVY = ("av", "cv2", "huggingface_hub", "matplotlib", "numpy", "onnx", "onnxruntime", "torch")


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module a file imports, also inside functions; relative imports as `.name`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def short(path: Path) -> str:
    return path.relative_to(REPO).as_posix()


@pytest.mark.parametrize("path", COMPILER, ids=short)
def test_the_compiler_imports_nothing_with_an_effect(path: Path) -> None:
    foreign = {name for name in imported(parsed(path)) if not name.startswith((".", "dsimport"))}
    allowed = PURE | LIBRARIES | ({"pathlib"} if _loads_data(path) else set())
    assert {name for name in foreign if name not in allowed and name.split(".")[0] not in allowed} == set()
    own = {name for name in imported(parsed(path)) if name.startswith("dsimport")}
    assert {name for name in own if not name.startswith(("dsimport.compiler", "dsimport._version"))} <= {"dsimport"}


@pytest.mark.parametrize("path", COMPILER, ids=short)
def test_the_compiler_touches_no_files_but_its_own_data(path: Path) -> None:
    if _loads_data(path):
        return
    calls = [node.func for node in ast.walk(parsed(path)) if isinstance(node, ast.Call)]
    names = {
        call.attr if isinstance(call, ast.Attribute) else call.id
        for call in calls
        if hasattr(call, "attr") or hasattr(call, "id")
    }
    assert names & READERS == set()
    assert names & {"eval", "exec", "compile", "__import__", "input", "print"} <= {"compile"}  # re.compile


def _loads_data(path: Path) -> bool:
    return path.relative_to(REPO / "compiler").as_posix() in DATA_LOADERS


@pytest.mark.parametrize("path", sorted((REPO / "runtime").rglob("*.py")), ids=short)
def test_the_runtime_knows_no_command_line(path: Path) -> None:
    assert [name for name in imported(parsed(path)) if name.startswith("dsimport.cli")] == []


@pytest.mark.parametrize("path", SOURCES, ids=short)
def test_modules_and_functions_are_short(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) < MAX_LINES
    functions = [node for node in ast.walk(parsed(path)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    long = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in functions}
    assert {name: size for name, size in long.items() if size > MAX_FUNCTION} == {}


@pytest.mark.parametrize("path", SOURCES, ids=short)
def test_nothing_is_left_half_done(path: Path) -> None:
    text = path.read_text("utf-8")
    assert re.findall(r"\b(?:TODO|FIXME|XXX|HACK)\b|raise NotImplementedError", text) == []


def run_and_list_modules(arguments: list[str], folder: Path) -> set[str]:
    """Top-level modules that `dsimport ARGUMENTS` imports."""
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: sys.stderr.write('MODULES ' + ' '.join(sys.modules)))\n"
        f"sys.argv = ['dsimport', *{arguments!r}]\n"
        "from dsimport.__main__ import main\n"
        "sys.exit(main())\n"
    )
    env = {key: value for key, value in os.environ.items() if not key.startswith(("COV", "DSIMPORT"))}
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env=env, capture_output=True, text=True, check=True)
    return set(done.stderr.rpartition("MODULES ")[2].split())


RECIPE = """\
schema: 1
name: m
source: {file: {path: model.onnx}}
model: {family: yolov8, input: {name: images, height: 640, width: 640}, classes: 1, labels: [thing]}
"""


@pytest.mark.parametrize(
    "arguments",
    [["--version"], ["plan", "m.yaml"], ["validate", "m.yaml"], ["show", "m.yaml"], ["status"]],
    ids=" ".join,
)
def test_light_commands_import_no_heavy_library(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(RECIPE, "utf-8")
    modules = run_and_list_modules(arguments, tmp_path)
    assert modules & set(HEAVY) == set()
    if arguments == ["--version"]:
        assert {name.split(".")[0] for name in modules} & {"pydantic", "ruamel", "jinja2", "argparse"} == set()
        assert {name for name in modules if name.startswith("dsimport.")} <= {"dsimport.__main__", "dsimport._version"}


def test_every_package_is_in_the_wheel() -> None:
    text = (REPO / "pyproject.toml").read_text("utf-8")
    listed = set(ast.literal_eval(re.search(r"(?s)^packages = (\[.*?\])", text, re.MULTILINE).group(1)))  # type: ignore[union-attr]
    found = set()
    for package, folder in PACKAGES.items():
        for init in folder.rglob("__init__.py"):
            parts = init.parent.relative_to(folder).parts
            found.add(".".join((package, *parts)))
    assert listed - {"dsimport.recipes", "dsimport.templates"} == found
    without_init = {path.parent for path in SOURCES if not (path.parent / "__init__.py").exists()}
    assert without_init == set()


def test_every_diagnostic_code_is_explained_and_every_explained_code_is_used() -> None:
    from dsimport.compiler.codes import CODES

    used = set()
    for path in SOURCES:
        if not path.name.startswith("codes"):
            used |= {
                node.value
                for node in ast.walk(parsed(path))
                if isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and re.fullmatch(r"[RNPAGTHSC][0-9]{4}", node.value)
            }
    assert used - set(CODES) == set(), "a code that `dsimport explain` does not know"
    assert set(CODES) - used == set(), "an explained code that nothing reports"


def test_emitted_configuration_keys_are_in_the_tables() -> None:
    from dsimport.compiler.deepstream_keys import GROUPS
    from dsimport.compiler.nvinfer_keys import CLASS_ATTRS, CLASS_ATTRS_PREFIX, PROPERTY

    def keys(name: str) -> Iterator[tuple[str, str]]:
        group = ""
        for line in (REPO / "templates" / name).read_text("utf-8").splitlines():
            if found := re.match(r"\[([^\]]+)\]", line):
                group = found.group(1)
            elif found := re.match(r"([a-z0-9-]+)=", line):
                yield group, found.group(1)

    for group, key in keys("nvinfer/config_infer_primary.txt.j2"):
        table = CLASS_ATTRS if group.startswith(CLASS_ATTRS_PREFIX) else PROPERTY
        assert key in names_of(table), (group, key)
    written = list(keys("deepstream/deepstream_app.txt.j2"))
    for group, key in written:
        base = re.sub(r"^(source|sink)\d+$", r"\1", group)
        if base == "tiled-display":
            assert key == "enable"
            continue
        assert key in names_of(GROUPS[base]), (group, key)
    assert len(written) > 20


def names_of(table: object) -> set[str]:
    """Key names of a table, which may be a mapping by name or a sequence of keys."""
    if isinstance(table, dict):
        return set(table)
    assert isinstance(table, (tuple, list))
    return {key.name for key in table}

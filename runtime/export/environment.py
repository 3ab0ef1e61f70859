"""The export environment: one virtual environment for all models, made once, with pinned packages.

It lies in `build/.venv_optimum` below the root (`DSIMPORT_EXPORT_ENV` names another place). A newer transformers, and
timm, are laid over it in folders of their own, where a model needs them. A stamp per layer, written last, says that it
is whole.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.compiler.escape import single_line
from dsimport.compiler.exportenv import MIN_PYTHON, pins_digest, requirements
from dsimport.compiler.presetexport import Layer
from dsimport.runtime.atomic import make_folder, remove_tree, write_text
from dsimport.runtime.lock import hold
from dsimport.runtime.steps.base import Context, Finished
from dsimport.runtime.toolversions import find_program

__all__ = ["ANY_EXIT", "Environment", "Python", "bare_environment", "environment_folder"]

Variables: TypeAlias = "dict[str, str | None]"

BASE: Layer = "transformers-4"
INSTALL_S = 3600.0
ANY_EXIT = range(-64, 256)
# What installers may see of this process' environment: how to reach an index, and no access tokens.
_KEPT = {"HOME", "LANG", "NO_PROXY", "PATH", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE", "TMPDIR", "USER"}
_KEPT_PREFIXES = ("LC_", "XDG_")
_INSTALLERS = ("PIP_", "UV_", "HTTP_", "HTTPS_", "ALL_")
_NO_INDEX = (
    "could not find a version",
    "no matching distribution",
    "connectionerror",
    "newconnectionerror",
    "name resolution",
    "network is unreachable",
    "connection refused",
    "error sending request",
    "dns error",
    "no solution found",
)


def environment_folder(root: Path) -> Path:
    """Where the export environment lies, or will lie."""
    named = os.environ.get("DSIMPORT_EXPORT_ENV")
    return Path(named).absolute() if named else root / "build" / ".venv_optimum"


def bare_environment(*prefixes: str, **wanted: str) -> Variables:
    """This process' variables taken away, but for the few that any program needs and those of the given prefixes."""
    changes: Variables = dict.fromkeys(os.environ)
    for name in os.environ:
        if name.upper() in _KEPT or name.upper().startswith((*_KEPT_PREFIXES, *prefixes)):
            changes.pop(name)
    return {**changes, **wanted}


@dataclass(frozen=True)
class Python:
    """An interpreter with its packages. overlays: folders that go in front of its own packages."""

    program: Path
    overlays: tuple[Path, ...] = ()


class Environment:
    """The environment for one running step. Methods raise DsimportError: H0610, H0611, and H codes of the disk."""

    def __init__(self, context: Context) -> None:
        self.folder = environment_folder(context.root)
        self._context = context
        self._log = self.folder.with_name(f"{self.folder.name}.log")
        self._lock = self.folder.with_name(f"{self.folder.name}.lock")

    @contextlib.contextmanager
    def ready(self, *layers: Layer, repair: bool = False) -> Iterator[Python]:
        """The interpreter with these layers, made or repaired where they must be, and kept as they are while the block
        runs. repair: make all of it anew whatever the stamps say."""
        make_folder(self.folder.parent)
        with self._held(shared=True):
            if not repair and self._whole(*layers):
                yield self._python(layers)
                return
        with self._held(shared=False):
            self._make(layers, repair)
        with self._held(shared=True):
            yield self._python(layers)

    def _held(self, *, shared: bool) -> contextlib.AbstractContextManager[None]:
        say = self._context.say
        return hold(self._lock, lambda: say("waiting: another process uses the export environment"), shared=shared)

    def _python(self, layers: Sequence[Layer]) -> Python:
        overlays = tuple(self._overlay(layer) for layer in layers if layer != BASE)
        return Python(self.folder / "bin" / "python", overlays)

    def _overlay(self, layer: Layer) -> Path:
        return self.folder / "overlays" / layer

    def _stamp(self, layer: Layer) -> Path:
        return self.folder / f"dsimport-{layer}.json"

    def _whole(self, *layers: Layer) -> bool:
        """Whether the stamps of the layers are those of this dsimport and Python, and the interpreter starts."""
        for layer in {BASE, *layers}:
            try:
                stamp = json.loads(self._stamp(layer).read_bytes())
            except (OSError, ValueError, RecursionError):
                return False
            if stamp != _wanted(layer) or (layer != BASE and not self._overlay(layer).is_dir()):
                return False
        program = self.folder / "bin" / "python"
        return os.access(program, os.X_OK) and self._run([str(program), "-I", "-c", "import sys"]).exit_code == 0

    def _make(self, layers: Sequence[Layer], repair: bool) -> None:
        if repair or not self._whole(BASE):
            self._make_base()
        for layer in layers:
            if layer == BASE or self._whole(layer):
                continue
            self._context.say(f"adding {layer} to the export environment")
            folder = self._overlay(layer)
            remove_tree(folder)
            self._install(layer, "--no-deps", "--target", str(folder))
            self._seal(layer)

    def _make_base(self) -> None:
        if sys.version_info < MIN_PYTHON:
            wanted = ".".join(map(str, MIN_PYTHON))
            message = f"exporting checkpoints needs Python {wanted} or newer, dsimport runs on {sys.version.split()[0]}"
            advice = f"install dsimport with Python {wanted}, or export elsewhere and name the .onnx file"
            raise DsimportError(Diagnostic("H0610", message, help=(advice,)))
        self._context.say(f"making the export environment in {self.folder}: once, for all models; it takes minutes")
        remove_tree(self.folder)
        uv = find_program("uv")
        words = [uv, "venv", "--python", sys.executable] if uv else [sys.executable, "-I", "-m", "venv"]
        self._done(self._run([*words, str(self.folder)]), "Debian and Ubuntu: apt-get install python3-venv")
        self._install(BASE)
        self._seal(BASE)

    def _install(self, layer: Layer, *options: str) -> None:
        listed = self.folder / f"{layer}.txt"
        write_text(listed, requirements(layer))
        program, uv = str(self.folder / "bin" / "python"), find_program("uv")
        pip = [program, "-I", "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
        words = [uv, "pip", "install", "--python", program] if uv else [*pip, "--progress-bar", "off"]
        self._done(self._run([*words, *options, "-r", str(listed)]), "see the log for what the installer missed")

    def _seal(self, layer: Layer) -> None:
        write_text(self._stamp(layer), json.dumps(_wanted(layer)) + "\n")

    def _run(self, words: list[str]) -> Finished:
        environment = bare_environment(*_INSTALLERS)
        return self._context.run(words, log=self._log, append=True, timeout_s=INSTALL_S, env=environment, ok=ANY_EXIT)

    def _done(self, finished: Finished, advice: str) -> None:
        if finished.exit_code == 0:
            return
        tail = [single_line(line)[:300] for line in finished.tail[-6:]]
        text = " ".join(tail).lower()
        if any(words in text for words in _NO_INDEX):
            code, message = "H0611", "the package index cannot be reached, or lacks a package of the export environment"
            advice = "check the network and the proxy, or name a mirror in PIP_INDEX_URL; then run the command again"
        else:
            code, message = "H0610", f"the export environment {self.folder} cannot be made"
        notes = (f"log: {single_line(str(self._log))}", *tail)
        raise DsimportError(Diagnostic(code, message, help=(advice,), notes=notes))


def _wanted(layer: Layer) -> dict[str, str]:
    return {"pins": pins_digest(layer), "python": sys.version.split()[0]}

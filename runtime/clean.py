"""`dsimport clean`: removes what dsimport made of a model, and nothing else.

Every path is taken apart from the model's folder down; a link on the way ends the walk, and links themselves are
removed, never followed.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from dsimport.compiler.diagnostics import Diagnostic, DsimportError
from dsimport.compiler.escape import single_line
from dsimport.compiler.plan import Plan
from dsimport.compiler.record import ModelState
from dsimport.runtime.atomic import host_errors, remove_tree
from dsimport.runtime.lock import ModelLock
from dsimport.runtime.records import load_state

__all__ = ["CleanResult", "clean_model"]

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass
class CleanResult:
    """removed: root-relative paths that were removed (or would be); kept: what is left in the model's folder."""

    removed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


def clean_model(
    root: Path, name: str, *, dry_run: bool = False, everything: bool = False, plan: Plan | None = None
) -> CleanResult:
    """Remove a model's artifacts: outputs, generated files, logs and records, then folders left empty.

    everything: also files that dsimport does not know, that is, the whole folder. plan: its files count as known even
    if the record is lost. DsimportError: P0604 no model name, S0609 no such model, P0601 the folder is a link, S0603
    another process is writing, S0601 damaged record without `everything`.
    """
    home = _home(root, name)
    result = CleanResult()
    with ModelLock(home):
        if everything:
            known: Iterable[str] = sorted(entry for entry in os.listdir(home) if entry != ".dsimport")  # noqa: PTH208
        else:
            known = _known(load_state(home), plan, f"models/{name}")
        for path in known:
            _remove(home, path, f"models/{name}", dry_run, result)
        result.removed.append(f"models/{name}/.dsimport/")
        if not dry_run:
            # The lock goes last and while it is held: a waiting writer notices that its file is gone.
            for child in sorted((home / ".dsimport").iterdir(), key=lambda path: path.name == "lock"):
                remove_tree(child)
            _remove_empty(home)
        result.kept = _left(home, name, set(result.removed)) if home.exists() else []
    return result


def _home(root: Path, name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise DsimportError(
            Diagnostic(
                "P0604",
                f"'{single_line(name)}' is no model name",
                help=("give the name of a folder below models/: small letters, digits, '.', '_' and '-'",),
            )
        )
    home = root / "models" / name
    if home.is_symlink():
        raise DsimportError(
            Diagnostic(
                "P0601",
                f"models/{name} is a link to {single_line(str(home.readlink()))}",
                help=("dsimport cleans real folders only: remove the link yourself",),
            )
        )
    if not (home / ".dsimport").is_dir() or (home / ".dsimport").is_symlink():
        raise DsimportError(
            Diagnostic("S0609", f"no model '{name}' was applied here", help=("`dsimport status` lists the models",))
        )
    return home


def _known(state: ModelState | None, plan: Plan | None, home: str) -> list[str]:
    """Paths inside the model's folder, relative to it, in a stable order."""
    paths: set[str] = set()
    for record in state.steps.values() if state is not None else ():
        paths.update((*record.outputs, *record.leaves))
        paths.update(label.partition(" ")[2] for label in record.facts if label.startswith("file "))
        paths.update([record.log] if record.log else [])
    if state is not None and state.running is not None:
        paths.update(state.running.moved)
        paths.update(state.running.moved.values())
    if plan is not None:
        for step in plan.steps:
            texts = [*(file.path for file in step.files), *step.outputs, *step.leaves, step.log]
            paths.update(text for text in texts if isinstance(text, str))
    inside = (path[len(home) + 1 :] for path in paths if path.startswith(f"{home}/"))
    return sorted(path for path in inside if path.strip("/") and not {"..", ""} & set(path.rstrip("/").split("/")))


def _remove(home: Path, path: str, shown: str, dry_run: bool, result: CleanResult) -> None:
    parts = path.rstrip("/").split("/")
    place = home
    for part in parts[:-1]:
        place = place / part
        if place.is_symlink() or not place.is_dir():
            return
    place = place / parts[-1]
    if not os.path.lexists(place):
        return
    folder = stat.S_ISDIR(place.lstat().st_mode)
    result.removed.append(f"{shown}/{'/'.join(parts)}{'/' if folder else ''}")
    if not dry_run:
        remove_tree(place)


def _remove_empty(home: Path) -> None:
    for folder, _, _ in list(os.walk(home, topdown=False)):
        with host_errors(folder):
            if not os.listdir(folder):  # noqa: PTH208
                Path(folder).rmdir()


def _left(home: Path, name: str, removed: set[str]) -> list[str]:
    """Files that stay, for the user to know; in a dry run those that would."""
    left: list[str] = []
    for folder, folders, files in os.walk(home):
        base = Path("models", name, Path(folder).relative_to(home)).as_posix()
        folders[:] = [entry for entry in folders if f"{base}/{entry}/" not in removed]
        links = [entry for entry in folders if Path(folder, entry).is_symlink()]
        left += [path for entry in [*files, *links] if (path := f"{base}/{entry}") not in removed]
    return sorted(left)

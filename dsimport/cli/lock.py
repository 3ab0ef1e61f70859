"""`dsimport lock`: pin what a recipe's source gives, so that it gives the same again."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dsimport.cli.session import Session
    from dsimport.compiler.diagnostics import Report
    from dsimport.compiler.load import LoadedRecipe
    from dsimport.compiler.lock import Lock
    from dsimport.runtime.acquire.lockfile import Subject
    from dsimport.runtime.acquire.sources import Tools
    from dsimport.runtime.progress import Progress

__all__ = ["register", "run"]


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    from dsimport.cli.session import add_recipe_arguments

    parser = subparsers.add_parser(
        "lock",
        help="pin what the sources of recipes give",
        description="Write <recipe>.lock.yaml beside each recipe: commit, size and sha256 of every file, labels, "
        "tensors. plan and apply then use exactly that. A lock that would move is refused.",
    )
    add_recipe_arguments(parser, toolchain=False)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--check", action="store_true", help="change nothing; exit 1 and say what moved upstream")
    how.add_argument("--update", action="store_true", help="move existing locks to what the sources give now")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("-q", "--quiet", action="store_true", help="only results")
    parser.set_defaults(run=run)


@dataclass
class _Result:
    """What became of one recipe's lock. status: created, updated, same, moved (upstream, or refused) or failed."""

    recipe: str
    lock: str
    status: str = "failed"
    moved: list[str] = field(default_factory=list)
    content: Lock | None = None

    def line(self) -> str:
        """The result for people."""
        text = f"{self.lock}  {self.status}"
        if self.content is None:
            return text
        size = sum(item.size for item in self.content.files)
        parts = [f"commit {self.content.commit[:7]}"] if self.content.commit else []
        count = len(self.content.files)
        parts.append(f"{count} file{'s' if count > 1 else ''}, {size / 1e6:.1f} MB")
        if self.content.labels is not None:
            parts.append(f"{len(self.content.labels)} labels")
        return f"{text}  {', '.join(parts)}"

    def document(self) -> dict[str, Any]:
        """The result for programs."""
        content = None if self.content is None else self.content.model_dump(mode="json")
        return {
            "recipe": self.recipe,
            "lock": self.lock,
            "status": self.status,
            "moved": self.moved,
            "content": content,
        }


def run(args: argparse.Namespace) -> int:
    """Lock every recipe; one that fails does not keep the others from it."""
    from dsimport.cli.output import emit_diagnostics, write, write_json
    from dsimport.cli.session import Session
    from dsimport.compiler.diagnostics import DsimportError, Report
    from dsimport.compiler.render.json import render_json
    from dsimport.runtime.progress import Progress

    session, report = Session(args), Report()
    results: list[_Result] = []
    with Progress(quiet=args.quiet or args.json) as progress:
        for path in session.recipe_paths():
            session.total += 1
            before = len(report.errors)
            try:
                results += _one(path, session, report, args, progress)
            except DsimportError as error:
                for diagnostic in error.diagnostics:
                    report.add(diagnostic)
            session.failed += len(report.errors) > before
    emit_diagnostics(report, args, footer=session.footer(report))
    exit_code = 1 if report.errors else 0
    if args.json:
        documents = [result.document() for result in results]
        write_json({"format": 1, "exit_code": exit_code, "locks": documents, "diagnostics": render_json(report)})
    else:
        write("".join(f"{result.line()}\n" for result in results), sys.stdout)
    return exit_code


def _one(path: str, session: Session, report: Report, args: argparse.Namespace, progress: Progress) -> list[_Result]:
    """The lock of one recipe file; a matrix shares it."""
    from dsimport.compiler.load import load_recipe
    from dsimport.compiler.lock import lock_path, locked_source
    from dsimport.runtime.acquire.lockfile import subject_of
    from dsimport.runtime.acquire.sources import default_tools

    recipes = load_recipe(path, session.read, report)
    if not recipes:
        return []
    loaded = recipes[0]
    if any(locked_source(other) != locked_source(loaded) for other in recipes):
        report.error(
            "A0226",
            "the matrix varies the source, and a lock file pins one",
            loaded.spans.key("matrix"),
            help="make a recipe of its own for each source",
        )
        return []
    classes = _classes(loaded, session, report)
    if classes is None:
        return []
    result = _Result(path, lock_path(path))
    progress.start(f"lock {loaded.recipe.name}")
    subject = subject_of(loaded, session.root, classes)
    before = len(report.errors)
    old = _old(result.lock, session, report, lenient=args.update)
    if len(report.errors) > before:
        return []
    tools = default_tools(progress.say, progress.tool_line)
    if args.check:
        _check(result, subject, old, tools, report)
    else:
        _write(result, subject, old, tools, report, session.root, update=args.update)
    return [result]


def _check(result: _Result, subject: Subject, old: Lock | None, tools: Tools, report: Report) -> None:
    from dsimport.runtime.acquire.lockfile import moved_upstream

    if old is None:
        report.error("A0225", f"there is no {result.lock}", help=f"dsimport lock {result.recipe}")
        return
    result.content = old
    if old.source != subject.source:
        _refuse(result, "A0221", f"{result.lock} was written for another source", old, subject, report)
        return
    result.moved = moved_upstream(subject, old, tools)
    result.status = "moved" if result.moved else "same"
    if result.moved:
        report.error(
            "A0224",
            f"{subject.source.where} moved since {result.lock} was written",
            help=(f"dsimport lock --update {result.recipe}", "until then builds use what is pinned"),
            notes=result.moved,
        )


def _write(
    result: _Result, subject: Subject, old: Lock | None, tools: Tools, report: Report, root: Path, *, update: bool
) -> None:
    from dsimport.compiler.lock import differences, lock_text
    from dsimport.runtime.acquire.lockfile import make_lock
    from dsimport.runtime.atomic import write_text

    if old is not None and old.source != subject.source and not update:
        _refuse(result, "A0221", f"{result.lock} was written for another source", old, subject, report)
        return
    new = make_lock(subject, tools, old)
    result.content = new
    if old is not None:
        result.moved = differences(old, new)
        if not result.moved:
            result.status = "same"
            return
        if not update:
            result.status, result.content = "moved", old
            report.error(
                "A0223",
                f"{result.lock} pins something else than {subject.source.where} gives now",
                help=f"dsimport lock --update {result.recipe} moves it",
                notes=result.moved,
            )
            return
    write_text(root / result.lock, lock_text(new))
    result.status = "created" if old is None else "updated"


def _refuse(result: _Result, code: str, message: str, old: Lock, subject: Subject, report: Report) -> None:
    before, after = old.source.model_dump(), subject.source.model_dump()
    result.moved = [f"source.{key}: {before[key]} -> {after[key]}" for key in before if before[key] != after[key]]
    report.error(code, message, help=f"dsimport lock --update {result.recipe}", notes=result.moved)


def _old(path: str, session: Session, report: Report, *, lenient: bool) -> Lock | None:
    """The lock that is there. lenient: one that cannot be read is replaced."""
    from dsimport.compiler.diagnostics import Report as NewReport
    from dsimport.compiler.lock import read_lock

    try:
        data = session.read(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        report.error("A0220", f"cannot read {path}: {error.strerror}", help="repair it, or move it away")
        return None
    return read_lock(data, path, NewReport() if lenient else report)


def _classes(loaded: LoadedRecipe, session: Session, report: Report) -> int | None:
    """Number of classes, from the recipe, its prompts or its family."""
    from dsimport.compiler.checkpoint import prompts
    from dsimport.compiler.defaults import DEFAULTS
    from dsimport.compiler.families import family_for

    own = loaded.recipe.model.classes or len(prompts(loaded))
    if own:
        return own
    family, _ = family_for(loaded, session.read, report)
    if family is None:
        return None
    default = family.flat_defaults().get("model.classes", DEFAULTS.get("model.classes"))
    if default is None:
        report.error(
            "A0222",
            "the recipe does not say how many classes the model has",
            loaded.spans.value("model.family"),
            help="write model.classes",
        )
        return None
    return int(default)

"""`dsimport init`: look at a model, decide what it is, and write its recipe and lock file."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dsimport.cli.initresult import InitResult
    from dsimport.cli.session import Session
    from dsimport.compiler.diagnostics import Report
    from dsimport.compiler.preset import Family
    from dsimport.compiler.recipefile import Written
    from dsimport.compiler.recognise.decide import Choices, Decision
    from dsimport.compiler.recognise.entries import Entry
    from dsimport.runtime.acquire.sources import Tools
    from dsimport.runtime.look.collect import Looked

__all__ = ["register", "run"]


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "init",
        help="look at a model and write its recipe and lock file",
        description="SOURCE is a Hugging Face id (owner/name) or any address there, the address of a model in the NGC "
        "catalog, the address of an .onnx file, an .onnx file, or a checkpoint folder. The model is run to learn its "
        "shapes and ranges. Run again, it updates what it wrote and keeps what you changed.",
    )
    parser.add_argument("source", metavar="SOURCE", help="where the model is")
    parser.add_argument("-o", "--output", metavar="FILE", help="recipe to write (default: recipes/NAME.yaml)")
    parser.add_argument("--name", help="name of the model (default: from the source)")
    parser.add_argument("--family", help="detection family, or a preset file of your own (ends in .yaml)")
    parser.add_argument("--input-size", type=_size, metavar="HxW", help="height and width of the network input")
    parser.add_argument("--labels", metavar="FILE", help="labels, one per line in class order")
    parser.add_argument("--prompt", type=_prompts, metavar="A,B,C", help="classes of a model that is asked by text")
    parser.add_argument("--revision", help="branch, tag or commit (default: main)")
    parser.add_argument("--video", metavar="PATH", help="clip in which apply looks for detections")
    parser.add_argument("--frames", type=int, metavar="N", help="frames of it")
    parser.add_argument("--min-detection-rate", type=float, metavar="R", help="share of them that must have some, 0..1")
    parser.add_argument("--root", default=".", metavar="DIR", help="folder that holds recipes/ and models/")
    parser.add_argument("--dry-run", action="store_true", help="print the recipe and write nothing")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("-q", "--quiet", action="store_true", help="only results")
    parser.set_defaults(run=run, recipes=())


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,5})[x×](\d{1,5})", text)
    if not found or not 1 <= int(found[1]) <= 16384 or not 1 <= int(found[2]) <= 16384:
        raise argparse.ArgumentTypeError(f"wanted: HEIGHTxWIDTH in pixels, e.g. 640x640, not {text!r}")
    return int(found[1]), int(found[2])


def _prompts(text: str) -> tuple[str, ...]:
    prompts = tuple(item.strip() for item in text.split(","))
    if not all(prompts) or len(set(prompts)) != len(prompts):
        raise argparse.ArgumentTypeError(f"wanted: different class names with commas between them, not {text!r}")
    return prompts


def run(args: argparse.Namespace) -> int:
    """Look, decide, write; exit 1, with nothing written, where the source is refused."""
    from dsimport.cli.initresult import document, text
    from dsimport.cli.output import emit_diagnostics, write, write_json
    from dsimport.cli.session import Session
    from dsimport.compiler.diagnostics import Report
    from dsimport.compiler.render.json import render_json

    session, report = Session(args), Report()
    result = _init(args, session, report)
    emit_diagnostics(report, args)
    exit_code = 1 if report.errors or result is None else 0
    if args.json:
        found = document(result) if result is not None else {}
        write_json({"format": 1, "exit_code": exit_code, **found, "diagnostics": render_json(report)})
    elif result is not None and exit_code == 0:
        write(result.written.text if args.dry_run else text(result, args.source), sys.stdout)
    return exit_code


def _init(args: argparse.Namespace, session: Session, report: Report) -> InitResult | None:
    from dataclasses import replace

    from dsimport.compiler.recipefile import recipe_text
    from dsimport.compiler.recognise.decide import decide
    from dsimport.runtime.acquire.sources import default_tools
    from dsimport.runtime.look.address import address_of
    from dsimport.runtime.look.collect import look
    from dsimport.runtime.progress import Progress

    address = address_of(args.source, args.revision)
    path = _recipe_path(args, address.title)
    families = _families(args, path, report)
    choices = _choices(args, path, report)
    if report.errors:
        return None
    with Progress(quiet=args.quiet or args.json) as progress:
        progress.start(f"look at {address.title}")
        tools = default_tools(progress.say, progress.tool_line)
        looked = look(address, tools, families, choices)
        decision = decide(looked.facts, families, choices)
        decision = replace(decision, entries=tuple(_entries(args, path, looked, decision)))
        old = _old(session, path, report)
        written = recipe_text(decision.entries, old, path, report) if not report.errors else None
        if written is None:
            return None
        return _save(args, session, report, path, looked, decision, written, tools)


def _recipe_path(args: argparse.Namespace, title: str) -> str:
    """The recipe's path, relative to the root."""
    import os

    from dsimport.runtime.look.address import recipe_name

    if args.output is None:
        return f"recipes/{args.name or recipe_name(title)}.yaml"
    place = Path(args.output)
    folder = os.path.realpath(place.parent)
    return Path(os.path.relpath(folder, os.path.realpath(args.root)), place.name).as_posix()


def _below(args: argparse.Namespace, path: str, recipe: str) -> str:
    """A path of the command line as the recipe writes it: relative to the recipe's folder."""
    import os

    folder = os.path.realpath(Path(args.root, recipe).parent)
    return Path(os.path.relpath(os.path.realpath(path), folder)).as_posix()


def _families(args: argparse.Namespace, recipe: str, report: Report) -> list[Family]:
    """The families that come into question: all of the package, or the one that was named."""
    from dsimport.compiler.families import UnknownFamily, family_names, load_family, load_family_file
    from dsimport.compiler.suggest import closest

    name = args.family
    if name is None:
        return [load_family(item) for item in family_names()]
    if "/" in name or name.endswith((".yaml", ".yml")):
        try:
            found = load_family_file(name, Path(name).read_bytes(), report)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "cannot be read"
            report.error("N0402", f"family preset {name}: {reason}", help="paths are relative to this folder")
            return []
        return [found] if found is not None else []
    try:
        return [load_family(name)]
    except UnknownFamily:
        near = closest(name, family_names())
        hint = (f"did you mean '{near}'?",) if near else ()
        report.error("N0401", f"unknown family '{name}'", help=(*hint, f"families: {', '.join(family_names())}"))
        return []


def _choices(args: argparse.Namespace, recipe: str, report: Report) -> Choices:
    from dsimport.compiler.labels import parse_labels
    from dsimport.compiler.recognise.decide import Choices

    family = args.family
    if family is not None and ("/" in family or family.endswith((".yaml", ".yml"))):
        written = _below(args, family, recipe)
        family = written if "/" in written else f"./{written}"
    count = None
    if args.labels is not None:
        try:
            count = len(parse_labels(Path(args.labels).read_text("utf-8"), args.labels, report))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            report.error("N0322", f"cannot read labels file '{args.labels}': {reason}", help="name a text file")
    labels = _below(args, args.labels, recipe) if args.labels is not None else None
    return Choices(family, labels, count, args.prompt or (), args.input_size)


def _entries(args: argparse.Namespace, path: str, looked: Looked, decision: Decision) -> list[Entry]:
    """Everything that is to stand in the recipe, in its order."""
    from dsimport.compiler.recognise.entries import Entry
    from dsimport.runtime.look.address import recipe_name

    stem = Path(path).name.rpartition(".")[0]
    address = looked.address
    entries = [Entry("name", args.name or recipe_name(stem), forced=args.name is not None)]
    if address.wanted.kind == "file":
        entries.append(Entry("source.file.path", _below(args, address.wanted.where, path)))
    for kind, values in address.section.items():
        entries += [Entry(f"source.{kind}.{key}", value) for key, value in values.items()]
    if address.wanted.kind == "url" and looked.got is not None:
        entries.append(Entry("source.url.sha256", looked.got.onnx.sha256))
    entries += decision.entries
    video = _below(args, args.video, path) if args.video is not None else None
    told = {"video": video, "frames": args.frames, "min_detection_rate": args.min_detection_rate}
    entries += [Entry(f"pipeline.{key}", value, forced=True) for key, value in told.items() if value is not None]
    return entries


def _old(session: Session, path: str, report: Report) -> str | None:
    try:
        return session.read(path).decode("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        report.error("N0512", f"cannot read {path}: {reason}", help="choose another file with -o")
        return None


def _save(
    args: argparse.Namespace,
    session: Session,
    report: Report,
    path: str,
    looked: Looked,
    decision: Decision,
    written: Written,
    tools: Tools,
) -> InitResult | None:
    """Check that recipe and lock compile together, then write both."""
    from dsimport.cli.initresult import InitResult
    from dsimport.compiler.load import load_recipe
    from dsimport.compiler.lock import lock_path, lock_text
    from dsimport.compiler.resolve import resolve
    from dsimport.runtime.acquire.lockfile import lock_of, make_lock, subject_of
    from dsimport.runtime.atomic import write_text

    texts = {path: written.text}

    def read(name: str) -> bytes:
        return texts[name].encode() if name in texts else session.read(name)

    recipes = load_recipe(path, read, report)
    if not recipes:
        return None
    lock_name = lock_path(path)
    subject = subject_of(recipes[0], session.root, recipes[0].recipe.model.classes or 1)
    got = looked.got
    lock = lock_of(subject, got, got.licence) if got is not None else make_lock(subject, tools)
    texts[lock_name] = lock_text(lock)
    lock_status = _status(session, lock_name, texts[lock_name])
    for loaded in recipes:
        resolve(loaded, read, report)
    if report.errors:
        return None
    status = _status(session, path, written.text)
    if not args.dry_run:
        for name, text in texts.items():
            write_text(session.root / name, text)
    return InitResult(path, decision, written, status, lock, lock_name, lock_status)


def _status(session: Session, path: str, text: str) -> str:
    try:
        return "same" if session.read(path) == text.encode() else "updated"
    except OSError:
        return "created"

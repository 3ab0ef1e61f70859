"""`dsimport report`: the report of an applied model, made again from its records; or any Markdown as page and PDF."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from dsimport.compiler.diagnostics import Diagnostic
    from dsimport.runtime.report.write import Written

__all__ = ["register", "run"]

FORMATS = ("md", "html", "pdf")


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "report",
        help="write the report of an applied model again, or a Markdown file as page and PDF",
        description="Write the report of a model from its records, also of a run that did not end well: data, charts, "
        "Markdown, HTML and PDF. With --doc, make the same kind of page and PDF from any Markdown file.",
    )
    parser.add_argument("models", nargs="*", metavar="NAME|RECIPE", help="names of applied models, or their recipes")
    parser.add_argument("--doc", metavar="FILE.md", help="a Markdown file to make a page and PDF of")
    parser.add_argument(
        "--formats", type=_formats, metavar="LIST", help="of md, html, pdf (default: those of the recipe)"
    )
    parser.add_argument("-o", "--output", metavar="DIR", help="write to this folder instead")
    parser.add_argument("--root", default=".", metavar="DIR", help="folder that holds models/ (default: here)")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=run, usage_error=parser.error)


def _formats(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    if not names or set(names) - set(FORMATS):
        raise argparse.ArgumentTypeError(f"takes a list of {', '.join(FORMATS)}, not '{text}'")
    return names


def run(args: argparse.Namespace) -> int:
    """Write the reports; what could not be made of them is a warning, and the exit code 0."""
    from pathlib import Path

    if bool(args.doc) == bool(args.models):
        args.usage_error("name models or recipes, or give one Markdown file with --doc")
    output = Path(args.output) if args.output else None
    if args.doc:
        return _document(args, Path(args.doc), output)
    from dsimport.runtime.report.regenerate import report_again

    names = [name for model in args.models for name in _names(args, model)]
    if output is not None and len(names) > 1:
        args.usage_error("--output takes one model: the reports have the same file names")
    made = [(name, *report_again(Path(args.root), name, args.formats, output)) for name in names]
    return _tell(args, made)


def _document(args: argparse.Namespace, source: Path, output: Path | None) -> int:
    from pathlib import Path

    from dsimport.runtime.report.document import write_document
    from dsimport.runtime.report.regenerate import converter

    folder = output or source.parent
    formats = args.formats or ("html", "pdf")
    written = write_document(source, folder, formats, converter(Path.cwd()))
    return _tell(args, [(source.stem, folder, written)])


def _names(args: argparse.Namespace, given: str) -> list[str]:
    """Models that an argument stands for: a name, or the names in a recipe. DsimportError (S0609) for neither."""
    from pathlib import Path

    from dsimport.compiler.diagnostics import Report
    from dsimport.runtime.status import all_models, status_of

    root = Path(args.root)
    if given in all_models(root) or not Path(given).exists():
        return [status_of(root, given).name]
    from dsimport.cli.session import Session
    from dsimport.compiler.load import load_recipe

    session, report = Session(argparse.Namespace(root=args.root, recipes=[given])), Report()
    paths = session.recipe_paths()
    names = [loaded.recipe.name for path in paths for loaded in load_recipe(path, session.read, report)]
    report.raise_errors()
    return [status_of(root, name).name for name in names]


def _tell(args: argparse.Namespace, made: list[tuple[str, Path, Written]]) -> int:
    from dsimport.cli.output import emit_diagnostics, write, write_json
    from dsimport.compiler.escape import single_line
    from dsimport.compiler.render.json import render_json

    warnings: list[Diagnostic] = [warning for _, _, written in made for warning in written.warnings]
    emit_diagnostics(warnings, args)
    if args.json:
        models = [
            {"name": name, "folder": str(folder), "files": written.files, "diagnostics": render_json(written.warnings)}
            for name, folder, written in made
        ]
        write_json({"format": 1, "exit_code": 0, "reports": models})
        return 0
    for _, folder, written in made:
        for name in written.files:
            write(f"{single_line(str(folder / name))}\n", sys.stdout)
    return 0

"""Reading the configuration files that are to be looked at, and the files they name."""

from __future__ import annotations

from pathlib import Path

from dsimport.compiler.diagnostics import Report, Span
from dsimport.compiler.escape import single_line
from dsimport.compiler.lint import ConfigKind, ConfigText, kind_of, lint_app, lint_labels, lint_nvinfer
from dsimport.compiler.lint.values import Section
from dsimport.compiler.nvinfer_keys import PROPERTY, Kind
from dsimport.runtime.reference.keyfile import KeyFileError, read_text
from dsimport.runtime.reference.paths import app_path, nvinfer_path

__all__ = ["lint_file"]

# What nvinfer opens at once and cannot do without. The engine is not among them: without it one is built.
_NEEDED = ("labelfile-path", "custom-lib-path", "onnx-file", "mean-file")


def lint_file(path: str, report: Report, *, kind: ConfigKind | None = None, files: bool = False) -> None:
    """Add the findings in one file. kind: whose it is, by its groups where None. files: look for what it names too."""
    try:
        text = read_text(Path(path))
    except KeyFileError as error:
        report.error(
            "C0101", f"cannot read '{single_line(path)}': {error}", help="name a configuration file in text form"
        )
        return
    if path.endswith((".yml", ".yaml")):
        report.error(
            "C0102",
            "the YAML form of configurations is not checked",
            Span(path, 1, 1),
            help="write the .txt form: it refuses less, and needs no 0/1 for booleans",
        )
        return
    config = ConfigText(path, text)
    found = kind or kind_of(config)
    if found == "nvinfer":
        _nvinfer(config, report, files)
    elif found == "deepstream-app":
        _app(config, report, files)
    else:
        config.check_form(report)
        report.error(
            "C0102",
            "the groups do not say whose configuration this is",
            Span(path, 1, 1),
            help="name it with --kind nvinfer or --kind deepstream-app",
        )


def _nvinfer(config: ConfigText, report: Report, files: bool) -> None:
    section = lint_nvinfer(config, report)
    where = {key: _place(section, key, report) for key in PROPERTY if PROPERTY[key].kind is Kind.PATH}
    for key in _NEEDED if files else ():
        _missing(section, key, where[key], report)
    labels = where["labelfile-path"]
    if labels is None or section.get("network-type") != 0:
        return
    try:
        text = read_text(Path(labels))
    except KeyFileError:
        return  # a file that is elsewhere is --files' business
    lint_labels(labels, text, section.get("num-detected-classes"), section.value_span("labelfile-path"), report)


def _place(section: Section, key: str, report: Report) -> str | None:
    """Where nvinfer looks for the file that a key names; None without one."""
    value = section.get(key)
    if not value:
        return None
    try:
        return nvinfer_path(Path(section.config.file), value)
    except OSError as error:
        report.error(
            "C0231",
            f"'{key}' names a path that ends the parse: {error.strerror}",
            section.value_span(key),
            help="correct the path; one that is merely missing would be taken",
        )
        return None


def _missing(section: Section, key: str, where: str | None, report: Report) -> None:
    if where is None or Path(where).is_file():
        return
    report.error(
        "C0231",
        f"'{key}' names no file: {single_line(where)}",
        section.value_span(key),
        help="paths are relative to the folder of the configuration",
    )


def _app(config: ConfigText, report: Report, files: bool) -> None:
    section = lint_app(config, report)
    name = section.get("config-file")
    if not name:
        return
    where = app_path(Path(config.file), name)
    if files:
        _missing(section, "config-file", where, report)
    try:
        inner = ConfigText(where, read_text(Path(where)))
    except KeyFileError:
        return
    given = lint_nvinfer(inner, Report())  # its own findings are told when it is named itself
    if given.get("input-tensor-from-meta") and not section.get("input-tensor-meta"):
        report.warning(
            "C0313",
            f"input-tensor-from-meta=1 of {single_line(name)} is switched off again by [primary-gie]",
            section.key_span("config-file"),
            help="write input-tensor-meta=1 in [primary-gie]",
        )
